"""Inference in one block of memory: an offset for every tensor, found greedily by size."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.graph import Graph
from archspec.memory.inference import lives
from archspec.memory.sizes import DTYPE_BYTES, Dtype


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a tensor lies, and from which to which node it is needed."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Arena:
    """A plan of all tensors of a forward pass."""

    total: int
    slots: tuple[Slot, ...]


def arena(graph: Graph, *, batch: int = 1, dtype: Dtype = "float32") -> Arena:
    """The largest tensor first, each in the lowest gap among those that are alive with it (Pisarchyk and Lee, 2020)."""
    unit = batch * DTYPE_BYTES[dtype]
    placed: list[Slot] = []
    waiting = [
        (graph.shape_of(name).elements * unit, name, first, last) for name, (first, last) in lives(graph).items()
    ]
    for size, name, first, last in sorted(waiting, key=lambda each: -each[0]):
        offset = 0
        for other in placed:  # in the order of their offsets
            if other.first <= last and first <= other.last:
                if other.offset - offset >= size:
                    break
                offset = max(offset, other.offset + other.bytes)
        placed.append(Slot(name, offset, size, first, last))
        placed.sort(key=lambda slot: slot.offset)
    total = max((slot.offset + slot.bytes for slot in placed), default=0)
    return Arena(total, tuple(sorted(placed, key=lambda slot: (slot.first, slot.offset))))


def two_layers(graph: Graph, *, batch: int = 1, dtype: Dtype = "float32") -> int:
    """The rule of textbooks: the largest sum of a layer's output and what the layer reads."""
    unit = batch * DTYPE_BYTES[dtype]
    sums = (max(shape.elements for shape in node.input_shapes) + node.shape.elements for node in graph.inference_nodes)
    return max(sums, default=graph.input.elements) * unit
