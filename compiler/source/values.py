"""Values of constructor arguments over the instances of a class, and the expressions that give them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_DIVISORS: Final = (2, 3, 4, 6, 8, 16)
WIDE: Final = 8
"""from here on a number is likely to be one of maps or features, and not of a kernel or a stride"""


@dataclass(frozen=True, slots=True)
class Name:
    """A value that stands in the source as it is: a function."""

    text: str


class _Absent:
    """The value of what an instance does not have; anything will do."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
Vector = tuple[Any, ...]
"""One value for each instance of the class"""


def literal(value: Any) -> str:
    """A value as Python writes it."""
    if isinstance(value, Name):
        return value.text
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def present(vector: Vector) -> list[Any]:
    """The values that matter."""
    return [value for value in vector if value is not ABSENT]


def same(left: Any, right: Any) -> bool:
    """Whether two values are one, `True` and `1` or `1` and `1.0` being two."""
    if left is right:
        return True
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def is_constant(vector: Vector) -> bool:
    """Whether one value serves every instance."""
    values = present(vector)
    first = values[0] if values else None
    return all(value is first or same(first, value) for value in values)


def agree(vector: Vector, other: Vector) -> bool:
    """Whether the two have no values that matter to both and differ."""
    pairs = zip(vector, other, strict=True)
    return all(left is ABSENT or right is ABSENT or same(left, right) for left, right in pairs)


def both(vector: Vector, other: Vector) -> Vector:
    """The values of two that agree."""
    return tuple(right if left is ABSENT else left for left, right in zip(vector, other, strict=True))


def plain(value: Any) -> Any:
    """A block's argument as a constructor takes it; ABSENT where it can't be one."""
    if isinstance(value, (list, tuple)):
        sides = tuple(map(plain, value))
        if any(side is ABSENT or isinstance(side, (tuple, str)) for side in sides):
            return ABSENT
        return sides[0] if len(sides) == 2 and same(sides[0], sides[1]) else sides
    return value if isinstance(value, (bool, int, float)) else ABSENT


@dataclass(eq=False, slots=True)
class Symbols:
    """The constructor's parameters as they are found, and what can be said with them."""

    values: dict[str, Vector]
    used: dict[str, None] = field(default_factory=dict[str, None])
    """in the order of their first use"""

    def express(self, vector: Vector, name: str) -> str:
        """Python for a value: a literal, a parameter, a little arithmetic, or a new parameter called `name`."""
        values = present(vector)
        if not values:
            return "None"
        if is_constant(vector):
            return self._likely(vector, values[0], name) or literal(values[0])
        return self._known(vector) or self._arithmetic(vector) or self._new(vector, name)

    def truth(self, vector: Vector, name: str) -> str:
        """Python for a condition: a parameter that is false, 0 or absent where the condition is."""
        for symbol, others in self.values.items():
            if all(
                isinstance(other, (bool, int)) and bool(other) is value
                for other, value in zip(others, vector, strict=True)
            ):
                self.used.setdefault(symbol)
                return symbol
        return self._new(vector, name)

    def _known(self, vector: Vector) -> str | None:
        for symbol, others in self.values.items():
            if agree(vector, others):
                self.values[symbol] = both(others, vector)
                self.used.setdefault(symbol)
                return symbol
        return None

    def _likely(self, vector: Vector, value: Any, name: str) -> str | None:
        """A parameter for what only some instances have, though all of these have one value.

        It may be chance that a parameter has that value too; not so if it has the argument's name, or is large.
        """
        if ABSENT not in vector or isinstance(value, (bool, Name)):
            return None
        wide = type(value) is int and value >= WIDE
        for symbol, others in self.values.items():
            if (wide or name.endswith(symbol)) and agree(vector, others):
                self.used.setdefault(symbol)
                return symbol
        return None

    def _arithmetic(self, vector: Vector) -> str | None:
        if not all(type(value) is int for value in present(vector)):
            return None
        numbers = {
            symbol: others
            for symbol, others in self.values.items()
            if all(type(other) is int or value is ABSENT for value, other in zip(vector, others, strict=True))
        }
        for symbol, others in numbers.items():
            text = _multiple(vector, others, symbol)
            if text is not None:
                self.used.setdefault(symbol)
                return text
        first: list[str] = []
        for symbol, others in numbers.items():
            for earlier in first:
                pairs = zip(numbers[earlier], others, strict=True)
                sums = tuple(ABSENT if v is ABSENT else a + b for v, (a, b) in zip(vector, pairs, strict=True))
                if agree(vector, sums):
                    self.used.setdefault(earlier)
                    self.used.setdefault(symbol)
                    return f"{earlier} + {symbol}"
            first.append(symbol)
        return None

    def _new(self, vector: Vector, name: str) -> str:
        while name in self.used:
            name += "_"
        self.values.pop(name, None)
        self.values[name] = vector
        self.used.setdefault(name)
        return name


def _multiple(vector: Vector, others: Sequence[Any], symbol: str) -> str | None:
    pairs = [(value, other) for value, other in zip(vector, others, strict=True) if value is not ABSENT]
    value, other = pairs[0]
    if other and value % other == 0 and all(number == one * (value // other) for number, one in pairs):
        return f"{value // other} * {symbol}"
    for divisor in _DIVISORS:
        if all(number == one // divisor for number, one in pairs):
            return f"{symbol} // {divisor}"
    return None


def type_of(values: Sequence[Any]) -> str:
    """The annotation of a parameter."""
    names = dict.fromkeys(_type_name(value) for value in values)
    if {"int", "float"} <= names.keys():
        names.pop("int")
    if "None" in names:
        names = {name: None for name in names if name != "None"} | {"None": None}
    return " | ".join(names)


def _type_name(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, Name):
        return "Callable[[Tensor], Tensor]"
    if isinstance(value, tuple):
        inner = dict.fromkeys(map(_type_name, value))
        return f"tuple[{' | '.join(inner)}, ...]"
    return type(value).__name__


def common(values: Sequence[Any]) -> tuple[Any, int]:
    """The value that occurs most often, and how often."""
    ((_, value), times) = Counter((type(value), value) for value in values).most_common(1)[0]
    return value, times
