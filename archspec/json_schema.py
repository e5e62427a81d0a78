"""The JSON Schema of specs: what an editor completes, describes and checks while one types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from archspec.document import is_list, is_mapping
from archspec.operators import OPERATORS
from archspec.operators.operator import Operator
from archspec.row import RowKeys
from archspec.spec import BlockKeys, OutputKeys, SpecKeys

_EXPRESSION = {"type": "string", "pattern": "^=", "description": "an expression, evaluated when the spec is compiled"}
_SUGAR = ("norm", "activation")


def json_schema() -> dict[str, Any]:
    """The schema of a spec file (draft 2020-12)."""
    row: dict[str, Any] = {"$ref": "#/$defs/row"}
    rows = {"type": "array", "items": row}
    spec = _object(SpecKeys)
    spec["properties"]["layers"] = _described(SpecKeys, "layers", rows)
    spec["properties"]["blocks"] = _described(SpecKeys, "blocks", _map_of({"$ref": "#/$defs/block"}))
    spec["properties"]["defaults"] = _described(SpecKeys, "defaults", {"$ref": "#/$defs/defaults"})
    outputs = {
        "anyOf": [
            _map_of({"anyOf": [{"$ref": "#/$defs/output"}, {"type": "null"}]}),
            {"type": "array", "items": {"type": "string"}},
        ]
    }
    spec["properties"]["outputs"] = _described(SpecKeys, "outputs", outputs)
    block = _object(BlockKeys)
    block["properties"]["layers"] = _described(BlockKeys, "layers", rows)
    block["properties"]["defaults"] = _described(BlockKeys, "defaults", {"$ref": "#/$defs/defaults"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "archspec",
        "description": "A neural-network architecture as a table of layers",
        **spec,
        "$defs": {
            "row": _row(rows),
            "block": block,
            "output": _object(OutputKeys),
            "defaults": _defaults(),
            **{f"operator_{operator.type}": _attributes(operator) for operator in OPERATORS},
        },
    }


def _map_of(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


def _described(model: type[BaseModel], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": model.model_fields[name].description or "", **schema}


def _object(model: type[BaseModel]) -> dict[str, Any]:
    """A model's own schema, the noise of pydantic's titles and null defaults left out."""
    made = model.model_json_schema(by_alias=True)
    properties = {name: _tidy(schema) for name, schema in made.get("properties", {}).items()}
    tidy: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if made.get("required"):
        tidy["required"] = made["required"]
    return tidy


def _tidy(schema: Any) -> Any:
    if is_list(schema):
        return [_tidy(item) for item in schema]
    if not is_mapping(schema):
        return schema
    entries: dict[str, Any] = schema
    return {
        key: _tidy(value)
        for key, value in entries.items()
        if key != "title" and not (key == "default" and value is None)
    }


def _attributes(operator: type[Operator]) -> dict[str, Any]:
    """An operator's attributes, each a value or an expression."""
    made = _object(operator)
    properties: dict[str, Any] = {}
    for name, schema in made["properties"].items():
        notes = {key: schema.pop(key) for key in ("description", "examples", "default") if key in schema}
        properties[name] = {**notes, "anyOf": [*(schema.get("anyOf") or [schema]), _EXPRESSION]}
    return {"description": (operator.__doc__ or "").split("\n\n")[0].replace("\n    ", " "), "properties": properties}


def _row(rows: dict[str, Any]) -> dict[str, Any]:
    """A row: the keys of all rows, and for each operator its own attributes."""
    keys = _object(RowKeys)["properties"]
    keys["branches"] = _described(
        RowKeys, "branches", {"anyOf": [_map_of({"anyOf": [rows, {"type": "null"}]}), {"type": "array", "items": rows}]}
    )
    keys["layers"] = _described(RowKeys, "layers", rows)
    keys["type"] = {
        "description": "an operator, a block of this spec, or an expression",
        "anyOf": [{"enum": [operator.type for operator in OPERATORS]}, {"type": "string"}],
    }
    overrides = {"type": "object"}
    keys["first"] = _described(RowKeys, "first", overrides)
    keys["last"] = _described(RowKeys, "last", overrides)
    structural = dict.fromkeys(keys, True)
    return {
        "type": "object",
        "properties": keys,
        "anyOf": [{"required": ["type"]}, {"required": ["layers"]}],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": operator.type}}, "required": ["type"]},
                "then": {
                    "description": _attributes(operator)["description"],
                    "properties": {**structural, **_attributes(operator)["properties"]},
                    "additionalProperties": False,
                },
            }
            for operator in OPERATORS
        ],
    }


def _defaults() -> dict[str, Any]:
    sugar = {name: _tidy(RowKeys.model_json_schema()["properties"][name]) for name in _SUGAR}
    known = {
        operator.type: {
            "type": "object",
            "properties": {**sugar, **_attributes(operator)["properties"]},
            "additionalProperties": False,
        }
        for operator in OPERATORS
    }
    return {"type": "object", "properties": known, "additionalProperties": {"type": "object"}}
