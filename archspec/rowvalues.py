"""The operators of a row: its attributes gathered from defaults, row and overrides, and validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from archspec.diagnostic import Findings
from archspec.document import Map
from archspec.operators import BY_TYPE
from archspec.operators.operator import Misfit, Operator
from archspec.row import OVERRIDABLE, STRUCTURE, SUGAR_KEYS, Row, has_expression
from archspec.scope import Evaluator, Scope, Unknown
from archspec.shape import Shape
from archspec.source import Span
from archspec.sources import Frame
from archspec.spec import Block
from archspec.steps import Layer, Origin
from archspec.sugar import sugar_operator
from archspec.suggest import did_you_mean
from archspec.table_rows import TableRow, claimed_shape_fits
from archspec.validation import Reporter, shown

Operators = tuple[Operator | None, Operator | None, Operator | None]


class RowValues:
    """Builds operators; rows without expressions are built once however often they are used."""

    def __init__(self, findings: Findings, evaluator: Evaluator) -> None:
        self.findings = findings
        self.evaluator = evaluator
        self._built: dict[tuple[int, ...], tuple[Operators, Origin]] = {}

    def operators(self, operator_class: type[Operator], origin: Origin, frame: Frame) -> Operators:
        """The operator of a row, its normalization and its activation."""
        constant = all(_is_constant(layer) for layer in origin.layers)
        key = tuple(id(layer.values) for layer in origin.layers)
        if constant and key in self._built:
            return self._built[key][0]
        built = self._build(operator_class, origin, frame)
        if constant:
            self._built[key] = (built, origin)  # keeping the origin keeps the ids of its layers alive
        return built

    def _build(self, operator_class: type[Operator], origin: Origin, frame: Frame) -> Operators:
        operator = self._operator(operator_class, origin.layers, _row_subject(origin.row), origin, frame)
        norm, activation = (self._sugar(key, origin, frame) for key in SUGAR_KEYS)
        if isinstance(norm, Mistake) or isinstance(activation, Mistake):
            return (None, None, None)
        return (operator, norm, activation)

    def _operator(
        self, operator_class: type[Operator], layers: tuple[Layer, ...], subject: str, origin: Origin, frame: Frame
    ) -> Operator | None:
        values: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        owners: dict[str, Mapping[str, Any]] = {}
        try:
            for layer in layers:
                for key, raw in layer.values.items():
                    if key in STRUCTURE and not (key == "type" and layer.kind == "override"):
                        if layer.kind != "row" and key not in OVERRIDABLE:
                            self._misplaced(key, layer, origin, frame)
                        continue
                    spans[key] = getattr(layer.values, "value_spans", {}).get(key, origin.row.span)
                    owners[key] = layer.values
                    values[key] = self.evaluator.value(raw, _scope(layer), spans[key], frame.trail)
        except Unknown:
            return None
        try:
            return operator_class.model_validate(values)
        except ValidationError as error:
            reporter = Reporter(self.findings, operator_class, subject, also_known=STRUCTURE, related=frame.trail)

            def place(location: tuple[str | int, ...]) -> Span:
                key = str(location[0])
                if key not in operator_class.model_fields:
                    return getattr(owners[key], "key_spans", {}).get(key, spans[key])
                return spans.get(key, origin.row.span)

            reporter.report(error, place, whole=origin.row.label_span())
            return None

    def _misplaced(self, key: str, layer: Layer, origin: Origin, frame: Frame) -> None:
        span = getattr(layer.values, "key_spans", {}).get(key, origin.row.span)
        self.findings.add(
            "E115",
            f"`{key}` can't stand in {layer.kind}: it belongs to a row",
            span,
            label="not here",
            help="only attributes, `norm` and `activation` can",
            related=frame.trail,
        )

    def _sugar(self, key: str, origin: Origin, frame: Frame) -> Operator | Mistake | None:
        layer = origin.setter(key)
        if layer is None:
            return None
        span = getattr(layer.values, "value_spans", {}).get(key, origin.row.span)
        try:
            value = self.evaluator.value(layer.values[key], _scope(layer), span, frame.trail)
        except Unknown:
            return Mistake()
        kind, attributes = sugar_operator(key, value, span, self.findings, frame.trail)
        if kind is None:
            return Mistake() if attributes is None else None
        layers = [
            Layer(origin_name, section[kind.type], scope)
            for section, scope, origin_name in frame.defaults
            if isinstance(section.get(kind.type), Map)
        ]
        if attributes:
            layers.append(Layer("row", attributes, layer.scope))
        built = self._operator(kind, tuple(layers), f"{key} {kind.type}", origin, frame)
        return Mistake() if built is None else built

    def inferred(self, operator: Operator, origin: Origin, shapes: tuple[Shape, ...]) -> tuple[Operator, Origin]:
        """The operator with what a table leaves out and its sizes imply."""
        map = origin.row.map
        open = map.open - map.keys() if isinstance(map, TableRow) else frozenset[str]()
        if not open or origin.row.size is None:
            return operator, origin
        if _fits(operator, shapes, origin.row.size):
            return operator, origin
        for candidate in operator.variations(open):
            if _fits(candidate, shapes, origin.row.size):
                found = {
                    name: getattr(candidate, name)
                    for name in sorted(open)
                    if getattr(candidate, name) != getattr(operator, name)
                }
                said = ", ".join(f"{name}: {candidate.written(name)}" for name in found)
                self.findings.add(
                    "N501",
                    f"{said} for {origin.row.name}, which the table leaves out: its size of {origin.row.size} needs it",
                    origin.row.value_span("size"),
                    label=f"from an input of {shapes[0]}",
                )
                return candidate, Origin(origin.row, origin.layers, origin.trail, found)
        return operator, origin

    # -- arguments of blocks ------------------------------------------------------------------

    def argument_keys(self, layer: Layer, row: Row, block: Block, frame: Frame) -> Iterator[tuple[str, Span]]:
        """The arguments that a layer gives, with their places; keys that are none are reported."""
        for key in layer.values:
            values = getattr(layer.values, "value_spans", {})
            if key in block.params:
                yield key, values.get(key, row.span)
            elif key not in STRUCTURE or (key in SUGAR_KEYS and layer.kind == "row"):
                self.findings.add(
                    "E102",
                    f"block {block.name} has no parameter `{key}`",
                    getattr(layer.values, "key_spans", {}).get(key, row.span),
                    label="unknown",
                    help=did_you_mean(key, [*block.params, *STRUCTURE]),
                    related=frame.trail,
                )

    def check_argument(self, block: Block, key: str, value: Any, span: Span, frame: Frame) -> None:
        """An argument of another kind than its default is a mistake."""
        default = block.params[key]
        if default is None or value is None or has_expression(default) or _kind(value) == _kind(default):
            return
        self.findings.add(
            "E104",
            f"`{key}` of block {block.name} wants {_kind(default)}, like {shown(default)}, not {shown(value)}",
            span,
            label="not this",
            related=frame.trail,
        )
        raise Unknown

    def missing_argument(self, row: Row, block: Block, name: str, frame: Frame) -> None:
        """A parameter without default that nothing gives."""
        self.findings.add(
            "E103",
            f"block {block.name} needs `{name}`",
            row.value_span("type"),
            label="missing",
            help=f"add {name}: …",
            related=frame.trail,
        )


class Mistake:
    """Stands for sugar that has a mistake."""


def _scope(layer: Layer) -> Scope:
    assert isinstance(layer.scope, Scope)
    return layer.scope


def _row_subject(row: Row) -> str:
    return f"{row.type} {row.name}" if row.name else f"{row.type}"


def _is_constant(layer: Layer) -> bool:
    return not has_expression(layer.values)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a text" if isinstance(value, str) else "a list"


def _fits(operator: Operator, shapes: tuple[Shape, ...], size: Any) -> bool:
    try:
        return claimed_shape_fits(size, operator.shape(shapes))
    except Misfit:
        return False


def operator_names() -> list[str]:
    """The types of all operators."""
    return sorted(BY_TYPE)
