"""Spec to graph: every shape computed, every claim verified, every mistake reported once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archspec.claims import ClaimChecker
from archspec.diagnostic import Findings, Related
from archspec.expand import Abandon, Expander, parameters_scope
from archspec.graph import INPUT, Graph, GraphRow, Group, Node
from archspec.limits import DEFAULT_LIMITS, Limits
from archspec.network_input import read_input
from archspec.operators.arrange import Flatten
from archspec.operators.operator import Misfit, Operator
from archspec.outputs import resolve_outputs, warn_unused
from archspec.scope import Evaluator
from archspec.shape import Shape
from archspec.spec import Spec, is_library
from archspec.static import check_static
from archspec.steps import Claims, Enter, Leave, Step


class Builder:
    """Takes steps one at a time and makes nodes of them."""

    def __init__(self, findings: Findings, limits: Limits) -> None:
        self.findings = findings
        self.limits = limits
        self.shapes: dict[str, Shape] = {}
        """of every tensor"""
        self.ends: dict[str, str] = {}
        """for each row, the tensor that its name means: the one behind its normalization and activation"""
        self.rows: list[GraphRow] = []
        self.groups: list[Group] = []
        self.nodes: dict[str, Node] = {}
        self.parameters = 0
        self._open: list[tuple[Enter, int]] = []

    def take_input(self, shape: Shape) -> None:
        """Begin with the network's input."""
        self.shapes[INPUT] = shape
        self.ends[INPUT] = INPUT

    def shape_of(self, row: str) -> Shape | None:
        """The output shape of a row, or of the input."""
        return self.shapes[self.ends[row]] if row in self.ends else None

    def enter(self, group: Enter) -> None:
        self._open.append((group, len(self.rows)))

    def leave(self) -> None:
        group, start = self._open.pop()
        self.groups.append(Group(group.name, group.kind, start, len(self.rows), group.values))

    def add(self, step: Step) -> None:
        """Make the nodes of a row; where something does not fit, report it and make none."""
        if step.operator is None or step.inputs is None or not all(row in self.ends for row in step.inputs):
            return
        if not self._arity_fits(step, step.operator, step.inputs):
            return
        made: list[Node] = []
        inputs = tuple(self.ends[row] for row in step.inputs)
        if step.operator.flattens and self.shapes[inputs[0]].is_maps:
            flat = self._node(step, f"{step.name}.flatten", Flatten(), inputs)
            if flat is None:
                return
            made.append(flat)
            inputs = (flat.name,)
        main = self._node(step, step.name, step.operator, inputs, self._shared(step, step.name))
        if main is None:
            return
        made.append(main)
        for part, operator in (("norm", step.norm), ("activation", step.activation)):
            if operator is not None:
                name = f"{step.name}.{part}"
                node = self._node(step, name, operator, (made[-1].name,), self._shared(step, name))
                if node is None:
                    return
                made.append(node)
        self.rows.append(GraphRow(step.name, tuple(made), main, step.origin))
        self.ends[step.name] = made[-1].name

    def again(
        self,
        row: GraphRow,
        inputs: tuple[str, ...],
        operator_of: Callable[[Node, Sequence[Shape]], Operator] = lambda node, _: node.operator,
    ) -> None:
        """Make the nodes of another graph's row for the shapes that there are now; `inputs` are the rows it takes.

        `operator_of` gives each node's operator, from the node as it was and the shapes of its inputs.
        """
        step = Step(row.name, row.main.operator, None, None, inputs, None, row.origin)
        made: dict[str, Node] = {}
        for node in row.nodes:
            if not all(tensor in self.shapes for tensor in node.inputs):
                return
            try:
                operator = operator_of(node, tuple(self.shapes[tensor] for tensor in node.inputs))
            except Misfit as misfit:
                self._report(misfit, step)
                return
            new = self._node(step, node.name, operator, node.inputs, node.shares)
            if new is None:
                return
            made[node.name] = new
        self.rows.append(GraphRow(row.name, tuple(made.values()), made[row.main.name], row.origin))

    def _arity_fits(self, step: Step, operator: Operator, inputs: tuple[str, ...]) -> bool:
        least, most = operator.arity
        if least <= len(inputs) and (most is None or len(inputs) <= most):
            return True
        wants = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
        row = step.origin.row
        place = "branches" if row.branches is not None else "from" if row.from_ else "type"
        if place == "branches":
            help = (
                "give it more branches"
                if least > len(inputs)
                else f"use type: concat, or another that takes {len(inputs)}"
            )
        elif least > len(inputs):
            help = "give it `from: [a, b]` or `branches:`"
        else:
            help = f"leave {len(inputs) - least} out" if least > 1 else "combine them first: {type: concat, from: […]}"
        self.findings.add(
            "E202",
            f"{operator.type} takes {wants} input{'s' if wants != '1' else ''}, and {step.name} has {len(inputs)}",
            row.value_span(place),
            label=f"{len(inputs)} input{'s' if len(inputs) != 1 else ''}",
            help=help,
            related=step.origin.trail,
        )
        return False

    def _shared(self, step: Step, name: str) -> str | None:
        return None if step.share is None else step.share + name.removeprefix(step.name)

    def _node(
        self, step: Step, name: str, operator: Operator, inputs: tuple[str, ...], shares: str | None = None
    ) -> Node | None:
        if name in self.nodes:
            first = next((row for row in self.rows if any(node.name == name for node in row.nodes)), None)
            place = () if first is None else (Related(first.origin.row.label_span(), "the first one"),)
            part = name.removeprefix(f"{step.name}.")
            self.findings.add(
                "E224", f"two rows are named {name}", step.origin.row.label_span(),
                label="again" if part == name else f"its {part} is named so",
                help="give one of them another name", related=(*place, *step.origin.trail),
            )  # fmt: skip
            return None
        shapes = tuple(self.shapes[tensor] for tensor in inputs)
        try:
            shape = operator.shape(shapes)
        except Misfit as misfit:
            self._report(misfit, step)
            return None
        source = self._source_of_weights(shares)
        node = Node(name, operator, inputs, shapes, shape, source if source and operator.parameters(shapes) else None)
        if not self._within_limits(node, step) or not self._weights_fit(node, shares, source, step):
            return None
        self.nodes[name] = node
        self.shapes[name] = shape
        return node

    def _source_of_weights(self, shares: str | None) -> str | None:
        while shares is not None and shares in self.nodes and self.nodes[shares].shares:
            shares = self.nodes[shares].shares
        return shares

    def _weights_fit(self, node: Node, shares: str | None, source: str | None, step: Step) -> bool:
        if shares is None:
            return True
        own = node.operator.parameters(node.input_shapes)
        other = self.nodes.get(source or "")
        theirs = other.operator.parameters(other.input_shapes) if other else ()
        if own == theirs:
            return True
        said = ", ".join(f"{each.name} {Shape(each.shape)}" for each in own) or "no weights"
        found = "there are " + (", ".join(f"{each.name} {Shape(each.shape)}" for each in theirs) or "no weights")
        found = found if other else "there is no such row"
        row = step.origin.row
        self.findings.add(
            "E213",
            f"{node.name} can't use the weights of {shares}: it needs {said}, and {found}",
            row.value_span("share") if row.share else row.label_span(),
            label="does not fit",
            help="share between rows of one type with equal inputs, kernels and maps",
            related=step.origin.trail,
        )
        return False

    def _report(self, misfit: Misfit, step: Step) -> None:
        def put_in(text: str) -> str:
            for index, row in enumerate(step.inputs or ()):
                text = text.replace(f"{{{index}}}", "the input" if row == INPUT else row)
            return text.replace("{row}", step.name)

        self.findings.add(
            misfit.code,
            put_in(misfit.message),
            step.origin.span_of(misfit.attribute),
            label=put_in(misfit.label),
            help=None if misfit.help is None else put_in(misfit.help),
            related=step.origin.trail,
        )

    def _within_limits(self, node: Node, step: Step) -> bool:
        limits, shape = self.limits, node.shape
        own = sum(parameter.size for parameter in node.parameters())
        self.parameters += own
        problem = None
        if shape.is_maps and shape.maps > limits.maps:
            problem = (
                "E603",
                f"{node.name} has {shape.maps:,} maps, and the limit is {limits.maps:,}",
                "maps",
                shape.maps,
            )
        elif shape.is_maps and max(shape.height, shape.width) > limits.side:
            problem = (
                "E604",
                f"{node.name} is {shape.height}x{shape.width}, and the limit is {limits.side:,} a side",
                "side",
                max(shape.height, shape.width),
            )
        elif shape.elements > limits.number:
            problem = (
                "E604",
                f"{node.name} has {shape.elements:,} elements, and the limit is {limits.number:,}",
                "number",
                shape.elements,
            )
        elif self.parameters > limits.parameters:
            said = f"the network has {self.parameters:,} parameters up to {node.name}"
            problem = ("E605", f"{said}, and the limit is {limits.parameters:,}", "parameters", self.parameters)
        if problem is None:
            return True
        self.parameters -= own  # the rows below are not at fault
        code, message, name, needed = problem
        self.findings.add(
            code, message, step.origin.row.label_span(), label="too large",
            help=f"raise the limit: --limit {name}={needed}", related=step.origin.trail,
        )  # fmt: skip
        return False


def check(spec: Spec, findings: Findings, limits: Limits = DEFAULT_LIMITS, *, with_claims: bool = True) -> Graph | None:
    """The graph of a spec; None, with findings, where it has mistakes.

    Without claims the sizes that rows state are passed over: they are those of the file's own input.
    """
    check_static(spec, findings, limits)
    if spec.incomplete:
        return None
    if is_library(spec.root):
        findings.add(
            "E117",
            "the spec has blocks alone, and no network",
            spec.root.span,
            label="neither `input` nor `layers`",
            help="name the file under `use:` of a spec, or add input: and layers:",
        )
        return None
    evaluator = Evaluator(findings, limits)
    params = parameters_scope(spec, evaluator)
    input_shape = read_input(spec, params, evaluator, findings, limits)
    builder = Builder(findings, limits)
    if input_shape is not None:
        builder.take_input(input_shape)
    expander = Expander(spec, INPUT, builder.shape_of, findings, limits)
    claims = ClaimChecker(findings)
    last = None
    try:
        steps = expander.steps(params)
        while True:
            event = next(steps)
            if isinstance(event, Step):
                builder.add(event)
            elif isinstance(event, Enter):
                builder.enter(event)
            elif isinstance(event, Leave):
                builder.leave()
            elif with_claims:
                assert isinstance(event, Claims)
                claims.check(event, builder)
    except StopIteration as end:
        last = end.value
    except Abandon:
        return None
    assert expander.top is not None
    outputs = resolve_outputs(spec, expander.top, last, builder.ends, findings)
    if findings.has_errors or input_shape is None or outputs is None:
        return None
    graph = Graph(
        spec.name, input_shape, tuple(builder.rows), tuple(builder.groups), outputs, spec.variant, spec.description,
        spec.train,
    )  # fmt: skip
    if spec.train is not None:
        from archspec.train_section import check_training  # most specs need nothing of it

        check_training(graph, spec.train, spec.root["train"], findings)
        if findings.has_errors:
            return None
    if with_claims:
        claims.warn_unchecked(spec)
    warn_unused(graph, findings)
    return graph
