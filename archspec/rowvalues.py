"""The operators of a row: its attributes gathered from defaults, row and overrides, and validated."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from archspec.diagnostic import Findings
from archspec.document import Map
from archspec.operators.operator import Misfit, Operator
from archspec.row import OVERRIDABLE, STRUCTURE, SUGAR_KEYS, Row, has_expression
from archspec.scope import Evaluator, Unknown
from archspec.shape import Shape
from archspec.source import Span
from archspec.sources import Frame
from archspec.steps import Layer, Origin
from archspec.sugar import sugar_attributes, sugar_name, sugar_operator
from archspec.table_rows import TableRow, claimed_shape_fits
from archspec.validation import Reporter, place_in

Operators = tuple[Operator | None, Operator | None, Operator | None]
_BROKEN: Operators = (None, None, None)
_MOST_MISFITS = 100
"""sizes that nothing makes true, before archspec stops looking: the table is wrong, and each costs hundreds of tries"""


class RowValues:
    """Builds operators; rows without expressions are built once however often they are used."""

    def __init__(self, findings: Findings, evaluator: Evaluator) -> None:
        self.findings = findings
        self.evaluator = evaluator
        self._misfits = 0
        self._built: dict[tuple[int, ...], tuple[Operators, Origin]] = {}

    def operators(self, operator_class: type[Operator], origin: Origin, frame: Frame) -> Operators:
        """The operator of a row, its normalization and its activation; three times None where one has a mistake."""
        if any(has_expression(layer.values) for layer in origin.layers):
            return self._build(operator_class, origin, frame)
        key = tuple(id(layer.values) for layer in origin.layers)
        if key not in self._built:
            # the origin is kept with it so that the ids of its layers stay taken
            self._built[key] = (self._build(operator_class, origin, frame), origin)
        return self._built[key][0]

    def _build(self, operator_class: type[Operator], origin: Origin, frame: Frame) -> Operators:
        row = origin.row
        self._check_places(origin, frame)
        operator = norm = activation = None
        sound = True
        try:
            subject = f"{operator_class.type} {row.name}" if row.name else operator_class.type
            operator = self._operator(operator_class, origin.layers, subject, row, frame)
        except Unknown:
            sound = False
        for key in SUGAR_KEYS:
            try:
                made = self._sugar(key, origin, frame)
            except Unknown:
                sound = False
                continue
            norm, activation = (made, activation) if key == "norm" else (norm, made)
        return (operator, norm, activation) if sound else _BROKEN

    def _check_places(self, origin: Origin, frame: Frame) -> None:
        """E115 for keys of rows in `defaults`, `first` or `last`."""
        for layer in origin.layers:
            if layer.values is origin.row.map:
                continue
            for key in layer.values.keys() & (STRUCTURE - OVERRIDABLE):
                self.findings.add(
                    "E115",
                    f"`{key}` can't stand in {layer.kind}: it belongs to a row",
                    layer.values.key_spans[key],
                    label="not here",
                    help="only attributes, `norm` and `activation` can",
                    related=frame.trail,
                )

    def _operator(
        self, operator_class: type[Operator], layers: tuple[Layer, ...], subject: str, row: Row, frame: Frame
    ) -> Operator:
        """An operator with the attributes of all layers; `Unknown`, with findings, where they are wrong."""
        values: dict[str, Any] = {}
        owners: dict[str, Map] = {}
        for layer in layers:
            for key, raw in layer.values.items():
                if key not in STRUCTURE:
                    owners[key] = layer.values
                    values[key] = self.evaluator.value(raw, layer.scope, layer.values.value_spans[key], frame.trail)
        try:
            return operator_class.model_validate(values)
        except ValidationError as error:

            def place(location: tuple[str | int, ...]) -> Span:
                return place_in(owners[str(location[0])], operator_class)(location)

            reporter = Reporter(self.findings, operator_class, subject, also_known=STRUCTURE, related=frame.trail)
            reporter.report(error, place, whole=row.label_span())
            raise Unknown from None

    def _sugar(self, key: str, origin: Origin, frame: Frame) -> Operator | None:
        layer = origin.setter(key)
        if layer is None:
            return None
        value, span = layer.values[key], layer.values.value_spans[key]
        name = self.evaluator.value(sugar_name(value), layer.scope, span, frame.trail)
        operator_class = sugar_operator(key, name, span, self.findings, frame.trail)
        if operator_class is None:
            return None
        layers = frame.default_layers(operator_class.type)
        attributes = sugar_attributes(value)
        if attributes:
            layers.append(Layer("row", attributes, layer.scope))
        return self._operator(operator_class, tuple(layers), f"{key} {operator_class.type}", origin.row, frame)

    def inferred(self, operator: Operator, origin: Origin, shapes: tuple[Shape, ...]) -> tuple[Operator, Origin]:
        """The operator with what a table leaves out and its sizes imply."""
        map = origin.row.map
        open = map.open - map.keys() if isinstance(map, TableRow) else frozenset[str]()
        if not open or origin.row.size is None:
            return operator, origin
        if _fits(operator, shapes, origin.row.size):
            return operator, origin
        if self._misfits >= _MOST_MISFITS:
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
                    f"{said} for {origin.row.name or origin.row.type}, which the table leaves out:"
                    f" its size of {origin.row.size} needs it",
                    origin.row.value_span("size"),
                    label=f"from an input of {shapes[0]}",
                )
                return candidate, Origin(origin.row, origin.layers, origin.trail, found)
        self._misfits += 1
        return operator, origin


def _fits(operator: Operator, shapes: tuple[Shape, ...], size: Any) -> bool:
    try:
        return claimed_shape_fits(size, operator.shape(shapes))
    except Misfit:
        return False
