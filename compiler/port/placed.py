"""What came of porting: the tensors under their new names, and an account of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

_LISTED = 6


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the tensors of one module of the source went, and why there."""

    source: str
    target: str
    """the row, or the part of a row"""
    entries: dict[str, str]
    """the names of the source's tensors, and those that they have now"""
    reason: str
    change: str = ""
    """what was done to the weight, where its shape or layout was another"""


@dataclass(frozen=True)
class Port:
    """Weights under the names of a spec, and how they came there."""

    tensors: dict[str, Tensor] = field(repr=False)
    placements: tuple[Placement, ...]
    left_out: tuple[str, ...] = ()
    """tensors of the source that the spec has no place for"""
    fresh: tuple[str, ...] = ()
    """tensors of the spec that the source has nothing for"""
    notes: tuple[str, ...] = ()

    @property
    def moved(self) -> int:
        """The tensors of the source that have a place."""
        return sum(len(each.entries) for each in self.placements)

    def as_text(self) -> str:
        """A line for each module of the source, and what else there is to say."""
        rows = [(each.source, f"-> {each.target}", each.reason, each.change) for each in self.placements]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        lines += [*self.notes, f"{self.moved} tensors of the source placed"]
        lines += [
            f"{len(names)} {what}: {shortened(names)}"
            for names, what in ((self.left_out, "left out"), (self.fresh, "fresh, without a source"))
            if names
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "placed": [
                {
                    "source": each.source,
                    "target": each.target,
                    "entries": each.entries,
                    "reason": each.reason,
                    "change": each.change,
                }
                for each in self.placements
            ],
            "left_out": list(self.left_out),
            "fresh": list(self.fresh),
            "notes": list(self.notes),
        }

    def as_mapping(self) -> str:
        """The same as a mapping file, to be corrected and used again."""
        lines = ["modules:", *(f"  {_quoted(each.source)}: {_quoted(each.target)}" for each in self.placements)]
        for section, names in (("leave_out", self.left_out), ("fresh", self.fresh)):
            modules = dict.fromkeys(name.rpartition(".")[0] for name in names)
            if modules:
                lines.append(f"{section}: [{', '.join(map(_quoted, modules))}]")
        return "\n".join(lines) + "\n"


def shortened(names: Iterable[str]) -> str:
    """The first few names."""
    found = list(names)
    return ", ".join(found[:_LISTED]) + (f" and {len(found) - _LISTED} more" if len(found) > _LISTED else "")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w.-]*", name) else json.dumps(name)
