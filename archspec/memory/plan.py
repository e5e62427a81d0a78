"""Which units to compute again in the backward pass, so that a step fits into a memory with the least computed twice.

Two recorded steps, one that keeps everything and one that computes every unit again, say what each unit holds, and
how high memory rises while it runs, in either way. A unit's rise lies on top of what the units before it hold. So the
cheapest plan is found from the first unit to the last, by the bytes that are saved so far and what that costs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from archspec.graph import Graph
from archspec.memory.autograd import RANDOM_STATE
from archspec.memory.ledger import BACKWARD
from archspec.memory.program import THROUGH, Program
from archspec.memory.training import StepCourse
from archspec.units import Loop, Unit, Use

CourseOf = Callable[[Sequence[str]], StepCourse]
"""the step that computes some segments again"""
_STEPS = 12_000
"""partial plans that are looked at; where there are more, some that save nearly the same are left out"""
_LEAST = 8
"""partial plans that are followed at least, and blocks that a segment may have at least"""
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Segments that are computed again."""

    recompute: tuple[str, ...]
    peak: int
    extra: float
    """the part of a step's multiply-accumulates that comes on top"""


def best_plan(graph: Graph, program: Program, course_of: CourseOf, batch: int, memory: int) -> Plan | None:
    """The plan of the least extra compute whose peak stays within so many bytes; None where none does."""
    free = course_of(())
    peak = free.peak(batch)
    if peak <= memory:
        return Plan((), peak, 0.0)
    kept = free.kept_by_node(batch)
    units = _candidates(program, kept)
    if not units:
        return None
    names = [unit.name.removesuffix(".") for unit in units]
    every = course_of(names)
    chain = _Chain(graph, program, units, kept, free, every, batch)
    bound = memory
    for _ in range(_TRIES):
        found = chain.cheapest(bound)
        if found is None:
            break
        segments = tuple(THROUGH.join(dict.fromkeys((names[first], names[last]))) for first, last in found)
        peak = course_of(segments).peak(batch)
        if peak <= memory:
            return Plan(segments, peak, extra_compute(graph, program, segments))
        bound -= peak - memory  # units that hold tensors of one another save less than was thought
    peak = every.peak(batch)
    return Plan(tuple(names), peak, extra_compute(graph, program, names)) if peak <= memory else None


def extra_compute(graph: Graph, program: Program, segments: Sequence[str]) -> float:
    """The multiply-accumulates of segments as a part of those of a step: forward, and twice that backward."""
    found = [segment for name in segments if (segment := program.segment(name)) is not None]
    again = sum(node.macs() for segment in found for node in segment.nodes)
    return again / max(3 * sum(node.macs() for node in graph.nodes), 1)


def _candidates(program: Program, kept: Mapping[str, int]) -> list[Unit]:
    """The smallest units that hold most of what is kept, in the order in which they run."""

    def size(unit: Unit) -> int:
        return sum(kept.get(node.name, 0) for node in unit.nodes)

    def inner(unit: Unit) -> Iterator[Unit]:
        inside = [each for item in unit.items for each in _units(item)]
        if inside and 2 * sum(map(size, inside)) > size(unit):
            for each in inside:
                yield from inner(each)
        elif size(unit):
            yield unit

    return [each for item in program.root.items for unit in _units(item) for each in inner(unit)]


def _units(item: object) -> tuple[Unit, ...]:
    if isinstance(item, Use):
        return (item.unit,)
    return item.units if isinstance(item, Loop) else ()


class _State(NamedTuple):
    """A plan as far as some unit."""

    saved: int
    """bytes that its segments do not hold"""
    macs: int
    before: _State | None
    segment: tuple[int, int] | None


@dataclass(slots=True)
class _Rise:
    """How high memory rises while a unit runs."""

    start: int = 0
    """when its forward pass begins"""
    forward: int = 0
    turn: int = 0
    """when its backward pass begins"""
    backward: int = 0


class _Chain:
    """Units in the order in which they run, with what each holds and needs."""

    def __init__(
        self,
        graph: Graph,
        program: Program,
        units: list[Unit],
        kept: Mapping[str, int],
        free: StepCourse,
        again: StepCourse,
        batch: int,
    ) -> None:
        self.units = units
        self.macs = [sum(node.macs() for node in unit.nodes) for unit in units]
        self._place = {node.name: index for index, unit in enumerate(units) for node in unit.nodes}
        before = 0
        self._before: dict[str, int] = {}
        for node in graph.nodes:
            before = max(before, self._place.get(node.name, before - 1) + 1)
            self._before[node.name] = before
        count = len(units)
        held = self._held(kept)
        held_again = self._held(again.kept_by_node(batch))
        self.saved = [held[index] - held_again[index] for index in range(count)]
        self.outside = [0] * (count + 1)
        """the most while what is in no unit runs, by the number of units before it"""
        self.kept = self._rises(free, batch, self.outside)
        rises = self._rises(again, batch, [0] * (count + 1))
        self.sums = [0]
        for each in self.saved:
            self.sums.append(self.sums[-1] + each)
        self.again = [
            _Rise(each.start, each.forward + self.sums[index], each.turn, each.backward + self.sums[index])
            for index, each in enumerate(rises)
        ]
        self.follows = [False] * count
        """whether a unit follows the one before it"""
        self._lengths = [1] * count
        self.inputs = [0] * count
        sizes = again.bytes_by_name(batch)
        for index in range(1, count):
            name = THROUGH.join(each.name.removesuffix(".") for each in units[index - 1 : index + 1])
            self.follows[index] = program.segment(name) is not None
            self._lengths[index] += self._lengths[index - 1] * self.follows[index]
            self.inputs[index] = sizes.get(units[index].inputs[0], 0)

    def _held(self, kept: Mapping[str, int]) -> list[int]:
        """The bytes that each unit holds when the loss is known."""
        found = [0] * len(self.units)
        for node, size in kept.items():
            if node in self._place:
                found[self._place[node]] += size
        return found

    def _rises(self, course: StepCourse, batch: int, outside: list[int]) -> list[_Rise]:
        ledger, totals = course.ledger(batch), list(course.totals(batch))
        found = [_Rise() for _ in self.units]
        passes = iter([*ledger.passes[1:], len(totals) + 1])
        following, is_back = next(passes), False
        ends = [*(start for start, _ in ledger.marks[1:]), len(totals)]
        for (start, what), end in zip(ledger.marks, ends, strict=True):
            if start >= following:
                following, is_back = next(passes), False
            most = max(totals[max(start - 1, 0) : end], default=0)
            is_back = is_back or what.startswith(BACKWARD)
            node = what.removeprefix(BACKWARD).partition(":")[0]
            place = self._place.get(node)
            if place is None:
                before = self._before.get(node, 0 if what == "optimizer" else len(self.units))
                outside[before] = max(outside[before], most)
                continue
            rise, level = found[place], totals[max(start - 1, 0)]
            if is_back:
                rise.turn = rise.turn or level
                rise.backward = max(rise.backward, most)
            else:
                rise.start = rise.start or level
                rise.forward = max(rise.forward, most)
        return found

    def cheapest(self, memory: int) -> list[tuple[int, int]] | None:
        """The first and last units of segments that are computed again, where some stay within so many bytes."""
        alone = self._cheapest(memory, 1, sum(self.macs))
        longest = max(_STEPS // (_LEAST * len(self.units)), _LEAST)
        found = self._cheapest(memory, longest, alone.macs if alone is not None else sum(self.macs))
        state, segments = found or alone, list[tuple[int, int]]()
        if state is None:
            return None
        while state is not None:
            if state.segment is not None:
                segments.append(state.segment)
            state = state.before
        return segments[::-1]

    def _cheapest(self, memory: int, longest: int, most: int) -> _State | None:
        """The plan for the last unit whose segments are no longer than so many units, for at most so much compute."""
        count = len(self.units)
        # nothing wants more bytes saved than this
        enough = max(self.outside + [max(each.forward, each.backward) for each in (*self.kept, *self.again)]) - memory
        width = max(_STEPS // sum(min(length, longest) for length in self._lengths), _LEAST)
        states: list[list[_State]] = [[] for _ in range(count + 1)]
        states[0] = [_State(0, 0, None, None)]
        for index in range(count):
            front = _pruned(states[index], self.outside[index] - memory, width)
            if not front:
                continue
            rise = self.kept[index]
            for state in _from(front, max(rise.forward, rise.backward) - memory):
                states[index + 1].append(state)
            for last, height, saved, macs in islice(self._segments(index), longest):
                if front[0].macs + macs > most:
                    break
                target = states[last + 1]
                for state in _from(front, height - memory):
                    if state.macs + macs > most:
                        break
                    made = _State(min(state.saved + saved, enough), state.macs + macs, state, (index, last))
                    target.append(made)
        front = _pruned(states[count], self.outside[count] - memory, width)
        return min(front, key=lambda each: each.macs, default=None)

    def _segments(self, first: int) -> Iterator[tuple[int, int, int, int]]:
        """The ends of segments that begin at a unit, with how high memory rises, what they save, and what they cost."""
        forward = first_pass = inside = inputs = macs = 0
        held = self.sums[first]
        for last in range(first, len(self.units)):
            if last > first and not self.follows[last]:
                return
            if last > first:
                inputs += self.inputs[last] + RANDOM_STATE.elements
            rise = self.again[last]
            saved = self.sums[last + 1] - held + inputs
            macs += self.macs[last]
            first_pass = max(first_pass, rise.forward - self.sums[last] + held)
            height = max(rise.backward, first_pass, inside)
            if last > first:
                climb = self.kept[last].turn - saved + forward - self.kept[first].start
                height = max(height, climb + 2 * RANDOM_STATE.elements)
            yield last, height, saved, macs
            forward = max(forward, self.kept[last].forward)
            inside = max(inside, self.kept[last].backward + RANDOM_STATE.elements)


def _from(front: list[_State], least: int) -> list[_State]:
    """Of plans in the order of what they save, those that save enough."""
    return front[bisect_left(front, least, key=lambda state: state.saved) :]


def _pruned(states: list[_State], least: int, most: int) -> list[_State]:
    """In the order of what they save, the plans that save enough, and of which no other saves as much for less."""
    found: list[_State] = []
    for state in sorted((each for each in states if each.saved >= least), key=lambda each: (-each.saved, each.macs)):
        if not found or state.macs < found[-1].macs:
            found.append(state)
    if len(found) > most:
        found = [*found[:: len(found) // most + 1], found[-1]]
    return found[::-1]
