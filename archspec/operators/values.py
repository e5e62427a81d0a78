"""The kinds of value that attributes have, with the ways of writing each that papers use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeGuard, cast

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

DIMENSIONS = re.compile(r"\s*(\d{1,15})(?:\s*[x×]\s*(\d{1,15})\s*[x×]\s*(\d{1,15}))?\s*", re.IGNORECASE)
PAIR = re.compile(r"\s*(\d{1,15})\s*[x×]\s*(\d{1,15})\s*", re.IGNORECASE)

Count = Annotated[int, Field(gt=0, strict=True)]
"""A whole number above 0."""
Whole = Annotated[int, Field(ge=0, strict=True)]
"""A whole number, 0 included."""
Flag = Annotated[bool, Field(strict=True)]
Rate = Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)]
"""A probability below 1."""
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]


def is_int(value: object) -> TypeGuard[int]:
    """True for a whole number; `true` and `false` are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool)


def read_ints(value: object) -> tuple[int, ...]:
    """A list of whole numbers; empty where it is not one."""
    if not isinstance(value, (list, tuple)):
        return ()
    items = cast("Sequence[object]", value)
    numbers = tuple(item for item in items if is_int(item))
    return numbers if len(numbers) == len(items) else ()


def read_pair(value: object, least: int = 1) -> tuple[int, int]:
    """`3`, `"3x5"` or `[3, 5]` as (height, width)."""
    numbers: tuple[int, ...] = (value, value) if is_int(value) else read_ints(value)
    if isinstance(value, str) and (match := PAIR.fullmatch(value)):
        numbers = (int(match[1]), int(match[2]))
    if len(numbers) != 2:
        raise PydanticCustomError("pair", "a number, `HxW` or `[height, width]`")
    if min(numbers) < least:
        raise PydanticCustomError("pair", "a number of at least {least}", {"least": least})
    return numbers


def _read_stepless_pair(value: object) -> tuple[int, int]:
    return read_pair(value, least=0)


_PAIR_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\d+ *[x×X] *\d+$"},
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
    ]
}
Pair = Annotated[tuple[int, int], BeforeValidator(read_pair), WithJsonSchema(_PAIR_SCHEMA)]
"""Height and width: `3`, `3x5` or `[3, 5]`."""
_ZERO_PAIR_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^\d+ *[x×X] *\d+$"},
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2},
    ]
}
ZeroPair = Annotated[tuple[int, int], BeforeValidator(_read_stepless_pair), WithJsonSchema(_ZERO_PAIR_SCHEMA)]

Sides = tuple[int, int, int, int]
"""Top, bottom, left, right."""


def read_sides(value: object) -> Sides:
    """`1`, `"1x2"`, `[1, 2]` or `[top, bottom, left, right]` as the four sides."""
    numbers = read_ints(value)
    if len(numbers) == 4 and min(numbers) >= 0:
        return numbers
    try:
        vertical, horizontal = read_pair(value, least=0)
    except PydanticCustomError as error:
        raise PydanticCustomError(
            "sides", "a number from 0, `HxW`, `[vertical, horizontal]` or `[top, bottom, left, right]`"
        ) from error
    return (vertical, vertical, horizontal, horizontal)


_SIDES_SCHEMA = {
    "anyOf": [
        *_ZERO_PAIR_SCHEMA["anyOf"],
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 4, "maxItems": 4},
    ]
}
FourSides = Annotated[Sides, BeforeValidator(read_sides), WithJsonSchema(_SIDES_SCHEMA)]
"""Zeros, or pixels, on the four sides."""


def read_dimensions(value: object) -> tuple[int, ...]:
    """`120`, `"16x5x5"` or `[16, 5, 5]` as features, or as maps, height and width."""
    numbers: tuple[int, ...] = (value,) if is_int(value) else read_ints(value)
    if isinstance(value, str) and (match := DIMENSIONS.fullmatch(value)):
        numbers = tuple(int(number) for number in match.groups() if number is not None)
    if len(numbers) not in (1, 3):
        raise PydanticCustomError("dimensions", "`MAPSxHxW`, `[maps, height, width]` or a number of features")
    if min(numbers) < 1:
        raise PydanticCustomError("dimensions", "numbers of at least 1")
    return numbers


Dimensions = Annotated[
    tuple[int, ...],
    BeforeValidator(read_dimensions),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": r"^\d+( *[x×X] *\d+ *[x×X] *\d+)?$"},
                {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 3},
                {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 1},
            ]
        }
    ),
]
"""A shape without the batch: `16x5x5`, `[16, 5, 5]`, or a number of features."""

PaddingRule = Literal["valid", "same", "half"]
PADDING_RULES: tuple[PaddingRule, ...] = ("valid", "same", "half")


def _read_padding(value: object) -> PaddingRule | Sides:
    for rule in PADDING_RULES:
        if value == rule:
            return rule
    try:
        return read_sides(value)
    except PydanticCustomError as error:
        raise PydanticCustomError(
            "padding",
            "`valid`, `same`, `half`, a number, `[vertical, horizontal]` or `[top, bottom, left, right]`",
        ) from error


Padding = Annotated[
    PaddingRule | Sides,
    BeforeValidator(_read_padding),
    WithJsonSchema({"anyOf": [{"enum": list(PADDING_RULES)}, *_SIDES_SCHEMA["anyOf"]]}),
]
"""`valid` (none), `same` (output = ceil(input / stride)), `half` (kernel // 2 on every side), or numbers."""

Init = Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform", "zeros"]
"""How weights start; torch's own way where a row does not say."""


def shortest(value: Any) -> Any:
    """A value as a spec writes it: `3` for height and width, or four sides, of 3."""
    if isinstance(value, tuple):
        sides = cast("tuple[Any, ...]", value)
        return sides[0] if len(sides) in (1, 2, 4) and len(set(sides)) == 1 else list(sides)
    return value


def pair_text(pair: tuple[int, int]) -> str:
    """A pair as tables print it: `5x5`."""
    return f"{pair[0]}x{pair[1]}"
