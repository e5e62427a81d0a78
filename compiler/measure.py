"""The memory of real steps: what the profiler saw of every allocation, and what autograd saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

from archspec.memory.garbage import uncollected

_ENGINE = "autograd::engine::evaluate_function: "


@dataclass(frozen=True, slots=True)
class Allocation:
    """Memory that came, or, with negative bytes, went."""

    bytes: int
    address: int
    kernel: int | None
    """the call that made it; None for Python itself, and for autograd between calls"""
    within: str
    """the autograd function that ran, or `forward`"""


@dataclass(frozen=True, slots=True)
class MeasuredMemory:
    """The memory of what was run, above what was there before."""

    tensors: int
    """the peak of tensors: what is born and freed inside one kernel is left out"""
    everything: int
    """the peak with the workspaces of kernels"""
    allocations: tuple[Allocation, ...]
    """those of tensors, in order"""

    def maxima(self) -> list[int]:
        """The sum wherever memory is freed after some was allocated."""
        return _maxima(each.bytes for each in self.allocations)


def measure(run: Callable[[], object]) -> MeasuredMemory:
    """The CPU memory of a call, which has to run on this thread."""
    # what was left in cycles before would be freed in the middle
    with uncollected(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    results: Any = profiler.profiler
    events = results.kineto_results.experimental_event_tree()
    found = [each for _, each in sorted(_allocations(events, None, "forward"), key=lambda pair: pair[0])]
    tensors = tuple(_outside_kernels(found))
    return MeasuredMemory(_peak(tensors), _peak(found), tensors)


def saved_bytes(module: nn.Module, images: Tensor) -> int:
    """What autograd holds after a forward pass: storages counted once, those of parameters and buffers left out."""
    saved: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        _outputs = module(images)
    return held_bytes(saved, without=[*module.parameters(), *module.buffers()])


def held_bytes(tensors: Iterable[Tensor], without: Iterable[Tensor] = ()) -> int:
    """Bytes of the storages of tensors, each counted once."""
    storages = {storage.data_ptr(): storage.nbytes() for storage in (each.untyped_storage() for each in tensors)}
    for each in without:
        storages.pop(each.untyped_storage().data_ptr(), None)
    return sum(storages.values())


def _allocations(events: Sequence[Any], kernel: int | None, within: str) -> Iterator[tuple[int, Allocation]]:
    for event in events:
        if str(event.tag).endswith("Allocation"):
            fields = event.extra_fields
            yield event.start_time_ns, Allocation(fields.alloc_size, fields.ptr, kernel, within)
            continue
        name = str(event.name)
        if name.startswith(_ENGINE):
            yield from _allocations(event.children, None, name.removeprefix(_ENGINE))
        else:
            is_kernel = kernel is None and name.startswith("aten::")
            yield from _allocations(event.children, event.start_time_ns if is_kernel else kernel, within)


def _outside_kernels(allocations: Sequence[Allocation]) -> Iterator[Allocation]:
    born: dict[int, int] = {}
    inside: set[int] = set()
    for index, each in enumerate(allocations):
        if each.bytes > 0:
            born[each.address] = index
        elif each.address in born:
            birth = born.pop(each.address)
            if each.kernel is not None and allocations[birth].kernel == each.kernel:
                inside |= {birth, index}
    return (each for index, each in enumerate(allocations) if index not in inside)


def _peak(allocations: Iterable[Allocation]) -> int:
    return max(_maxima(each.bytes for each in allocations), default=0)


def _maxima(changes: Iterable[int]) -> list[int]:
    found: list[int] = []
    total, rises = 0, False
    for change in changes:
        if change < 0 and rises:
            found.append(total)
        total += change
        rises = change > 0
    return [*found, total] if rises else found
