"""A spec as written: sections, blocks and rows, each with its place in the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq, is_list
from archspec.names import IDENTIFIER, VARIANT, name_problem
from archspec.operators import BY_TYPE
from archspec.row import STRUCTURE, Branches, Row, RowKeys, Rows, item_span
from archspec.source import Span
from archspec.validation import Reporter, place_in, shown

InputText = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(=.*|\d+( *[x×X] *\d+){0,2})$"},
                {"type": "integer", "minimum": 1},
                {"type": "array", "minItems": 1, "maxItems": 3},
                {
                    "type": "object",
                    "properties": {"maps": {}, "height": {}, "width": {}},
                    "required": ["maps", "height", "width"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Loss = Literal["cross_entropy", "binary_cross_entropy", "mse", "rbf"]


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
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(default=1.0, description="its part of the loss")
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


SECTIONS = frozenset(field.alias or name for name, field in SpecKeys.model_fields.items())
VARIABLE_SECTIONS = frozenset({"name", "description", "input", "defaults", "layers", "table", "outputs", "extends"})
"""What a variant may change besides parameters."""


@dataclass(frozen=True, eq=False)
class Block:
    """A block with its rows, and the constants of the file it stands in."""

    name: str
    span: Span
    params: Map
    defaults: tuple[Map, ...]
    rows: tuple[Row, ...]
    constants: Map | None = None
    """the parameters of the file it was taken from, where that is another"""
    imported: bool = False
    broken: bool = False
    """malformed, which is reported: rows that use it are not looked at"""


@dataclass(frozen=True)
class OutputSpec:
    """A result as written."""

    name: str
    row: str
    span: Span
    train_only: bool = False
    loss: str | None = None
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Spec:
    """One architecture, chosen variant applied, nothing expanded yet."""

    root: Map
    name: str
    description: str | None
    params: Map
    param_kinds: dict[str, str]
    defaults: Map
    blocks: dict[str, Block]
    rows: tuple[Row, ...]
    outputs: tuple[OutputSpec, ...]
    variant: str | None = None
    replaced: tuple[tuple[Any, Span], ...] = ()
    """parameters' values that a variant or the command line has put others for"""


def is_library(root: Map) -> bool:
    """True for a file of blocks that others `use`, which is no network itself."""
    return "blocks" in root and not root.keys() & {"input", "layers", "table"}


class SpecReader:
    """Reads the sections of one file into rows, blocks and outputs, and reports what is malformed."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def sections(self, root: Map) -> Map:
        """The sections of a file that are as they should be; findings for the others."""
        try:
            SpecKeys.model_validate(root)
        except ValidationError as error:
            self._report(error, SpecKeys, root, "a spec", "section")
            sound = root.copied()
            for detail in error.errors(include_url=False):
                sound.pop(str(detail["loc"][0]), None)
            return sound
        return root

    def keys(self, model: type[BaseModel], map: Map, subject: str) -> Any:
        """A mapping as a model; None, with findings, where it is not one."""
        try:
            return model.model_validate(map)
        except ValidationError as error:
            self._report(error, model, map, subject, "attribute")
            return None

    def _report(self, error: ValidationError, model: type[BaseModel], map: Map, subject: str, noun: str) -> None:
        Reporter(self.findings, model, subject, noun=noun).report(error, place_in(map, model), whole=map.span)

    def rows(self, items: Any) -> tuple[Row, ...]:
        """The rows of a list, malformed ones left out."""
        rows: list[Row] = []
        for index, item in enumerate(items if isinstance(items, Seq) else ()):
            if not isinstance(item, Map):
                self.findings.add(
                    "E101",
                    f"a row is a mapping such as `{{type: conv, maps: 6, kernel: 5}}`, not {shown(item)}",
                    item_span(items, index, items.span),
                    label="not a row",
                )
            else:
                rows.append(self._row(item))
        self._unique(rows)
        return tuple(rows)

    def _row(self, map: Map) -> Row:
        subject = f"row {map['name']}" if isinstance(map.get("name"), str) else "a row"
        keys: RowKeys | None = self.keys(RowKeys, map, subject)
        if keys is None:
            return Row(map, {}, name=map["name"] if isinstance(map.get("name"), str) else None, broken=True)
        return Row.of(map, keys, self._branches(map), None if keys.layers is None else self.rows(map["layers"]))

    def _branches(self, map: Map) -> Branches | None:
        written = map.get("branches")
        if isinstance(written, Map):
            for name in written:
                self.check_name(name, written.key_spans[name])
            return tuple((name, self._branch(name, rows, written.value_spans[name])) for name, rows in written.items())
        if isinstance(written, Seq):
            return tuple(
                (str(index), self._branch(str(index), rows, written.item_spans[index]))
                for index, rows in enumerate(written)
            )
        if written is not None:
            self.findings.add(
                "E104",
                f"`branches` wants paths of rows, by name or as a list, not {shown(written)}",
                map.value_spans["branches"],
                label="not this",
                help="branches: {left: [{type: conv, …}], right: []}",
            )
        return None

    def _branch(self, name: str, rows: Any, span: Span) -> tuple[Row, ...]:
        if rows is not None and not isinstance(rows, Seq):
            self.findings.add(
                "E104",
                f"branch {name} is a list of rows, not {shown(rows)}",
                span,
                label="no list",
                help="put brackets around it: [{type: conv, …}]",
            )
        return self.rows(rows)

    def _unique(self, rows: list[Row]) -> None:
        seen: dict[str, Row] = {}
        for row in rows:
            if row.name is None:
                continue
            if row.name in seen:
                self.findings.add(
                    "E224",
                    f"two rows are named {row.name}",
                    row.value_span("name"),
                    label="again",
                    help=f"give this row another name, such as {row.name}b",
                    related=(Related(seen[row.name].value_span("name"), "the first one"),),
                )
            elif row.name == "in":
                self.findings.add("E110", "the name `in` means the input", row.value_span("name"), label="this name")
            seen.setdefault(row.name, row)

    def check_name(self, name: str, span: Span, *, attribute: bool = True) -> bool:
        """Whether a block, branch or parameter may have this name."""
        problem = name_problem(name, attribute=attribute)
        if problem:
            self.findings.add("E110", f"the name {shown(name)} {problem}", span, label="this name")
        return problem is None

    def params(self, values: Any, fallback: Span) -> Map:
        """Parameters with legal names."""
        params = values if isinstance(values, Map) else Map(fallback)
        for name in params:
            if not IDENTIFIER.fullmatch(name) or name in ("i", "in", "and", "or", "not", "if", "else", "true", "false"):
                self.findings.add(
                    "E110",
                    f"the name {shown(name)} can't be a parameter's",
                    params.key_spans[name],
                    label="this name",
                    help="use letters, digits and `_`; `i` and `in` have a meaning of their own",
                )
        return params

    def block(self, name: str, map: Any, span: Span) -> Block:
        """A block of the `blocks:` section."""
        legal = self.check_name(name, span, attribute=False)
        if name in BY_TYPE or name in STRUCTURE:
            self.findings.add(
                "E111", f"block {name} has the name of an operator", span, label="taken", help=f"call it my_{name}"
            )
        keys: BlockKeys | None = self.keys(BlockKeys, map, f"block {name}")
        if keys is None or not legal:
            return Block(name, span, Map(span), (), (), broken=True)
        defaults = (map["defaults"],) if isinstance(map.get("defaults"), Map) else ()
        return Block(name, span, self.params(map.get("params"), map.span), defaults, self.rows(map["layers"]))

    def outputs(self, value: Any, fallback: Span) -> tuple[OutputSpec, ...]:
        """The `outputs:` section: a row, a list of rows, or results by name."""
        if isinstance(value, str):
            return (OutputSpec(value, value, fallback),)
        if isinstance(value, Seq) and value and all(isinstance(name, str) for name in value):
            return tuple(OutputSpec(name, name, value.item_spans[index]) for index, name in enumerate(value))
        if isinstance(value, Map) and value:
            named = (self._output(name, map, value) for name, map in value.items())
            return tuple(output for output in named if output is not None)
        if value is not None:
            self.findings.add(
                "E104",
                f"`outputs` wants a row, a list of rows, or rows by name, not {shown(value)}",
                fallback,
                label="not this",
                help="outputs: [fc], or outputs: {logits: {from: fc}}",
            )
        return ()

    def _output(self, name: str, map: Any, outputs: Map) -> OutputSpec | None:
        span = outputs.key_spans[name]
        self.check_name(name, span)
        if isinstance(map, str):
            return OutputSpec(name, map, outputs.value_spans[name])
        if map is not None and not isinstance(map, Map):
            self.findings.add(
                "E104",
                f"output {name} wants a row or `{{from: ROW}}`, not {shown(map)}",
                outputs.value_spans[name],
                label="not this",
                help=f"{name}: {{from: ROW, loss: cross_entropy}}",
            )
            return None
        keys: OutputKeys | None = OutputKeys() if map is None else self.keys(OutputKeys, map, f"output {name}")
        if keys is None:
            return None
        place = map.value_spans.get("from", span) if map is not None else span
        return OutputSpec(name, keys.from_ or name, place, keys.train_only, keys.loss, keys.weight)

    def variants(self, root: Map) -> dict[str, Map]:
        """The `variants:` section; each entry sets parameters and sections."""
        variants = root.get("variants")
        if not isinstance(variants, Map):
            return {}
        for name in variants:
            if not VARIANT.fullmatch(name):
                self.findings.add(
                    "E110",
                    f"the name {shown(name)} can't be a variant's",
                    variants.key_spans[name],
                    label="this name",
                    help="use letters, digits, `_`, `.` and `-`",
                )
        return {name: map for name, map in variants.items() if isinstance(map, Map)}
