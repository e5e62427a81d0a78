"""What fits into a memory: the largest batch, and what makes a wanted one fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isqrt

from archspec.graph import Graph
from archspec.memory.device import Device, held_bytes
from archspec.memory.forward import ForwardCourse
from archspec.memory.optimizer import Optimizer
from archspec.memory.plan import best_plan
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype
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


def largest_inference_batch(graph: Graph, memory: int, *, dtype: Dtype = "float32", device: Device = "cpu") -> int:
    """The most images of a forward pass whose peak, weights included, stays within so many bytes."""
    course, weights = ForwardCourse(graph, dtype=dtype, device=device), held_bytes(graph, dtype, device)
    return largest(lambda batch: weights + course.peak(batch) <= memory)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be trained, and the memory that it is to fit into."""

    graph: Graph
    program: Program
    memory: int
    ema: bool = False
    frozen: tuple[str, ...] = ()
    device: Device = "cpu"

    def course(
        self, optimizer: Optimizer, precision: Precision, parts: int = 1, recompute: Sequence[str] = ()
    ) -> StepCourse:
        """A step that trains in such a way."""
        return StepCourse(
            self.graph,
            optimizer,
            parts=parts,
            ema=self.ema,
            frozen=self.frozen,
            recomputed=recompute,
            program=self.program,
            precision=precision,
            keys=self.graph.train,
            device=self.device,
        )

    def ways_to_fit(self, batch: int, optimizer: Optimizer, precision: Precision) -> list[Way]:
        """What makes a batch fit, the cheapest first; the batch as it is alone, where that fits."""
        fused = replace(optimizer, loop="fused")
        for loop in dict.fromkeys((optimizer, fused)):
            way = self._whole(batch, loop, precision)
            if way is not None:
                return [way]
        precisions: tuple[Precision, ...] = ("float32", "bf16") if precision == "float32" else (precision,)
        found = [way for each in precisions for way in self._ways(batch, fused, each)]
        return sorted(found, key=lambda way: (way.extra, way.accumulate))

    def _whole(self, batch: int, optimizer: Optimizer, precision: Precision) -> Way | None:
        """The batch in one part, with all that autograd keeps."""
        peak = self.course(optimizer, precision).peak(batch)
        return Way(optimizer.way, precision, 1, (), peak, 0.0) if peak <= self.memory else None

    def _ways(self, batch: int, optimizer: Optimizer, precision: Precision) -> Iterator[Way]:
        """The batch as a whole, else in the fewest parts, and in fewer ones with the least computed again."""
        way = self._whole(batch, optimizer, precision) or self._in_parts(batch, optimizer, precision)
        if way is not None:
            yield way
        for parts in _divisors(batch):
            if way is not None and parts >= way.accumulate:
                return
            course = partial(self.course, optimizer, precision, parts)
            plan = best_plan(self.graph, self.program, course, batch // parts, self.memory)
            if plan is not None:
                yield Way(optimizer.way, precision, parts, plan.recompute, plan.peak, plan.extra)
                return

    def _in_parts(self, batch: int, optimizer: Optimizer, precision: Precision) -> Way | None:
        course = self.course(optimizer, precision, parts=2)  # of which there may be more: the peak is the same
        for parts in _divisors(batch)[1:]:
            peak = course.peak(batch // parts)
            if peak <= self.memory:
                return Way(optimizer.way, precision, parts, (), peak, 0.0)
        return None


def _divisors(number: int) -> list[int]:
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    large = [number // divisor for divisor in reversed(small)]
    return list(dict.fromkeys((*small, *large)))
