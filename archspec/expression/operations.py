"""What operators do to values: as Python does it, where that makes sense for an architecture."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import log2
from typing import TypeAlias

Value: TypeAlias = "int | float | bool | str | list[Value] | None"
Number: TypeAlias = "int | float"

LONGEST = 10_000
"""Items of a list, those of lists inside it included, or characters of a text, that an expression makes."""
NESTED = 16
"""Lists inside one another that an expression makes."""
_POWER_BITS = 1000
"""Bits of the largest power worth computing: far above any bound on numbers, and still nothing to compute."""


class OperationError(Exception):
    """An operation that can't be done; `operand` counts which of its values is to blame, if a single one is."""

    def __init__(
        self, code: str, message: str, operand: int | None = None, *, label: str = "", help: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.operand = operand
        self.label = label
        self.help = help


def describe(value: Value) -> str:
    """A value as messages mention it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value!r}" if len(value) <= 40 else f"a text of {len(value)} characters"
        case list():
            return f"a list of {counted(len(value), 'item')}"


def counted(count: int, noun: str) -> str:
    """`1 item`, `2 items`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def wrong_kind(symbol: str, needed: str, value: Value, operand: int) -> OperationError:
    """The error for a value of another kind than `symbol` works on."""
    return OperationError(
        "E303",
        f"`{symbol}` needs {needed}, not {describe(value)}",
        operand,
        label=f"not {needed}",
        help=_remedy(needed, value),
    )


def _remedy(needed: str, value: Value) -> str | None:
    match needed, value:
        case (("a number" | "a whole number"), bool()):
            return "write `1 if … else 0`"
        case (("a number" | "a whole number"), str()) if value.strip().isdecimal():
            return "leave the quotes out"
        case (("a number" | "a whole number"), list()) if value:
            return "take one of its items, as in `widths[0]`"
        case "a whole number", float():
            return "write `int(…)`"
        case "true or false", int() | float():
            return "compare it, as in `i > 0`"
        case "a list", int() | float() | str():
            return "write `[…]`"
        case _:
            return None


def is_number(value: Value) -> bool:
    """True for numbers, which `true` and `false` are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number(symbol: str, value: Value, operand: int) -> Number:
    """`value` where it is a number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise wrong_kind(symbol, "a number", value, operand)


def whole(symbol: str, value: Value, operand: int) -> int:
    """`value` where it is a whole number, written as one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise wrong_kind(symbol, "a whole number", value, operand)


def listed(symbol: str, value: Value, operand: int) -> list[Value]:
    """`value` where it is a list."""
    if isinstance(value, list):
        return value
    raise wrong_kind(symbol, "a list", value, operand)


def truth(symbol: str, value: Value, operand: int) -> bool:
    """`value` where it is true or false."""
    if isinstance(value, bool):
        return value
    raise wrong_kind(symbol, "true or false", value, operand)


def excess(made: list[Value]) -> str | None:
    """What a list has too much of; lists that share their items would else grow without bound."""
    level, items = [made], 0
    for _ in range(NESTED):
        items += sum(map(len, level))
        if items > LONGEST:
            return f"more than {LONGEST} items"
        level = [item for inner in level for item in inner if isinstance(item, list)]
        if not level:
            return None
    return f"more than {NESTED} lists inside one another"


def too_long(what: str, length: int, unit: str) -> OperationError:
    """The error for something of more than `LONGEST` units."""
    return OperationError("E308", f"{what} of {length} {unit}", label=f"{LONGEST} at most")


def add(left: Value, right: Value) -> Value:
    """The sum of two numbers, or two lists or texts in a row."""
    match left, right:
        case list(), list():
            if len(left) + len(right) > LONGEST:
                raise too_long("list", len(left) + len(right), "items")
            return left + right
        case str(), str():
            if len(left) + len(right) > LONGEST:
                raise too_long("text", len(left) + len(right), "characters")
            return left + right
        case list(), _:
            raise wrong_kind("+", "a list", right, 1)
        case str(), _:
            raise wrong_kind("+", "a text", right, 1)
        case _:
            return number("+", left, 0) + number("+", right, 1)


def subtract(left: Value, right: Value) -> Value:
    """The difference of two numbers."""
    return number("-", left, 0) - number("-", right, 1)


def multiply(left: Value, right: Value) -> Value:
    """The product of two numbers, or a list repeated."""
    if isinstance(left, list):
        return _repeat(left, whole("*", right, 1))
    if isinstance(right, list):
        return _repeat(right, whole("*", left, 0))
    return number("*", left, 0) * number("*", right, 1)


def _repeat(items: list[Value], times: int) -> list[Value]:
    if len(items) * times > LONGEST:
        raise too_long("list", len(items) * times, "items")
    return items * times


def _divisor(symbol: str, value: Value) -> Number:
    divisor = number(symbol, value, 1)
    if divisor == 0:
        raise OperationError("E305", f"`{symbol}` by zero", 1, label="this is 0")
    return divisor


def divide(left: Value, right: Value) -> Value:
    """The quotient, always a float."""
    return number("/", left, 0) / _divisor("/", right)


def floor_divide(left: Value, right: Value) -> Value:
    """The quotient rounded down."""
    return number("//", left, 0) // _divisor("//", right)


def remainder(left: Value, right: Value) -> Value:
    """What `//` leaves; its sign is the divisor's."""
    return number("%", left, 0) % _divisor("%", right)


def power(left: Value, right: Value) -> Value:
    """`left` to the power `right`."""
    base, exponent = number("**", left, 0), number("**", right, 1)
    if base == 0:
        if exponent < 0:
            raise OperationError("E305", f"0 to the power {exponent}", 1, label="negative: this divides by zero")
    elif base < 0 and not float(exponent).is_integer():
        raise OperationError("E305", f"{base} to the power {exponent} is not a real number", 0, label="negative")
    elif exponent * log2(abs(base)) > _POWER_BITS:
        raise OverflowError
    return base**exponent


def negative(value: Value) -> Value:
    """The number with the other sign."""
    return -number("-", value, 0)


def invert(value: Value) -> Value:
    """`not`."""
    return not truth("not", value, 0)


def make_list(*items: Value) -> Value:
    """The items between square brackets."""
    return list(items)


def item(items: Value, index: Value) -> Value:
    """One item of a list, negative indices from its end."""
    found, position = listed("[]", items, 0), whole("[]", index, 1)
    if not -len(found) <= position < len(found):
        has = f"there are {len(found)}, from 0 to {len(found) - 1}" if len(found) > 1 else ""
        raise OperationError(
            "E306",
            f"no item {position} in a list of {counted(len(found), 'item')}",
            1,
            label=has or ("the only one is 0" if found else "the list is empty"),
            help=f"`[{len(found) - 1}]` is the last" if found else None,
        )
    return found[position]


def cut(items: Value, *bounds: Value) -> Value:
    """The items from a start to a stop by a step, each of which may be left out."""
    found = listed("[:]", items, 0)
    start, stop, step = (
        None if bound is None else whole("[:]", bound, place) for place, bound in enumerate(bounds, start=1)
    )
    if step == 0:
        raise OperationError("E305", "slice with a step of 0", 3, label="this is 0")
    return found[start:stop:step]


def same(left: Value, right: Value) -> bool:
    """Equality, for which `true` is not 1."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def contains(right: Value, left: Value) -> bool:
    """True where a list has an item, or a text another."""
    if isinstance(right, str):
        if not isinstance(left, str):
            raise wrong_kind("in", "a text", left, 0)
        return left in right
    return any(same(left, candidate) for candidate in listed("in", right, 1))


def compare(symbol: str, left: Value, right: Value) -> bool:
    """Whether `left symbol right` holds."""
    match symbol:
        case "==":
            return same(left, right)
        case "!=":
            return not same(left, right)
        case "in":
            return contains(right, left)
        case "not in":
            return not contains(right, left)
        case _:
            return _ORDERS[symbol](number(symbol, left, 0), number(symbol, right, 1))


_ORDERS: dict[str, Callable[[Number, Number], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPARISONS = frozenset(("==", "!=", "in", "not", *_ORDERS))
"""The symbols that start a comparison, `not` for `not in`."""
ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": remainder,
    "**": power,
}
