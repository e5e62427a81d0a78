"""What training keeps for the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.graph import INPUT, Graph
from archspec.memory.inference import storages
from archspec.memory.sizes import DTYPE_BYTES, Dtype


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """A tensor that autograd holds until the backward pass."""

    name: str
    bytes: int


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
            size = DTYPE_BYTES[dtype if tensor.dtype in ("activation", "weight") else tensor.dtype]
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
