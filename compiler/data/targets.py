"""What examples are learnt for: classes, several of them at once, numbers, or boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from archspec.losses import Kind
from archspec.names import LABEL

Targets = Mapping[str, Tensor]
"""For each name of `target`, what examples have: int64 numbers of classes, or a row of float32 for each example."""
_MOST_LISTED = 10


@dataclass(frozen=True)
class Target:
    """What an output may learn."""

    kind: Kind
    """`classes`: one for each example; `flags`: any number of them; `boxes`: one, as left, top, right and bottom"""
    classes: tuple[str, ...] = ()
    width: int = 1
    """numbers of each example"""

    @property
    def units(self) -> int:
        """The units of an output that learns it."""
        return len(self.classes) or self.width

    def fits(self, units: int) -> bool:
        """Whether an output with so many units can learn it; one unit tells two classes apart."""
        return units == self.units or (self.kind == "classes" and (units, len(self.classes)) == (1, 2))

    @property
    def said(self) -> str:
        """How many of what there are, for a message."""
        if self.classes:
            return f"{len(self.classes):,} class{'es' if len(self.classes) != 1 else ''}"
        return (
            "a box of 4 numbers" if self.kind == "boxes" else f"{self.width:,} number{'s' if self.width != 1 else ''}"
        )

    @property
    def listed(self) -> str:
        """The first of the classes."""
        return ", ".join(self.classes[:_MOST_LISTED]) + (", …" if len(self.classes) > _MOST_LISTED else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": self.kind, "classes": list(self.classes), "width": self.width}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Target:
        """What `as_dict` wrote."""
        return cls(values["kind"], tuple(values["classes"]), values["width"])

    def shares(self, targets: Tensor) -> Tensor:
        """Targets as numbers that may be mixed: of a class 1 for it and 0 for the others."""
        if targets.is_floating_point():
            return targets
        shares = torch.zeros(len(targets), len(self.classes), device=targets.device)
        return shares.scatter_(1, targets[:, None], 1.0)


def labelled(classes: tuple[str, ...]) -> dict[str, Target]:
    """What data with nothing but classes can teach."""
    return {LABEL: Target("classes", classes)}


def only(targets: Targets, numbers: Tensor) -> dict[str, Tensor]:
    """The targets of these examples."""
    return {name: each[numbers] for name, each in targets.items()}
