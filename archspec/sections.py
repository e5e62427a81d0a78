"""The sections of a file, of a block and of an output: their keys, and what each may hold."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from archspec.document import is_list
from archspec.names import LABEL
from archspec.row import Rows

_SIDE: dict[str, Any] = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^="}]}
InputText = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(=.*|\d+( *[x×X] *\d+ *[x×X] *\d+)?)$"},
                {"type": "integer", "minimum": 1},
                {"type": "array", "items": _SIDE, "minItems": 1, "maxItems": 1},
                {"type": "array", "items": _SIDE, "minItems": 3, "maxItems": 3},
                {
                    "type": "object",
                    "properties": {name: {"description": name, **_SIDE} for name in ("maps", "height", "width")},
                    "required": ["maps", "height", "width"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Loss = Literal["cross_entropy", "binary_cross_entropy", "mse", "smooth_l1", "rbf"]
_TARGET = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _read_target(value: object) -> object:
    if isinstance(value, str) and re.match(_TARGET, value):
        return value
    raise PydanticCustomError("target", "`label`, `boxes`, or another name of letters, digits and underscores")


Target = Annotated[str, BeforeValidator(_read_target), WithJsonSchema({"type": "string", "pattern": _TARGET})]


def _sequence_of_texts(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not is_list(texts) or not all(isinstance(text, str) for text in texts):
        raise PydanticCustomError("texts", "a name or a list of names")
    return texts


class OutputKeys(BaseModel):
    """One result of the network."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    from_: str | None = Field(
        default=None, alias="from", description="the row; that of the output's own name if left out"
    )
    loss: Loss | None = Field(default=None, description="what it is trained with")
    weight: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = Field(
        default=1.0, description="its part of the loss"
    )
    target: Target = Field(
        default=LABEL, description="what of an example it learns: its `label`, its `boxes`, or another name of the data"
    )
    train_only: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="an auxiliary head: left out of inference, its cost and its memory"
    )


class BlockKeys(BaseModel):
    """A block: rows with parameters, used like an operator."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    description: str | None = Field(default=None, description="what the block is")
    params: dict[str, Any] | None = Field(
        default=None, description="its parameters with their defaults; without a value, a parameter has to be given"
    )
    defaults: dict[str, dict[str, Any]] | None = Field(
        default=None, description="what rows of a type leave out, in this block"
    )
    layers: Rows = Field(description="its rows; `in` is the block's input")


class SpecKeys(BaseModel):
    """An architecture, as a table of layers."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, title="archspec")

    name: str | None = Field(default=None, description="the architecture's name", examples=["LeNet-5"])
    description: str | None = Field(default=None, description="one line for `archspec list`")
    extends: str | None = Field(default=None, description="a parent: a file beside this one, or a name of the zoo")
    use: Annotated[
        list[str] | None,
        BeforeValidator(_sequence_of_texts),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = Field(default=None, description="files whose blocks this one uses")
    input: InputText = Field(
        default=None, description="the input: maps x height x width, or a number of features", examples=["3x224x224"]
    )
    params: dict[str, Any] | None = Field(default=None, description="values that expressions may use")
    variants: dict[str, dict[str, Any]] | None = Field(
        default=None, description="members of the family: for each, the parameters and sections it changes"
    )
    defaults: dict[str, dict[str, Any]] | None = Field(default=None, description="what rows of a type leave out")
    blocks: dict[str, dict[str, Any]] | None = Field(default=None, description="rows with parameters, used by name")
    layers: Rows | None = Field(default=None, description="the rows, from input to output")
    table: str | None = Field(default=None, description="the table of a paper in place of `layers`, as it stands")
    changes: dict[str, dict[str, Any]] | None = Field(
        default=None, description="with `extends`: for each row of the parent, what is different here"
    )
    outputs: Any = Field(default=None, description="the results; the last row where it is left out")
    train: Any = Field(default=None, description="how it is trained, and on what")
    recipes: dict[str, dict[str, Any]] | None = Field(
        default=None, description="other ways to train it by name, each in the place of `train`"
    )


FORMS = {
    "extends": "lenet5",
    "use": "[blocks.yaml]",
    "params": "{width: 64}",
    "variants": "{large: {width: 128}}",
    "defaults": "{conv: {padding: same, activation: relu}}",
    "blocks": "{unit: {layers: [{type: conv, maps: 64, kernel: 3}]}}",
    "layers": "[{type: conv, maps: 64, kernel: 3}], or a line `- {type: …}` for each row",
    "table": "|, and the table below it, indented",
    "changes": "{C1: {maps: 12}}",
    "recipes": "{mnist: {data: mnist, epochs: 10}}",
}
"""How sections look, for help where one is something else."""
VARIABLE_SECTIONS = frozenset(
    {"name", "description", "input", "defaults", "layers", "table", "outputs", "extends", "train", "recipes"}
)
"""What a variant may change besides parameters."""
