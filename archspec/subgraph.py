"""Networks made from others by leaving nodes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from archspec.graph import Graph, GraphRow, Node, Output


def with_nodes(graph: Graph, change: Callable[[Node], Node | None], outputs: Sequence[Output]) -> Graph:
    """The graph with each node as `change` makes it, or without those for which it gives None."""
    rows: list[GraphRow | None] = []
    for row in graph.rows:
        nodes = tuple(changed for node in row.nodes if (changed := change(node)) is not None)
        main = next((node for node in nodes if node.name == row.main.name), None)
        rows.append(replace(row, nodes=nodes, main=main or nodes[0]) if nodes else None)
    return replace(graph.with_rows(rows), outputs=tuple(outputs))


def for_inference(graph: Graph) -> Graph:
    """The network without what only training needs, its recipe included."""
    needed = {node.name for node in graph.inference_nodes}
    owners: dict[str, str] = {}

    def kept(node: Node) -> Node | None:
        if node.name not in needed:
            return None
        if node.shares is None or node.shares in needed:
            return node
        # the weights were those of an auxiliary head: the first that shared them now owns them
        owner = owners.setdefault(node.shares, node.name)
        return replace(node, shares=None if owner == node.name else owner)

    outputs = [output for output in graph.outputs if not output.train_only]
    return replace(with_nodes(graph, kept, outputs), train=None)
