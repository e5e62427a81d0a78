"""Values of the `train:` section: numbers, and how examples are divided and named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from archspec.operators.values import is_int

_LARGEST = 1e30
"""no number of a recipe is as large, and a float32 holds it"""


def read_numbers(value: object) -> tuple[float, ...]:
    """A number, or a list of numbers; empty where it is neither."""
    items = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else (value,)
    found = [float(item) for item in items if (is_int(item) or isinstance(item, float)) and abs(item) < _LARGEST]
    return tuple(found) if len(found) == len(items) else ()


_LARGEST_RATIO = 50
"""what shares of a ratio add up to at most; above it they are taken for percent"""


def _read_split(value: object) -> tuple[float, ...]:
    """`75/15/10` or `[75, 15, 10]`."""
    written: object = value
    if isinstance(value, str):
        parts = [part.strip() for part in value.split("/")]
        written = [int(part) for part in parts] if all(part.isascii() and part.isdigit() for part in parts) else None
    shares = read_numbers(written)
    if len(shares) not in (2, 3) or min(shares) <= 0 or not _are_shares(shares):
        raise PydanticCustomError(
            "split",
            "shares for train/test or train/validation/test: percent that add up to 100, such as `80/20` or "
            "`75/15/10`, parts of 1, or a ratio such as `4/1`",
        )
    return shares


def _are_shares(shares: tuple[float, ...]) -> bool:
    """Whether they add up; a ratio of small numbers need not."""
    total = sum(shares)
    return abs(total - 100) < 1 or abs(total - 1) < 0.011 or (total < _LARGEST_RATIO and min(shares) >= 1)


Split = Annotated[
    tuple[float, ...],
    BeforeValidator(_read_split),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^ *\d+ */ *\d+ *(/ *\d+ *)?$"},
                {
                    "type": "array",
                    "items": {"type": "number", "exclusiveMinimum": 0},
                    "minItems": 2,
                    "maxItems": 3,
                },
            ]
        }
    ),
]
"""How examples are divided: the shares of train, validation and test, or of train and test."""


def _read_set_aside(value: object) -> object:
    """A part of the examples, or how many."""
    if (is_int(value) and value > 0) or (isinstance(value, float) and 0 < value < 1):
        return value
    raise PydanticCustomError("set_aside", "a part such as `0.1`, or a whole number of examples")


SetAside = Annotated[
    int | float,
    BeforeValidator(_read_set_aside),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            ]
        }
    ),
]


def _read_classes(value: object) -> tuple[str, ...]:
    names = cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else ()
    texts = tuple(name for name in names if isinstance(name, str) and name)
    if not texts or len(texts) != len(names) or len(set(texts)) != len(texts):
        raise PydanticCustomError("classes", "a list of names, each once")
    return texts


Classes = Annotated[
    tuple[str, ...],
    BeforeValidator(_read_classes),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}),
]
