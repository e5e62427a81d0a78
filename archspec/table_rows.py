"""Rows that a table gave, and sizes as tables claim them."""

from __future__ import annotations

import re
from typing import Any, Self

from archspec.document import Map, is_list
from archspec.operators.values import is_int
from archspec.shape import Shape
from archspec.source import Span

_SIZE = re.compile(r"\s*\d{1,15}\s*(?:[x×*]\s*\d{1,15}\s*){0,2}", re.IGNORECASE)


class TableRow(Map):
    """A row of a pasted table; `open` names the attributes that the table has no value for."""

    __slots__ = ("open",)

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self.open: frozenset[str] = frozenset()

    def copied(self, span: Span | None = None) -> Self:
        """A copy that is open in the same places."""
        copy = super().copied(span)
        copy.open = self.open
        return copy


def read_claim(size: Any) -> tuple[int, ...] | None:
    """A claimed size as numbers: `28x28`, `6x28x28`, `84`, `[28, 28]`; None where it is none of these."""
    if is_int(size):
        return (size,)
    if isinstance(size, str) and _SIZE.fullmatch(size):
        return tuple(map(int, re.split(r"[x×*]", size.lower())))
    if is_list(size) and 1 <= len(size) <= 3 and all(map(is_int, size)):
        return tuple(size)
    return None


def claimed_shape_fits(size: Any, shape: Shape) -> bool:
    """Whether a claim agrees with a shape. One number claims a square, or the features of a vector or of 1x1 maps."""
    claim = read_claim(size)
    if claim is None:
        return False
    if len(claim) == 3 or not shape.is_maps:
        # papers write 1x1x4096, or 1x4096, for a vector of 4096
        return claim == shape or (not shape.is_maps and sorted(claim) == sorted((*shape, *(1,) * (len(claim) - 1))))
    if claim == (shape.maps,) and shape.area == 1:  # what a global pool leaves, papers call a vector
        return True
    return (claim if len(claim) == 2 else claim * 2) == shape[1:]
