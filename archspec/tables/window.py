"""Cells of windows: `5 x 5`, `5x5x3`, `3 x 3 x 3 x 32`, `6@5x5`, `7x7/2`, `3x3, s2, pad 1`, `Pool 7 x 7`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archspec.tables.cells import numbers
from archspec.tables.layer_type import Clipping, cut_steps


@dataclass(frozen=True, slots=True)
class Above:
    """What the rows above a row say of its input, as far as they do."""

    maps: int | None = None
    area: tuple[int, int] | None = None
    """height and width"""

    @classmethod
    def of(cls, shape: tuple[int, ...] | None) -> Above:
        """What is known from a shape: maps, height and width, or features."""
        if not shape or len(shape) == 2:
            return cls()
        return cls(shape[0], (shape[1], shape[2]) if len(shape) == 3 else (1, 1))

    @property
    def features(self) -> int | None:
        """All values of the input; those of a vector are its maps."""
        return self.maps if self.maps is None or self.area is None else self.maps * self.area[0] * self.area[1]


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel, and what a cell says beside it."""

    kernel: tuple[int, ...] | None = None
    others: tuple[int, ...] = ()
    """behind height and width: input maps, output maps, or both"""
    maps: int | None = None
    """before an `@`"""
    stride: int | None = None
    padding: int | str | None = None

    def units(self, above: Above) -> int | None:
        """The units of a dense layer, whose cell may say `1024 x 1000`; None where its first number is no input."""
        return self.kernel[1] if self.kernel and not self.others and self.kernel[0] == above.features else None

    def output_maps(self, above: Above, *, known: bool) -> int | None:
        """The output maps that the cell says; None where it says none, or can't be told from input maps.

        `known` where the row says them elsewhere, so that one number more is the input's.
        """
        if self.maps is not None:
            return self.maps
        if len(self.others) == 2:
            return self.others[1]
        return self.others[0] if len(self.others) == 1 and not known and self.others[0] != above.maps else None


def read_window(text: str) -> Window | None:
    """The window of a cell; None where it has no numbers."""
    clipping = Clipping(re.sub(r"(?i)\s*\b(?:dw|depthwise|pool(?:ing)?|conv)\b\s*", " ", text))
    stride, padding = cut_steps(clipping)
    before, at, behind = clipping.rest.rpartition("@")
    maps = numbers(before) if at else None
    found = numbers(behind)
    if not found or len(found) > 4 or (at and (maps is None or len(maps) != 1)):
        return None
    pair = found[:2] if len(found) > 1 else found * 2
    return Window(pair, found[2:], maps[0] if maps else None, stride, padding)
