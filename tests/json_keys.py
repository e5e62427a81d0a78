"""The keys of what commands print as JSON, compared with those that docs/json.md has."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from tests.conftest import REPOSITORY

_KINDS = {int: "integer", str: "text", bool: "boolean", float: "number", type(None): "null", list: "list"}


def paths(value: Any, free: Collection[str]) -> dict[str, set[str]]:
    """Every key of a JSON value with the kinds of its values; `[]` for the items of a list, `NAME` for free keys."""
    found: dict[str, set[str]] = {}

    def note(path: str, kind: str) -> None:
        found.setdefault(path, set()).add(kind)

    def visit(value: Any, path: str) -> None:
        if isinstance(value, dict):
            note(path, "object")
            for key, item in value.items():
                visit(item, f"{path}.{'NAME' if path in free else key}".lstrip("."))
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            note(path, "list of objects")
            for item in value:
                visit(item, f"{path}[]")
        elif isinstance(value, list):
            kinds = {_KINDS[type(item)] for item in value}
            note(path, f"list of {kinds.pop()}s" if len(kinds) == 1 else "list")
        else:
            note(path, _KINDS[type(value)])

    visit(value, "")
    return {path: kinds for path, kinds in found.items() if path and not path.endswith("[]")}


def documented(section: str) -> dict[str, str]:
    """The keys of a section of the page, with their types."""
    text = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
    part = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", part, re.MULTILINE))


def agree(section: str, *values: Any, free: Collection[str] = ()) -> None:
    """What was printed has the keys of the section, no more and no less; objects in `free` have keys of any name."""
    wanted = documented(section)
    found: dict[str, set[str]] = {}
    for value in values:
        for path, kinds in paths(value, free).items():
            found.setdefault(path, set()).update(kinds)
    assert set(found) == set(wanted), sorted(set(found) ^ set(wanted))
    for path, kinds in found.items():
        # an empty list says nothing of its items
        seen = {kind for kind in kinds if kind != "list"}
        assert seen <= set(wanted[path].split(" or ")), (path, kinds)
