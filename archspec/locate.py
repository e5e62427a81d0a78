"""Which file `extends` and `use` mean: one beside the spec or below it, or one of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os.path import isfile, join, normpath
from pathlib import Path

from archspec.diagnostic import Findings
from archspec.source import Source, Span
from archspec.suggest import did_you_mean
from archspec.tables.read import TABLE_SUFFIXES
from archspec.validation import shown

SPEC_SUFFIXES = (".yaml", ".yml", ".json")
_SUFFIXES = SPEC_SUFFIXES + TABLE_SUFFIXES

Locate = Callable[[str], "Located | None"]


@dataclass(frozen=True)
class Located:
    """A name of the zoo: its file and, where the name says one, the variant."""

    path: Path
    variant: str | None
    shown: str | None = None
    """the name that diagnostics print for the file"""


def locate_other(name: str, span: Span, source: Source, key: str, locate: Locate, findings: Findings) -> Located | None:
    """The file that `extends` or `use` names; None, with a finding, where there is none that may be read."""
    if not name.endswith(_SUFFIXES):
        found = locate(name)
        if found is None:
            findings.add(
                "E406",
                f"{key} names {shown(name)}, and the zoo has no such spec",
                span,
                label="unknown",
                help=_beside(name, source)
                or "`archspec list` shows the zoo; a file beside this one is named with its .yaml",
            )
        return found
    here = Path(source.directory).resolve() if source.directory is not None else None
    path = None if here is None else _resolved(here, name)
    if here is None or path is None or not path.is_relative_to(here):
        findings.add(
            "E408",
            f"{key} leaves the directory of the spec: {shown(name)}",
            span,
            label="outside",
            help="name a file in this directory or below it, or a spec of the zoo",
        )
        return None
    if not isfile(path):
        neighbours = (each.relative_to(here) for each in path.parent.glob("*") if each.suffix in _SUFFIXES)
        near = did_you_mean(name, [each.as_posix() for each in neighbours])
        findings.add("E406", f"{key} names {shown(name)}, and there is no such file", span, label="missing", help=near)
        return None
    return Located(path, None, normpath(Path(source.name).parent / name))


def _resolved(here: Path, name: str) -> Path | None:
    """Where a name leads, links followed; None where that can't be, as in a loop of links."""
    try:
        return (here / name).resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _beside(name: str, source: Source) -> str | None:
    """Help where a file of this name is there, and its suffix was left out."""
    if source.directory is None:
        return None
    found = [name + suffix for suffix in SPEC_SUFFIXES if isfile(join(source.directory, name + suffix))]
    return f"did you mean `{found[0]}`?" if found else None
