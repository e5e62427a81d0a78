"""Which examples a step takes: an order for each epoch, divided over processes and parts of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from compiler.train.failure import TrainingError

_MIX = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def mixed(*numbers: int) -> int:
    """One seed out of several numbers, different for different ones (SplitMix64)."""
    seed = 0
    for number in numbers:
        seed = (seed + number + _MIX) & _MASK
        seed = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        seed = ((seed ^ seed >> 27) * 0x94D049BB133111EB) & _MASK
        seed ^= seed >> 31
    return seed >> 1


def epoch_order(examples: int, seed: int, epoch: int) -> Tensor:
    """All examples once, in the order of an epoch."""
    generator = torch.Generator().manual_seed(mixed(seed, epoch))
    return torch.randperm(examples, generator=generator)


@dataclass(frozen=True)
class Division:
    """How a batch is divided: over processes, and in each of them into parts."""

    batch: int
    processes: int
    parts: int

    @property
    def part(self) -> int:
        """Examples that a process takes at a time."""
        return self.batch // (self.processes * self.parts)

    def check(self) -> None:
        """`TrainingError` where the parts would not be equal."""
        pieces = self.processes * self.parts
        if self.batch % pieces:
            less, more = self.batch // pieces * pieces, -(-self.batch // pieces) * pieces
            places = f"{self.processes} processes" if self.processes > 1 else ""
            parts = f"{self.parts} parts" if self.parts > 1 else ""
            raise TrainingError(
                "E905",
                f"a batch of {self.batch} can't be divided into {' in each of '.join(filter(None, (parts, places)))}",
                "use a batch of " + " or ".join(str(each) for each in (less, more) if each),
            )

    def of_process(self, order: Tensor, rank: int) -> Tensor:
        """The examples of a process, in its order: of each batch its share, of the last one too."""
        if self.processes == 1:
            return order
        whole = len(order) // self.batch * self.batch
        own = order[:whole].view(-1, self.processes, self.batch // self.processes)[:, rank].flatten()
        return torch.cat([own, _share(order[whole:], rank, self.processes)])


def _share(examples: Tensor, rank: int, processes: int) -> Tensor:
    """Shares whose lengths differ by 1 at most."""
    least, over = divmod(len(examples), processes)
    start = rank * least + min(rank, over)
    return examples[start : start + least + (rank < over)]


def share_of_test(examples: int, rank: int, processes: int) -> Tensor:
    """The examples that a process is tested on."""
    return _share(torch.arange(examples), rank, processes)
