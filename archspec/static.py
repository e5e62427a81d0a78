"""What can be wrong with a spec whatever its parameters are: checked in rows that no instance reaches too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from archspec.diagnostic import Findings
from archspec.document import Map, Seq, is_list, is_mapping, text_span
from archspec.expression import ExpressionError, parse
from archspec.limits import Limits
from archspec.names import words_in
from archspec.operators import BY_ALIAS, BY_TYPE, OPERATORS
from archspec.operators.operator import Operator
from archspec.row import OVERRIDABLE, STRUCTURE, SUGAR_KEYS, Row, has_expression, is_expression
from archspec.scope import Unknown
from archspec.source import Span
from archspec.spec import Block, Spec
from archspec.sugar import sugar_attributes, sugar_name, sugar_operator
from archspec.suggest import did_you_mean
from archspec.table_rows import TableRow
from archspec.validation import Reporter, place_in, shown

_COMBINING = ", ".join(operator.type for operator in OPERATORS if operator.role == "combine")
_ANY = "*"
"""stands among names where they can't be known: those of an `each` that is computed, or malformed"""
INPUT_NAMES = ("in.maps", "in.height", "in.width", "in.features")


def type_help(kind: str, blocks: Iterable[str]) -> str | None:
    """The type that was probably meant: another framework's name for an operator, or a near one."""
    operator = BY_ALIAS.get(" ".join(kind.lower().replace("_", " ").split()))
    if operator is not None:
        return f"did you mean `{operator.type}`?"
    return did_you_mean(kind, [*BY_TYPE, *blocks]) or "give it its rows under `blocks:`"


def check_static(spec: Spec, findings: Findings, limits: Limits) -> None:
    """Report unknown types, attributes and names, malformed values and expressions, and what is never used."""
    checker = StaticChecker(spec, findings, limits)
    checker.missing_parameters()
    checker.defaults(spec.defaults, checker.parameters(spec.params))
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
        return frozenset({*INPUT_NAMES, *self.parameters(names)})

    def parameters(self, names: Iterable[str]) -> frozenset[str]:
        """What an expression outside of rows may read."""
        lost = {_ANY} if "params" in self.spec.lost else set[str]()
        return frozenset({*lost, *(word for name in names for word in words_in(name))})

    def missing_parameters(self) -> None:
        """E404 where a parameter has no value: the family wants a variant chosen."""
        spec, missing = self.spec, [name for name, value in self.spec.params.items() if value is None]
        if not missing or "variants" in spec.lost:
            return
        variants = spec.root.get("variants")
        known = list(variants) if isinstance(variants, Map) else []
        listed = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        self.findings.add(
            "E404",
            f"{spec.name} needs a value for {', '.join(missing)}",
            spec.params.key_spans[missing[0]],
            label="no value",
            help=f"choose a variant: {listed}" if known else f"use `--set {missing[0]}=…`, or write it here",
        )

    def block(self, block: Block) -> None:
        """A block's rows, defaults and parameters."""
        names = self.visible({*self.spec.params, *block.params})
        for defaults in block.defaults:
            self.defaults(defaults, names)
        before = set(self._read)
        self._read.clear()
        self.params(block.params, self.visible(self.spec.params))
        for row in block.rows:
            self.row(row, names, (self.spec.defaults, *block.defaults))
        for defaults in block.defaults:
            self.expressions(defaults, names, defaults.span)
        for name in block.params:
            if name not in self._read and not self.findings.has_errors:
                self.findings.add(
                    "W204",
                    f"nothing in block {block.name} uses its parameter {name}",
                    block.params.key_spans[name],
                    label="unused",
                    help="remove it, or use it: =" + name,
                )
        self._read |= before

    def params(self, params: Map, outside: frozenset[str]) -> None:
        """The values of parameters: each may read those above it, and those that are always given."""
        given = {name for name, value in params.items() if value is None}
        for name, value in params.items():
            self.expressions(value, outside | given, params.value_spans[name], later=frozenset(params) - given)
            given.add(name)

    def unused(self) -> None:
        """W203 and W204: blocks and parameters that nothing uses."""
        self.params(self.spec.params, frozenset())
        for value, span in self.spec.replaced:
            self.expressions(value, self.parameters(self.spec.params), span)
        if "input" in self.spec.root:
            place = self.spec.root.value_spans["input"]
            self.expressions(self.spec.root["input"], self.parameters(self.spec.params), place)
        if self.findings.has_errors:  # what a mistyped name was to use is not unused
            return
        own = self.spec.root.span.source  # what a parent has and a child no longer uses is not the child's mistake
        for name, span in self.spec.params.key_spans.items():
            if name in self.spec.params and name not in self._read and span.source is own:
                self.findings.add(
                    "W204",
                    f"nothing uses the parameter {name}",
                    span,
                    label="unused",
                    help="remove it, or use it: =" + name,
                )
        if self._computed_types or not self.spec.rows:
            return
        used = self._used_blocks()
        for block in self.spec.blocks.values():
            if not block.imported and block.name not in used and block.span.source is own:
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
                # a block may be named by an argument of another, whose `type` is an expression
                for name in (row.type, *row.attributes.values()):
                    if isinstance(name, str) and name in self.spec.blocks and name not in used:
                        used.add(name)
                        rows.extend(self.spec.blocks[name].rows)
        return used

    def defaults(self, defaults: Map, names: frozenset[str]) -> None:
        """A `defaults:` section: known types, and attributes they have."""
        for kind, values in defaults.items():
            operator = BY_TYPE.get(kind)
            if operator is None and not self._is_block(kind):
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
                    self._attributes(operator, values, kind, complete=False, names=names)
                self._sugar(values)
                self.expressions(values, names, values.span)

    def row(self, row: Row, names: frozenset[str], defaults: tuple[Map, ...]) -> None:
        """A row and the rows inside it."""
        if row.broken:
            return
        inner = names
        if row.each is not None:
            inner = names | (_each_names(row.map["each"]) or {_ANY}) | {"i"}
        if row.repeat is not None:
            inner |= {"i"}
        for key, value in row.map.items():
            if key in ("name", "from", "share", "branches", "layers"):
                continue
            scope = names if key in ("each", "size", "parameters") else inner
            self.expressions(value, scope, row.value_span(key))
        self._shape_of_row(row)
        if row.rows is None:
            self._type(row, inner, defaults)
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
                self._untyped(row)
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

    def _untyped(self, row: Row) -> None:
        span, help = row.value_span("type") if "type" in row.map else row.label_span(), None
        for key, value in row.map.items():
            if (key in BY_TYPE or key in self.spec.blocks) and (value is None or isinstance(value, Map)):
                span, help = row.key_span(key), f"write {{type: {key}, …}}"
        if row.branches is not None:
            help = f"add type: concat, or another of {_COMBINING}"
        self.findings.add(
            "E103", "a row needs `type`", span, label="no type", help=help or "add type: conv, or another operator"
        )

    def _type(self, row: Row, names: frozenset[str], defaults: tuple[Map, ...]) -> None:
        if row.type is None or is_expression(row.type):
            self._computed_types |= row.type is not None
            return
        operator = BY_TYPE.get(row.type)
        if operator is not None:
            given = {key for section in defaults for key in section.get(row.type) or ()}
            given |= {key for override in (row.first, row.last) for key in override or ()}
            subject = f"{row.type} {row.name}" if row.name else row.type
            self._attributes(operator, row.map, subject, complete=True, given=given, row=row, names=names)
            for key in ("first", "last"):
                if isinstance(row.map.get(key), Map):
                    self._attributes(operator, row.map[key], subject, complete=False, names=names)
        elif not self._is_block(row.type):
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
                help=f"use one of {_COMBINING}",
            )

    def _is_block(self, kind: str) -> bool:
        return kind in self.spec.blocks or not self.spec.lost.isdisjoint(("blocks", "use"))

    def _attributes(
        self,
        operator: type[Operator],
        map: Map,
        subject: str,
        *,
        complete: bool,
        given: Iterable[str] = (),
        row: Row | None = None,
        names: frozenset[str] = frozenset(),
    ) -> None:
        values = {key: value for key, value in map.items() if key not in STRUCTURE and not has_expression(value)}
        computed = {key for key in map if has_expression(map[key])} | set(given)
        try:
            operator.model_validate(values)
        except ValidationError as error:
            tabled = isinstance(map, TableRow)
            reporter = Reporter(self.findings, operator, subject, also_known=STRUCTURE, names=names, tabled=tabled)

            reporter.report(
                error,
                place_in(map, operator),
                whole=row.label_span() if row else map.span,
                ignore_missing=lambda key: not complete or key in computed or "defaults" in self.spec.lost,
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

    def expressions(
        self,
        value: Any,
        names: frozenset[str],
        span: Span,
        *,
        later: frozenset[str] = frozenset(),
    ) -> None:
        """Report expressions that do not parse or read a name nobody has, or has `later`; remember what they read."""
        if is_expression(value):
            self._expression(value, names, span, later)
        elif isinstance(value, Map):
            for key, item in value.items():
                self.expressions(item, names, value.value_spans[key], later=later)
        elif isinstance(value, Seq):
            for item, place in zip(value, value.item_spans, strict=True):
                self.expressions(item, names, place, later=later)

    def _expression(self, text: str, names: frozenset[str], span: Span, later: frozenset[str]) -> None:
        try:
            expression = parse(text[1:], self.limits)
        except ExpressionError as error:
            place = text_span(span, text, error.start + 1, error.stop + 1)
            self.findings.add(error.code, error.message, place, label=error.label, help=error.help)
            return
        self._read |= expression.names
        unknown = sorted(expression.names - names)
        if unknown and _ANY not in names:
            start, stop = expression.place(unknown[0])
            help = did_you_mean(unknown[0], names)
            if unknown[0] in later:
                help = "a parameter reads those above it: move it down"
            elif unknown[0] == "i":
                help = "`i` counts the instances of a row with `repeat` or `each`"
            self.findings.add(
                "E302",
                f"unknown name `{unknown[0]}`",
                text_span(span, text, start + 1, stop + 1),
                label="unknown",
                help=help,
            )


def _each_names(each: Any) -> frozenset[str]:
    if is_mapping(each):
        return frozenset(each)
    entries = [entry for entry in each if is_mapping(entry)] if is_list(each) else []
    return frozenset(name for entry in entries for name in entry)
