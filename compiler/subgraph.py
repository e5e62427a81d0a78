"""Networks made from others by leaving nodes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from archspec.graph import Graph, GraphRow, Group, Node, Output
from compiler.module import build


def with_nodes(graph: Graph, change: Callable[[Node], Node | None], outputs: Sequence[Output]) -> Graph:
    """The graph with each node as `change` makes it, or without those for which it gives None."""
    rows: list[GraphRow | None] = []
    for row in graph.rows:
        nodes = tuple(changed for node in row.nodes if (changed := change(node)) is not None)
        main = next((node for node in nodes if node.name == row.main.name), None)
        rows.append(replace(row, nodes=nodes, main=main or nodes[0]) if nodes else None)
    left = tuple(row for row in rows if row is not None)
    return replace(graph, rows=left, groups=_groups(graph, rows), outputs=tuple(outputs))


def _groups(graph: Graph, rows: Sequence[GraphRow | None]) -> tuple[Group, ...]:
    """The groups that have rows left, counted in these."""
    before = [0]
    for row in rows:
        before.append(before[-1] + (row is not None))
    return tuple(
        replace(group, start=before[group.start], stop=before[group.stop])
        for group in graph.groups
        if before[group.start] < before[group.stop] or group.start == group.stop
    )


def for_inference(graph: Graph) -> Graph:
    """The graph without what only training needs; the graph itself where there is nothing of the kind."""
    if not any(output.train_only for output in graph.outputs):
        return graph
    needed = {node.name for node in graph.inference_nodes}
    outputs = [output for output in graph.outputs if not output.train_only]
    return with_nodes(graph, lambda node: node if node.name in needed else None, outputs)


def built_with(graph: Graph, state: Mapping[str, Tensor]) -> nn.Module:
    """The network in inference with these very tensors as its weights."""
    like = next((tensor for tensor in state.values() if tensor.is_floating_point()), None)
    # the tensors that no state_dict has, such as the connections of a partial convolution, are made by building
    module = build(graph, device="cpu" if like is None else like.device)
    module.load_state_dict(state, assign=True)
    return module.eval()
