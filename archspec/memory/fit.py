"""What fits into a memory: the largest batch, and what makes a wanted one fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isqrt

from archspec.costs import cost
from archspec.graph import Graph
from archspec.memory.forward import ForwardCourse
from archspec.memory.optimizer import Optimizer
from archspec.memory.plan import best_plan
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype, weight_bytes
from archspec.memory.training import StepCourse
from archspec.training import Precision

_MOST = 2**40


@dataclass(frozen=True, slots=True)
class Way:
    """A way to train with a batch."""

    loop: str
    """how the optimizer goes through the weights"""
    precision: Precision
    """float32, or the type in which autocast computes products"""
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
    course, weights = ForwardCourse(graph, dtype=dtype), weight_bytes(cost(graph), dtype)
    return largest(lambda batch: weights + course.peak(batch) <= memory)


def ways_to_fit(
    graph: Graph,
    batch: int,
    memory: int,
    optimizer: Optimizer,
    *,
    ema: bool = False,
    precision: Precision = "float32",
) -> Iterator[Way]:
    """What makes a batch fit, the cheapest first; the first is the batch as it is, where that fits."""

    program = Program(graph)

    def course(
        way: Optimizer, parts: int = 1, recompute: Sequence[str] = (), precision: Precision = precision
    ) -> StepCourse:
        return StepCourse(graph, way, parts=parts, ema=ema, recomputed=recompute, program=program, precision=precision)

    fused = replace(optimizer, loop="fused")
    for way in dict.fromkeys((optimizer, fused)):
        peak = course(way).peak(batch)
        if peak <= memory:
            yield Way(way.loop, precision, 1, (), peak, 0.0)
            return
    if precision == "float32":
        peak = course(fused, precision="bf16").peak(batch)
        if peak <= memory:
            yield Way("fused", "bf16", 1, (), peak, 0.0)
    in_parts, enough = course(fused, parts=2), batch + 1
    for parts in _divisors(batch):
        peak = in_parts.peak(batch // parts)
        if parts > 1 and peak <= memory:
            enough = parts
            yield Way("fused", precision, parts, (), peak, 0.0)
            break
    for parts in _divisors(batch):
        if parts >= enough:
            return
        plan = best_plan(graph, program, partial(course, fused, parts), batch // parts, memory)
        if plan is not None:
            yield Way("fused", precision, parts, plan.recompute, plan.peak, plan.extra)
            return


def _divisors(number: int) -> Iterator[int]:
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    large = [number // divisor for divisor in reversed(small)]
    yield from dict.fromkeys((*small, *large))
