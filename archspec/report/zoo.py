"""The zoo as a table."""

from __future__ import annotations

from collections.abc import Iterator

from archspec.graph import Graph
from archspec.loading import Options, compile_spec
from archspec.report.compare import figures
from archspec.report.table import Column, Table
from archspec.report.units import bytes_text, count_text
from archspec.zoo import names


def members() -> Iterator[tuple[str, Graph]]:
    """Every spec of the zoo that is a network by itself (a family may need a variant chosen)."""
    for name in names():
        graph = compile_spec(name, Options()).graph
        if graph is not None:
            yield name, graph


def zoo_table() -> Table:
    """A line for each spec of the zoo."""
    columns = [
        Column("spec"), Column("network"), Column("input", right=True), Column("parameters", right=True),
        Column("MACs", right=True), Column("weights", right=True, spare=1), Column("depth", right=True, spare=2),
    ]  # fmt: skip
    table = Table(columns)
    for name, graph in members():
        each = figures(graph, name)
        table.rows.append(
            [
                name, graph.name, each.input, f"{each.trainable:,}", count_text(each.macs), bytes_text(each.weights),
                str(each.depth),
            ]
        )  # fmt: skip
    return table
