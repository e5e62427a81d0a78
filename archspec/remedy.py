"""What to type instead of a value of the wrong kind."""

from __future__ import annotations

import re
from collections.abc import Collection
from math import ceil, floor

from archspec.document import is_list
from archspec.expression import ExpressionError, parse
from archspec.limits import DEFAULT_LIMITS
from archspec.operators.values import PADDING_RULES, is_int
from archspec.suggest import did_you_mean, nearest

_YES = frozenset({"yes", "on", "y", "true"})
_NO = frozenset({"no", "off", "n", "false"})
_TEMPLATE = re.compile(r"\$?\{+ *(.*?) *\}+|\$(\w+)")
_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?( ?%)?")


def remedy(wanted: str, value: object, words: Collection[str], names: Collection[str]) -> str | None:
    """The help for a value where `wanted` was expected: one of `words`, or an expression that reads `names`."""
    if isinstance(value, str) and value.startswith("="):
        return "no expression can stand here"
    if isinstance(value, str):
        forgotten = _forgotten_sign(value, names)
        if forgotten is not None:
            return f"an expression starts with `=`: {forgotten}"
    if "true or false" in wanted or "true, false" in wanted:
        return _flag(value)
    if "a text" in wanted and (is_int(value) or isinstance(value, (float, bool))):
        return "put it in quotes"
    if "a name, `none`" in wanted:
        return _sugar(value)
    words = words or (PADDING_RULES if "`valid`" in wanted else ())
    if isinstance(value, str):
        return _word(value, words) if words else _number(value)
    if isinstance(value, float) and "whole" in wanted:
        return _whole(value)
    if wanted == "a name" and is_int(value):
        return f"begin it with a letter: row{abs(value)}"
    if "a row's name" in wanted:
        return "names of rows alone; where `from` is left out, a row takes the one above"
    return None


def _whole(number: float) -> str | None:
    if number.is_integer():
        return f"write {int(number)}"
    return f"write {floor(number)} or {ceil(number)}; of an expression, round(), ceil() or floor() make one"


def _forgotten_sign(text: str, names: Collection[str]) -> str | None:
    template = _TEMPLATE.fullmatch(text)
    text = template[1] or template[2] or "" if template else text
    try:
        expression = parse(text, DEFAULT_LIMITS)
    except ExpressionError:
        return None
    if not expression.names or not expression.names <= set(names):
        return None
    return f'"={text}"' if re.search(r"[,\[\]{}]", text) else f"={text}"


def _flag(value: object) -> str | None:
    word = str(value).lower()
    if is_int(value) or word in _YES | _NO:
        return "write true" if word in _YES | {"1"} else "write false" if word in _NO | {"0"} else None
    return None


def _sugar(value: object) -> str | None:
    if value is False:
        return "write none"
    return "a row has one; the next one takes a row of its own" if is_list(value) else None


def _word(text: str, words: Collection[str]) -> str | None:
    number = _number(text)
    return number if number and nearest(text, words) is None else did_you_mean(text, words)


def _number(text: str) -> str | None:
    """The number that a text holds: quotes, or a percent sign, are all that is wrong with it."""
    if not _NUMBER.fullmatch(text):
        return None
    if text.endswith("%"):
        return f"write {float(text.rstrip('% ')) / 100:g}"
    return f"write {text}, without quotes"
