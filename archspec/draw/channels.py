"""Channels: how edges run between two layers, each horizontal piece on a track of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NEAR = 0.05
"""less than the step of coordinates, a tenth of a point"""


@dataclass(frozen=True, slots=True)
class Wire:
    """A connection through a channel: the x it comes from above, the x it goes to below, and whose it is."""

    above: float
    below: float
    source: int
    target: int

    @property
    def is_straight(self) -> bool:
        return abs(self.above - self.below) < _NEAR


@dataclass(frozen=True, slots=True)
class _Net:
    """Wires of one source, or to one target, that share a track."""

    uppers: frozenset[float]
    lowers: frozenset[float]

    @property
    def low(self) -> float:
        return min(self.uppers | self.lowers)

    @property
    def high(self) -> float:
        return max(self.uppers | self.lowers)

    def overlaps(self, other: _Net) -> bool:
        return self.low < other.high + 3 and other.low < self.high + 3

    def cost_above(self, other: _Net) -> int:
        """How often the two cross where this one has the upper track."""
        return sum(self.low < x < self.high for x in other.uppers) + sum(
            other.low < x < other.high for x in self.lowers
        )


def tracks(wires: Sequence[Wire]) -> tuple[list[int], int]:
    """The track of each wire, from above, and how many there are; straight wires need none and have -1."""
    group: dict[int, int] = {}
    bent = [index for index, wire in enumerate(wires) if not wire.is_straight]
    by_source = _gathered(wires, bent)
    nets: list[_Net] = []
    for members in by_source:
        for index in members:
            group[index] = len(nets)
        nets.append(
            _Net(frozenset(wires[index].above for index in members), frozenset(wires[index].below for index in members))
        )
    level = _levels(nets)
    found = [level[group[index]] if index in group else -1 for index in range(len(wires))]
    return found, max(level, default=-1) + 1


def _gathered(wires: Sequence[Wire], bent: list[int]) -> list[list[int]]:
    """Wires in nets: with those to their target where each has a source of its own, else with those of their source."""
    fan_out: dict[int, list[int]] = {}
    fan_in: dict[int, list[int]] = {}
    for index in bent:
        fan_out.setdefault(wires[index].source, []).append(index)
        fan_in.setdefault(wires[index].target, []).append(index)
    nets: list[list[int]] = []
    taken: set[int] = set()
    for members in fan_in.values():
        if len(members) > 1 and all(len(fan_out[wires[index].source]) == 1 for index in members):
            nets.append(members)
            taken.update(members)
    for members in fan_out.values():
        left = [index for index in members if index not in taken]
        if left:
            nets.append(left)
    return nets


def _levels(nets: Sequence[_Net]) -> list[int]:
    """A track for each net: none shared by two that overlap, ordered so that they cross little."""
    order = sorted(range(len(nets)), key=lambda index: (nets[index].low, nets[index].high))
    placed: list[int] = []
    for index in order:  # each where it costs least among those that stand
        costs = [0]
        for other in placed:
            if nets[index].overlaps(nets[other]):
                costs.append(costs[-1] + nets[other].cost_above(nets[index]) - nets[index].cost_above(nets[other]))
            else:
                costs.append(costs[-1])
        placed.insert(costs.index(min(costs)), index)
    level = [0] * len(nets)
    for position, index in enumerate(placed):
        above = [level[other] + 1 for other in placed[:position] if nets[index].overlaps(nets[other])]
        level[index] = max(above, default=0)
    return level
