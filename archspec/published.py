"""What was published about the zoo: the papers, and the accuracies of members, with where they stand."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from archspec.zoo import directory, locate

FILE = "published.toml"


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a family was introduced."""

    year: int
    authors: str
    title: str


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Percent of ImageNet's validation images, and who says so."""

    top1: float | None = None
    top5: float | None = None
    source: str = ""


UNPUBLISHED = Accuracy()


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads((directory() / FILE).read_text(encoding="utf-8"))


def members() -> list[str]:
    """The members that the file has an entry for."""
    return list(_read()["members"])


def paper(family: str) -> Paper | None:
    """Where a family of the zoo was introduced."""
    entry = _read()["families"].get(family)
    return None if entry is None else Paper(**entry)


def year(name: str) -> int | None:
    """The year of a member of the zoo: its own where it has one, else its family's."""
    entry = _read()["members"].get(name, {})
    family = paper(name.partition("/")[0])
    return entry.get("year", None if family is None else family.year)


def accuracy(name: str) -> Accuracy:
    """What was published of a member's accuracy; nothing for what is not of the zoo."""
    entry = _read()["members"].get(name, {})
    return Accuracy(**{key: value for key, value in entry.items() if key != "year"})


def member_name(spec: str, variant: str | None = None) -> str | None:
    """The full name of a member of the zoo: `resnet/resnet50` for `resnet50`; None for a file of one's own."""
    found = locate(spec)
    if found is None:
        return None
    chosen = variant or found.variant
    return f"{found.path.stem}/{chosen}" if chosen else found.path.stem
