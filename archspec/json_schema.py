"""The JSON Schema of specs: what an editor completes, describes and checks while one types."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

from pydantic import BaseModel

from archspec.changes import PLACEMENTS
from archspec.document import is_list, is_mapping
from archspec.operators import OPERATORS
from archspec.operators.operator import Operator
from archspec.row import SUGAR_KEYS, RowKeys
from archspec.sections import VARIABLE_SECTIONS, BlockKeys, OutputKeys, SpecKeys
from archspec.sugar import NOTHING
from archspec.training import TrainKeys

Schema = dict[str, Any]

_EXPRESSION: Schema = {
    "type": "string",
    "pattern": "^=",
    "description": "an expression, evaluated when the spec is compiled",
}
_ROWS: Schema = {"type": "array", "items": {"$ref": "#/$defs/row"}}


def json_schema() -> Schema:
    """The schema of a spec file (draft 2020-12)."""
    spec = _object(SpecKeys)
    sections = spec["properties"]
    _refine(SpecKeys, sections, layers=_ROWS, blocks=_map_of(_ref("block")), defaults=_ref("defaults"))
    train = _object(TrainKeys)
    train.pop("required", None)  # a variant, or a child, says only what it changes
    _refine(SpecKeys, sections, outputs=_OUTPUTS, changes=_map_of(_CHANGE))
    _refine(SpecKeys, sections, train=_ref("train"), recipes=_map_of(_ref("train")))
    variable = {name: sections[name] for name in sorted(VARIABLE_SECTIONS - {"extends"})}
    variable["extends"] = {"type": "string", "description": "another variant, which this one starts from"}
    _refine(SpecKeys, sections, variants=_map_of({"type": "object", "properties": variable}))
    block = _object(BlockKeys)
    _refine(BlockKeys, block["properties"], layers=_ROWS, defaults=_ref("defaults"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "archspec",
        "description": "A neural-network architecture as a table of layers",
        **spec,
        # a network has an input and rows, unless another file, a table or its variants give them; or it is a library
        "anyOf": [
            {"required": ["input", "layers"]},
            *({"required": [section]} for section in ("table", "extends", "variants", "blocks")),
        ],
        "$defs": {
            "row": _row(),
            "block": block,
            "output": _object(OutputKeys),
            "train": train,
            **_parts(TrainKeys),
            "defaults": _defaults(),
            **{key: _sugar(key) for key in SUGAR_KEYS},
            **{f"operator_{operator.type}": _attributes(operator) for operator in OPERATORS},
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _map_of(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


_OUTPUTS: Schema = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        _map_of({"anyOf": [_ref("output"), {"type": "string"}, {"type": "null"}]}),
    ]
}
_CHANGE: Schema = {
    "type": "object",
    "properties": {
        "remove": {"const": True, "description": "removes the row"},
        **{
            key: {"description": f"rows {place} the parent's row", **_ROWS, "minItems": 1}
            for key, place in zip(PLACEMENTS, ("before", "after", "in the place of"), strict=True)
        },
    },
}
_EACH: Schema = {
    "anyOf": [
        _map_of({"anyOf": [{"type": "array"}, _EXPRESSION]}),
        {"type": "array", "items": {"type": "object"}},
        _EXPRESSION,
    ]
}
_BRANCHES: Schema = {"anyOf": [_map_of({"anyOf": [_ROWS, {"type": "null"}]}), {"type": "array", "items": _ROWS}]}


def _refine(model: type[BaseModel], properties: Schema, **schemas: Schema) -> None:
    """Give properties a closer schema than their model has, with the description that stands there."""
    for name, schema in schemas.items():
        properties[name] = {"description": model.model_fields[name].description or "", **schema}


def _object(model: type[BaseModel]) -> Schema:
    """A model's own schema, the noise of pydantic's titles and null defaults left out."""
    made = model.model_json_schema(by_alias=True)
    properties = {name: _tidy(schema) for name, schema in made.get("properties", {}).items()}
    tidy: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if made.get("required"):
        tidy["required"] = made["required"]
    return tidy


def _parts(model: type[BaseModel]) -> Schema:
    """The models that stand in a model's fields, by their names."""
    return _tidy(model.model_json_schema(by_alias=True).get("$defs", {}))


def _tidy(schema: Any) -> Any:
    if is_list(schema):
        return [_tidy(item) for item in schema]
    if not is_mapping(schema):
        return schema
    entries: Schema = schema
    return {
        key: _tidy(value)
        for key, value in entries.items()
        if key != "title" and not (key == "default" and value is None)
    }


def _attributes(operator: type[Operator]) -> Schema:
    """An operator's attributes, each a value or an expression."""
    properties: Schema = {}
    for name, schema in _object(operator)["properties"].items():
        notes = {key: schema.pop(key) for key in ("description", "examples", "default") if key in schema}
        properties[name] = {**notes, "anyOf": [*(schema.get("anyOf") or [schema]), _EXPRESSION]}
    return {"description": _summary(operator), "properties": properties}


def _summary(operator: type[Operator]) -> str:
    return cleandoc(operator.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _attribute_refs(operator: type[Operator]) -> Schema:
    return {name: _ref(f"operator_{operator.type}/properties/{name}") for name in operator.model_fields}


def _row() -> Schema:
    """A row: the keys of all rows, and for each operator its own attributes."""
    keys = _object(RowKeys)["properties"]
    _refine(RowKeys, keys, branches=_BRANCHES, layers=_ROWS, each=_EACH)
    _refine(RowKeys, keys, type={"anyOf": [*map(_type, OPERATORS), {"type": "string"}]})
    keys.update({key: _ref(key) for key in SUGAR_KEYS})
    structural: Schema = dict.fromkeys(keys, True)
    return {
        "type": "object",
        "properties": keys,
        "anyOf": [{"required": ["type"]}, {"required": ["layers"]}],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": operator.type}}, "required": ["type"]},
                "then": {
                    "description": _summary(operator),
                    "properties": {
                        **structural,
                        **_attribute_refs(operator),
                        **dict.fromkeys(("first", "last"), _ref(f"defaults/properties/{operator.type}")),
                    },
                    "additionalProperties": False,
                },
            }
            for operator in OPERATORS
        ],
    }


def _type(operator: type[Operator]) -> Schema:
    return {"const": operator.type, "description": _summary(operator)}


def _sugar(key: str) -> Schema:
    """`norm` or `activation`: a name, with or without its ending, or a type with attributes."""
    types = [operator.type for operator in OPERATORS if operator.role == key]
    short = [type.removesuffix(f"_{key}") for type in types if type.endswith(f"_{key}")]
    names: Schema = {"enum": [*short, *types, *NOTHING]}
    name: Schema = {"anyOf": [names, _EXPRESSION], "description": f"which {key}"}
    attributed: Schema = {"type": "object", "properties": {"type": name}, "required": ["type"]}
    description = RowKeys.model_fields[key].description or ""
    return {"description": description, "anyOf": [names, _EXPRESSION, attributed]}


def _defaults() -> Schema:
    known = {
        operator.type: {
            "type": "object",
            "description": _summary(operator),
            "properties": {**{key: _ref(key) for key in SUGAR_KEYS}, **_attribute_refs(operator)},
            "additionalProperties": False,
        }
        for operator in OPERATORS
    }
    return {"type": "object", "properties": known, "additionalProperties": {"type": "object"}}
