"""What can be wrong with a spec whatever its parameters are: checked in rows that no instance reaches too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from archspec.diagnostic import Findings
from archspec.document import Map, Seq, is_list, is_mapping, text_span
from archspec.expression import ExpressionError, parse
from archspec.limits import Limits
from archspec.operators import BY_ALIAS, BY_TYPE
from archspec.operators.operator import Operator
from archspec.row import OVERRIDABLE, STRUCTURE, SUGAR_KEYS, Row, has_expression, is_expression
from archspec.scope import Unknown
from archspec.source import Span
from archspec.spec import Block, Spec
from archspec.sugar import sugar_attributes, sugar_name, sugar_operator
from archspec.suggest import did_you_mean
from archspec.validation import Reporter, shown

INPUT_NAMES = ("in.maps", "in.height", "in.width", "in.features")


def type_help(kind: str, blocks: Iterable[str]) -> str | None:
    """The type that was probably meant: another framework's name for an operator, or a near one."""
    operator = BY_ALIAS.get(" ".join(kind.lower().replace("_", " ").split()))
    return f"did you mean `{operator.type}`?" if operator else did_you_mean(kind, [*BY_TYPE, *blocks])


def check_static(spec: Spec, findings: Findings, limits: Limits) -> None:
    """Report unknown types, attributes and names, malformed values and expressions, and what is never used."""
    checker = StaticChecker(spec, findings, limits)
    checker.missing_parameters()
    checker.defaults(spec.defaults, frozenset(spec.params))
    for row in spec.rows:
        checker.row(row, checker.visible(spec.params), (spec.defaults,))
    for block in spec.blocks.values():
        if not block.imported:
            checker.block(block)
    checker.unused()


class StaticChecker:
    """Walks the rows as written."""

    def __init__(self, spec: Spec, findings: Findings, limits: Limits) -> None:
        self.spec = spec
        self.findings = findings
        self.limits = limits
        self._read: set[str] = set()
        """names that some expression of the spec reads"""
        self._computed_types = False

    def visible(self, names: Iterable[str]) -> frozenset[str]:
        """What an expression in a list of rows may read."""
        return frozenset({*names, *INPUT_NAMES})

    def missing_parameters(self) -> None:
        """E404 where a parameter has no value: the family wants a variant chosen."""
        spec, missing = self.spec, [name for name, value in self.spec.params.items() if value is None]
        if not missing:
            return
        variants = spec.root.get("variants")
        known = list(variants) if isinstance(variants, Map) else []
        listed = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        self.findings.add(
            "E404",
            f"{spec.name} needs a value for {', '.join(missing)}",
            spec.params.key_spans[missing[0]],
            label="no value",
            help=f"choose a variant: {listed}" if known else f"use `--set {missing[0]}=…`",
        )

    def block(self, block: Block) -> None:
        """A block's rows, defaults and parameters."""
        names = self.visible({*self.spec.params, *block.params})
        for defaults in block.defaults:
            self.defaults(defaults, names)
        before = set(self._read)
        self._read.clear()
        for name, value in block.params.items():
            self.expressions(value, names, block.params.value_spans[name])
        for row in block.rows:
            self.row(row, names, (self.spec.defaults, *block.defaults))
        for defaults in block.defaults:
            self.expressions(defaults, names, defaults.span)
        for name in block.params:
            if name not in self._read:
                self.findings.add(
                    "W204",
                    f"nothing in block {block.name} uses its parameter {name}",
                    block.params.key_spans[name],
                    label="unused",
                    help="remove it, or use it: =" + name,
                )
        self._read |= before

    def unused(self) -> None:
        """W203 and W204: blocks and parameters that nothing uses."""
        for name, value in self.spec.params.items():
            self.expressions(value, frozenset(self.spec.params), self.spec.params.value_spans[name])
        for value, span in self.spec.replaced:
            self.expressions(value, frozenset(self.spec.params), span)
        self.expressions(self.spec.root.get("input"), frozenset(self.spec.params), self.spec.root.span)
        for name in self.spec.params:
            if name not in self._read:
                self.findings.add(
                    "W204",
                    f"nothing uses the parameter {name}",
                    self.spec.params.key_spans[name],
                    label="unused",
                    help="remove it, or use it: =" + name,
                )
        if self._computed_types or not self.spec.rows:
            return
        used = self._used_blocks()
        for block in self.spec.blocks.values():
            if not block.imported and block.name not in used:
                self.findings.add(
                    "W203",
                    f"nothing uses block {block.name}",
                    block.span,
                    label="unused",
                    help="remove it, or use it as a type",
                )

    def _used_blocks(self) -> set[str]:
        used: set[str] = set()
        rows = list(self.spec.rows)
        while rows:
            for row in rows.pop().inside():
                if row.type in self.spec.blocks and row.type not in used:
                    used.add(row.type)
                    rows.extend(self.spec.blocks[row.type].rows)
        return used

    def defaults(self, defaults: Map, names: frozenset[str]) -> None:
        """A `defaults:` section: known types, and attributes they have."""
        for kind, values in defaults.items():
            operator = BY_TYPE.get(kind)
            if operator is None and kind not in self.spec.blocks:
                self.findings.add(
                    "E105",
                    f"unknown type {shown(kind)}",
                    defaults.key_spans[kind],
                    label="no operator or block",
                    help=type_help(kind, self.spec.blocks),
                )
            elif isinstance(values, Map):
                for key in values:
                    if key in STRUCTURE - OVERRIDABLE:
                        self.findings.add(
                            "E115",
                            f"`{key}` can't stand in defaults: it belongs to a row",
                            values.key_spans[key],
                            label="not here",
                            help="only attributes, `norm` and `activation` can",
                        )
                if operator is not None:
                    self._attributes(operator, values, kind, complete=False)
                self._sugar(values)
                self.expressions(values, names, values.span)

    def row(self, row: Row, names: frozenset[str], defaults: tuple[Map, ...]) -> None:
        """A row and the rows inside it."""
        if row.broken:
            return
        inner = names
        if row.each is not None:
            inner = names | _each_names(row.map["each"]) | {"i"}
        if row.repeat is not None:
            inner |= {"i"}
        for key, value in row.map.items():
            if key in ("branches", "layers"):
                continue
            scope = names if key in ("each", "size", "parameters") else inner
            self.expressions(value, scope, row.value_span(key), quiet=is_expression(row.each))
        self._shape_of_row(row)
        self._type(row, defaults)
        self._sugar(row.map)
        for _, rows in row.branches or ():
            for each in rows:
                self.row(each, inner, defaults)
        for each in row.rows or ():
            self.row(each, inner, defaults)

    def _shape_of_row(self, row: Row) -> None:
        many = row.repeat is not None or row.each is not None
        for key in ("first", "last"):
            if getattr(row, key) is not None and not many:
                self.findings.add(
                    "E107",
                    f"`{key}` needs `repeat` or `each`: this row has one instance",
                    row.key_span(key),
                    label="one instance",
                    help="add repeat: …, or put the attributes into the row itself",
                )
        if row.rows is None:
            if row.type is None:
                self.findings.add(
                    "E103", "a row needs `type`", row.span, label="no type", help="add type: conv, or another operator"
                )
            return
        for key in ("type", "branches", *SUGAR_KEYS, *row.attributes):
            if key in row.map:
                self.findings.add(
                    "E107",
                    f"a group of rows (`layers`) has no `{key}`",
                    row.key_span(key),
                    label="not here",
                    help="give it to the rows inside",
                )

    def _type(self, row: Row, defaults: tuple[Map, ...]) -> None:
        if row.type is None or is_expression(row.type):
            self._computed_types |= row.type is not None
            return
        operator = BY_TYPE.get(row.type)
        if operator is not None:
            given = {key for section in defaults for key in section.get(row.type) or ()}
            given |= {key for override in (row.first, row.last) for key in override or ()}
            subject = f"{row.type} {row.name}" if row.name else row.type
            self._attributes(operator, row.map, subject, complete=True, given=given, row=row)
            for key in ("first", "last"):
                if isinstance(row.map.get(key), Map):
                    self._attributes(operator, row.map[key], subject, complete=False)
        elif row.type not in self.spec.blocks:
            self.findings.add(
                "E105",
                f"unknown type {shown(row.type)}",
                row.value_span("type"),
                label="no operator or block",
                help=type_help(row.type, self.spec.blocks),
            )
        elif row.branches is not None:
            self.findings.add(
                "E107",
                f"`branches` are combined by an operator, and {row.type} is a block",
                row.key_span("branches"),
                label="not here",
                help="use type: add, concat, multiply or scale",
            )

    def _attributes(
        self,
        operator: type[Operator],
        map: Map,
        subject: str,
        *,
        complete: bool,
        given: Iterable[str] = (),
        row: Row | None = None,
    ) -> None:
        values = {key: value for key, value in map.items() if key not in STRUCTURE and not has_expression(value)}
        computed = {key for key in map if has_expression(map[key])} | set(given)
        try:
            operator.model_validate(values)
        except ValidationError as error:
            reporter = Reporter(self.findings, operator, subject, also_known=STRUCTURE)

            def place(location: tuple[str | int, ...]) -> Span:
                key = str(location[0])
                spans = map.value_spans if key in operator.model_fields else map.key_spans
                return spans[key]

            reporter.report(
                error,
                place,
                whole=row.label_span() if row else map.span,
                ignore_missing=lambda key: not complete or key in computed,
            )

    def _sugar(self, map: Map) -> None:
        for key in SUGAR_KEYS:
            value = map.get(key)
            name = sugar_name(value)
            if is_expression(name):
                continue
            try:
                operator = sugar_operator(key, name, map.value_spans.get(key, map.span), self.findings)
            except Unknown:
                continue
            attributes = sugar_attributes(value)
            if operator is not None and attributes is not None:
                self._attributes(operator, attributes, f"{key} {operator.type}", complete=True)

    def expressions(self, value: Any, names: frozenset[str], span: Span, *, quiet: bool = False) -> None:
        """Report expressions that do not parse or read a name nobody has; remember what they read."""
        if is_expression(value):
            self._expression(value, names, span, quiet)
        elif isinstance(value, Map):
            for key, item in value.items():
                self.expressions(item, names, value.value_spans[key], quiet=quiet)
        elif isinstance(value, Seq):
            for item, place in zip(value, value.item_spans, strict=True):
                self.expressions(item, names, place, quiet=quiet)

    def _expression(self, text: str, names: frozenset[str], span: Span, quiet: bool) -> None:
        try:
            expression = parse(text[1:], self.limits)
        except ExpressionError as error:
            place = text_span(span, text, error.start + 1, error.stop + 1)
            self.findings.add(error.code, error.message, place, label=error.label, help=error.help)
            return
        self._read |= expression.names
        unknown = sorted(expression.names - names)
        if unknown and not quiet:
            start, stop = expression.place(unknown[0])
            self.findings.add(
                "E302",
                f"unknown name `{unknown[0]}`",
                text_span(span, text, start + 1, stop + 1),
                label="unknown",
                help=did_you_mean(unknown[0], names),
            )


def _each_names(each: Any) -> frozenset[str]:
    if is_mapping(each):
        return frozenset(each)
    entries = [entry for entry in each if is_mapping(entry)] if is_list(each) else []
    return frozenset(name for entry in entries for name in entry)
