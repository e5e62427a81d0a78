"""The `input:` section as a shape."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings
from archspec.document import is_mapping
from archspec.limits import Limits
from archspec.operators.values import is_int
from archspec.scope import Evaluator, Scope, Unknown
from archspec.shape import Shape
from archspec.spec import Spec
from archspec.table_rows import read_claim
from archspec.validation import shown

_FORMS = "input: 3x224x224, or a number of features"


def read_input(spec: Spec, params: Scope, evaluator: Evaluator, findings: Findings, limits: Limits) -> Shape | None:
    """The shape of the input; None, with a finding, where it is missing or malformed."""
    if "input" not in spec.root:
        findings.add("E116", "the spec has no `input`", spec.root.span, label="no input", help=f"add {_FORMS}")
        return None
    raw, span = spec.root["input"], spec.root.value_spans["input"]
    try:
        value = evaluator.value(raw, params, span)
    except Unknown:
        return None
    shape = _shape(value)
    if shape is None:
        findings.add(
            "E116",
            f"the input is maps x height x width or a number of features, not {shown(raw)}",
            span,
            label="not an input",
            help=f"use {_FORMS}",
        )
    elif min(shape) < 1:
        findings.add("E116", f"the input {shape} is empty", span, label="a side of 0", help=f"use {_FORMS}")
    elif shape.is_maps and (shape.maps > limits.maps or max(shape[1:]) > limits.side):
        findings.add(
            "E604",
            f"the input {shape} is larger than {limits.maps:,} maps of {limits.side:,}x{limits.side:,}",
            span,
            label="too large",
            help="raise the limit with `--limit side=…` or `--limit maps=…`",
        )
    else:
        return shape
    return None


def _shape(value: Any) -> Shape | None:
    if is_mapping(value):
        if value.keys() == {"maps", "height", "width"} and all(map(is_int, value.values())):
            return Shape.of(value["maps"], value["height"], value["width"])
        return None
    sides = read_claim(value)
    return Shape(sides) if sides is not None and len(sides) in (1, 3) else None
