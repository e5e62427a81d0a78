"""Bytes: weights, what is alive during inference, and what training keeps for the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from archspec.costs import Cost
from archspec.graph import INPUT, Graph, Node

Dtype = Literal["float32", "float16", "bfloat16", "float64"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
DTYPE_BYTES: dict[str, int] = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "bool": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InferenceMemory:
    """The most tensor memory of one forward pass that frees each tensor after its last use."""

    peak: int
    at: str
    """the node that runs at the peak"""
    alive: tuple[tuple[str, int], ...]
    """the tensors alive then, with their bytes"""


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """A tensor that autograd holds until the backward pass."""

    name: str
    bytes: int


def weight_bytes(cost: Cost, dtype: Dtype = "float32") -> int:
    """Bytes of all weights and running statistics."""
    return (cost.trainable + cost.other) * DTYPE_BYTES[dtype]


def storages(nodes: Sequence[Node], *, training: bool) -> dict[str, str]:
    """For each tensor the tensor whose memory it is: views have none of their own."""
    owner = {INPUT: INPUT}
    for node in nodes:
        is_view = node.operator.is_view(training=training)
        owner[node.name] = owner[node.inputs[0]] if is_view else node.name
    return owner


def inference_memory(graph: Graph, *, batch: int = 1, dtype: Dtype = "float32") -> InferenceMemory:
    """The peak by liveness over the graph, in the order it runs."""
    nodes = graph.inference_nodes
    owner = storages(nodes, training=False)
    unit = batch * DTYPE_BYTES[dtype]
    last = {INPUT: -1}
    for index, node in enumerate(nodes):
        for tensor in node.inputs:
            last[owner[tensor]] = index
        last.setdefault(owner[node.name], index)
    for output in graph.outputs:
        if not output.train_only:
            last[owner[output.node]] = len(nodes)
    alive = {INPUT: graph.input.elements * unit}
    total = alive[INPUT]
    peak, peak_at, peak_index = total, INPUT, -1
    expiring: dict[int, list[str]] = {}
    for tensor, index in last.items():
        expiring.setdefault(index, []).append(tensor)
    for index, node in enumerate(nodes):
        if owner[node.name] == node.name:
            alive[node.name] = node.shape.elements * unit
            total += alive[node.name]
        if total > peak:
            peak, peak_at, peak_index = total, node.name, index
        for tensor in expiring.get(index, ()):
            total -= alive.pop(tensor, 0)
    born = {node.name: index for index, node in enumerate(nodes)} | {INPUT: -1}
    at_peak = tuple(
        (tensor, graph.shape_of(tensor).elements * unit)
        for tensor in last
        if owner[tensor] == tensor and born[tensor] <= peak_index <= last[tensor]
    )
    return InferenceMemory(peak, peak_at, at_peak or ((INPUT, graph.input.elements * unit),))


def kept_for_backward(graph: Graph, *, batch: int = 1, dtype: Dtype = "float32") -> tuple[KeptTensor, ...]:
    """Every tensor that eager autograd keeps at the end of a training step's forward pass, parameters apart."""
    owner = storages(graph.nodes, training=True)
    needs = {INPUT: False}
    kept: dict[str, int] = {}
    for node in graph.nodes:
        inputs = tuple(needs[tensor] for tensor in node.inputs)
        needs[node.name] = any(inputs) or any(
            parameter.kind == "trained" for parameter in node.operator.parameters(node.input_shapes)
        )
        if not needs[node.name]:
            continue
        for tensor in node.operator.keeps(node.input_shapes, node.shape, inputs):
            size = DTYPE_BYTES[dtype if tensor.dtype == "activation" else tensor.dtype]
            if tensor.what == "new":
                kept[f"{node.name}: {tensor.name}"] = tensor.elements * size * (1 if tensor.per_batch else batch)
            else:
                source = node.inputs[tensor.index] if tensor.what == "input" else node.name
                name, elements = owner[source], graph.shape_of(source).elements
                # the slices of a single image lie next to one another as they are
                if tensor.contiguous and batch > 1 and elements < graph.shape_of(name).elements:
                    name = f"{node.name}: copy of its input"
                else:
                    elements = graph.shape_of(name).elements
                kept[name] = elements * DTYPE_BYTES[dtype] * batch
    return tuple(KeptTensor(name, size) for name, size in kept.items())
