"""Cells of windows: `5 x 5`, `5x5x3`, `3 x 3 x 3 x 32`, `6@5x5`, `7x7/2`, `3x3, s2, pad 1`, `Pool 7 x 7`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archspec.tables.cells import numbers
from archspec.tables.layer_type import Clipping, cut_steps


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

    def count(self, maps_above: int | None, *, vector: bool, known: bool) -> int | None:
        """The output maps or units that the cell says; None where it says none, or can't be told from input maps.

        `known` where the row says them elsewhere, so that one number more is the input's.
        """
        if self.maps is not None:
            return self.maps
        if vector:
            return self.kernel[1] if self.kernel and not self.others and not known and self.kernel != (1, 1) else None
        if len(self.others) == 2:
            return self.others[1]
        if len(self.others) == 1 and not known and self.others[0] != maps_above:
            return self.others[0]
        return None


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
