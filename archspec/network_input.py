"""The `input:` section as a shape."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings
from archspec.document import Map, is_mapping
from archspec.limits import Limits
from archspec.operators.values import is_int
from archspec.scope import Evaluator, Scope, Unknown
from archspec.shape import Shape
from archspec.source import Span
from archspec.spec import Spec
from archspec.suggest import did_you_mean
from archspec.table_rows import read_claim
from archspec.validation import shown

_FORMS = "input: 3x224x224, or a number of features"
_SIDES = ("maps", "height", "width")


def read_input(spec: Spec, params: Scope, evaluator: Evaluator, findings: Findings, limits: Limits) -> Shape | None:
    """The shape of the input; None, with a finding, where it is missing or malformed."""
    raw = spec.root.get("input")
    span = spec.root.value_spans.get("input", spec.root.span)
    if raw is None:
        findings.add("E116", "the spec has no `input`", span, label="no input", help=f"add {_FORMS}")
        return None
    try:
        value = evaluator.value(raw, params, span)
    except Unknown:
        return None
    if is_mapping(value) and _has_wrong_sides(raw, value, span, findings):
        return None
    shape = _shape(value)
    if shape is None:
        findings.add(
            "E116",
            f"the input is maps x height x width or a number of features, not {shown(value)}",
            span,
            label="not an input",
            help=f"use {_likely(value)}",
        )
    elif min(shape) < 1:
        wrong = f"a side of {min(shape)}" if shape.is_maps else "no features"
        findings.add("E116", f"the input {shape} is empty", span, label=wrong, help=f"use {_FORMS}")
    elif shape.is_maps and (shape.maps > limits.maps or max(shape[1:]) > limits.side):
        raised = f"maps={shape.maps}" if shape.maps > limits.maps else f"side={max(shape[1:])}"
        findings.add(
            "E604",
            f"the input {shape} is larger than {limits.maps:,} maps of {limits.side:,}x{limits.side:,}",
            span,
            label="too large",
            help=f"raise the limit: --limit {raised}",
        )
    else:
        return shape
    return None


def _has_wrong_sides(raw: Any, sides: dict[str, Any], span: Span, findings: Findings) -> bool:
    """Whether a mapping lacks a side, or has an unknown one: a mistyped one is one mistake."""
    unknown, missing = [key for key in sides if key not in _SIDES], [key for key in _SIDES if key not in sides]
    if unknown:
        place = raw.key_spans[unknown[0]] if isinstance(raw, Map) else span
        help = did_you_mean(unknown[0], missing or _SIDES)
        findings.add("E116", f"the input has no side `{unknown[0]}`", place, label="unknown", help=help)
    elif missing:
        findings.add("E116", f"the input needs `{missing[0]}`", span, label="missing", help=f"add {missing[0]}: …")
    return bool(unknown or missing)


def _likely(value: Any) -> str:
    """What two numbers are short of, or the forms that an input has."""
    sides = read_claim(value)
    if sides is None or len(sides) != 2:
        return _FORMS
    return f"input: 1x{sides[0]}x{sides[1]} for grey images, 3x{sides[0]}x{sides[1]} for coloured ones"


def _shape(value: Any) -> Shape | None:
    if is_mapping(value):
        if all(map(is_int, value.values())):
            return Shape.of(value["maps"], value["height"], value["width"])
        return None
    sides = read_claim(value)
    return Shape(sides) if sides is not None and len(sides) in (1, 3) else None
