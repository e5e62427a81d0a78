"""Models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archspec.costs import cost, weight_depth
from archspec.graph import Graph, GraphRow
from archspec.memory import inference_memory, kept_for_backward, weight_bytes
from archspec.report.table import Column, Table
from archspec.report.units import bytes_text, count_text


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one model."""

    name: str
    input: str
    trainable: int
    other: int
    macs: int
    weights: int
    inference: int
    kept: int
    depth: int
    rows: int

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that two models do not have alike."""

    row: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """Several models; where they are two, the rows that differ."""

    models: tuple[Figures, ...]
    differences: tuple[Difference, ...]

    def table(self) -> Table:
        """A line for each model."""
        columns = [
            Column("model"), Column("input"), Column("parameters", right=True), Column("MACs", right=True),
            Column("weights", right=True), Column("inference", right=True), Column("kept", right=True),
            Column("depth", right=True),
        ]  # fmt: skip
        rows = [
            [
                each.name, each.input, f"{each.trainable:,}", count_text(each.macs), bytes_text(each.weights),
                bytes_text(each.inference), bytes_text(each.kept), str(each.depth),
            ]
            for each in self.models
        ]  # fmt: skip
        return Table(columns, rows)

    def difference_table(self) -> Table:
        """A line for each row that differs."""
        first, second = self.models[0].name, self.models[1].name
        columns = [Column("row"), Column(first), Column(second)]
        return Table(columns, [[each.row, each.first, each.second] for each in self.differences])

    def as_dict(self) -> dict[str, Any]:
        """The comparison for programs."""
        return {
            "models": [each.as_dict() for each in self.models],
            "differences": [{"row": each.row, "first": each.first, "second": each.second} for each in self.differences],
        }

    def __str__(self) -> str:
        parts = [self.table().as_text()]
        if self.differences:
            parts.append(self.difference_table().as_text())
        return "\n\n".join(parts)


def compare_graphs(graphs: Sequence[Graph], names: Sequence[str]) -> Comparison:
    """The figures of several graphs; of two, what differs too."""
    models = tuple(figures(graph, name) for graph, name in zip(graphs, names, strict=True))
    return Comparison(models, _differences(*graphs) if len(graphs) == 2 else ())


def figures(graph: Graph, name: str) -> Figures:
    """The figures of one graph, for one image in float32."""
    costs = cost(graph)
    return Figures(
        name,
        str(graph.input),
        costs.trainable,
        costs.other,
        costs.macs,
        weight_bytes(costs),
        inference_memory(graph).peak,
        sum(tensor.bytes for tensor in kept_for_backward(graph)),
        weight_depth(graph),
        len(graph.rows),
    )


def _differences(first: Graph, second: Graph) -> tuple[Difference, ...]:
    ours = {row.name: describe(row) for row in first.rows}
    theirs = {row.name: describe(row) for row in second.rows}
    names = list(ours) + [name for name in theirs if name not in ours]
    found = ((name, ours.get(name, "-"), theirs.get(name, "-")) for name in names)
    return tuple(Difference(*each) for each in found if each[1] != each[2])


def describe(row: GraphRow) -> str:
    """A row in a few words: `conv 64x56x56 kernel 3 stride 1, 36,864 parameters`."""
    operator = row.main.operator
    said = [operator.type, str(row.shape)]
    for name in ("kernel", "stride", "padding", "groups", "rate"):
        value = getattr(operator, name, None)
        if value not in (None, 1, (1, 1)):
            said.append(f"{name} {operator.written(name)}")
    said += [node.operator.type for node in row.nodes[row.nodes.index(row.main) + 1 :]]
    parameters = sum(
        parameter.size for node in row.nodes for parameter in node.parameters() if parameter.kind == "trained"
    )
    return " ".join(said) + (f", {parameters:,} parameters" if parameters else "")
