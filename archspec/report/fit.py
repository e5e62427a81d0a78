"""What fits into a memory, as `archspec fit` shows it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from archspec.graph import Graph
from archspec.memory.device import Device
from archspec.memory.fit import Wanted, Way, largest_inference_batch, largest_training_batch
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype
from archspec.report.memory import OUTSIDE
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

    @property
    def fits(self) -> bool:
        """Whether what was asked for is possible."""
        return self.largest >= (self.wanted or 1) or bool(self.ways)

    def as_text(self, width: int | None = None) -> str:
        """The report for people."""
        bound = bytes_text(self.memory)
        if self.largest:
            peak = f", with a peak of {bytes_text(self.peak)}" if self.peak is not None else ""
            lines = [f"{self.name}, {self.mode}: {self.largest} images at a time fit into {bound}{peak}."]
        else:
            lines = [f"{self.name}, {self.mode}: not one image fits into {bound}."]
        if self.wanted is not None and self.wanted > self.largest:
            lines.append(self._ways(width) if self.ways else f"Nothing makes a batch of {self.wanted} fit.")
        return "\n\n".join([*lines, wrapped(OUTSIDE[self.device], width)])

    def _ways(self, width: int | None) -> str:
        table = Table([Column("to fit"), Column("peak", right=True), Column("extra compute", right=True)])
        for way in self.ways:
            is_as_it_is = way.accumulate == 1 and not way.recompute and way.precision == self.precision
            told = [f"optimizer: {way.loop}"] if is_as_it_is else []
            told += [f"precision: {way.precision}"] if way.precision != self.precision else []
            told += [f"accumulate: {way.accumulate}"] if way.accumulate > 1 else []
            count = len(way.recompute)
            told += [f"recompute {count} segment{'s' if count > 1 else ''}"] if count else []
            table.rows.append([", ".join(told), bytes_text(way.peak), f"{100 * way.extra:.0f} %"])
        blocks = dict.fromkeys(way.recompute for way in self.ways if way.recompute)
        told = [f"recompute: [{', '.join(each)}]" for each in blocks]
        return "\n".join(
            [f"A batch of {self.wanted}:", table.as_text(width), *(wrapped(each, width, 2) for each in told)]
        )

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
    """The largest batch of a training step."""
    wanted = Wanted(graph, Program(graph), memory, ema, tuple(frozen), device)
    course = wanted.course(optimizer, precision)
    largest = largest_training_batch(course, memory)
    ways: tuple[Way, ...] = ()
    if batch and batch > largest:
        ways = tuple(wanted.ways_to_fit(batch, optimizer, precision))
    peak = course.peak(largest) if largest else None
    return FitReport(graph.name, "training", memory, largest, peak, batch, ways, precision, device)


def inference_fit(
    graph: Graph, memory: int, batch: int | None = None, *, dtype: Dtype = "float32", device: Device = "cpu"
) -> FitReport:
    """The largest batch of a forward pass."""
    largest = largest_inference_batch(graph, memory, dtype=dtype, device=device)
    return FitReport(graph.name, "inference", memory, largest, None, batch, device=device)
