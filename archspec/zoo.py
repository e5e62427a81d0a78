"""The zoo: the specs that come with archspec, and which file a name means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from archspec.diagnostic import Findings
from archspec.locate import SPEC_SUFFIXES, Located
from archspec.names import IDENTIFIER
from archspec.suggest import did_you_mean, nearest
from archspec.tables.read import TABLE_SUFFIXES
from archspec.validation import shown

BLOCKS = "blocks"
_HERE = Path(__file__).resolve().parent
_VARIANTS = re.compile(r"^variants:[ \t]*(#.*)?$")
_ENTRY = re.compile(r"""^  (?P<quote>["']?)(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)(?P=quote)\s*:""")


@dataclass(frozen=True)
class Found(Located):
    """A spec's file, with the name that diagnostics print for it."""

    shown: str | None = None


def directory() -> Path:
    """Where the zoo's files are: inside the installed package, or beside it in a checkout."""
    installed = _HERE / "specs"
    return installed if installed.is_dir() else _HERE.parent / "specs"


@cache
def families() -> dict[str, Path]:
    """The files of the zoo by family."""
    return {path.stem: path for path in sorted(directory().glob("*.yaml"))}


@cache
def variants(family: str) -> tuple[str, ...]:
    """The variants of a family, read off the file's lines: looking a name up parses nothing."""
    lines = families()[family].read_text(encoding="utf-8").split("\n")
    found: list[str] = []
    inside = False
    for line in lines:
        if _VARIANTS.match(line):
            inside = True
        elif inside and line and not line.startswith((" ", "#")):
            break
        elif inside and (match := _ENTRY.match(line)):
            found.append(match["name"])
    return tuple(found)


def locate(name: str) -> Found | None:
    """The zoo's file and variant for `lenet5`, `resnet/resnet50`, or a bare `resnet50` that one family has.

    `blocks/squeeze_excite` is a file of blocks, for `use:`.
    """
    family, _, variant = name.partition("/")
    if family == BLOCKS and IDENTIFIER.fullmatch(variant):
        path = directory() / BLOCKS / f"{variant}.yaml"
        return Found(path, None, f"{BLOCKS}/{path.name}") if path.is_file() else None
    if family in families():
        path = families()[family]
        return Found(path, variant or None, path.name)
    if not variant:
        owners = owners_of(name)
        if len(owners) == 1:
            path = families()[owners[0]]
            return Found(path, name, path.name)
    return None


def owners_of(variant: str) -> list[str]:
    """The families that have a variant of this name."""
    return [family for family in families() if variant in variants(family)]


def find_spec(name: str) -> Found | None:
    """A file by its path, else a spec of the zoo."""
    if name.endswith(SPEC_SUFFIXES + TABLE_SUFFIXES) or os.path.isfile(name):
        return Found(Path(name), None, name)
    return locate(name)


def names() -> list[str]:
    """Every name that `locate` knows."""
    found: list[str] = []
    for family in families():
        found += [family, *(f"{family}/{variant}" for variant in variants(family))]
    return found


def unknown_spec(name: str, findings: Findings) -> None:
    """E406 for a name that is neither a file nor in the zoo."""
    if os.path.isdir(name):
        inside = [each.as_posix() for each in sorted(Path(name).glob("*.yaml"))]
        help = f"name a file in it: {inside[0]}" if inside else "name a file, or a spec of the zoo: `archspec list`"
        findings.add("E406", f"{shown(name)} is a folder, and a spec is a file", None, help=help)
        return
    known = names()
    bare = [each.partition("/")[2] or each for each in known]
    family = name.partition("/")[0]
    match = nearest(name, known) or nearest(name, bare)
    if len(owners_of(name)) > 1:
        help = "several families have it: " + ", ".join(f"{owner}/{name}" for owner in owners_of(name))
    elif family in families():
        help = did_you_mean(name.partition("/")[2], variants(family))
    else:
        match = _beside(name) or match
        help = f"did you mean `{match}`?" if match else "`archspec list` shows the zoo; a file is named with its suffix"
    findings.add("E406", f"no file and no spec of the zoo is named {shown(name)}", None, help=help)


def _beside(name: str) -> str | None:
    """The file that a path without a suffix may mean; where it names a folder, also what is there and most like it."""
    path = Path(name)
    try:
        there = [each for each in path.parent.glob("*") if each.suffix in SPEC_SUFFIXES or each.is_dir()]
    except (OSError, ValueError):
        return None
    named = [each for each in there if each.stem == path.name and not each.is_dir()]
    if not named and path.parent != Path():
        near = nearest(path.name, [each.name for each in there])
        named = [each for each in there if each.name == near]
    return named[0].as_posix() if named else None
