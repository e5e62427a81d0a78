"""Bytes of elements, and of weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from archspec.costs import Cost
from archspec.graph import Graph
from archspec.operators.backward import Size
from archspec.training import Precision

Dtype = Literal["float32", "float16", "bfloat16", "float64"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
DTYPE_BYTES: dict[str, int] = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "bool": 1,
}  # fmt: skip

PRECISIONS: dict[str, Precision] = {"float32": "float32", "bfloat16": "bf16", "float16": "fp16"}
"""what training calls a type of numbers: those under float32 are autocast's, and weights stay as they are"""


def weight_bytes(cost: Cost, dtype: Dtype = "float32") -> int:
    """Bytes of all weights and running statistics."""
    return (cost.trainable + cost.other) * DTYPE_BYTES[dtype]


def module_tensors(graph: Graph, dtype: Dtype = "float32") -> Iterator[int]:
    """Bytes of each tensor that a module holds: weights, running statistics, and whole numbers that count or point."""
    for node in graph.nodes:
        pointers = node.operator.indices() if node.shares is None else 0
        if pointers:
            yield pointers * DTYPE_BYTES["int64"]
        for parameter in node.parameters():
            yield parameter.size * DTYPE_BYTES["int64" if parameter.kind == "counter" else dtype]


def module_bytes(graph: Graph, dtype: Dtype = "float32") -> int:
    """Bytes of all of them."""
    return sum(module_tensors(graph, dtype))


def element_bytes(dtype: Dtype) -> dict[str, int]:
    """Bytes of an element of each type that a `Size` can have, in a network of this type."""
    return {**DTYPE_BYTES, "activation": DTYPE_BYTES[dtype], "lowered": 2, "weight": DTYPE_BYTES[dtype]}


def size_bytes(size: Size, batch: int, bytes_of: dict[str, int]) -> int:
    """Bytes of a tensor."""
    return size.elements * bytes_of[size.dtype] * (1 if size.per_batch else batch)
