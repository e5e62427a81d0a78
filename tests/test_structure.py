"""The shape of the code: which file may import which, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LONGEST = 400
SOURCES = sorted([*(REPOSITORY / "archspec").rglob("*.py"), *(REPOSITORY / "compiler").rglob("*.py")])


def _module(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> set[str]:
    """What a file imports when it is imported itself; not what its functions or type checkers do."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_no_import_goes_in_a_circle() -> None:
    modules = {_module(path): _imports(path) for path in SOURCES}
    needs = {name: {other for other in imports if other in modules} - {name} for name, imports in modules.items()}
    while True:
        free = [name for name, others in needs.items() if not others & needs.keys()]
        if not free:
            break
        for name in free:
            del needs[name]
    assert not needs, f"these import one another: {sorted(needs)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_file_is_short_and_archspec_reaches_for_no_torch(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
    if path.is_relative_to(REPOSITORY / "archspec"):
        assert not any(name.split(".")[0] in ("torch", "compiler") for name in _imports(path))


def test_summarize_imports_only_what_it_needs() -> None:
    code = (
        "import sys; from archspec.cli.main import main; main(['summarize', 'resnet50', '--depth', '1']);"
        "print([name for name in ('torch', 'networkx', 'numpy', 'compiler', 'graphviz') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_public_names_are_not_hidden_by_modules() -> None:
    import archspec

    for path in SOURCES:  # importing a module puts its name on the package
        __import__(_module(path))
    assert all(callable(getattr(archspec, name)) for name in archspec.__all__)
