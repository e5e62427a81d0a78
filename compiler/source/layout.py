"""Calls and lists on lines of at most 88 columns, the way that code formatters leave them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Bracket:
    """A call, a list or a comprehension."""

    head: str
    items: tuple[str | Bracket, ...]
    tail: str
    separator: str = ","
    """between the items; nothing in a comprehension"""
    brief: tuple[str | Bracket, ...] | None = None
    """the items without the names of arguments, for a line that would be too long with them"""


Code = str | Bracket


def flat(code: Code) -> str:
    """All of it on one line."""
    if isinstance(code, str):
        return code
    return code.head + f"{code.separator} ".join(map(flat, code.items)) + code.tail


def laid_out(before: str, code: Code, after: str = "", depth: int = 2) -> Iterator[str]:
    """The lines of `before code after` at a depth of indentation."""
    margin, inner = INDENT * depth, INDENT * (depth + 1)
    forms = (code, briefly(code))
    for form in forms:
        line = f"{margin}{before}{flat(form)}{after}"
        if len(line) <= WIDTH or isinstance(form, str) or not form.items:
            yield line
            return
    assert isinstance(code, Bracket)
    yield f"{margin}{before}{code.head}"
    lines = [f"{inner}{' '.join(map(flat, form.items))}" for form in forms if isinstance(form, Bracket)]
    fitting = next((line for line in lines if len(line) <= WIDTH), None) if not code.separator else None
    if fitting is not None:
        yield fitting
    else:
        alone = len(code.items) == 1 and isinstance(code.items[0], Bracket)
        for item in code.items:
            yield from laid_out("", item, "" if alone else code.separator, depth + 1)
    yield f"{margin}{code.tail}{after}"


def briefly(code: Code) -> Code:
    """The same without the names of arguments that are clear without them."""
    if isinstance(code, str):
        return code
    return replace(code, items=tuple(map(briefly, code.brief or code.items)), brief=None)


def with_comment(lines: list[str], comment: str | None) -> list[str]:
    """The lines with a comment behind the last, where there is room for it."""
    if comment is None or len(lines) != 1 or len(lines[0]) + 4 + len(comment) > WIDTH:
        return lines
    return [f"{lines[0]}  # {comment}"]
