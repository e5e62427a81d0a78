"""Random numbers that follow from (seed, epoch, example) and nothing else.

Each number is a hash of its key, so that batches, workers, processes and the place where a run went on change none
of them, and a GPU draws the same ones as a CPU. The hash is SplitMix64 (Steele, Lea and Flood, 2014).
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache

import torch
from torch import Tensor

_LARGEST = 2**63 - 1


class Choice(IntEnum):
    """What numbers are for: each has a stream of its own, so that one augmentation does not change another."""

    SHIFT = 1
    CROP = 2
    RESIZED_CROP = 3
    HORIZONTAL_FLIP = 4
    VERTICAL_FLIP = 5
    ROTATION = 6
    ZOOM = 7
    BRIGHTNESS = 8
    CONTRAST = 9
    PCA_JITTER = 10
    ERASING = 11
    PARTNER = 12
    MIXTURE = 13
    SPLIT = 14
    NOISE = 15
    SAMPLE = 16
    BOX = 17


def _signed(number: int) -> int:
    """The 64-bit pattern of a number as torch, which has no unsigned arithmetic, writes it."""
    return (number + 2**63) % 2**64 - 2**63


_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _shifted(bits: Tensor, places: int) -> Tensor:
    # torch shifts the sign in, SplitMix zeros
    return (bits >> places) & (2 ** (64 - places) - 1)


def _mixed(bits: Tensor) -> Tensor:
    bits = (bits ^ _shifted(bits, 30)) * _FIRST
    bits = (bits ^ _shifted(bits, 27)) * _SECOND
    return bits ^ _shifted(bits, 31)


@lru_cache(maxsize=64)
def _state_of(seed: int, epoch: int) -> int:
    state = _mixed(torch.tensor(_signed(seed)) + _STEP)
    return int(_mixed((state ^ _signed(epoch)) + _STEP))


def real_numbers(device: torch.device) -> torch.dtype:
    """What to compute the few numbers of an example in.

    torch computes a sine or a power of the last elements of a tensor in another way than of those before, and a GPU in
    a third one. The results differ in their last bit; of 64-bit numbers, rounded to 32 bits at the end, none is left.
    """
    return torch.float32 if device.type == "mps" else torch.float64


class Keyed:
    """The random numbers of some examples in one epoch."""

    def __init__(self, seed: int, epoch: int, examples: Tensor) -> None:
        self.examples = examples
        self._states = _mixed(examples * _STEP + _state_of(seed, epoch)).unsqueeze(1)
        self._real = real_numbers(examples.device)

    def bits(self, choice: Choice, count: int) -> Tensor:
        """63 random bits, `count` times for each example: (examples, count)."""
        first = choice << 32
        columns = torch.arange(first, first + count, device=self._states.device) * _STEP
        return _mixed(self._states + columns) & _LARGEST

    def uniform(self, choice: Choice, count: int = 1) -> Tensor:
        """Numbers from 0 to below 1, (examples, count): of 24 bits, which any kind of float holds exactly."""
        return (self.bits(choice, count) >> 39).to(self._real) * 2.0**-24

    def between(self, choice: Choice, least: float, most: float) -> Tensor:
        """A number between two, for each example."""
        return self.uniform(choice)[:, 0] * (most - least) + least

    def below(self, choice: Choice, limits: tuple[int, ...]) -> Tensor:
        """Whole numbers from 0 to below each limit: (examples, limits)."""
        bits = self.bits(choice, len(limits))
        return torch.stack([bits[:, column] % limit for column, limit in enumerate(limits)], 1)

    def normal(self, choice: Choice, count: int) -> Tensor:
        """Numbers of the normal distribution, (examples, count), after Box and Muller."""
        radius, angle = self.uniform(choice, 2 * count).chunk(2, 1)
        return (-2 * (1 - radius).log()).sqrt() * (2 * math.pi * angle).cos()

    def beta(self, choice: Choice, alpha: float) -> Tensor:
        """A number of the beta distribution with both parameters `alpha`, for each example."""
        side, place = self.uniform(choice, 2).unbind(1)
        # the density x^(a-1) (1-x)^(a-1) is infinite at 0 where a < 1; in terms of u = x^a it is (1-x)^(a-1)
        power = min(alpha, 1)
        mass = _beta_mass(alpha, power, place.device)
        wanted = place * mass[-1]
        above = torch.searchsorted(mass, wanted).clamp(min=1)
        part = (wanted - mass[above - 1]) / (mass[above] - mass[above - 1]).clamp(min=1e-30)
        value = ((above - 1 + part) * (0.5**power / _STEPS)) ** (1 / power)
        return torch.where(side < 0.5, value, 1 - value)


_STEPS = 2**16


@lru_cache(maxsize=8)
def _beta_mass(alpha: float, power: float, device: torch.device) -> Tensor:
    """What lies below each of equal steps of x^power, in the lower half of a symmetric beta distribution."""
    u = torch.linspace(0, 0.5**power, _STEPS + 1, dtype=torch.float64)
    x = u ** (1 / power)
    density = (1 - x) ** (alpha - 1) if alpha < 1 else (4 * x * (1 - x)) ** (alpha - 1)
    mass = torch.cat([torch.zeros(1, dtype=torch.float64), torch.cumulative_trapezoid(density, u)])
    return (mass / mass[-1]).to(real_numbers(device)).to(device)
