"""One network at several input sizes: which are legal, and where its outputs look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from archspec.checker import Builder
from archspec.diagnostic import Diagnostic, Findings, SpecError
from archspec.graph import INPUT, Graph, GraphRow, Node
from archspec.limits import DEFAULT_LIMITS, Limits
from archspec.operators.operator import Misfit
from archspec.shape import Shape


def at_input(graph: Graph, shape: Sequence[int], limits: Limits = DEFAULT_LIMITS) -> Graph:
    """The same network with the same weights at another input; `SpecError` where something does not fit it."""
    findings = Findings()
    shape = Shape(shape)
    if min(shape, default=0) < 1:
        findings.add("E116", f"the input {shape} is empty", None, help=f"use one like {graph.input}")
        raise SpecError(findings)
    builder = Builder(findings, limits)
    builder.take_input(shape)
    for row in graph.rows:
        builder.again(row, inputs_of(graph, row))
    for row in builder.rows:
        _require_same_weights(graph, row, findings)
    if findings.has_errors:
        raise SpecError(_with_smallest(graph, shape, findings.ordered()))
    return replace(graph, input=shape, rows=tuple(builder.rows))


def _with_smallest(graph: Graph, shape: Shape, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """The findings, with another input as the help where the input is too small: the rows are not at fault."""
    if not (graph.input.is_maps and shape.is_maps):
        return found
    height, width = _smallest(graph, 0), _smallest(graph, 1)
    if shape.height >= height and shape.width >= width:
        return found
    help = f"use an input from {graph.input.maps}x{height}x{width}"
    return tuple(each if each.code == "E226" else replace(each, help=help) for each in found)


def inputs_of(graph: Graph, row: GraphRow) -> tuple[str, ...]:
    """The rows that a row takes."""
    return tuple(name if name == INPUT else graph.row_of[name].name for name in row.nodes[0].inputs)


def _require_same_weights(graph: Graph, row: GraphRow, findings: Findings) -> None:
    for node in row.nodes:
        before = graph.by_name[node.name]
        was = node.operator.parameters(before.input_shapes)
        if was != node.operator.parameters(node.input_shapes):
            findings.add(
                "E226",
                f"the weights of {row.name} are for an input of {before.input_shapes[0]}, not {node.input_shapes[0]}",
                row.origin.row.label_span(),
                label=f"fits {graph.input} alone",
                help=f"keep the input {graph.input}, or convert the network with --fully-convolutional",
                related=row.origin.trail,
            )
            return


def is_same_module(graph: Graph, other: Graph) -> bool:
    """Whether two sizes of a network are one module: no padding or pool has other numbers."""
    return all(
        one.operator.lower(one.input_shapes, one.shape) == two.operator.lower(two.input_shapes, two.shape)
        for one, two in zip(graph.nodes, other.nodes, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Side:
    """The height or the width of an output, by that of the input."""

    smallest: int
    """the smallest input that is legal"""
    first: int
    """the input from which on there is a position by the formula; 0 or less where padding makes one of nothing"""
    stride: int
    """how much larger the input has to be for one position more"""

    def positions(self, size: int) -> int:
        """The positions at a legal input."""
        return (size - self.first) // self.stride + 1

    def formula(self, name: str) -> str:
        """How many positions there are, for people."""
        sign = "-" if self.first >= 0 else "+"
        return f"floor(({name} {sign} {abs(self.first)}) / {self.stride}) + 1"


@dataclass(frozen=True, slots=True)
class Positions:
    """Where an output looks: its position (i, j) begins `i * height.stride`, `j * width.stride` into the input."""

    output: str
    smallest: tuple[int, int]
    height: Side | None
    """None where there is no such formula: the output has one size, or grows unevenly"""
    width: Side | None

    def __str__(self) -> str:
        smallest = f"{self.output}: inputs from {self.smallest[0]}x{self.smallest[1]}"
        if self.height is None or self.width is None:
            return smallest
        return f"{smallest}; {self.height.formula('height')} x {self.width.formula('width')} positions"


def positions(graph: Graph) -> tuple[Positions, ...]:
    """The legal inputs of a network and the sizes of its outputs, for each output that is maps."""
    steps = _steps(graph)
    smallest = (_smallest(graph, 0), _smallest(graph, 1))
    return tuple(
        Positions(
            output.name,
            smallest,
            _side(graph, output.node, 0, steps[output.node][0], smallest[0]),
            _side(graph, output.node, 1, steps[output.node][1], smallest[1]),
        )
        for output in graph.outputs
        if not output.train_only and graph.shape_of(output.node).is_maps
    )


def _shapes(graph: Graph, axis: int, size: int, *, roughly: bool = False) -> dict[str, Shape] | None:
    """Every shape at another height or width; None where it is not legal.

    `roughly` passes over inputs that are not equal, so that an illegal size is one that is too small.
    """
    sides = list(graph.input)
    sides[1 + axis] = size
    shapes = {INPUT: Shape(sides)}
    for node in graph.nodes:
        if roughly and len(node.inputs) > 1:
            least = [min(each) for each in zip(*(shapes[tensor] for tensor in _moved(node)), strict=True)]
            shapes[node.name] = Shape((node.shape.maps, *least[1:]))
            continue
        try:
            shapes[node.name] = node.operator.shape([shapes[tensor] for tensor in node.inputs])
        except Misfit:
            return None
    return shapes


def _moved(node: Node) -> list[str]:
    """The inputs that have the positions of the output: all but gates."""
    return [tensor for index, tensor in enumerate(node.inputs) if index not in node.operator.gates]


def _steps(graph: Graph) -> dict[str, tuple[Fraction | int, Fraction | int]]:
    """For each tensor, how far apart in the input its neighbouring positions look."""
    found: dict[str, tuple[Fraction | int, Fraction | int]] = {INPUT: (1, 1)}
    for node in graph.nodes:
        stride = node.operator.window(node.input_shapes).stride
        down, across = (max(found[tensor][axis] for tensor in _moved(node)) for axis in (0, 1))
        found[node.name] = (down * stride[0], across * stride[1])
    return found


def _smallest(graph: Graph, axis: int) -> int:
    """The smallest legal height or width, the other one being as it is."""
    illegal, fits = 0, graph.input[1 + axis]
    while fits - illegal > 1:
        middle = (illegal + fits) // 2
        if _shapes(graph, axis, middle, roughly=True) is None:
            illegal = middle
        else:
            fits = middle
    return next(size for size in range(fits, graph.input[1 + axis] + 1) if _shapes(graph, axis, size) is not None)


def _side(graph: Graph, output: str, axis: int, step: Fraction | int, smallest: int) -> Side | None:
    """The formula of one side; None where the sizes around the network's own do not follow one."""
    if step < 1 or Fraction(step).denominator != 1:
        return None
    stride, own = int(step), graph.input[1 + axis]

    def count(size: int) -> int | None:
        shapes = _shapes(graph, axis, size)
        return None if shapes is None else shapes[output][1 + axis]

    counts = {size: count(size) for size in range(max(smallest, own - stride), own + stride + 1)}
    there = counts[own]
    assert there is not None
    begin = min(size for size, positions in counts.items() if positions == there)
    side = Side(smallest, begin - stride * (there - 1), stride)
    is_so = all(positions in (None, side.positions(size)) for size, positions in counts.items())
    return side if is_so and count(smallest) == side.positions(smallest) else None
