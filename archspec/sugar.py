"""`norm:` and `activation:` of a row: short for a row of its own right behind it."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import Map, is_mapping
from archspec.operators import BY_TYPE, OPERATORS
from archspec.operators.operator import Operator
from archspec.source import Span
from archspec.suggest import did_you_mean
from archspec.validation import shown

ROLES = {"norm": "norm", "activation": "activation"}
NONE = ("none", "linear")


def sugar_operator(
    key: str, value: Any, span: Span, findings: Findings, related: tuple[Related, ...] = ()
) -> tuple[type[Operator] | None, Map | dict[str, Any] | None]:
    """The operator class and attributes that a value of `norm` or `activation` means.

    (None, {}) where it means nothing at all; (None, None), with a finding, where it is wrong.
    """
    if value is None or value in NONE:
        return None, {}
    name, attributes = (value.get("type"), _without_type(value)) if is_mapping(value) else (value, {})
    if not isinstance(name, str):
        findings.add(
            "E104",
            f"`{key}` wants a name, `none`, or {{type: …}}, not {shown(value)}",
            span,
            label="not this",
            related=related,
        )
        return None, None
    operator = BY_TYPE.get(name) or BY_TYPE.get(f"{name}_{key}")
    if operator is not None and operator.role == ROLES[key]:
        return operator, attributes
    if operator is not None:
        message, help = f"{name} is no {key} but a layer", f"give it a row of its own: {{type: {name}, …}}"
    else:
        known = [each.type for each in OPERATORS if each.role == ROLES[key]]
        message, help = f"unknown {key} {shown(name)}", did_you_mean(name, [*known, "none"])
    findings.add("E106", message, span, label=f"no {key}", help=help, related=related)
    return None, None


def _without_type(value: dict[str, Any]) -> Map | dict[str, Any]:
    if not isinstance(value, Map):
        return {key: item for key, item in value.items() if key != "type"}
    attributes = Map(value.span)
    for key in value:
        if key != "type":
            attributes.put(key, value.key_spans[key], value[key], value.value_spans[key])
    return attributes
