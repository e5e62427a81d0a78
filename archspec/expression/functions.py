"""The functions that expressions may call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from archspec.expression.operations import (
    LONGEST,
    Number,
    OperationError,
    Value,
    describe,
    is_number,
    listed,
    number,
    too_long,
    whole,
)


class Function(NamedTuple):
    """A function with the least and most arguments it takes."""

    call: Callable[..., Value]
    least: int
    most: int

    @property
    def arity(self) -> str:
        """How many arguments it takes, in words."""
        if self.most == _ANY:
            return f"{self.least} or more"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


_ANY = 2**31


def _numbers(name: str, value: Value) -> list[Number]:
    items = listed(name, value, 0)
    for index, item in enumerate(items):
        if not is_number(item):
            raise OperationError(
                "E303", f"`{name}` needs numbers, and item {index} is {describe(item)}", 0, label="not all numbers"
            )
    return items  # pyright: ignore[reportReturnType]  # the loop has seen to it


def _extreme(name: str, choose: Callable[[list[Number]], Number]) -> Callable[..., Value]:
    def call(first: Value, *others: Value) -> Value:
        if others:
            return choose([number(name, value, place) for place, value in enumerate((first, *others))])
        numbers = _numbers(name, first)
        if not numbers:
            raise OperationError("E305", f"`{name}` of an empty list", 0, label="no items")
        return choose(numbers)

    return call


def _of_number(name: str, function: Callable[[Number], Number]) -> Callable[..., Value]:
    def call(value: Value) -> Value:
        return function(number(name, value, 0))

    return call


def _sqrt(value: Value) -> Value:
    radicand = number("sqrt", value, 0)
    if radicand < 0:
        raise OperationError("E305", f"`sqrt` of {radicand}", 0, label="negative")
    return math.sqrt(radicand)


def _log2(value: Value) -> Value:
    argument = number("log2", value, 0)
    if argument <= 0:
        raise OperationError("E305", f"`log2` of {argument}", 0, label="not above 0")
    return math.log2(argument)


def _length(value: Value) -> Value:
    return len(listed("len", value, 0))


def _sum(value: Value) -> Value:
    return sum(_numbers("sum", value))


def _range(*bounds: Value) -> Value:
    wholes = [whole("range", bound, place) for place, bound in enumerate(bounds)]
    if len(wholes) == 3 and wholes[2] == 0:
        raise OperationError("E305", "`range` with a step of 0", 2, label="this is 0")
    items = range(*wholes)
    if len(items) > LONGEST:
        raise too_long("list", len(items), "items")
    return list(items)


def divisible(value: Value, divisor: Value) -> Value:
    """The nearest multiple of `divisor`, at least one, and never below nine tenths of `value`."""
    size, step = number("divisible", value, 0), whole("divisible", divisor, 1)
    if step <= 0:
        raise OperationError("E305", f"`divisible` by {step}", 1, label="not above 0")
    multiple = max(step, int(size + step / 2) // step * step)
    return multiple + step if multiple < 0.9 * size else multiple


FUNCTIONS = {
    "abs": Function(_of_number("abs", abs), 1, 1),
    "ceil": Function(_of_number("ceil", math.ceil), 1, 1),
    "divisible": Function(divisible, 2, 2),
    "floor": Function(_of_number("floor", math.floor), 1, 1),
    "int": Function(_of_number("int", int), 1, 1),
    "len": Function(_length, 1, 1),
    "log2": Function(_log2, 1, 1),
    "max": Function(_extreme("max", max), 1, _ANY),
    "min": Function(_extreme("min", min), 1, _ANY),
    "range": Function(_range, 1, 3),
    "round": Function(_of_number("round", round), 1, 1),
    "sqrt": Function(_sqrt, 1, 1),
    "sum": Function(_sum, 1, 1),
}
