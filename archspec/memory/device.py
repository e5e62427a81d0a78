"""How a device holds tensors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from archspec.graph import Graph
from archspec.memory.autograd import RANDOM_STATE
from archspec.memory.sizes import Dtype, module_tensors, size_bytes
from archspec.memory.tape import NUMBER
from archspec.operators.backward import Size

Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)
_GRAIN = 512
"""torch's allocator on CUDA gives whole multiples of it"""
_IN_MAIN_MEMORY = frozenset((NUMBER, RANDOM_STATE))
"""what stays beside a GPU"""


def given(count: int, device: Device) -> int:
    """The bytes that an allocator gives where so many are asked for."""
    return count if device == "cpu" else -(-count // _GRAIN) * _GRAIN


def held_bytes(graph: Graph, dtype: Dtype, device: Device) -> int:
    """The bytes of all that a module holds on a device."""
    return sum(given(each, device) for each in module_tensors(graph, dtype))


def tensor_bytes(sizes: Iterable[Size], batch: int, bytes_of: dict[str, int], device: Device) -> list[int]:
    """The bytes that tensors take on a device."""
    if device == "cpu":
        return [size_bytes(size, batch, bytes_of) for size in sizes]
    return [0 if size in _IN_MAIN_MEMORY else given(size_bytes(size, batch, bytes_of), device) for size in sizes]
