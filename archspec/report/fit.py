"""What fits into a memory, as `archspec fit` shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from archspec.graph import Graph
from archspec.memory.device import Device
from archspec.memory.fit import Wanted, Way, inference_peak, largest_inference_batch, largest_training_batch
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype
from archspec.report.memory import EAGER, OUTSIDE
from archspec.report.table import Column, Table, wrapped
from archspec.report.units import bytes_text
from archspec.training import Precision


@dataclass(frozen=True, slots=True)
class FitReport:
    """The largest batch, and the ways to the one that is wanted."""

    name: str
    mode: str
    memory: int
    largest: int
    peak: int | None
    """that of the largest batch, in training"""
    wanted: int | None
    ways: tuple[Way, ...] = ()
    precision: Precision = "float32"
    device: Device = "cpu"
    one: int | None = None
    """the peak of one image, where not one fits"""
    accumulate: int = 1
    """the parts that the recipe computes a batch in"""
    recompute: tuple[str, ...] = ()
    """what the recipe computes again"""
    notes: tuple[str, ...] = ()
    """what the figures are not"""

    @property
    def fits(self) -> bool:
        """Whether what was asked for is possible."""
        return self._fits_as_it_is or bool(self.ways)

    @property
    def _fits_as_it_is(self) -> bool:
        return _fits(self.wanted or self.accumulate, self.accumulate, self.largest)

    def as_text(self, width: int | None = None) -> str:
        """The report for people."""
        bound = bytes_text(self.memory)
        if self.largest:
            peak = f", with a peak of {bytes_text(self.peak)}" if self.peak is not None else ""
            lines = [f"{self.name}, {self.mode}: {self.largest} images at a time fit into {bound}{peak}."]
        else:
            takes = f": one takes {bytes_text(self.one)}" if self.one is not None else ""
            lines = [f"{self.name}, {self.mode}: not one image fits into {bound}{takes}."]
        if self.recompute:
            lines.append(wrapped(f"Computed again, as `recompute` says: {', '.join(self.recompute)}.", width))
        if self.accumulate > 1:
            whole = f": a batch of {self.accumulate * self.largest} at the most" if self.largest else ""
            lines.append(f"A step has {self.accumulate} such parts, as `accumulate` says{whole}.")
        if self.wanted is not None and not self._fits_as_it_is:
            lines.append(self._ways(width) if self.ways else self._no_way())
        return "\n\n".join([*lines, *(wrapped(each, width) for each in (*self.notes, OUTSIDE[self.device]))])

    def _no_way(self) -> str:
        if self.mode == "inference" and self.largest:
            return f"A batch of {self.wanted} does not fit: {self.largest} at a time do."
        return f"Nothing makes a batch of {self.wanted} fit."

    def _ways(self, width: int | None) -> str:
        table = Table([Column("to fit"), Column("peak", right=True), Column("extra compute", right=True)])
        for way in self.ways:
            is_as_it_is = (way.accumulate, way.recompute, way.precision) == (
                self.accumulate, self.recompute, self.precision
            )  # fmt: skip
            told = [f"optimizer: {way.loop}"] if is_as_it_is else []
            told += [f"precision: {way.precision}"] if way.precision != self.precision else []
            told += [f"accumulate: {way.accumulate}"] if way.accumulate != self.accumulate else []
            told += [self._again(len(way.recompute))] if way.recompute != self.recompute else []
            table.rows.append([", ".join(told), bytes_text(way.peak), f"{100 * way.extra:.0f} %"])
        blocks = dict.fromkeys(way.recompute for way in self.ways if way.recompute != self.recompute)
        told = [f"recompute: [{', '.join(each)}]" for each in blocks]
        return "\n".join(
            [f"A batch of {self.wanted}:", table.as_text(width), *(wrapped(each, width, 2) for each in told)]
        )

    def _again(self, count: int) -> str:
        return f"recompute {count} segment{'s' if count > 1 else ''}" if count else "recompute: []"

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        return {**asdict(self), "fits": self.fits}


def training_fit(
    graph: Graph,
    memory: int,
    optimizer: Optimizer,
    *,
    batch: int | None = None,
    ema: bool = False,
    frozen: Collection[str] = (),
    precision: Precision = "float32",
    device: Device = "cpu",
) -> FitReport:
    """The largest part of a batch in a training step."""
    program, keys = Program(graph), graph.train
    recompute = tuple(program.named(keys.recompute)) if keys is not None else ()
    accumulate = keys.accumulate if keys is not None else 1
    wanted = Wanted(graph, program, memory, ema, tuple(frozen), recompute, accumulate, device)
    course = wanted.as_it_is(optimizer, precision)
    largest = largest_training_batch(course, memory)
    ways: tuple[Way, ...] = ()
    if batch and not _fits(batch, accumulate, largest):
        ways = tuple(wanted.ways_to_fit(batch, optimizer, precision))
    notes = (EAGER,) if keys is not None and keys.compile else ()
    return FitReport(
        graph.name, "training", memory, largest, course.peak(largest) if largest else None, batch, ways, precision,
        device, None if largest else course.peak(1), accumulate, recompute, notes,
    )  # fmt: skip


def inference_fit(
    graph: Graph, memory: int, batch: int | None = None, *, dtype: Dtype = "float32", device: Device = "cpu"
) -> FitReport:
    """The largest batch of a forward pass."""
    largest = largest_inference_batch(graph, memory, dtype=dtype, device=device)
    one = None if largest else inference_peak(graph, 1, dtype=dtype, device=device)
    return FitReport(graph.name, "inference", memory, largest, None, batch, device=device, one=one)


def _fits(batch: int, parts: int, largest: int) -> bool:
    """Whether a batch has so many equal parts, none larger than the largest that fits."""
    return batch % parts == 0 and batch // parts <= largest
