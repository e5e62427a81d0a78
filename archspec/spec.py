"""A spec as written: sections, blocks and rows, each with its place in the source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq, is_mapping
from archspec.names import IDENTIFIER, LABEL, VARIANT, legal_name, name_problem
from archspec.operators import BY_TYPE
from archspec.row import STRUCTURE, SUGAR_KEYS, Branches, Row, RowKeys, item_span
from archspec.sections import FORMS, VARIABLE_SECTIONS, BlockKeys, OutputKeys, SpecKeys
from archspec.source import Span
from archspec.validation import Reporter, place_in, report_name, shown

if TYPE_CHECKING:
    from archspec.training import TrainKeys

_WORDS_OF_EXPRESSIONS = frozenset({"i", "in", "and", "or", "not", "if", "else", "true", "false"})


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
    target: str = LABEL


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
    train: TrainKeys | None = None
    variant: str | None = None
    replaced: tuple[tuple[Any, Span], ...] = ()
    """parameters' values that a variant or the command line has put others for"""
    lost: frozenset[str] = frozenset()
    """sections that are malformed: what they would have said is not known"""
    incomplete: bool = False
    """whether the files had mistakes: the rows are worth a look, but not the sizes"""


def is_library(root: Map) -> bool:
    """True for a file of blocks that others `use`, which is no network itself."""
    return "blocks" in root and not root.keys() & {"input", "layers", "table"}


class SpecReader:
    """Reads the sections of one file into rows, blocks and outputs, and reports what is malformed."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.lost: set[str] = set()
        """sections that are malformed: what would be known from them is not"""

    def sections(self, root: Map) -> Map:
        """The sections of a file that are as they should be; findings for the others."""
        return self._sound(root, root, "a spec", filled={"extends", "use", "table", "train"})

    def variant(self, name: str, map: Map, params: Map) -> Map:
        """What a variant sets: parameters, and the sections that are as they should be."""
        sections = Map(map.span)
        for key in map.keys() & VARIABLE_SECTIONS - params.keys():
            sections.put(key, map.key_spans[key], map[key], map.value_spans[key])
        return self._sound(map, sections, f"variant {name}", filled=sections.keys())

    def _sound(self, map: Map, sections: Map, subject: str, *, filled: Collection[str]) -> Map:
        """The mapping without those of its sections that are malformed, or empty though they have to be `filled`."""
        wrong = {key for key in sections if key in filled and sections[key] is None}
        for key in sorted(wrong):
            self._empty(key, subject, sections)
        try:
            SpecKeys.model_validate(sections)
        except ValidationError as error:
            self._report(error, SpecKeys, sections, subject, "section")
            wrong |= {str(detail["loc"][0]) for detail in error.errors(include_url=False)}
        if not wrong:
            return map
        self.lost |= wrong
        sound = map.copied()
        for key in wrong:
            sound.pop(key, None)
        return sound

    def _empty(self, key: str, subject: str, map: Map) -> None:
        self.findings.add(
            "E104",
            f"`{key}` of {subject} has no value",
            map.value_spans[key],
            label="empty",
            help="give it one, or leave it out",
        )

    def keys(self, model: type[BaseModel], map: Map, subject: str) -> Any:
        """A mapping as a model; None, with findings, where it is not one."""
        try:
            return model.model_validate(map)
        except ValidationError as error:
            self._report(error, model, map, subject, "attribute")
            return None

    def _report(self, error: ValidationError, model: type[BaseModel], map: Map, subject: str, noun: str) -> None:
        reporter = Reporter(self.findings, model, subject, noun=noun, forms=FORMS)
        reporter.report(error, place_in(map, model), whole=map.span)

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
                    help=f"write {{type: {item}}}" if isinstance(item, str) and item in BY_TYPE else None,
                )
                rows.append(Row(Map(item_span(items, index, items.span)), {}, broken=True))
            else:
                rows.append(self._row(item))
        self._unique(rows)
        return tuple(rows)

    def _row(self, map: Map) -> Row:
        subject = f"row {map['name']}" if isinstance(map.get("name"), str) else "a row"
        keys: RowKeys | None = self.keys(RowKeys, map, subject)
        for key in map.keys() & STRUCTURE - {"type", *SUGAR_KEYS}:
            if map[key] is None:
                keys = None
                self._empty(key, subject, map)
        branches = self._branches(map)
        if keys is None or (branches is None and map.get("branches") is not None):
            return Row(map, {}, name=map["name"] if isinstance(map.get("name"), str) else None, broken=True)
        return Row.of(map, keys, branches, None if keys.layers is None else self.rows(map["layers"]))

    def _branches(self, map: Map) -> Branches | None:
        """The branches of a row; None where it has none, or malformed ones."""
        written = map.get("branches")
        if isinstance(written, Map):
            sound = [self.check_name(name, written.key_spans[name]) for name in written]
            named = [(name, self._branch(name, rows, written.value_spans[name])) for name, rows in written.items()]
        elif isinstance(written, Seq):
            spans = written.item_spans
            sound, named = (
                [],
                [(str(index), self._branch(str(index), rows, spans[index])) for index, rows in enumerate(written)],
            )
        elif written is None:
            return None
        else:
            sound, named = [False], []
            self.findings.add(
                "E104",
                f"`branches` wants paths of rows, by name or as a list, not {shown(written)}",
                map.value_spans["branches"],
                label="not this",
                help="branches: {left: [{type: conv, …}], right: []}",
            )
        found = tuple((name, rows) for name, rows in named if rows is not None)
        return found if all(sound) and len(found) == len(named) else None

    def _branch(self, name: str, rows: Any, span: Span) -> tuple[Row, ...] | None:
        if rows is not None and not isinstance(rows, Seq):
            self.findings.add(
                "E104",
                f"branch {name} is a list of rows, not {shown(rows)}",
                span,
                label="no list",
                help="put brackets around it: [{type: conv, …}]; [] passes the input through",
            )
            return None
        return self.rows(rows)

    def _unique(self, rows: list[Row]) -> None:
        seen: dict[str, Row] = {}
        taken = {row.name for row in rows}
        for row in rows:
            if row.name is None:
                continue
            if row.name in seen:
                free = next(name for number in count(2) if (name := f"{row.name}_{number}") not in taken)
                taken.add(free)
                self.findings.add(
                    "E224",
                    f"two rows are named {row.name}",
                    row.value_span("name"),
                    label="again",
                    help=f"give this row another name, such as {free}",
                    related=(Related(seen[row.name].value_span("name"), "the first one"),),
                )
            seen.setdefault(row.name, row)

    def check_name(self, name: str, span: Span, *, attribute: bool = True) -> bool:
        """Whether a block, branch or parameter may have this name."""
        problem = name_problem(name, attribute=attribute)
        if problem:
            report_name(self.findings, name, problem, span)
        return problem is None

    def params(self, values: Any, fallback: Span) -> Map:
        """Parameters with legal names."""
        params = values if isinstance(values, Map) else Map(fallback)
        for name, value in params.items():
            if is_mapping(value):
                problem = f"the parameter {name} wants a number, a text or a list, not {shown(value)}"
                self.findings.add("E104", problem, params.value_spans[name], label="not this")
            if not IDENTIFIER.fullmatch(name) or name in _WORDS_OF_EXPRESSIONS:
                better = legal_name(name)
                self.findings.add(
                    "E110",
                    f"the name {shown(name)} can't be a parameter's",
                    params.key_spans[name],
                    label="has a meaning in expressions" if name in _WORDS_OF_EXPRESSIONS else "this name",
                    help=f"use {better}" if better else "use letters from a to z, digits and `_`",
                )
        return params

    def block(self, name: str, map: Any, span: Span) -> Block:
        """A block of the `blocks:` section."""
        legal = self.check_name(name, span, attribute=False)
        if name in BY_TYPE or name in STRUCTURE:
            legal = False
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
            for index, name in enumerate(value):
                if name in value[:index]:
                    first = Related(value.item_spans[value.index(name)], "the first one")
                    self.findings.add(
                        "E224", f"two outputs are named {name}", value.item_spans[index], label="again",
                        help="leave one of them out", related=(first,),
                    )  # fmt: skip
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
        return OutputSpec(name, keys.from_ or name, place, keys.train_only, keys.loss, keys.weight, keys.target)

    def train(self, root: Map) -> TrainKeys | None:
        """The `train:` section; None where there is none, or a malformed one."""
        if "train" not in root:
            return None
        from archspec.train_section import read_training  # most commands need nothing of it

        return read_training(root["train"], root.value_spans["train"], self.findings)

    def recipes(self, root: Map) -> None:
        """Findings for the `recipes:` that can't be trained by."""
        recipes = root.get("recipes")
        if isinstance(recipes, Map):
            from archspec.train_section import read_training

            for name, recipe in recipes.items():
                read_training(recipe, recipes.value_spans[name], self.findings)

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
