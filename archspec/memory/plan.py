"""Which units to compute again in the backward pass, so that a step fits into a memory with the least computed twice.

How high memory rises in a unit depends on what those before it hold, and on nothing else of a plan. So the cheapest
plan is found from the first unit to the last: of all ways as far as some unit, those are followed that hold less than
all that cost less.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from itertools import islice

from archspec.graph import Graph
from archspec.memory.chain import Chain
from archspec.memory.garbage import uncollected
from archspec.memory.program import Program
from archspec.memory.training import StepCourse
from archspec.stretch import through
from archspec.units import Loop, Unit, Use

CourseOf = Callable[[Sequence[str]], StepCourse]
"""the step that computes some segments again"""
_STEPS = 12_000
"""partial plans that are looked at; where there are more, some that save nearly the same are left out"""
_LEAST = 8
"""partial plans that are followed at least, and blocks that a segment may have at least"""
_TRIES = 4
_MOST = 128
"""rows and blocks that a plan chooses from; of more, neighbours go together"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Segments that are computed again."""

    recompute: tuple[str, ...]
    peak: int
    extra: float
    """the part of a step's multiply-accumulates that comes on top"""


def best_plan(graph: Graph, program: Program, course_of: CourseOf, batch: int, memory: int) -> Plan | None:
    """The plan of the least extra compute whose peak stays within so many bytes; None where none does."""
    with uncollected():
        return _best_plan(graph, program, course_of, batch, memory)


def _best_plan(graph: Graph, program: Program, course_of: CourseOf, batch: int, memory: int) -> Plan | None:
    free = course_of(())
    peak = free.peak(batch)
    if peak <= memory:
        return Plan((), peak, 0.0)
    kept = free.kept_by_node(batch)
    units = _candidates(program, kept)
    if not units:
        return None
    names = [_bare(unit) for unit in units]
    every = course_of(names)
    chain = Chain(graph, program, units, free, every, batch)

    def plan_for(bound: int) -> Plan | None:
        """The cheapest plan for a memory, with the peak that it really has."""
        found = _cheapest(chain, bound)
        if found is None:
            return None
        segments = tuple(through(names[first], names[last]) for first, last in found)
        return Plan(segments, course_of(segments).peak(batch), extra_compute(graph, program, segments))

    for chain.is_careful in (False, True):
        bound = memory
        for _ in range(_TRIES):
            plan = plan_for(bound)
            if plan is None:
                break
            if plan.peak <= memory:
                return plan
            bound -= plan.peak - memory  # units that hold tensors of one another save less than was thought
    everything = Plan(tuple(names), every.peak(batch), extra_compute(graph, program, names))
    return everything if everything.peak <= memory else None


def extra_compute(graph: Graph, program: Program, segments: Sequence[str]) -> float:
    """The multiply-accumulates of segments as a part of those of a step: forward, and twice that backward."""
    found = [segment for name in segments if (segment := program.segment(name)) is not None]
    again = sum(node.macs() for segment in found for node in segment.nodes)
    return again / max(3 * sum(node.macs() for node in graph.nodes), 1)


def _candidates(program: Program, kept: Mapping[str, int]) -> list[Unit]:
    """Rows, and the smallest blocks that hold most of what is kept, in the order in which they run."""

    def size(unit: Unit) -> int:
        return sum(kept.get(node.name, 0) for node in unit.nodes)

    def inner(unit: Unit) -> Iterator[Unit]:
        inside = [each for item in unit.items for each in _units(item)]
        if inside and 2 * sum(map(size, inside)) > size(unit):
            for each in inside:
                yield from inner(each)
        elif size(unit):
            yield unit

    found = [each for unit in program.elements for each in list(inner(unit)) or [unit]]
    while len(found) > _MOST and len(pairs := list(_pairs(program, found))) < len(found):
        found = pairs
    return found


def _pairs(program: Program, units: Sequence[Unit]) -> Iterator[Unit]:
    """Every two of the network's rows and blocks that follow one another as one."""
    waiting: Unit | None = None
    for unit in units:
        both = program.stretch(through(_bare(waiting), _bare(unit))) if waiting is not None else None
        if both is not None:
            yield both
        elif waiting is not None:
            yield waiting
        waiting = None if both is not None else unit
    if waiting is not None:
        yield waiting


def _bare(unit: Unit) -> str:
    return unit.name.removesuffix(".")


def _units(item: object) -> tuple[Unit, ...]:
    if isinstance(item, Use):
        return (item.unit,)
    return item.units if isinstance(item, Loop) else ()


_State = tuple[int, int, int, "_State | None", "tuple[int, int] | None"]
"""A plan as far as some unit: the bytes that the units before hold, but for what this one takes from the last of them;
what it computes again; a number of its own, for the order; the plan that it goes on from, and with which segment"""


def _cheapest(chain: Chain, memory: int) -> list[tuple[int, int]] | None:
    """The first and last units of segments that are computed again, where some stay within so many bytes."""
    state, segments = _search(chain, memory), list[tuple[int, int]]()
    if state is None:
        return None
    while state is not None:
        *_, state, segment = state
        segments += [segment] if segment is not None else []
    return segments[::-1]


def _search(chain: Chain, memory: int) -> _State | None:
    """The cheapest plan as far as the last unit."""
    count = len(chain.units)
    longest = max(_STEPS // (_LEAST * count), _LEAST)
    width = max(_STEPS // max(sum(min(length, longest) for length in chain.lengths), 1), _LEAST)
    # apart by whether the last unit holds what it hands on
    states: list[tuple[list[_State], list[_State]]] = [([], []) for _ in range(count + 1)]
    states[0][False].append((0, 0, 0, None, None))
    numbers = count_from(1)
    for index in range(count):
        taken, outside = chain.taken[index], chain.outside[index]
        fronts = [_pruned(each, memory - outside, width) for each in states[index]]
        for is_held, front in enumerate(fronts):
            held = taken if is_held or chain.keeps_taken[index] else 0
            rise = chain.kept[index]
            height = max(held + max(rise.backward, outside), rise.forward)
            target = states[index + 1][chain.keeps_given[index]]
            floor = memory - chain.rest[index + 1]  # less than that is as good
            held += chain.inner[index]
            for state in _within(front, memory - height):
                target.append((max(state[0] + held, floor), state[1], next(numbers), state, None))
        front = _pruned([state for front in fronts for state in front], memory - outside, width)
        if not front:
            continue
        for last, height, holds, macs in islice(chain.segments(index), longest):
            target = states[last + 1][False]
            floor = memory - chain.rest[last + 1]
            for state in _within(front, memory - max(height, taken + outside)):
                target.append((max(state[0] + holds, floor), state[1] + macs, next(numbers), state, (index, last)))
    ended = [state for each in states[count] for state in _pruned(each, memory - chain.outside[count], width)]
    return min(ended, key=lambda state: state[1], default=None)


def _within(front: list[_State], most: int) -> list[_State]:
    """Of plans in the order of what they hold, those that hold no more."""
    return front[: bisect_left(front, (most + 1,))]


def _pruned(states: list[_State], most: int, width: int) -> list[_State]:
    """In the order of what they hold, the plans that hold little enough, and of which no other holds less for less."""
    found: list[_State] = []
    for state in _within(sorted(states), most):
        if not found or state[1] < found[-1][1]:
            found.append(state)
    return [*found[:: len(found) // width + 1], found[-1]] if len(found) > width else found
