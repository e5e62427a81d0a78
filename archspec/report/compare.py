"""Models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archspec.costs import cost, weight_depth
from archspec.graph import Graph, GraphRow
from archspec.memory import Dtype, inference_memory, kept_for_backward, weight_bytes
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
            Column("model"), Column("input", spare=5), Column("parameters", right=True), Column("MACs", right=True),
            Column("weights", right=True, spare=1), Column("inference", right=True, spare=3),
            Column("kept", right=True, spare=4), Column("depth", right=True, spare=2),
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


def compare_graphs(
    graphs: Sequence[Graph], names: Sequence[str], *, batch: int = 1, dtype: Dtype = "float32"
) -> Comparison:
    """The figures of several graphs; of two, what differs too."""
    models = tuple(figures(graph, name, batch=batch, dtype=dtype) for graph, name in zip(graphs, names, strict=True))
    return Comparison(models, _differences(*graphs) if len(graphs) == 2 else ())


def figures(graph: Graph, name: str, *, batch: int = 1, dtype: Dtype = "float32") -> Figures:
    """The figures of one graph, its memory for a batch."""
    costs = cost(graph)
    return Figures(
        name,
        str(graph.input),
        costs.trainable,
        costs.other,
        costs.macs,
        weight_bytes(costs, dtype),
        inference_memory(graph, batch=batch, dtype=dtype).peak,
        sum(tensor.bytes for tensor in kept_for_backward(graph, batch=batch, dtype=dtype)),
        weight_depth(graph),
        len(graph.rows),
    )


def _differences(first: Graph, second: Graph) -> tuple[Difference, ...]:
    ours = {row.name: row for row in first.rows}
    theirs = {row.name: row for row in second.rows}
    found: list[Difference] = []
    for name in dict.fromkeys((*ours, *theirs)):
        here, there = _said(ours.get(name), theirs.get(name)), _said(theirs.get(name), ours.get(name))
        if here != there:
            found.append(Difference(name, here, there))
    return tuple(found)


def _said(row: GraphRow | None, other: GraphRow | None) -> str:
    """A row in a few words: what it is, and what it has different from another."""
    if row is None:
        return "-"
    kind, facts = row.main.operator.type, _facts(row)
    if other is None:
        said = [facts["output"], facts["parameters"]]
    elif other.main.operator.type != kind:
        said = list(facts.values())
    else:
        theirs = _facts(other)
        said = [fact for name, fact in facts.items() if fact != theirs[name]]
    return " ".join([kind, ", ".join(filter(None, said))]).strip()


def _facts(row: GraphRow) -> dict[str, str]:
    """Everything about a row that is worth a word, the attribute that its output shows apart."""
    operator = row.main.operator
    parameters = sum(
        parameter.size for node in row.nodes for parameter in node.parameters() if parameter.kind == "trained"
    )
    facts = {"output": str(row.shape), "parameters": f"{parameters:,} parameters" if parameters else ""}
    for name in type(operator).model_fields:
        if name != operator.size_attribute:
            facts[name] = f"{name} {operator.written(name)}"
    facts |= {"norm": "", "activation": ""}
    for node in row.nodes[row.nodes.index(row.main) + 1 :]:
        facts["norm" if node.operator.role == "norm" else "activation"] = node.operator.type
    return facts
