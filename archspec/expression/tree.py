"""An expression as a tree, whose nodes know their columns and their value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from archspec.expression.error import ExpressionError
from archspec.expression.operations import (
    OperationError,
    Value,
    compare,
    excess,
    is_number,
    truth,
)
from archspec.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Scope:
    """What an evaluation may read, and how large its numbers may become."""

    names: Mapping[str, Value]
    largest: int

    def allows(self, value: Value) -> bool:
        """False for a number that is too large or not finite."""
        return not isinstance(value, (int, float)) or abs(value) <= self.largest


@dataclass(frozen=True, slots=True)
class Node(ABC):
    """A part of an expression, from column `start` to `stop`."""

    start: int
    stop: int

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes inside this one."""
        return ()

    @abstractmethod
    def evaluate(self, scope: Scope) -> Value:
        """The value of this part."""

    def placed(self, error: OperationError, parts: tuple[Node, ...]) -> ExpressionError:
        """The same error with the columns of the part to blame."""
        at = self if error.operand is None else parts[error.operand]
        return ExpressionError(error.code, error.message, at.start, at.stop, label=error.label, help=error.help)


def too_large(what: str, largest: int, start: int, stop: int, label: str) -> ExpressionError:
    """The error for a number beyond the bound, or beyond all bounds."""
    return ExpressionError(
        "E304", f"{what} beyond {largest}", start, stop, label=label, help="`--limit number=…` sets the bound"
    )


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A number, a text, true or false; null for a bound that a slice leaves out."""

    value: Value

    def evaluate(self, scope: Scope) -> Value:
        return self.value


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name, dotted or not."""

    name: str

    def evaluate(self, scope: Scope) -> Value:
        if self.name not in scope.names:
            raise ExpressionError(
                "E302",
                f"unknown name `{self.name}`",
                self.start,
                self.stop,
                label="no such name here",
                help=did_you_mean(self.name, scope.names),
            )
        value = scope.names[self.name]
        if not scope.allows(value):
            raise too_large(f"`{self.name}` is", scope.largest, self.start, self.stop, "too large or not finite")
        return value


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """An operator or function on the values of its operands."""

    symbol: str
    apply: Callable[..., Value]
    operands: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.operands

    def evaluate(self, scope: Scope) -> Value:
        values = [operand.evaluate(scope) for operand in self.operands]
        try:
            result = self.apply(*values)
        except OperationError as error:
            raise self.placed(error, self.operands) from None
        except OverflowError:
            raise self._too_large(scope, values) from None
        if not scope.allows(result):
            raise self._too_large(scope, values)
        if isinstance(result, list) and (much := excess(result)):
            raise ExpressionError(
                "E308", f"list of {much}", self.start, self.stop, label="with those of the lists inside it"
            )
        return result

    def _too_large(self, scope: Scope, values: list[Value]) -> ExpressionError:
        label = f" {self.symbol} ".join(map(str, values)) if all(map(is_number, values)) and len(values) == 2 else ""
        return too_large(f"`{self.symbol}` goes", scope.largest, self.start, self.stop, label)


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """Operands in a row with a comparison between each two: `0 < i < n`."""

    symbols: tuple[str, ...]
    operands: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.operands

    def evaluate(self, scope: Scope) -> Value:
        left = self.operands[0].evaluate(scope)
        for place, symbol in enumerate(self.symbols):
            right = self.operands[place + 1].evaluate(scope)
            try:
                if not compare(symbol, left, right):
                    return False
            except OperationError as error:
                raise self.placed(error, self.operands[place : place + 2]) from None
            left = right
        return True


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`and` or `or`; the right side counts only where the left leaves it open."""

    symbol: Literal["and", "or"]
    left: Node
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)

    def evaluate(self, scope: Scope) -> Value:
        settled = self.symbol == "or"
        for place, part in enumerate(self.parts):
            value = part.evaluate(scope)
            try:
                if truth(self.symbol, value, place) is settled:
                    return settled
            except OperationError as error:
                raise self.placed(error, self.parts) from None
        return not settled


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`value if condition else other`; the one not chosen is not evaluated."""

    value: Node
    condition: Node
    other: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.condition, self.value, self.other)

    def evaluate(self, scope: Scope) -> Value:
        condition = self.condition.evaluate(scope)
        try:
            chosen = self.value if truth("if", condition, 0) else self.other
        except OperationError as error:
            raise self.placed(error, self.parts) from None
        return chosen.evaluate(scope)


def levels(root: Node) -> Iterator[list[Node]]:
    """The nodes of a tree by their distance from the root."""
    level = [root]
    while level:
        yield level
        level = [part for node in level for part in node.parts]
