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
from archspec.memory.plan import Plan, best_plan, extra_compute
from archspec.memory.program import Program
from archspec.memory.sizes import DTYPE_BYTES, Dtype
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


def inference_peak(graph: Graph, batch: int, *, dtype: Dtype = "float32", device: Device = "cpu") -> int:
    """The most bytes of a forward pass, weights included."""
    return held_bytes(graph, dtype, device) + ForwardCourse(graph, dtype=dtype, device=device).peak(batch)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be trained, and the memory that it is to fit into."""

    graph: Graph
    program: Program
    memory: int
    ema: bool = False
    frozen: tuple[str, ...] = ()
    recompute: tuple[str, ...] = ()
    """what its recipe computes again, where no plan takes the place of that"""
    accumulate: int = 1
    """the parts that its recipe computes a batch in"""
    device: Device = "cpu"

    def as_it_is(self, optimizer: Optimizer, precision: Precision) -> StepCourse:
        """A step in the parts, and with what is computed again, of its recipe."""
        return self.course(optimizer, precision, self.accumulate, self.recompute)

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
            way = self._unchanged(batch, loop, precision)
            if way is not None:
                return [way]
        precisions: tuple[Precision, ...] = ("float32", "bf16") if precision == "float32" else (precision,)
        found = [way for each in precisions for way in self._ways(batch, fused, each)]
        return sorted(found, key=lambda way: (way.extra, way.accumulate))

    def _unchanged(self, batch: int, optimizer: Optimizer, precision: Precision) -> Way | None:
        """The batch in the parts of the recipe, where they are equal."""
        return self._in(self.accumulate, batch, optimizer, precision) if batch % self.accumulate == 0 else None

    def _ways(self, batch: int, optimizer: Optimizer, precision: Precision) -> Iterator[Way]:
        """The batch as its recipe has it, else in the fewest parts, and in fewer ones with the least computed again."""
        way = self._unchanged(batch, optimizer, precision) or self._in_parts(batch, optimizer, precision)
        if way is not None:
            yield way
        for parts in self._numbers_of_parts(batch):
            if way is not None and parts >= way.accumulate:
                return
            # what two parts can't do needs no record of many
            if parts > 2 and self._plan(2, batch // parts, optimizer, precision) is None:
                continue
            plan = self._plan(parts, batch // parts, optimizer, precision)
            if plan is not None:
                yield Way(optimizer.way, precision, parts, plan.recompute, plan.peak, plan.extra)
                return

    def _plan(self, parts: int, images: int, optimizer: Optimizer, precision: Precision) -> Plan | None:
        course = partial(self.course, optimizer, precision, parts)
        return best_plan(self.graph, self.program, course, images, self.memory)

    def _numbers_of_parts(self, batch: int) -> list[int]:
        """Numbers of equal parts; of each part a run keeps a figure at least until the batch is done."""
        least = DTYPE_BYTES["float32"] if self.graph.train is not None else 0
        return [parts for parts in _divisors(batch) if parts * least <= self.memory]

    def _in_parts(self, batch: int, optimizer: Optimizer, precision: Precision) -> Way | None:
        two = self.course(optimizer, precision, 2, self.recompute)  # more of them take a few bytes more
        for parts in self._numbers_of_parts(batch):
            if parts > 1 and two.peak(batch // parts) > self.memory:
                continue
            way = self._in(parts, batch, optimizer, precision)
            if way is not None:
                return way
        return None

    def _in(self, parts: int, batch: int, optimizer: Optimizer, precision: Precision) -> Way | None:
        """The batch in so many parts, with nothing computed again but what its recipe does."""
        peak = self.course(optimizer, precision, parts, self.recompute).peak(batch // parts)
        if peak > self.memory:
            return None
        extra = extra_compute(self.graph, self.program, self.recompute)
        return Way(optimizer.way, precision, parts, self.recompute, peak, extra)


def _divisors(number: int) -> list[int]:
    small = [divisor for divisor in range(1, isqrt(number) + 1) if number % divisor == 0]
    large = [number // divisor for divisor in reversed(small)]
    return list(dict.fromkeys((*small, *large)))
