"""A graph as a flat spec: one row for each row that expansion made, every value in place, with its origin."""

from __future__ import annotations

import json
import re
from typing import Any

from archspec.document import is_list, is_mapping
from archspec.graph import INPUT, Graph, GraphRow, Node
from archspec.names import LABEL
from archspec.operators.operator import Operator
from archspec.operators.values import shortest
from archspec.origins import describe_origins

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./ -]*|[1-9]\d*(x[1-9]\d*)+")
_UNSEEN = re.compile("[\x7f-\xa0\u2028\u2029\ufeff]")
"""What JSON leaves as it is, and YAML takes for the end of a line, or for nothing."""
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def resolve(graph: Graph, *, origins: bool = True, complete: bool = False) -> str:
    """The flat spec, itself a spec with the same graph; `complete` has the defaults of training too."""
    lines = [f"name: {yaml_text(graph.name)}"]
    if graph.description:
        lines.append(f"description: {yaml_text(graph.description)}")
    lines += [f"input: {graph.input}", "layers:"]
    above = INPUT
    for row in graph.rows:
        if origins:
            lines.append(f"  # {describe_origins(row)}")
        lines.append(f"  - {_mapping(_row(graph, row, above))}")
        above = row.name
    lines.append("outputs:")
    for output in graph.outputs:
        keys: dict[str, Any] = {"from": graph.row_of[output.node].name if output.node != INPUT else INPUT}
        if output.train_only:
            keys["train_only"] = True
        if output.loss is not None:
            keys["loss"] = output.loss
        if output.weight != 1.0:
            keys["weight"] = output.weight
        if output.target != LABEL:
            keys["target"] = output.target
        lines.append(f"  {output.name.replace('.', '_')}: {_mapping(keys)}")
    if graph.train is not None:
        from archspec.train_section import written_training  # most specs need nothing of it

        lines.append("train:")
        train = written_training(graph.train, complete=complete)
        lines += [f"  {key}: {yaml_text(value)}" for key, value in train.items()]
    return "\n".join(lines) + "\n"


def _row(graph: Graph, row: GraphRow, above: str) -> dict[str, Any]:
    first, main = row.nodes[0], row.main
    keys: dict[str, Any] = {"name": row.name, "type": main.operator.type}
    sources = [name if name == INPUT else graph.row_of[name].name for name in first.inputs]
    if sources != [above]:
        keys["from"] = sources[0] if len(sources) == 1 else sources
    keys.update(written_attributes(main.operator))
    for node in row.nodes[row.nodes.index(main) + 1 :]:
        keys["norm" if node.operator.role == "norm" else "activation"] = _sugar(node)
    shared = next((node.shares for node in row.nodes if node.shares), None)
    if shared is not None:
        keys["share"] = graph.row_of[shared].name
    keys["size"] = str(row.shape) if row.shape.is_maps else row.shape.elements
    return keys


def written_attributes(operator: Operator) -> dict[str, Any]:
    """The attributes that are not the operator's defaults, as a spec writes them."""
    return {
        name: shortest(getattr(operator, name))
        for name, field in type(operator).model_fields.items()
        if field.is_required() or getattr(operator, name) != field.default
    }


def _sugar(node: Node) -> Any:
    attributes = written_attributes(node.operator)
    return {"type": node.operator.type, **attributes} if attributes else node.operator.type


def _mapping(keys: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {yaml_text(value)}" for key, value in keys.items()) + "}"


def yaml_text(value: Any) -> str:
    """A value as YAML has it, inside brackets too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_mapping(value):
        return _mapping(value)
    if is_list(value):
        return "[" + ", ".join(map(yaml_text, value)) + "]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _RESERVED and value == value.strip()
        return value if plain else _quoted(value)
    return "null" if value is None else str(value)


def _quoted(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
