"""How the numbers of one row come about."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.costs import cost
from archspec.field import fields
from archspec.graph import INPUT, Graph, GraphRow, Node
from archspec.memory import DTYPE_BYTES, Dtype
from archspec.operators.operator import Formula
from archspec.origins import attribute_origins, place
from archspec.report.table import Column, Table, wrapped
from archspec.report.units import bytes_text
from archspec.shape import Shape

_ORIGIN = "where it comes from"
_EDGE = 19
"""the column where formulas begin"""


@dataclass(frozen=True)
class Explanation:
    """A row: what it is, where its attributes come from, and its formulas with the numbers put in."""

    name: str
    title: str
    attributes: tuple[tuple[str, str, str], ...]
    formulas: tuple[tuple[str, Formula], ...]
    """each with the node it belongs to"""

    def __str__(self) -> str:
        return self.as_text()

    def as_text(self, width: int | None = None) -> str:
        """The explanation for a terminal."""
        parts = [self.title]
        if self.attributes:
            parts.append(self._attribute_table(width))
        lines: list[str] = []
        owner = self.name
        for node, formula in self.formulas:
            if node != owner:
                lines.append(f"\n{node}")
                owner = node
            equal = f"{formula.numbers} = {formula.result}" if formula.result else formula.numbers
            lines.append(wrapped(f"{formula.quantity:<{_EDGE}}{formula.formula}", width, _EDGE))
            lines.append(wrapped(f"{'':<{_EDGE}}= {equal}", width, _EDGE + 2))
        parts.append("\n".join(lines))
        return "\n\n".join(parts)

    def _attribute_table(self, width: int | None) -> str:
        """The attributes; where they come from goes on in the next line, for the end of it tells most."""
        table = Table([Column("attribute"), Column("value"), Column(_ORIGIN)], [list(row) for row in self.attributes])
        heading, rule, *lines = table.as_text().split("\n")
        edge = heading.index(_ORIGIN)
        return "\n".join([heading, rule[:width], *(wrapped(line, width, edge) for line in lines)])

    def as_dict(self) -> dict[str, object]:
        """The explanation for programs."""
        return {
            "name": self.name,
            "title": self.title,
            "attributes": [{"name": name, "value": value, "origin": origin} for name, value, origin in self.attributes],
            "formulas": [
                {
                    "node": node,
                    "quantity": each.quantity,
                    "formula": each.formula,
                    "numbers": each.numbers,
                    "result": each.result,
                }
                for node, each in self.formulas
            ],
        }


def explain_row(graph: Graph, row: GraphRow, *, batch: int = 1, dtype: Dtype = "float32") -> Explanation:
    """Everything about one row."""
    sources = ", ".join(f"{name} {graph.shape_of(name)}" for name in row.nodes[0].inputs)
    title = f"{row.name}: {row.main.operator.type}, {place(row.origin.row.span)}\n{sources} -> {row.shape}"
    formulas: list[tuple[str, Formula]] = []
    for node in row.nodes:
        formulas += [(node.name, formula) for formula in node.operator.formulas(node.input_shapes, node.shape)]
        formulas += [(node.name, formula) for formula in _memory(node, batch, dtype)]
    formulas += [(row.name, formula) for formula in (_field(graph, row.main),)]
    ordered = sorted(formulas, key=lambda each: (each[0] != row.name, [node.name for node in row.nodes].index(each[0])))
    return Explanation(row.name, title, tuple(attribute_origins(row)), tuple(ordered))


def _memory(node: Node, batch: int, dtype: Dtype) -> list[Formula]:
    size = DTYPE_BYTES[dtype]
    sides = " x ".join(map(str, node.shape))
    images = f"{batch} x " if batch > 1 else ""
    counted = "maps x height x width" if node.shape.is_maps else "features"
    output = Formula(
        "output memory",
        f"{'batch x ' if images else ''}{counted} x bytes of {dtype}",
        f"{images}{sides} x {size}",
        bytes_text(node.shape.elements * size * batch),
    )
    kept = _kept(node, batch, dtype)
    return [output, kept] if kept else [output]


def _kept(node: Node, batch: int, dtype: Dtype) -> Formula | None:
    tensors = node.operator.keeps(node.input_shapes, node.shape, [name != INPUT for name in node.inputs])
    if not tensors:
        return Formula("kept for backward", "nothing", "0 B", "")
    names: list[str] = []
    total = 0
    for tensor in tensors:
        if tensor.what == "new":
            size = DTYPE_BYTES[dtype if tensor.dtype in ("activation", "weight") else tensor.dtype]
            total += tensor.elements * size * (1 if tensor.per_batch else batch)
            names.append(tensor.name)
        else:
            shape: Shape = node.shape if tensor.what == "output" else node.input_shapes[tensor.index]
            total += shape.elements * DTYPE_BYTES[dtype] * batch
            names.append("its output" if tensor.what == "output" else f"its input {node.inputs[tensor.index]}")
    return Formula("kept for backward", ", ".join(names), bytes_text(total), "")


def _field(graph: Graph, node: Node) -> Formula:
    found = fields(graph)
    own = found[node.name]
    if own.whole:
        return Formula("receptive field", "the whole input", str(graph.input), "")
    above = max((found[name] for name in node.inputs), key=lambda each: each.height)
    assert above.axes is not None, "who sees a part has inputs that do"
    window = node.operator.window(node.input_shapes)
    views, steps = (window.down, window.across), (axis.step for axis in above.axes)
    sides = [
        (size, view.extent, step) for size, view, step in zip((above.height, above.width), views, steps, strict=True)
    ]
    if [size + (kernel - 1) * step for size, kernel, step in sides] != [own.height, own.width]:
        return Formula(
            "receptive field", "from the first to the last pixel that a position sees, at most", str(own), ""
        )
    return Formula(
        "receptive field",
        "that of its input + (kernel - 1) x the input's step, each way",
        ", ".join(f"{size} + ({kernel} - 1) x {step}" for size, kernel, step in sides),
        str(own),
    )


def rows_of_group(graph: Graph, name: str) -> list[GraphRow]:
    """The rows of a block, a group or a repetition, for a name that is none of one row."""
    return [row for row in graph.rows if row.name.startswith(f"{name}.")]


def group_table(graph: Graph, name: str, rows: list[GraphRow]) -> Table:
    """The rows of a block or a repetition, and what they cost together."""
    costs = cost(graph)
    columns = [
        Column("name"),
        Column("type"),
        Column("output", right=True),
        Column("parameters", right=True),
        Column("MACs", right=True),
    ]
    table = Table(columns)
    total = [0, 0]
    for row in rows:
        trainable = sum(costs.nodes[node.name].trainable for node in row.nodes)
        macs = sum(costs.nodes[node.name].macs for node in row.nodes)
        total = [total[0] + trainable, total[1] + macs]
        table.rows.append([row.name, row.main.operator.type, str(row.shape), f"{trainable:,}", f"{macs:,}"])
    table.totals.append([name, f"{len(rows)} rows", str(rows[-1].shape), f"{total[0]:,}", f"{total[1]:,}"])
    return table
