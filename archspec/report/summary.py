"""The summary of a network: a line for each row, and the totals."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from archspec.costs import CONVENTION, Cost, cost
from archspec.document import is_list
from archspec.field import fields
from archspec.graph import Graph, GraphRow
from archspec.memory import DTYPE_BYTES, Dtype, InferenceMemory, inference_memory, kept_for_backward, weight_bytes
from archspec.operators.values import shortest
from archspec.report.table import Column, Format, Table, wrapped
from archspec.report.units import bytes_text, count_text
from archspec.shape import Shape

_EDGE = 12
"""the column where the totals begin"""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table, or a folded block."""

    name: str
    type: str
    inputs: tuple[str, ...]
    shape: Shape
    kernel: str
    stride: str
    padding: str
    norm: str
    activation: str
    trainable: int
    other: int
    macs: int
    bytes: int
    field: str
    rows: int = 1
    """the rows that it stands for"""

    def as_dict(self) -> dict[str, Any]:
        """The line in the JSON of `summarize`."""
        return {
            "name": self.name,
            "type": self.type,
            "inputs": list(self.inputs),
            "shape": list(self.shape),
            "kernel": self.kernel or None,
            "stride": self.stride or None,
            "padding": self.padding or None,
            "norm": self.norm or None,
            "activation": self.activation or None,
            "parameters": self.trainable,
            "other_parameters": self.other,
            "macs": self.macs,
            "output_bytes": self.bytes,
            "receptive_field": self.field,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class Summary:
    """What `summarize` says of a network."""

    graph: Graph
    lines: tuple[Line, ...]
    cost: Cost
    inference: InferenceMemory
    kept: int
    batch: int
    dtype: Dtype

    def as_dict(self) -> dict[str, Any]:
        """The documented JSON."""
        return {
            "name": self.graph.name,
            "variant": self.graph.variant,
            "input": list(self.graph.input),
            "batch": self.batch,
            "dtype": self.dtype,
            "parameters": {"trainable": self.cost.trainable, "other": self.cost.other},
            "macs": self.cost.macs,
            "flops": self.cost.flops,
            "outputs": {output.name: list(self.graph.shape_of(output.node)) for output in self.graph.outputs},
            "memory": {
                "weights": weight_bytes(self.cost, self.dtype),
                "inference": self.inference.peak,
                "inference_peak_at": self.inference.at,
                "kept_for_backward": self.kept,
            },
            "layers": [line.as_dict() for line in self.lines],
        }

    def table(self, *, exact: bool = True) -> Table:
        """The rows as a table."""
        columns = [
            Column("name"), Column("type"), Column("maps", right=True), Column("size", right=True),
            Column("kernel", right=True, spare=3), Column("stride", right=True, spare=4), Column("padding", spare=5),
            Column("norm", spare=6), Column("activation", spare=2), Column("parameters", right=True),
            Column("MACs", right=True), Column("output", right=True, spare=7), Column("field", right=True, spare=8),
        ]  # fmt: skip
        number = "{:,}".format if exact else count_text
        first = self._texts("in", "input", self.graph.input, number)
        rows = [first] + [
            [
                line.name, line.type, *_maps_and_size(line.shape), line.kernel or "-", line.stride or "-",
                line.padding or "-", line.norm or "-", line.activation or "-",
                number(line.trainable) if line.trainable else "-", number(line.macs) if line.macs else "-",
                bytes_text(line.bytes), line.field,
            ]
            for line in self.lines
        ]  # fmt: skip
        return Table(columns, rows)

    def _texts(self, name: str, type: str, shape: Shape, number: Any) -> list[str]:
        size = bytes_text(shape.elements * self.batch * DTYPE_BYTES[self.dtype])
        return [name, type, *_maps_and_size(shape), "-", "-", "-", "-", "-", "-", "-", size, "1x1"]

    def totals(self) -> list[tuple[str, str]]:
        """The totals, as label and text."""
        cost, other = self.cost, f", {self.cost.other:,} other" if self.cost.other else ""
        images = "1 image" if self.batch == 1 else f"{self.batch} images"
        lines = [
            ("parameters", f"{cost.trainable:,} trainable{other}"),
            ("MACs", f"{cost.macs:,} ({count_text(cost.macs)}), FLOPs {cost.flops:,}"),
            ("weights", f"{bytes_text(weight_bytes(cost, self.dtype))} in {self.dtype}"),
            ("inference", f"{bytes_text(self.inference.peak)} of tensors at most for {images}, at {self.inference.at}"),
            ("training", f"{bytes_text(self.kept)} kept for backward for {images}"),
        ]
        if len(self.graph.outputs) > 1:
            said = [
                f"{output.name} {self.graph.shape_of(output.node)}{' (training only)' if output.train_only else ''}"
                for output in self.graph.outputs
            ]
            lines.append(("outputs", ", ".join(said)))
        return lines

    def as_format(self, format: Format, width: int | None = None) -> str:
        """The summary in one of the formats; with totals where the format has a place for them."""
        table = self.table()
        if format in ("csv", "latex"):
            return table.as_format(format)
        title = f"{self.graph.name}, input {self.graph.input}"
        if format == "markdown":
            totals = "\n".join(f"- **{label}**: {text}" for label, text in self.totals())
            return f"### {title}\n\n{table.as_markdown()}\n\n{totals}\n\n{CONVENTION}"
        totals = "\n".join(wrapped(f"{label:<{_EDGE}}{text}", width, _EDGE) for label, text in self.totals())
        return f"{title}\n{wrapped(CONVENTION, width)}\n\n{table.as_text(width)}\n\n{totals}"

    def __str__(self) -> str:
        return self.as_format("text")

    def _repr_html_(self) -> str:
        """The summary as a notebook shows it."""
        table = self.table()
        head = "".join(f"<th>{html.escape(column.title)}</th>" for column in table.columns)
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align: {"right" if column.right else "left"}">{html.escape(text)}</td>'
                for column, text in zip(table.columns, row, strict=True)
            )
            + "</tr>"
            for row in table.rows
        )
        totals = "<br>".join(f"<b>{label}</b>: {html.escape(text)}" for label, text in self.totals())
        title = html.escape(f"{self.graph.name}, input {self.graph.input}")
        return (
            f"<table><caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{totals}<br>{CONVENTION}</p>"
        )


def summarize_graph(graph: Graph, *, batch: int = 1, dtype: Dtype = "float32", depth: int | None = None) -> Summary:
    """Everything that `summarize` shows; `depth` folds what stands deeper than so many names."""
    costs, seen = cost(graph), fields(graph)
    unit = batch * DTYPE_BYTES[dtype]
    lines = [_line(row, costs, str(seen[row.output.name]), unit) for row in graph.rows]
    if depth is not None:
        lines = _folded(graph, lines, depth)
    kept = sum(tensor.bytes for tensor in kept_for_backward(graph, batch=batch, dtype=dtype))
    return Summary(graph, tuple(lines), costs, inference_memory(graph, batch=batch, dtype=dtype), kept, batch, dtype)


def _line(row: GraphRow, costs: Cost, field: str, unit: int) -> Line:
    operator = row.main.operator
    nodes = [costs.nodes[node.name] for node in row.nodes]
    kernel, stride, padding = (getattr(operator, name, None) for name in ("kernel", "stride", "padding"))
    if stride is None and kernel is not None:
        stride = kernel  # a pool without a stride steps by its kernel
    main = row.nodes.index(row.main)
    sugar = {"norm": "", "activation": ""}
    for node in row.nodes[main + 1 :]:
        sugar["norm" if node.operator.role == "norm" else "activation"] = node.operator.type
    return Line(
        name=row.name,
        type=operator.type,
        inputs=row.nodes[0].inputs,
        shape=row.shape,
        kernel=_pair(kernel),
        stride=_pair(stride),
        padding="" if padding is None else operator.written("padding"),
        norm=sugar["norm"],
        activation=sugar["activation"],
        trainable=sum(each.trainable for each in nodes),
        other=sum(each.other for each in nodes),
        macs=sum(each.macs for each in nodes),
        bytes=row.shape.elements * unit,
        field=field,
    )


def _pair(value: Any) -> str:
    """A pair as tables print it: `3`, `1x7`."""
    short = shortest(value)
    return "" if short is None else "x".join(map(str, short)) if is_list(short) else str(short)


def _maps_and_size(shape: Shape) -> tuple[str, str]:
    return (f"{shape.maps:,}", f"{shape.height}x{shape.width}") if shape.is_maps else ("-", str(shape))


def _folded(graph: Graph, lines: list[Line], depth: int) -> list[Line]:
    kinds = _group_kinds(graph)
    folded: list[Line] = []
    members: list[list[Line]] = []
    for line in lines:
        name = ".".join(line.name.split(".")[:depth]) if depth > 0 else graph.name
        if folded and folded[-1].name == name:
            members[-1].append(line)
        else:
            members.append([line])
        head = members[-1][0]
        if len(members[-1]) == 1 and line.name == name:
            folded.append(line)
            continue
        merged = Line(
            name, kinds.get(name, line.type), head.inputs, line.shape, "", "", "", "", "",
            sum(each.trainable for each in members[-1]), sum(each.other for each in members[-1]),
            sum(each.macs for each in members[-1]), line.bytes, line.field, len(members[-1]),
        )  # fmt: skip
        if len(members[-1]) == 1:
            folded.append(merged)
        else:
            folded[-1] = merged
    return folded


def _group_kinds(graph: Graph) -> dict[str, str]:
    """For each group, what a folded line calls it: `3 x bottleneck`, `inception`, `concat`."""
    rows = {row.name: row.main.operator.type for row in graph.rows}
    kinds: dict[str, str] = {}
    for group in graph.groups:
        if group.kind == "branches":
            kinds[group.name] = rows[group.name]
        elif group.kind != "repeat":
            kinds[group.name] = "group" if group.kind == "layers" else group.kind
    instances: dict[str, list[str]] = {}
    for name in (*kinds, *rows):
        parent, _, index = name.rpartition(".")
        if index.isdigit():
            instances.setdefault(parent, []).append(kinds.get(name) or rows[name])
    # the innermost first: an `each` with a `repeat` inside has instances of instances
    for depth in sorted({name.count(".") for name in instances}, reverse=True):
        for name, found in [each for each in instances.items() if each[0].count(".") == depth]:
            if name in kinds:
                continue  # branches in a list count like instances, and are none
            kinds[name] = f"{len(found)} x {found[0]}" if len(set(found)) == 1 else f"{len(found)} parts"
            parent, _, index = name.rpartition(".")
            if index.isdigit():
                instances.setdefault(parent, []).append(kinds[name])
    return kinds
