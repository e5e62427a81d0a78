"""Places on a line: each as near to where it is wanted as the least distances between some of them allow.

Isotonic regression along a chain; over any set of distances without a circle, the blocks of Dwyer, Marriott and
Stuckey: Fast Node Overlap Removal (2005).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Distance = tuple[int, int, float]
"""left, right, and how far the right one has to be from the left one at least"""


@dataclass(slots=True)
class _Block:
    """Places that are as near to one another as they may be, and move together."""

    members: list[int]
    weight: float
    total: float
    """of what its members want, each less its own offset"""

    @property
    def position(self) -> float:
        return self.total / self.weight


def separated(
    wanted: Sequence[float], weights: Sequence[float], distances: Sequence[Distance], order: Sequence[int]
) -> list[float]:
    """The places; `order` is one in which left comes before right."""
    blocks = [
        _Block([index], weight, weight * want) for index, (want, weight) in enumerate(zip(wanted, weights, strict=True))
    ]
    block_of = list(range(len(wanted)))
    offset = [0.0] * len(wanted)
    into: list[list[Distance]] = [[] for _ in wanted]
    for each in distances:
        into[each[1]].append(each)
    for index in order:
        while True:
            own = block_of[index]
            worst, most = None, 1e-9
            position = blocks[own].position
            for member in blocks[own].members:
                for left, right, distance in into[member]:
                    if block_of[left] == own:
                        continue
                    gap = blocks[block_of[left]].position + offset[left] + distance - position - offset[right]
                    if gap > most:
                        worst, most = (left, right, distance), gap
            if worst is None:
                break
            left, right, distance = worst
            _merge(blocks, block_of, offset, block_of[left], own, offset[left] + distance - offset[right])
    return [blocks[block_of[index]].position + offset[index] for index in range(len(wanted))]


def _merge(blocks: list[_Block], block_of: list[int], offset: list[float], into: int, other: int, shift: float) -> None:
    """Make two blocks one: the members of `other` stand `shift` farther right in it."""
    gone, kept = blocks[other], blocks[into]
    for member in gone.members:
        block_of[member] = into
        offset[member] += shift
    kept.members += gone.members
    kept.weight += gone.weight
    kept.total += gone.total - shift * gone.weight


def left_to_right(count: int, distances: Sequence[Distance]) -> list[int] | None:
    """An order in which left comes before right; None where there is none."""
    waiting = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    for left, right, _ in distances:
        waiting[right] += 1
        after[left].append(right)
    ready = [index for index in range(count) if not waiting[index]]
    for index in ready:
        for each in after[index]:
            waiting[each] -= 1
            if not waiting[each]:
                ready.append(each)
    return ready if len(ready) == count else None
