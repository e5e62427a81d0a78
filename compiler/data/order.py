"""The order of the examples in an epoch: it follows from the seed and the epoch, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

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


@dataclass(frozen=True)
class Windows:
    """How far examples of a stream, numbered as they come, can be mixed: its pieces freely, they within a window."""

    pieces: Sequence[int]
    """how many examples each piece has"""
    window: int

    @property
    def is_whole(self) -> bool:
        """Whether the window takes in everything, so that any order will do."""
        return self.window >= sum(self.pieces)


def epoch_order(examples: int, seed: int, epoch: int, windows: Windows | None = None) -> Tensor:
    """All examples once, in the order of an epoch.

    Of a stream the pieces are taken in any order, and each example comes up to `window` places later than it is read:
    at most so many have to be held at any time, and half as many on average.
    """
    generator = torch.Generator().manual_seed(mixed(seed, epoch))
    if windows is None or windows.is_whole:
        return torch.randperm(examples, generator=generator)
    counts = torch.tensor(windows.pieces)
    chosen = torch.randperm(len(counts), generator=generator)
    # the first number of each piece, less the place where it is read
    shifts = (counts.cumsum(0) - counts)[chosen] - (counts[chosen].cumsum(0) - counts[chosen])
    read = torch.arange(examples) + shifts.repeat_interleave(counts[chosen])
    delays = torch.rand(examples, generator=generator, dtype=torch.float64) * windows.window
    return read[(torch.arange(examples) + delays).argsort(stable=True)]


def neighbours(order: Tensor, examples: Tensor, distances: Tensor, reach: int) -> Tensor:
    """For each of the examples another that the order has near it, which `distances` below `reach` choose."""
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order), device=order.device)
    first = (places[examples] - reach // 2).clamp(0, len(order) - reach)
    return order[first + distances]
