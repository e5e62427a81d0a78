"""Bad specs, each with the exact text that `archspec validate` prints for it.

`ARCHSPEC_ACCEPT=1 pytest tests/test_errors.py` writes the texts anew; whoever does so reads the difference.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from archspec.cli.main import main

ROOT = Path(__file__).resolve().parent / "errors"
SUFFIXES = (".yaml", ".json", ".md", ".csv", ".tsv")
CASES = sorted(path for path in ROOT.glob("*/*") if path.suffix in SUFFIXES)
"""The files in the folders of folders are what these extend and use."""

_HEADER = "# options: "


def _options(path: Path) -> list[str]:
    """The options that a case's first line gives."""
    first = path.read_bytes().split(b"\n")[0].decode("utf-8", errors="replace")
    return shlex.split(first.removeprefix(_HEADER)) if first.startswith(_HEADER) else []


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_bad_spec(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(path.parent)
    code = main(["validate", path.name, *_options(path)])
    said, complaint = capsys.readouterr()
    expected = path.with_suffix(".txt")
    if "ARCHSPEC_ACCEPT" in os.environ:
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")
    assert complaint == ""
    assert code == (1 if "error[" in said else 0)


def test_every_spec_has_its_text() -> None:
    specs = sorted(path.with_suffix("") for path in CASES)
    assert specs == sorted(path.with_suffix("") for path in ROOT.rglob("*.txt"))
