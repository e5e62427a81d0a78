"""What is alive during inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archspec.graph import INPUT, Graph, Node
from archspec.memory.sizes import DTYPE_BYTES, Dtype


@dataclass(frozen=True, slots=True)
class InferenceMemory:
    """The most tensor memory of one forward pass that frees each tensor after its last use."""

    peak: int
    at: str
    """the node that runs at the peak"""
    alive: tuple[tuple[str, int], ...]
    """the tensors alive then, with their bytes"""


def storages(nodes: Sequence[Node], *, training: bool) -> dict[str, str]:
    """For each tensor the tensor whose memory it is: views have none of their own."""
    owner = {INPUT: INPUT}
    for node in nodes:
        is_view = node.operator.is_view(training=training)
        owner[node.name] = owner[node.inputs[0]] if is_view else node.name
    return owner


def lives(graph: Graph) -> dict[str, tuple[int, int]]:
    """For each tensor that has memory, the positions of the first and the last inference node that need it.

    The input is there before the first node, at -1, and results are there after the last.
    """
    nodes = graph.inference_nodes
    owner = storages(nodes, training=False)
    born, last = {INPUT: -1}, {INPUT: -1}
    for index, node in enumerate(nodes):
        born[node.name] = index
        for tensor in node.inputs:
            last[owner[tensor]] = index
        last.setdefault(owner[node.name], index)
    for output in graph.outputs:
        if not output.train_only:
            last[owner[output.node]] = len(nodes)
    return {tensor: (born[tensor], end) for tensor, end in last.items()}


def inference_memory(graph: Graph, *, batch: int = 1, dtype: Dtype = "float32") -> InferenceMemory:
    """The peak by liveness over the graph, in the order it runs."""
    unit = batch * DTYPE_BYTES[dtype]
    found = lives(graph)
    sizes = {tensor: graph.shape_of(tensor).elements * unit for tensor in found}
    starting: dict[int, list[str]] = {}
    ending: dict[int, list[str]] = {}
    for tensor, (first, last) in found.items():
        starting.setdefault(first, []).append(tensor)
        ending.setdefault(last, []).append(tensor)
    total = peak = peak_index = 0
    names = [INPUT, *(node.name for node in graph.inference_nodes)]
    for index in range(-1, len(names) - 1):
        total += sum(sizes[tensor] for tensor in starting.get(index, ()))
        if total > peak:
            peak, peak_index = total, index
        total -= sum(sizes[tensor] for tensor in ending.get(index, ()))
    alive = tuple((tensor, sizes[tensor]) for tensor, (first, last) in found.items() if first <= peak_index <= last)
    return InferenceMemory(peak, names[peak_index + 1], alive)
