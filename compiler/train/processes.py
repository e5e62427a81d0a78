"""The processes that train together: which one this is, and what they tell one another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from compiler.train.failure import TrainingError


@dataclass(frozen=True)
class Processes:
    """This process among those that `torchrun` started, or alone."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their sums over all processes."""
        if self.count > 1:
            for tensor in tensors:
                if tensor.numel():
                    torch.distributed.all_reduce(tensor)

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors by their means over all processes."""
        if self.count > 1:
            for tensor in tensors:
                if tensor.is_floating_point():
                    torch.distributed.all_reduce(tensor)
                    tensor /= self.count

    def any(self, here: int) -> int:
        """The largest of a number over all processes: whether any of them has been told to stop, and how."""
        if self.count == 1:
            return here
        said = torch.tensor(here, device=self.device)
        torch.distributed.all_reduce(said, torch.distributed.ReduceOp.MAX)
        return int(said)

    def told(self, words: list[Any]) -> list[Any]:
        """What the leading process says."""
        if self.count > 1:
            torch.distributed.broadcast_object_list(words, src=0, device=self.device)
        return words

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            torch.distributed.barrier()


@contextmanager
def processes(device: str | None) -> Iterator[Processes]:
    """Join the processes that `torchrun` started, on this one's device."""
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if count == 1:
        yield Processes(chosen)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(chosen, rank, count)
        torch.distributed.barrier()  # whoever leaves first takes the connections along
    finally:
        torch.distributed.destroy_process_group()


def _device(asked: str | None, local_rank: int) -> torch.device:
    """The device asked for, else the best one there is."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked is None:
        asked = "cuda" if there["cuda"] else "cpu"
    kind, _, index = asked.partition(":")
    if kind not in there or (index and not index.isdigit()):
        raise TrainingError("E904", f"there is no kind of device '{asked}'", "use cpu, cuda, cuda:1 or mps")
    if not there[kind]:
        raise TrainingError("E904", f"torch finds no device '{kind}' here", "use --device cpu")
    if kind == "cuda":
        number = int(index) if index else local_rank
        if number >= torch.cuda.device_count():
            found = torch.cuda.device_count()
            raise TrainingError(
                "E904", f"there is no device cuda:{number}: torch finds {found}", "start fewer processes"
            )
        return torch.device("cuda", number)
    return torch.device(kind)


def together(network: nn.Module, where: Processes) -> nn.Module:
    """The network as all processes train it, each with all the weights."""
    if where.count == 1:
        return network
    from torch.nn.parallel import DistributedDataParallel

    ids = [where.device.index] if where.device.type == "cuda" else None
    # the statistics of norms are averaged when somebody looks at them, not in every step
    newer = "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    unsynced: dict[str, Any] = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
    return DistributedDataParallel(network, device_ids=ids, gradient_as_bucket_view=True, **unsynced)


def divide(network: nn.Module, parts: Iterable[nn.Module], where: Processes, reduced: torch.dtype | None) -> None:
    """Give each process a part of the weights: of each of the parts by itself, then of the rest."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(where.device.type, (where.count,))
    policy = MixedPrecisionPolicy(param_dtype=reduced, reduce_dtype=torch.float32 if reduced else None)
    for part in parts:
        fully_shard(part, mesh=mesh, mp_policy=policy)
    fully_shard(network, mesh=mesh, mp_policy=policy)


def without_exchange(network: Any, *, last: bool) -> AbstractContextManager[None]:
    """For all parts of a batch but the last one: gradients stay in this process."""
    if hasattr(network, "set_requires_gradient_sync"):  # each process has a part of the weights
        network.set_requires_gradient_sync(last)
        return nullcontext()
    return nullcontext() if last else network.no_sync()
