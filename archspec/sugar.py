"""`norm:` and `activation:` of a row: short for a row of its own right behind it."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import Map
from archspec.operators import BY_TYPE, OPERATORS
from archspec.operators.operator import Operator
from archspec.row import SUGAR_KEYS
from archspec.scope import Unknown
from archspec.source import Span
from archspec.suggest import did_you_mean
from archspec.validation import shown

_USUAL = {"norm": "batch", "activation": "leaky_relu"}
NOTHING = (None, "none", "linear")


def sugar_name(value: Any) -> Any:
    """The name in a value of `norm` or `activation`: `relu`, or the type of `{type: leaky_relu, slope: 0.1}`."""
    return value.get("type", "") if isinstance(value, Map) else value


def sugar_attributes(value: Any) -> Map | None:
    """The attributes in a value of `norm` or `activation`."""
    if not isinstance(value, Map):
        return None
    attributes = value.copied()
    attributes.pop("type", None)
    return attributes


def sugar_operator(
    key: str, name: Any, span: Span, findings: Findings, related: tuple[Related, ...] = ()
) -> type[Operator] | None:
    """The operator that a name means; None for `none`; `Unknown`, with a finding, where it means nothing."""
    if name in NOTHING:
        return None
    operator = BY_TYPE.get(name) or BY_TYPE.get(f"{name}_{key}") if isinstance(name, str) else None
    if operator is not None and operator.role == key:
        return operator
    help = None
    if operator is not None:
        message = f"{name} is no {key} but a {operator.role if operator.role in SUGAR_KEYS else 'layer'}"
        help = f"give it a row of its own: {{type: {operator.type}, …}}"
        if operator.role in SUGAR_KEYS:
            help = f"use {operator.role}: {name}"
    elif isinstance(name, str) and name:
        message = f"unknown {key} {shown(name)}"
        known = ["none", *(each.type.removesuffix(f"_{key}") for each in OPERATORS if each.role == key)]
        help = did_you_mean(name, known)
    elif name == "":
        message, help = f"`{key}` has no `type`", f"{key}: {{type: {_USUAL[key]}, …}}"
    else:
        message = f"`{key}` wants a name, `none`, or {{type: …}}, not {shown(name)}"
    findings.add("E106", message, span, label=f"no {key}", help=help, related=related)
    raise Unknown
