"""A volume: maps as a box in oblique projection, a vector as a column."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log2, radians, sin, sqrt

from archspec.draw.figures import Unit, shape_text, short_count
from archspec.draw.letters import fitted, label, width
from archspec.draw.scene import BODY, SMALL, TITLE, Item, Point, line, polygon

ANGLE, DEPTH = radians(40), 0.42
"""the direction of what goes back, and how much shorter it is drawn"""
_ACROSS, _UP = DEPTH * cos(ANGLE), DEPTH * sin(ANGLE)
_COLUMN, _COLUMN_DEPTH = 8.0, 22.0
_LONGEST_NAME = 78.0


@dataclass(frozen=True, slots=True)
class Solid:
    """The volume of a unit, without a place."""

    unit: Unit
    thickness: float
    height: float
    across: float
    up: float

    @classmethod
    def of(cls, unit: Unit, largest: int, scale: float) -> Solid:
        """The volume at a scale: the points of the largest side."""
        shape, share = unit.shape, scale / 100
        if not shape.is_maps or shape.area == 1:
            tall = min(11.5 * log2(shape.maps + 1), 92.0) * share
            return cls(unit, _COLUMN, max(tall, 12.0), _COLUMN_DEPTH * _ACROSS, _COLUMN_DEPTH * _UP)
        deep, tall = (scale * sqrt(side / largest) for side in (shape.width, shape.height))
        thick = (7 + 3.4 * log2(shape.maps)) * (0.45 + 0.55 * share)
        return cls(unit, thick, max(tall, 6.0), max(deep, 6.0) * _ACROSS, max(deep, 6.0) * _UP)

    @property
    def wide(self) -> float:
        return self.thickness + self.across

    @property
    def high(self) -> float:
        return self.height + self.up

    @property
    def has_face(self) -> bool:
        """Whether it shows a map that a kernel can lie on."""
        return self.unit.shape.is_maps and self.unit.shape.area > 1

    def labels(self) -> tuple[str, str, str]:
        """Name, size and parameters."""
        unit = self.unit
        name = "Input" if unit.kind == "input" else unit.name
        count = f"{unit.trainable:,}" if unit.trainable < 1_000_000 else short_count(unit.trainable)
        fixed = f"{unit.other:,} (fixed)" if unit.other and not unit.trainable else ""
        weights = count if unit.trainable else fixed
        return fitted(name, TITLE, _LONGEST_NAME, bold=True), label(shape_text(unit.shape)), weights

    def label_width(self) -> float:
        """The width of the widest label."""
        name, size, weights = self.labels()
        return max(width(name, TITLE, bold=True), width(size, BODY), width(weights, SMALL))

    def lid(self, x: float, y: float) -> tuple[Point, Point]:
        """The ends of the line along the middle of the upper side."""
        begin = (x + self.across / 2, y - self.up / 2)
        return begin, (begin[0] + self.thickness, begin[1])

    def drawn(self, x: float, y: float) -> tuple[Item, ...]:
        """The box with the upper left corner of its front at (x, y)."""
        kind, right, bottom = self.unit.kind, x + self.thickness, y + self.height
        edge, fill, side = f"{kind}.edge", f"{kind}.fill", f"{kind}.side"
        back = (self.across, -self.up)
        face = polygon(
            (right, y), (right + back[0], y + back[1]), (right + back[0], bottom + back[1]), (right, bottom),
            fill=side, edge=edge,
        )  # fmt: skip
        front = polygon((x, y), (right, y), (right, bottom), (x, bottom), fill=fill, edge=edge)
        lid = polygon(
            (x, y), (x + back[0], y + back[1]), (right + back[0], y + back[1]), (right, y), fill=fill, edge=edge
        )
        return (face, front, lid, *self._slices(x, y))

    def _slices(self, x: float, y: float) -> tuple[Item, ...]:
        """A line between map and map, where there are few enough to be told apart."""
        maps = self.unit.shape.maps
        if not self.has_face or maps > 24 or self.thickness / maps < 1.2:
            return ()
        places = (x + self.thickness * index / maps for index in range(1, maps))
        edge = f"{self.unit.kind}.maps"
        return tuple(line((at, y), (at, y + self.height), edge=edge, thickness=0.4) for at in places)

    def patch(self, x: float, y: float, kernel: tuple[int, int]) -> tuple[Point, ...]:
        """The corners of a kernel on the map in front: upper left, upper right, lower right, lower left."""
        shape = self.unit.shape
        deep, tall = min(kernel[1] / shape.width, 1.0), min(kernel[0] / shape.height, 1.0)
        deep, tall = max(deep, min(3.0 / self.across, 1.0)), max(tall, min(4.0 / self.height, 1.0))
        left, top = (1 - deep) * 0.58, (1 - tall) * 0.42
        return tuple(
            (x + self.thickness + u * self.across, y + v * self.height - u * self.up)
            for u, v in ((left, top), (left + deep, top), (left + deep, top + tall), (left, top + tall))
        )
