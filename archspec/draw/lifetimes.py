"""When each tensor of a forward pass is alive, and what training keeps of them."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.graph import INPUT, Graph
from archspec.memory import DTYPE_BYTES, Dtype, kept_for_backward, storages


@dataclass(frozen=True, slots=True)
class Life:
    """A tensor with the positions of the first and the last node that need its memory."""

    name: str
    first: int
    last: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The memory of a pass: its nodes with their kinds, and what is alive at each."""

    nodes: tuple[str, ...]
    kinds: tuple[str, ...]
    lives: tuple[Life, ...]

    def totals(self) -> list[int]:
        """The bytes alive at each node."""
        change = [0] * (len(self.nodes) + 1)
        for life in self.lives:
            change[life.first] += life.bytes
            change[life.last + 1] -= life.bytes
        totals: list[int] = []
        for each in change[:-1]:
            totals.append((totals[-1] if totals else 0) + each)
        return totals

    def at(self, position: int) -> list[Life]:
        """What is alive at a node, the largest first."""
        return sorted(
            (life for life in self.lives if life.first <= position <= life.last), key=lambda life: -life.bytes
        )


def inference(graph: Graph, batch: int, dtype: Dtype) -> Timeline:
    """A forward pass that frees each tensor after its last use."""
    nodes = graph.inference_nodes
    owner = storages(nodes, training=False)
    unit = batch * DTYPE_BYTES[dtype]
    first = {INPUT: 0}
    last = {INPUT: 0}
    for index, node in enumerate(nodes):
        for tensor in node.inputs:
            last[owner[tensor]] = index
        first.setdefault(owner[node.name], index)
        last[owner[node.name]] = max(last.get(owner[node.name], index), index)
    for output in graph.outputs:
        if not output.train_only:
            last[owner[output.node]] = len(nodes) - 1
    lives = tuple(Life(name, start, last[name], graph.shape_of(name).elements * unit) for name, start in first.items())
    return Timeline(tuple(node.name for node in nodes), tuple(_kind(graph, node.name) for node in nodes), lives)


def training(graph: Graph, batch: int, dtype: Dtype) -> Timeline:
    """The forward pass of a training step: what it keeps for the backward pass, from the node that makes it on."""
    place = {node.name: index for index, node in enumerate(graph.nodes)} | {INPUT: 0}
    end = len(graph.nodes) - 1
    lives = tuple(
        Life(tensor.name, place[tensor.name.partition(":")[0]], end, tensor.bytes)
        for tensor in kept_for_backward(graph, batch=batch, dtype=dtype)
    )
    names = tuple(node.name for node in graph.nodes)
    return Timeline(names, tuple(_kind(graph, name) for name in names), lives)


def _kind(graph: Graph, node: str) -> str:
    """What a node is coloured by: its row."""
    return graph.row_of[node].main.operator.role
