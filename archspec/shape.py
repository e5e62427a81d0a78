"""The shape of one tensor, without the batch."""

from __future__ import annotations

from math import prod


class Shape(tuple[int, ...]):
    """`maps x height x width`, or `features`; a plain tuple that knows its names and prints itself."""

    __slots__ = ()

    @classmethod
    def of(cls, *sides: int) -> Shape:
        """The shape with these sides: `Shape.of(3, 224, 224)`."""
        return cls(sides)

    @property
    def is_maps(self) -> bool:
        return len(self) == 3

    @property
    def maps(self) -> int:
        """The maps of an image, or the features of a vector."""
        return self[0]

    @property
    def height(self) -> int:
        return self[1]

    @property
    def width(self) -> int:
        return self[2]

    @property
    def area(self) -> int:
        """The positions of one map; 1 for a vector."""
        return prod(self[1:])

    @property
    def elements(self) -> int:
        return prod(self)

    def __str__(self) -> str:
        return "x".join(map(str, self))
