"""Blocks, repeats, branches, defaults and expressions become flat rows.

The rows come one at a time: an expression may ask for the size of a block's input, which is known only once
the rows before it are checked. Whoever takes the steps answers `shape_of` for every tensor so far.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from archspec.arguments import Arguments
from archspec.diagnostic import Findings, Related
from archspec.document import is_mapping
from archspec.instances import Abandon, Instance, Instances
from archspec.limits import Limits
from archspec.names import IDENTIFIER, words_in
from archspec.operators import BY_TYPE
from archspec.row import Row
from archspec.rowvalues import RowValues
from archspec.scope import Evaluator, Poison, Scope, Unknown
from archspec.shape import Shape
from archspec.sources import Frame, Produced, SourceFinder
from archspec.spec import Block, Spec
from archspec.static import type_help
from archspec.steps import Claims, Enter, Event, Layer, Leave, Origin, Step
from archspec.validation import shown

ShapeOf = Callable[[str], Shape | None]
Steps = Generator[Event, None, "str | None"]


class Expander:
    """Expands one spec."""

    def __init__(self, spec: Spec, input_tensor: str, shape_of: ShapeOf, findings: Findings, limits: Limits) -> None:
        self.spec = spec
        self.shape_of = shape_of
        self.findings = findings
        self.limits = limits
        self.evaluator = Evaluator(findings, limits)
        self.values = RowValues(findings, self.evaluator)
        self.arguments = Arguments(findings, self.evaluator)
        self.sources = SourceFinder(findings)
        self.instances = Instances(spec.blocks, findings, self.evaluator, limits)
        self._input = input_tensor
        self._calls: list[str] = []
        self._left_out: set[str] = set()
        """rows whose `when` is false"""
        self.top: Frame | None = None

    def steps(self, params: Scope) -> Steps:
        """Every event of the network, in the order it runs."""
        scope = Scope({}, {}, params, lambda: self.shape_of(self._input))
        self.top = Frame("", scope, self.spec.rows, self._input, defaults=((self.spec.defaults, scope, "defaults"),))
        return self._list(self.spec.rows, self.top, self._input)

    def _list(self, rows: tuple[Row, ...], frame: Frame, above: str | None) -> Steps:
        for row in rows:
            above = yield from self._row(row, frame, above)
        return above

    def _row(self, row: Row, frame: Frame, above: str | None) -> Steps:
        local = row.name or frame.invent(row)
        name = frame.prefix + local
        if row.broken:
            frame.names[local] = Produced(None, name)
            return None
        inputs = self.sources.find(row, frame, above)
        many = row.each is not None or row.repeat is not None
        output: str | None = inputs[0] if inputs and len(inputs) == 1 else None
        left_out = True
        try:
            if many:
                yield Enter(name, "repeat")
            for instance in self.instances.of(row, name, frame):
                output = yield from self._instance(row, instance, frame, inputs)
                if many:
                    suffix = instance.name.removeprefix(frame.prefix)
                    frame.names[suffix] = Produced(output, instance.name)
                inputs = (output,)
                left_out = left_out and instance.name in self._left_out
            if many:
                yield Leave()
        except Unknown:
            output = None
            if many:
                yield Leave()
        frame.names[local] = Produced(output, name, left_out)
        if output is not None and not left_out and (row.size is not None or row.parameters is not None):
            yield from self._claims(row, name, output, frame)
        return output

    def _claims(self, row: Row, name: str, output: str, frame: Frame) -> Iterator[Claims]:
        size = parameters = None
        try:
            if row.size is not None:
                size = self.evaluator.value(row.map["size"], frame.scope, row.value_span("size"), frame.trail)
            if row.parameters is not None:
                span = row.value_span("parameters")
                parameters = self.evaluator.value(row.parameters, frame.scope, span, frame.trail)
        except Unknown:
            return
        yield Claims(row, name, output, frame.trail, size, parameters)

    # -- one instance -----------------------------------------------------------------------------

    def _instance(self, row: Row, instance: Instance, frame: Frame, inputs: tuple[str | None, ...] | None) -> Steps:
        if row.when is not None and not self._condition(row, instance.scope, frame):
            self._left_out.add(instance.name)
            return inputs[0] if inputs is not None else None
        if row.branches is not None:
            return (yield from self._branches(row, instance, frame, inputs))
        source = inputs[0] if inputs is not None and len(inputs) == 1 else None
        if row.rows is not None:
            yield Enter(instance.name, "layers", instance.scope.values_here if row.each is not None else {})
            inner = frame.inside(instance.name, instance.scope, row.rows)
            output = yield from self._list(row.rows, inner, source)
            yield Leave()
            return output
        kind = self._kind(row, instance.scope, frame)
        block = self.spec.blocks.get(kind)
        if block is not None:
            if block.broken:
                raise Unknown
            if inputs is not None and len(inputs) > 1:
                self._one_input(row, f"block {block.name}", len(inputs), frame)
            return (yield from self._call(row, instance, block, frame, source))
        return (yield from self._operator(row, kind, instance, frame, inputs))

    def _condition(self, row: Row, scope: Scope, frame: Frame) -> bool:
        span = row.value_span("when")
        value = self.evaluator.value(row.when, scope, span, frame.trail)
        if not isinstance(value, bool):
            self.findings.add(
                "E104",
                f"`when` wants true or false, not {shown(value)}",
                span,
                label="not this",
                help="an expression compares: `=depth > 0`",
                related=frame.trail,
            )
            raise Unknown
        return value

    def _one_input(self, row: Row, what: str, count: int, frame: Frame) -> None:
        self.findings.add(
            "E202",
            f"{what} takes 1 input, and {row.name or 'this row'} has {count}",
            row.value_span("from"),
            label=f"{count} inputs",
            help="combine them in a row of their own: {type: concat, from: […]}",
            related=frame.trail,
        )
        raise Unknown

    def _kind(self, row: Row, scope: Scope, frame: Frame) -> str:
        """The operator or block of a row."""
        span = row.value_span("type")
        kind = self.evaluator.value(row.type, scope, span, frame.trail)
        if isinstance(kind, str) and (kind in BY_TYPE or kind in self.spec.blocks):
            return kind
        if row.type is not None:  # a row without a type is reported where the file is read
            self.findings.add(
                "E105",
                f"unknown type {shown(kind)}",
                span,
                label="no operator or block",
                help=type_help(kind, self.spec.blocks) if isinstance(kind, str) else None,
                related=frame.trail,
            )
        raise Unknown

    def _branches(self, row: Row, instance: Instance, frame: Frame, inputs: tuple[str | None, ...] | None) -> Steps:
        source = inputs[0] if inputs is not None and len(inputs) == 1 else None
        if inputs is not None and len(inputs) > 1:
            self._one_input(row, "a row with branches", len(inputs), frame)
        kind = self._kind(row, instance.scope, frame)
        outputs: list[str | None] = []
        yield Enter(instance.name, "branches")
        for branch, rows in row.branches or ():
            yield Enter(f"{instance.name}.{branch}", "branch")
            inner = frame.inside(f"{instance.name}.{branch}", instance.scope, rows)
            outputs.append((yield from self._list(rows, inner, source)))
            yield Leave()
        output = yield from self._operator(row, kind, instance, frame, tuple(outputs))
        yield Leave()
        return output

    def _operator(
        self, row: Row, kind: str, instance: Instance, frame: Frame, inputs: tuple[str | None, ...] | None
    ) -> Steps:
        operator_class = BY_TYPE.get(kind)
        known = None if inputs is None or None in inputs else tuple(tensor for tensor in inputs if tensor is not None)
        origin = Origin(row, self._layers(row, kind, instance, frame), frame.trail, {})
        operator = norm = activation = None
        if operator_class is not None:
            operator, norm, activation = self.values.operators(operator_class, origin, frame)
        if operator is not None and known is not None:
            shapes = tuple(shape for shape in map(self.shape_of, known) if shape is not None)
            if len(shapes) == len(known):
                operator, origin = self.values.inferred(operator, origin, shapes)
        share = self.sources.shared(row, instance.name, frame)
        yield Step(instance.name, operator, norm, activation, known, share, origin)
        return instance.name if operator is not None and known is not None else None

    def _layers(self, row: Row, kind: str, instance: Instance, frame: Frame) -> tuple[Layer, ...]:
        overrides = (Layer(which, values, instance.scope) for which, values in instance.overrides)
        return (*frame.default_layers(kind), Layer("row", row.map, instance.scope), *overrides)

    # -- blocks -------------------------------------------------------------------------------------

    def _call(self, row: Row, instance: Instance, block: Block, frame: Frame, source: str | None) -> Steps:
        self._check_depth(row, block, frame)
        trail = (Related(row.value_span("type"), f"in block {block.name}, used here"), *frame.trail)
        arguments = self.arguments.given(row, block, self._layers(row, block.name, instance, frame), frame.trail)
        origins = dict.fromkeys(arguments, f"argument of {instance.name}")
        scope = Scope(arguments, origins, self._constants(block), lambda: self._known(source))
        self.arguments.complete(block, arguments, scope, trail)
        assert self.top is not None
        inner = Frame(
            f"{instance.name}.",
            scope,
            block.rows,
            source,
            trail=trail,
            defaults=(
                *self.top.defaults,
                *((section, scope, f"defaults of block {block.name}") for section in block.defaults),
            ),
            shared=self.sources.shared_prefix(row, instance.name, frame),
        )
        self._calls.append(block.name)
        yield Enter(instance.name, block.name, arguments)
        output = yield from self._list(block.rows, inner, source)
        yield Leave()
        self._calls.pop()
        return output

    def _known(self, tensor: str | None) -> Shape | None:
        return None if tensor is None else self.shape_of(tensor)

    def _check_depth(self, row: Row, block: Block, frame: Frame) -> None:
        if block.name in self._calls:
            circle = " -> ".join([*self._calls[self._calls.index(block.name) :], block.name])
            self.findings.add(
                "E114",
                f"block {block.name} contains itself: {circle}",
                row.value_span("type"),
                label="again",
                help="use `repeat` for rows that follow one another",
            )
            raise Unknown
        if len(self._calls) >= self.limits.depth:
            self.findings.add(
                "E602",
                f"blocks stand more than {self.limits.depth} deep in one another",
                row.value_span("type"),
                label="one too deep",
                help=f"raise the limit: --limit depth={2 * self.limits.depth}",
            )
            raise Abandon

    def _constants(self, block: Block) -> Scope:
        """What a block sees besides its parameters: those of the file it was written in."""
        assert self.top is not None
        assert self.top.scope.parent is not None
        if not block.imported:
            return self.top.scope.parent
        values = dict(block.constants or {})
        return Scope(values, dict.fromkeys(values, "params of the block's file"))


def parameters_scope(spec: Spec, evaluator: Evaluator) -> Scope:
    """The parameters of a spec, each evaluated with the earlier ones."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    scope = Scope(values, origins)
    for name, raw in spec.params.items():
        if not IDENTIFIER.fullmatch(name):  # reported; what reads its parts is not
            values.update((word, Poison()) for word in words_in(name))
        origins[name] = spec.param_kinds.get(name, "params")
        if raw is None or is_mapping(raw):  # left to a variant, and none is chosen (E404); or reported (E104)
            values[name] = Poison()
            continue
        try:
            values[name] = evaluator.value(raw, scope, spec.params.value_spans[name])
        except Unknown:
            values[name] = Poison()
    return scope
