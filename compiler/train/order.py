"""Which examples a step takes: the order of an epoch, divided over processes and parts of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from compiler.train.failure import TrainingError


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
