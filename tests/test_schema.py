"""The JSON Schema for editors: good specs validate against it, and bad ones that a schema can catch do not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from archspec.diagnostic import Findings
from archspec.document import plain
from archspec.flat import resolve
from archspec.json_schema import json_schema
from archspec.limits import DEFAULT_LIMITS
from archspec.loading import load
from archspec.operators import OPERATORS
from archspec.operators.operator import Example, Operator
from archspec.sections import SpecKeys
from archspec.source import Source
from archspec.starter import starter
from archspec.yaml_text import read_yaml
from archspec.zoo import directory
from tests.conftest import REPOSITORY
from tests.test_docs import EXAMPLES

ZOO = sorted(directory().rglob("*.yaml"))
GOOD_EXAMPLES = [
    block
    for block in EXAMPLES
    if block.language == "yaml" and block.page.name in ("language.md", "README.md") and block.is_good
]


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def problems(text: str) -> list[str]:
    """What the schema has against a spec, read as archspec reads it."""
    findings = Findings()
    value = plain(read_yaml(Source("spec.yaml", text), findings, DEFAULT_LIMITS))
    assert not findings.has_errors
    return [f"{error.json_path}: {error.message}"[:200] for error in validator().iter_errors(value)]


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_zoo_validates(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("block", GOOD_EXAMPLES, ids=str)
def test_example_of_the_docs_validates(block: Any) -> None:
    assert problems(block.text) == []


@pytest.mark.parametrize("name", ["lenet5/1998", "resnet50", "googlenet"])
def test_flat_spec_validates(name: str) -> None:
    assert problems(resolve(load(name))) == []


def test_starter_validates() -> None:
    assert problems(starter("net")) == []


@pytest.mark.parametrize(
    ("operator", "example"),
    [
        pytest.param(operator, example, id=f"{operator.type}-{index}")
        for operator in OPERATORS
        for index, example in enumerate(operator.examples)
    ],
)
def test_attributes_of_every_operator_validate(operator: type[Operator], example: Example) -> None:
    row = {"type": operator.type, **example.attributes}
    spec = {"input": 8, "layers": [row], "defaults": {operator.type: example.attributes}}
    assert list(validator().iter_errors(spec)) == []
    spec["layers"] = [{**row, "no_such_attribute": 1}]
    assert list(validator().iter_errors(spec)) != []
    for name in example.attributes:
        spec["layers"] = [{**row, name: {"a": "mapping"}}]
        assert list(validator().iter_errors(spec)) != []
        spec["layers"] = [{**row, name: "=2*width"}]
        assert list(validator().iter_errors(spec)) == []


LAYERS = "input: 3x8x8\nlayers: [{type: flatten}]\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name)
        for name, text in {
            "no input": "layers: [{type: flatten}]",
            "no rows": "input: 3x8x8",
            "two-sided input": "input: 3x8\nlayers: [{type: flatten}]",
            "input of 0": "input: 0\nlayers: [{type: flatten}]",
            "input without a side": "input: {maps: 3, height: 8}\nlayers: [{type: flatten}]",
            "unknown section": LAYERS + "layer: []",
            "unknown attribute": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernal: 5}]",
            "attribute of another operator": "input: 3x8x8\nlayers: [{type: dense, maps: 6}]",
            "no type": "input: 3x8x8\nlayers: [{maps: 6, kernel: 5}]",
            "row that is a word": "input: 3x8x8\nlayers: [conv]",
            "rows that are a mapping": "input: 3x8x8\nlayers: {C1: {type: flatten}}",
            "text for a number": "input: 3x8x8\nlayers: [{type: conv, maps: many, kernel: 5}]",
            "number below 1": "input: 3x8x8\nlayers: [{type: conv, maps: 0, kernel: 5}]",
            "fraction for a count": "input: 3x8x8\nlayers: [{type: conv, maps: 1.5, kernel: 5}]",
            "number for a flag": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernel: 5, bias: 1}]",
            "three-sided kernel": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernel: [1, 2, 3]}]",
            "unknown padding": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernel: 5, padding: full}]",
            "unknown activation": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernel: 5, activation: rely}]",
            "norm without a type": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernel: 5, norm: {eps: 1}}]",
            "layer for an activation": "input: 3x8x8\nlayers: [{type: conv, maps: 6, kernel: 5, activation: dense}]",
            "negative repeat": "input: 3x8x8\nlayers: [{type: flatten, repeat: -1}]",
            "number for when": "input: 3x8x8\nlayers: [{type: flatten, when: 1}]",
            "words for a size": "input: 3x8x8\nlayers: [{type: flatten, size: large}]",
            "each of numbers": "input: 3x8x8\nlayers: [{type: flatten, each: [1, 2]}]",
            "branch that is a row": "input: 3x8x8\nlayers: [{type: add, branches: {a: {type: flatten}}}]",
            "unknown attribute inside": "input: 3x8x8\nlayers: [{layers: [{type: relu, slope: 1}]}]",
            "unknown attribute in a branch": "input: 8\nlayers: [{type: add, branches: [[], [{type: relu, k: 1}]]}]",
            "unknown attribute in a default": LAYERS + "defaults: {conv: {kernal: 3}}",
            "unknown attribute in first": "input: 3x8x8\nlayers: [{type: relu, repeat: 2, first: {slope: 1}}]",
            "block without rows": LAYERS + "blocks: {unit: {params: {a: 1}}}",
            "unknown section of a block": LAYERS + "blocks: {unit: {param: {a: 1}, layers: []}}",
            "unknown key of an output": LAYERS + "outputs: {fc: {form: flatten1}}",
            "unknown loss": LAYERS + "outputs: {fc: {from: flatten1, loss: log}}",
            "negative weight": LAYERS + "outputs: {fc: {from: flatten1, weight: -1}}",
            "variant that is a number": LAYERS + "variants: {small: 1}",
            "rows of a variant": LAYERS + "variants: {small: {layers: [{type: relu, slope: 1}]}}",
            "use of a number": LAYERS + "use: 3",
            "change that removes half": "extends: lenet5\nchanges: {C1: {remove: false}}",
            "change with a malformed row": "extends: lenet5\nchanges: {C1: {after: [{type: relu, slope: 1}]}}",
        }.items()
    ],
)
def test_bad_spec_does_not_validate(text: str) -> None:
    assert problems(LAYERS) == []
    assert problems(text) != []


def _properties(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        for name, property in schema.get("properties", {}).items():
            yield f"{path}/{name}", property
        for key, value in schema.items():
            yield from _properties(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _properties(value, f"{path}/{index}")


def test_every_property_is_described() -> None:
    schema = json_schema()
    resolver = validator()

    def described(property: Any) -> bool:
        # `true` and `const` only choose a branch; what a key means stands where its values are described
        if property is True or "const" in property:
            return True
        target = property
        while "$ref" in target and "description" not in target:
            target = schema
            for step in property["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            property = target
        return bool(target.get("description"))

    assert [path for path, property in _properties(schema) if not described(property)] == []
    assert resolver.schema == schema
    assert schema["properties"].keys() == {field.alias or name for name, field in SpecKeys.model_fields.items()}


def test_editors_get_the_types_with_what_they_are() -> None:
    types = json_schema()["$defs"]["row"]["properties"]["type"]["anyOf"]
    assert {each.get("const") for each in types} >= {operator.type for operator in OPERATORS}
    assert all(each["description"] for each in types if "const" in each)


def test_readme_names_the_file_that_schema_writes() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert "archspec schema -o archspec.schema.json" in text
    assert "# yaml-language-server: $schema=archspec.schema.json" in text
