"""Where the values of a row come from, in words."""

from __future__ import annotations

from typing import Any

from archspec.document import is_list
from archspec.expression import ExpressionError, parse
from archspec.graph import GraphRow
from archspec.limits import DEFAULT_LIMITS
from archspec.row import is_expression
from archspec.scope import Unknown, whole
from archspec.source import Span
from archspec.steps import Layer, Origin
from archspec.validation import shown


def place(span: Span) -> str:
    """`lenet5.yaml:8`."""
    return f"{span.source.name}:{span.line + 1}"


def describe_origins(row: GraphRow) -> str:
    """One line: where the row stands, the blocks around it, and what did not come from the row itself."""
    origin = row.origin
    said = [place(origin.row.span)]
    said += [f"{related.message.removesuffix(', used here')} at {place(related.span)}" for related in origin.trail]
    by_kind: dict[str, list[str]] = {}
    for attribute in _attributes(row):
        layer = origin.setter(attribute)
        if attribute in origin.inferred:
            by_kind.setdefault("the size that needs it", []).append(attribute)
        elif layer is not None and layer.kind != "row":
            by_kind.setdefault(layer.kind, []).append(attribute)
        elif layer is not None and is_expression(layer.values[attribute]):
            said.append(f"{attribute}: {layer.values[attribute]}")
    said += [f"{', '.join(attributes)} from {kind}" for kind, attributes in by_kind.items()]
    return "; ".join(said)


def attribute_origins(row: GraphRow) -> list[tuple[str, str, str]]:
    """For each attribute: its name, its value as written, and where it came from."""
    found: list[tuple[str, str, str]] = []
    for attribute in _attributes(row):
        value = _value(row, attribute)
        found.append((attribute, value, _origin(row.origin, attribute)))
    return found


def _attributes(row: GraphRow) -> list[str]:
    names = list(type(row.main.operator).model_fields)
    return names + [key for key in ("norm", "activation") if row.origin.setter(key) is not None]


def _value(row: GraphRow, attribute: str) -> str:
    if attribute in type(row.main.operator).model_fields:
        return row.main.operator.written(attribute)
    nodes = [node for node in row.nodes if node.name == f"{row.name}.{attribute}"]
    return nodes[0].operator.type if nodes else "none"


def _origin(origin: Origin, attribute: str) -> str:
    if attribute in origin.inferred:
        return "implied by the size that the table claims"
    layer = origin.setter(attribute)
    if layer is None:
        return "the operator's own default"
    where = f"{layer.kind}, {place(layer.values.value_spans[attribute])}"
    raw = layer.values[attribute]
    return f"{where}: {_computed(raw, layer)}" if is_expression(raw) else where


def _computed(raw: str, layer: Layer) -> str:
    """An expression with the names it reads, their values and where those come from."""
    scope = layer.scope
    said: list[str] = []
    try:
        names = sorted(parse(raw[1:], DEFAULT_LIMITS).names)
    except ExpressionError:
        return raw
    for name in names:
        try:
            said.append(f"{name} = {_short(whole(scope[name]))} ({scope.origin(name)})")
        except (KeyError, Unknown):
            continue
    return f"{raw} where {', '.join(said)}" if said else raw


def _short(value: Any) -> str:
    return str(value) if is_list(value) and len(str(value)) < 40 else shown(value)
