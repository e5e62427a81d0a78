"""The kinds of value that parameters have: an argument is of the kind of its default."""

from __future__ import annotations

from typing import Any

from archspec.document import is_mapping
from archspec.row import has_expression
from archspec.validation import shown


def kind_problem(name: str, owner: str, default: Any, value: Any) -> str | None:
    """What is wrong with a parameter's value: a mapping, or of another kind than its default; None for nothing."""
    if is_mapping(value):
        return f"`{name}` of {owner} wants a number, a text or a list, not {shown(value)}"
    if default is None or is_mapping(default) or value is None or has_expression(default) or has_expression(value):
        return None
    if _kind(value) == _kind(default):
        return None
    return f"`{name}` of {owner} wants {_kind(default)}, like {shown(default)}, not {shown(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a text" if isinstance(value, str) else "a list"
