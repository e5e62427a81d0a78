"""The grammar of expressions: operator precedence as in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archspec.expression.error import ExpressionError
from archspec.expression.functions import FUNCTIONS
from archspec.expression.operations import (
    ARITHMETIC,
    COMPARISONS,
    Value,
    counted,
    cut,
    invert,
    item,
    make_list,
    negative,
)
from archspec.expression.tokens import INPUT_NAMES, NO_ATTRIBUTES, Token, left_out, tokenize
from archspec.expression.tree import Choice, Comparison, Constant, Logic, Name, Node, Operation, too_large
from archspec.suggest import did_you_mean

DEPTH = 64
"""Brackets and signs inside one another."""

_LOWEST, _CHOICE, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _SUBSCRIPT = range(11)
_BINDING = {
    "if": _CHOICE,
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(COMPARISONS, _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
    "**": _POWER,
    "[": _SUBSCRIPT,
}
_CLOSING = {"(": ")", "[": "]"}


def read(text: str, largest: int) -> Node:
    """The tree of a text."""
    tokens = tokenize(text)
    if len(tokens) == 1:
        raise ExpressionError("E301", "empty expression", 0, len(text), label="nothing here", help="write `=4*width`")
    _match_brackets(tokens)
    return _Grammar(tokens, largest).whole()


def _match_brackets(tokens: list[Token]) -> None:
    opened: list[Token] = []
    for token in tokens:
        if token.is_operator("(", "["):
            opened.append(token)
        elif token.is_operator(")", "]"):
            if not opened:
                raise _syntax(token, f"{token.shown} closes nothing", "no bracket is open", f"leave {token.shown} out")
            closing = _CLOSING[opened.pop().text]
            if token.text != closing:
                raise _syntax(
                    token, f"{token.shown} where `{closing}` is due", f"`{closing}` here", f"write `{closing}`"
                )
    if opened:
        token = opened[-1]
        closing = _CLOSING[token.text]
        raise _syntax(token, f"{token.shown} is never closed", f"no `{closing}` for this", f"add `{closing}`")


def _syntax(token: Token, message: str, label: str, help: str | None = None) -> ExpressionError:
    return ExpressionError("E301", message, token.start, token.stop, label=label, help=help)


def _attribute(token: Token, message: str) -> ExpressionError:
    return left_out(message, token.start, token.stop, label=NO_ATTRIBUTES, help=INPUT_NAMES)


class _Grammar:
    """A parser in the manner of Pratt: each operator binds with a strength, stronger ones first."""

    def __init__(self, tokens: list[Token], largest: int) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._largest = largest

    def whole(self) -> Node:
        node = self._expression(_LOWEST)
        if self._next.kind != "end":
            raise self._unexpected()
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    def _take(self) -> Token:
        token = self._tokens[self._position]
        self._position += token.kind != "end"
        return token

    def _took(self, symbol: str) -> bool:
        if self._next.is_operator(symbol):
            self._position += 1
            return True
        return False

    def _expression(self, binding: int) -> Node:
        if self._depth == DEPTH:
            raise ExpressionError(
                "E308",
                f"more than {DEPTH} parts inside one another",
                self._next.start,
                self._next.stop,
                label="too deep",
                help="name a part of it under `params`",
            )
        self._depth += 1
        left = self._operand(binding)
        while self._next.kind == "operator" and _BINDING.get(self._next.text, _LOWEST) > binding:
            left = self._infix(left)
        self._depth -= 1
        return left

    def _infix(self, left: Node) -> Node:
        match self._next.text:
            case "[":
                return self._subscript(left)
            case "if":
                return self._choice(left)
            case "and" | "or" as symbol:
                self._take()
                right = self._expression(_BINDING[symbol])
                return Logic(left.start, right.stop, symbol, left, right)
            case symbol if symbol in COMPARISONS:
                return self._comparison(left)
            case symbol:
                self._take()
                # `2 ** -1` and `2 ** 3 ** 2`: a sign, and with it a further power, belongs to the exponent.
                right = self._expression(_SIGN if symbol == "**" else _BINDING[symbol])
                return Operation(left.start, right.stop, symbol, ARITHMETIC[symbol], (left, right))

    def _operand(self, binding: int) -> Node:
        token = self._take()
        match token.kind, token.text:
            case "number", _:
                return self._number(token)
            case "text", text:
                return Constant(token.start, token.stop, text[1:-1])
            case "name", "true" | "false" as word:
                return Constant(token.start, token.stop, word == "true")
            case "name", name:
                return self._call(token) if self._next.is_operator("(") else Name(token.start, token.stop, name)
            case "operator", "(":
                return self._group(token)
            case "operator", "[":
                items = self._items("]")
                return Operation(token.start, self._take().stop, "[]", make_list, items)
            case "operator", "-":
                return self._prefixed(token, negative, _SIGN)
            case "operator", "not":
                if binding > _NOT:
                    raise _syntax(token, "`not` inside an operation", "binds weaker", "put it in brackets: `(not …)`")
                return self._prefixed(token, invert, _NOT)
            case _:
                raise self._missing(token)

    def _prefixed(self, token: Token, apply: Callable[[Value], Value], binding: int) -> Node:
        operand = self._expression(binding)
        return Operation(token.start, operand.stop, token.text, apply, (operand,))

    def _number(self, token: Token) -> Node:
        value = float(token.text)
        if not value <= self._largest:
            raise too_large(f"{token.shown} is", self._largest, token.start, token.stop, "too large")
        if token.text.isdecimal():
            # Python reads no more than 4300 digits, but any number of zeros in front is no trouble here.
            return Constant(token.start, token.stop, int(token.text.lstrip("0") or "0"))
        return Constant(token.start, token.stop, value)

    def _group(self, opening: Token) -> Node:
        node = self._expression(_LOWEST)
        if self._next.is_operator(","):
            raise _syntax(self._next, "`,` outside of a list", "brackets are round", "write `[1, 2]`")
        if not self._next.is_operator(")"):
            raise self._unexpected()
        return replace(node, start=opening.start, stop=self._take().stop)

    def _items(self, closing: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._next.is_operator(closing):
            items.append(self._expression(_LOWEST))
            if not self._took(",") and not self._next.is_operator(closing):
                raise self._unexpected()
        return tuple(items)

    def _call(self, name: Token) -> Node:
        function = FUNCTIONS.get(name.text)
        if function is None and "." in name.text:
            raise _attribute(name, f"{name.shown} is not a function")
        if function is None:
            known = did_you_mean(name.text, FUNCTIONS) or "known here: " + ", ".join(FUNCTIONS)
            raise ExpressionError(
                "E307",
                f"unknown function {name.shown}",
                name.start,
                name.stop,
                label="no such function",
                help=known,
            )
        self._take()
        arguments = self._items(")")
        stop = self._take().stop
        if not function.least <= len(arguments) <= function.most:
            raise ExpressionError(
                "E307",
                f"`{name.text}` with {counted(len(arguments), 'argument')}",
                name.start,
                stop,
                label=f"takes {function.arity}",
            )
        return Operation(name.start, stop, name.text, function.call, arguments)

    def _subscript(self, items: Node) -> Node:
        opening = self._take()
        bounds: list[Node | None] = [None]
        while not self._next.is_operator("]"):
            if self._next.is_operator(":"):
                if len(bounds) == 3:
                    raise _syntax(self._next, "third `:` in a slice", "two at most", "write `[start:stop:step]`")
                self._take()
                bounds.append(None)
            elif bounds[-1] is not None:
                raise self._unexpected()
            else:
                bounds[-1] = self._expression(_LOWEST)
        stop = self._take().stop
        first = bounds[0]
        if len(bounds) > 1:
            filled = [bound or Constant(opening.start, stop, None) for bound in (*bounds, None)[:3]]
            return Operation(items.start, stop, "[:]", cut, (items, *filled))
        if first is None:
            raise ExpressionError(
                "E301", "no index between the brackets", opening.start, stop, label="empty", help="write `[0]`"
            )
        return Operation(items.start, stop, "[]", item, (items, first))

    def _comparison(self, left: Node) -> Node:
        symbols: list[str] = []
        operands = [left]
        while self._next.kind == "operator" and self._next.text in COMPARISONS:
            token = self._take()
            if token.text == "not":
                if not self._took("in"):
                    raise _syntax(token, "`not` between two values", "not an operator alone", "write `not in` or `!=`")
                symbols.append("not in")
            else:
                symbols.append(token.text)
            operands.append(self._expression(_COMPARISON))
        return Comparison(left.start, operands[-1].stop, tuple(symbols), tuple(operands))

    def _choice(self, value: Node) -> Node:
        word = self._take()
        condition = self._expression(_CHOICE)
        if not self._took("else"):
            raise _syntax(word, "`if` without `else`", "no `else` for this", "write `a if condition else b`")
        other = self._expression(_LOWEST)
        return Choice(value.start, other.stop, value, condition, other)

    def _missing(self, token: Token) -> ExpressionError:
        if token.kind == "end":
            before = self._tokens[self._position - 1]
            return _syntax(before, f"no value after {before.shown}", "the expression ends here")
        if token.text == ".":
            return _attribute(token, "`.` after a value")
        return _syntax(token, f"no value before {token.shown}", "a value is due here")

    def _unexpected(self) -> ExpressionError:
        token = self._next
        if token.is_operator("."):
            return _attribute(token, "`.` after a value")
        if token.kind == "operator":
            return _syntax(token, f"unexpected {token.shown}", "does not belong here")
        before = self._tokens[self._position - 1]
        return _syntax(
            token,
            f"no operator between {before.shown} and {token.shown}",
            "an operator is due before this",
            "`*` multiplies, `,` separates items",
        )
