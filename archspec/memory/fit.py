"""What fits into a memory: the largest batch, and what makes a wanted one fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isqrt

from archspec.costs import cost
from archspec.graph import Graph
from archspec.memory.inference import inference_memory
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype, weight_bytes
from archspec.memory.training import StepCourse
from archspec.units import Loop, Unit, Use

_MOST = 2**40
_TRIES = 8
"""blocks that a plan is tried without"""
_PART_OF_ALL = 4
"""a block that keeps more than this part of what is kept is divided into those inside it"""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to train with a batch."""

    loop: str
    """how the optimizer goes through the weights"""
    accumulate: int
    """parts that the batch is computed in"""
    recompute: tuple[str, ...]
    """blocks whose inside is computed again"""
    peak: int
    extra: float
    """the part of a step's multiply-accumulates that comes on top"""


def largest(fits: Callable[[int], bool]) -> int:
    """The largest number that fits, 0 where none does; what fits has only smaller numbers below it that fit too."""
    low, high = 0, 1
    while high < _MOST and fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def largest_training_batch(course: StepCourse, memory: int) -> int:
    """The most images of a step whose peak stays within so many bytes."""
    return largest(lambda batch: course.peak(batch) <= memory)


def largest_inference_batch(graph: Graph, memory: int, *, dtype: Dtype = "float32") -> int:
    """The most images of a forward pass whose peak, weights included, stays within so many bytes."""
    of_one, weights = inference_memory(graph, dtype=dtype).peak, weight_bytes(cost(graph), dtype)
    return max(memory - weights, 0) // of_one


def ways_to_fit(graph: Graph, batch: int, memory: int, optimizer: Optimizer, *, ema: bool = False) -> Iterator[Way]:
    """What makes a batch fit, the cheapest first; the first is the batch as it is, where that fits."""

    program = Program(graph)

    def course(way: Optimizer, parts: int = 1, recompute: tuple[str, ...] = ()) -> StepCourse:
        return StepCourse(graph, way, parts=parts, ema=ema, recomputed=recompute, program=program)

    fused = replace(optimizer, loop="fused")
    for way in dict.fromkeys((optimizer, fused)):
        peak = course(way).peak(batch)
        if peak <= memory:
            yield Way(way.loop, 1, (), peak, 0.0)
            return
    in_parts, enough = course(fused, parts=2), batch + 1
    for parts in _divisors(batch):
        peak = in_parts.peak(batch // parts)
        if parts > 1 and peak <= memory:
            enough = parts
            yield Way("fused", parts, (), peak, 0.0)
            break
    for parts in _divisors(batch):
        if parts >= enough:
            return
        blocks = recompute_plan(graph, batch // parts, memory, fused, parts=parts, ema=ema, program=program)
        if blocks is not None:
            peak = course(fused, parts, blocks).peak(batch // parts)
            yield Way("fused", parts, blocks, peak, extra_compute(graph, blocks))
            return


def _divisors(number: int) -> Iterator[int]:
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    large = [number // divisor for divisor in reversed(small)]
    yield from dict.fromkeys((*small, *large))


# --- which blocks to compute again


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    macs: int
    kept: int
    """bytes an image, without what the block is given"""


def recompute_plan(
    graph: Graph,
    batch: int,
    memory: int,
    optimizer: Optimizer,
    *,
    parts: int = 1,
    ema: bool = False,
    program: Program | None = None,
) -> tuple[str, ...] | None:
    """Blocks that, computed again in the backward pass, bring a step's peak below a bound; None where none do.

    Blocks come in the order of what they save for a multiply-accumulate. As many as are needed are taken, and those
    that turn out not to be needed are left out again; each plan is judged by its simulated peak.
    """

    program = program or Program(graph)

    def fits(blocks: list[_Block]) -> bool:
        names = {block.name for block in blocks}
        course = StepCourse(graph, optimizer, parts=parts, ema=ema, recomputed=names, program=program)
        return course.peak(batch) <= memory

    candidates = _candidates(graph, program)
    ranked = sorted(candidates, key=lambda block: block.macs / block.kept)
    # beyond some number of them the peak is that of one block alone, and rises no more
    if not ranked or not fits(ranked):
        return None
    least, enough = 0, len(ranked)
    while enough - least > 1:
        middle = (least + enough) // 2
        least, enough = (least, middle) if fits(ranked[:middle]) else (middle, enough)
    chosen = ranked[:enough]
    for block in sorted(chosen, key=lambda block: -block.macs)[:_TRIES]:
        without = [each for each in chosen if each is not block]
        if fits(without):
            chosen = without
    names = {block.name for block in chosen}
    return tuple(block.name for block in candidates if block.name in names)


def extra_compute(graph: Graph, blocks: tuple[str, ...]) -> float:
    """The multiply-accumulates of blocks as a part of those of a step: forward, and twice that backward."""
    again = sum(node.macs() for node in graph.nodes if node.name.startswith(tuple(f"{name}." for name in blocks)))
    return again / max(3 * sum(node.macs() for node in graph.nodes), 1)


def _candidates(graph: Graph, program: Program) -> list[_Block]:
    """The blocks of a graph that keep something, the large ones divided."""
    kept = StepCourse(graph, program=program).kept_by_node(1)
    found: list[_Block] = []
    most = sum(kept.values()) / _PART_OF_ALL
    waiting = list(_units(program.root))[::-1]
    while waiting:
        unit = waiting.pop()
        size = sum(kept.get(node.name, 0) for node in unit.nodes)
        inside = list(_units(unit))
        if size > most and inside:
            waiting += inside[::-1]
        elif size:
            found.append(_Block(unit.name.removesuffix("."), sum(node.macs() for node in unit.nodes), size))
    return found


def _units(unit: Unit) -> Iterator[Unit]:
    for item in unit.items:
        if isinstance(item, Use):
            yield item.unit
        elif isinstance(item, Loop):
            yield from item.units
