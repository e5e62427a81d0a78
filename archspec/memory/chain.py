"""Rows and blocks in the order in which they run: what each holds, and how high memory rises in it.

Two recorded steps tell: one in which every unit keeps what its gradients want, and one in which each is computed
again by itself. What a unit adds to memory is told apart from what those before it hold, so that any mixture of the
two, and segments of several units, can be put together from their parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from archspec.graph import Graph
from archspec.memory.autograd import RANDOM_STATE
from archspec.memory.ledger import BACKWARD, Ledger
from archspec.memory.program import Program
from archspec.memory.training import StepCourse
from archspec.stretch import through
from archspec.units import Unit

_STATE = RANDOM_STATE.elements


@dataclass(slots=True)
class _Rise:
    """How high memory rises while a unit runs."""

    forward: int = 0
    climb: int = 0
    """the same, on top of what is there before anything runs"""
    turn: int = 0
    """what is there when its backward pass begins"""
    rerun: int = 0
    """while it is computed again"""
    backward: int = 0


@dataclass(slots=True)
class _Other:
    """A tensor that a unit takes from further up."""

    bytes: int
    maker: int
    """the unit that makes it, -1 where that is none"""
    is_shared: bool = False
    """another unit before holds it too, where that keeps everything"""


class Segment(NamedTuple):
    """Units that are computed again together, with bytes on top of what those before them hold."""

    last: int
    height: int
    holds: int
    macs: int


class Chain:
    """Units with what each holds and needs, in bytes.

    Between two units stands the tensor that the second takes from the first. It is held if the first keeps it, or
    the second does, or a segment begins there.
    """

    def __init__(
        self, graph: Graph, program: Program, units: list[Unit], free: StepCourse, again: StepCourse, batch: int
    ) -> None:
        self.units = units
        self.macs = [sum(node.macs() for node in unit.nodes) for unit in units]
        self._place = {node.name: index for index, unit in enumerate(units) for node in unit.nodes}
        self._before = self._units_before(graph)
        count = len(units)
        self.taken = [0] * (count + 1)
        """for each unit the tensor that it takes from the one before"""
        self.is_taken_later = [False] * (count + 1)
        """whether a later unit holds that tensor too, where it keeps everything"""
        self.besides: list[list[_Other]] = [[] for _ in units]
        """what a unit takes besides that"""
        self.is_careful = False
        """whether units that hold the same as one that is computed again are thought not to"""
        self.learns = [False] * count
        """whether a unit has gradients; those in front of everything that learns are never computed again alone"""
        self.has_inside = [False] * count
        """whether gradients want something of its inside, so that it is worth it"""
        boundary, others = self._read_frames(again.ledger(batch), again.sizes(batch))
        self.frames = [
            sum(other.bytes for other in others) + _STATE if learns else 0
            for others, learns in zip(self.besides, self.learns, strict=True)
        ]
        """what a unit that is computed again by itself holds besides what it takes from the one before"""
        self.inner = [0] * count
        """what a unit that keeps everything holds by itself"""
        self.keeps_taken = [False] * (count + 1)
        self.keeps_given = [False] * (count + 1)
        self._read_kept(free.ledger(batch), free.sizes(batch), boundary, others)
        self.is_held = [
            size * (before or own)
            for size, before, own in zip(self.taken, [False, *self.keeps_given], self.keeps_taken, strict=False)
        ]
        """the tensors between units, as far as they are held where all keep everything"""
        self.sums = [0, *accumulate(inner + held for inner, held in zip(self.inner, self.is_held, strict=False))]
        self.outside = [0] * (count + 1)
        """the most while what is in no unit runs, by the number of units before it"""
        self.kept, self.again = self._relative_rises(free, again, batch)
        names = [unit.name.removesuffix(".") for unit in units]
        self.follows = [False, *(program.segment(through(one, other)) is not None for one, other in pairwise(names))]
        """whether a unit follows the one before it"""
        in_network = set(program.elements)
        self.stands_free = [
            len(unit.outputs) == 1 and (unit in in_network or name not in program.units)
            for unit, name in zip(units, names, strict=True)
        ]
        """whether it stands in the network itself, where units that do not follow one another can go together too"""
        readers = [[self._place.get(name, count) for name in program.readers(unit)] for unit in units]
        self.last_reader = [max(places, default=count) for places in readers]
        """for each unit the last one that reads what it makes"""
        self.lengths = [1] * count
        """how many units can go together that end with each"""
        for index in range(1, count):
            goes_on = self.follows[index] or (self.stands_free[index] and self.stands_free[index - 1])
            self.lengths[index] += self.lengths[index - 1] * goes_on
        self.rest = [self.outside[-1]] * (count + 1)
        """for each unit, the most that comes on top if it and all behind it keep everything"""
        for index in reversed(range(count)):
            rise, held = self.kept[index], self.is_held[index]
            here = max(rise.forward, held + max(rise.backward, self.outside[index]))
            self.rest[index] = max(here, held + self.inner[index] + self.rest[index + 1])

    def _units_before(self, graph: Graph) -> dict[str, int]:
        """For each node how many units stand before it."""
        before = 0
        found: dict[str, int] = {}
        for node in graph.nodes:
            before = max(before, self._place.get(node.name, before - 1) + 1)
            found[node.name] = before
        return found

    def _read_frames(self, ledger: Ledger, sizes: Sequence[int]) -> tuple[dict[str, int], dict[str, int]]:
        """What each unit holds that is computed again.

        Returns the units that take tensors from those before them, by the tensors' names, and that take others.
        """
        boundary: dict[str, int] = {}
        others: dict[str, int] = {}
        seen: set[int] = set()
        for label, storages, has_inside in ledger.frames:
            index = self._place[label]
            self.learns[index], self.has_inside[index] = True, has_inside
            for storage in storages:
                name = ledger.names[storage]
                if storage in seen or ledger.kinds[storage] == "input" or storage == storages[-1]:
                    continue  # the last is the state of the random numbers
                seen.add(storage)
                if index and self._place.get(_node(name)) == index - 1:
                    self.taken[index] += sizes[storage]
                    boundary[name] = index
                else:
                    self.besides[index].append(_Other(sizes[storage], self._place.get(_node(name), -1)))
                    others[name] = index
        return boundary, others

    def _read_kept(
        self, ledger: Ledger, sizes: Sequence[int], boundary: Mapping[str, int], others: Mapping[str, int]
    ) -> None:
        """What each unit holds that keeps everything."""
        holders: dict[int, set[int | None]] = {}
        for label, storages in ledger.savers:
            for storage in storages:
                holders.setdefault(storage, set()).add(self._place.get(_node(label)))
        for storage, places in holders.items():
            name = ledger.names[storage]
            first = min((place for place in places if place is not None), default=0)
            if name in others and (None in places or first < others[name]):
                for other in self.besides[others[name]]:
                    other.is_shared |= other.maker == self._place.get(_node(name), -1)
            if ledger.kinds[storage] != "kept" or None in places:
                continue
            index = boundary.get(name)
            if index is None:
                self.inner[first] += sizes[storage]
                continue
            self.keeps_given[index - 1] |= index - 1 in places
            self.keeps_taken[index] |= index in places
            if first > index:
                self.is_taken_later[index] = True
                self.inner[first] += sizes[storage]

    def _relative_rises(self, free: StepCourse, again: StepCourse, batch: int) -> tuple[list[_Rise], list[_Rise]]:
        """Rises on top of what the units before hold, and not yet of the tensor that a unit takes."""
        count = len(self.units)
        kept = self._rises(free, batch, self.outside)
        for index, rise in enumerate(kept):
            rise.forward -= self.sums[index]
            rise.climb -= self.sums[index]
            rise.backward -= self.sums[index] + self.is_held[index]
            rise.turn -= self.sums[index + 1] + self.keeps_given[index] * self.taken[index + 1]
        for index in range(count + 1):
            self.outside[index] -= self.sums[index] + self.is_held[index]
        repeated = self._rises(again, batch, [0] * (count + 1))
        below = 0
        for index, rise in enumerate(repeated):
            rise.forward -= below
            rise.backward -= below
            rise.rerun -= below
            below += self.has_inside[index] * (self.taken[index] + self.frames[index])
        return kept, repeated

    def _rises(self, course: StepCourse, batch: int, outside: list[int]) -> list[_Rise]:
        ledger, totals = course.ledger(batch), list(course.totals(batch))
        found = [_Rise() for _ in self.units]
        passes = iter([*ledger.passes, len(totals) + 1])
        following, is_back, ground = next(passes), False, 0
        ends = [*(start for start, _ in ledger.marks[1:]), len(totals)]
        for (start, what), end in zip(ledger.marks, ends, strict=True):
            if start >= following:
                ground = totals[max(following - 1, 0)]
                following, is_back = next(passes), False
            most = max(totals[max(start - 1, 0) : end], default=0)
            is_back = is_back or what.startswith(BACKWARD)
            node = _node(what.removeprefix(BACKWARD))
            place = self._place.get(node)
            if place is None:
                before = self._before.get(node, 0 if what == "optimizer" else len(self.units))
                outside[before] = max(outside[before], most)
                continue
            rise = found[place]
            if is_back:
                rise.turn = rise.turn or totals[max(start - 1, 0)]
                if what.startswith(BACKWARD):
                    rise.backward = max(rise.backward, most)
                else:
                    rise.rerun = max(rise.rerun, most)
            else:
                rise.forward = max(rise.forward, most)
                rise.climb = max(rise.climb, most - ground)
        return found

    def segments(self, first: int) -> Iterator[Segment]:
        """The segments that begin at a unit."""
        if first and not self.learns[first]:
            return
        is_chain, is_free, reader = True, self.stands_free[first], first
        taken = self.taken[first]
        holds = taken + _STATE
        macs = inside = 0
        first_pass = climbs = inner_back = back = tail = rerun = -1
        for last in range(first, len(self.units)):
            alone = last == first
            if not alone:
                is_chain = is_chain and self.follows[last]
                is_free = is_free and self.stands_free[last]
                reader = max(reader, self.last_reader[last - 1])
            if not is_chain and not is_free:
                return
            for other in self.besides[last]:
                if other.maker < first and (self.is_careful or not other.is_shared):
                    holds += other.bytes
            macs += self.macs[last]
            kept, again = self.kept[last], self.again[last]
            # what the first unit takes is among what the segment holds
            twice = taken if alone else 0
            own = 0 if alone else self.is_held[last]
            frame, climb = self.frames[last] + twice, kept.climb - twice
            first_pass = max(first_pass, again.forward - frame)
            backward = kept.backward if alone else max(kept.backward, self.outside[last])
            inner_back = max(inner_back, inside + own + backward)
            # until gradients want something of the inside, nothing of it is there
            tail = max(tail, backward)
            if self.has_inside[last]:
                turn = kept.turn + _STATE
                # what a unit takes may be gone before it ends, or its end may not run
                rerun = max(climbs + turn, inside + min(again.rerun - frame, climb + turn))
                back, tail = inner_back, -1
            if (is_chain or reader <= last) and (self.has_inside[last] or not alone):
                is_counted = self.is_careful or not self.is_taken_later[first]
                height = holds + max(first_pass, rerun, back, tail)
                yield Segment(last, height, holds if is_counted else holds - taken, macs)
            climbs = max(climbs, inside + climb)
            inside += own + self.inner[last]


def _node(label: str) -> str:
    return label.partition(": ")[0]
