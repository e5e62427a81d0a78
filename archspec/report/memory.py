"""The memory of training or of inference, as `archspec memory` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from archspec.diagnostic import Diagnostic
from archspec.graph import Graph
from archspec.memory.arena import Arena, arena, two_layers
from archspec.memory.budget import Budget
from archspec.memory.device import Device, held_bytes
from archspec.memory.forward import ForwardCourse
from archspec.memory.held import Held, held_examples
from archspec.memory.inference import InferenceMemory, inference_memory
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.sizes import DTYPE_BYTES, Dtype
from archspec.memory.training import StepCourse, TrainingMemory
from archspec.memory.workspaces import has_maps_innermost
from archspec.report.table import Column, Table, wrapped
from archspec.report.units import bytes_text
from archspec.training import Precision
from archspec.training_data import DataKeys

SHOWN = 12
"""tensors of the peak that the text lists"""


@dataclass(frozen=True, slots=True)
class Line:
    """A row or block: its weights, and what training keeps of its tensors."""

    name: str
    weights: int
    kept: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """A training step, and its rows or blocks."""

    name: str
    optimizer: str
    memory: TrainingMemory
    lines: tuple[Line, ...]
    recompute: tuple[str, ...] = ()
    """what is computed again"""
    device: Device = "cpu"
    learns_from: DataKeys | None = None
    """the data of the recipe"""
    held: Held | None = None
    """the examples that lie on the device beside a step, where the spec alone tells"""
    with_workspaces: int | None = None
    """the peak with what kernels hold on a CPU while they run, where that is known"""
    planned_for: int | None = None
    """the bytes that a plan leaves a step, where the recipe gives a memory"""
    notes: tuple[str, ...] = ()
    """what the figures are not"""

    def as_text(self, width: int | None = None) -> str:
        """The report for people."""
        memory = self.memory
        parts = f" in {memory.parts} parts of {memory.batch}" if memory.parts > 1 else ""
        sums = [
            ("weights", memory.weights, "and running statistics"),
            ("moving mean", memory.mean, "of the weights"),
            ("best", memory.best, "weights so far, for early_stop"),
            ("optimizer", memory.optimizer, "what it keeps for each weight"),
            ("gradients", memory.gradients, "of all weights, when the optimizer runs"),
            ("kept", memory.kept, "by autograd, when the loss is known"),
            ("temporary", memory.temporary, "at the peak, freed before the step ends"),
            ("peak", memory.peak, f"at: {memory.at}"),
            ("with kernels", self.with_workspaces or 0, WORKSPACES),
        ]
        table = Table([Column("memory"), Column("", right=True), Column("what")])
        table.rows = [[name, bytes_text(size), what] for name, size, what in sums if size]
        lines = Table(
            [Column("row"), Column("weights", right=True), Column("kept", right=True)],
            [[line.name, _text(line.weights), _text(line.kept)] for line in self.lines],
        )
        is_mixed = memory.precision != "float32"
        numbers = f"{memory.precision} autocast" if is_mixed else memory.precision
        again = [wrapped(f"computed again: {', '.join(self.recompute)}", width)] if self.recompute else []
        title = f"{self.name}, training: batch {memory.batch * memory.parts}{parts}, {numbers}, {self.optimizer}"
        alive = [(f"{each.name} ({each.kind})", each.bytes) for each in memory.alive]
        said = [*self.notes, *self._of_examples(), *((MIXED,) if is_mixed else ()), OUTSIDE[self.device]]
        notes = [wrapped(each, width) for each in said]
        return "\n\n".join([title, *again, table.as_text(width), _alive(alive, width), lines.as_text(width), *notes])

    def _of_examples(self) -> Iterator[str]:
        if self.learns_from is None:
            return
        if self.held is None:
            yield f"{BESIDE} is known when the data have been read: archspec train --dry-run tells it."
            if self.planned_for is not None:
                yield "What is computed again is for a run that holds no examples; one that does has less for a step."
        elif not self.held.examples:
            yield "Examples are loaded when they are wanted, as `resident: false` says: nothing lies beside a step."
        else:
            which = f"{self.held.examples:,} examples of {self.held.shape}"
            yield f"{BESIDE}: {bytes_text(self.held.bytes)}, {which}, where a third of what is free has room for them."
            if self.planned_for is not None:
                yield f"`memory` leaves {bytes_text(self.planned_for)} for a step."

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        found = asdict(self.memory)
        found["course"] = [{"what": what, "bytes": size} for what, size in self.memory.course]
        lines = [asdict(line) for line in self.lines]
        return {
            "name": self.name, "mode": "training", "device": self.device, "optimizer_kind": self.optimizer, **found,
            "temporary": self.memory.temporary, "with_workspaces": self.with_workspaces,
            "recompute": list(self.recompute),
            "planned_for": self.planned_for,
            "data": {"examples": self.held.examples, "bytes": self.held.bytes} if self.held is not None else None,
            "rows": lines, "notes": list(self.notes),
        }  # fmt: skip


MIXED = (
    "Autocast: products are computed in the smaller type, of which each weight gets a copy for the step; weights, "
    "gradients and what the optimizer keeps are in float32."
)
EAGER = (
    "`compile: true`: these are the figures of eager torch; a compiled network is planned by torch, and takes others."
)
AUTO = "`batch: auto`: a run tries how many images at a time fit; these are the figures of one, or say --batch."
BESIDE = "What lies on the device besides"
WORKSPACES = "the peak with their workspaces: AVX-512, one thread"
OUTSIDE: dict[Device, str] = {
    "cpu": "Sizes are those of tensors; what an allocator adds is not in them. Kernels have other workspaces on "
    "another CPU, with more threads, or with maps innermost (`channels_last`, `layer_norm` with `over: maps`).",
    "cuda": "A GPU, where torch's allocator gives whole multiples of 512 bytes. The figures follow from torch's "
    "source, and were not measured on a GPU. Not in them: workspaces, which cuDNN and cuBLAS choose themselves; the "
    "context, 300 to 400 MB; and memory that the allocator has reserved and does not use.",
}


@dataclass(frozen=True, slots=True)
class InferenceReport:
    """A forward pass."""

    name: str
    batch: int
    dtype: Dtype
    weights: int
    memory: InferenceMemory
    compiled: int
    """the most bytes of tensors while the compiled module runs"""
    two_layers: int
    arena: Arena
    device: Device = "cpu"
    with_workspaces: int | None = None
    """the peak with what kernels hold on a CPU while they run, where that is known"""

    @property
    def peak(self) -> int:
        return self.weights + self.compiled

    def as_text(self, width: int | None = None) -> str:
        """The report for people."""
        difference = self.memory.peak - self.two_layers
        rule = "the same on this network" if not difference else _rule(self.memory.peak, self.two_layers)
        table = Table([Column("memory"), Column("", right=True), Column("what")])
        table.rows = [
            ["weights", bytes_text(self.weights), "and running statistics"],
            ["module", bytes_text(self.compiled), "tensors while it runs, its input among them"],
            ["peak", bytes_text(self.peak), "both"],
            *self._kernels(),
            ["least", bytes_text(self.memory.peak), f"tensors, each freed after its last use, at: {self.memory.at}"],
            ["two layers", bytes_text(self.two_layers), f"the rule of textbooks: {rule}"],
            ["arena", bytes_text(self.arena.total), "tensors at fixed offsets, the largest placed first"],
        ]
        title = f"{self.name}, inference: batch {self.batch}, {self.dtype}"
        notes = [wrapped(OUTSIDE[self.device], width)]
        return "\n\n".join([title, table.as_text(width), _alive(self.memory.alive, width), *notes])

    def _kernels(self) -> Iterator[list[str]]:
        if self.with_workspaces is not None:
            yield ["with kernels", bytes_text(self.with_workspaces), WORKSPACES]

    def as_dict(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "name": self.name,
            "mode": "inference",
            "device": self.device,
            "batch": self.batch,
            "dtype": self.dtype,
            "weights": self.weights,
            "module": self.compiled,
            "tensors": self.memory.peak,
            "peak": self.peak,
            "with_workspaces": self.with_workspaces,
            "at": self.memory.at,
            "alive": [{"name": name, "bytes": size} for name, size in self.memory.alive],
            "two_layers": self.two_layers,
            "arena": asdict(self.arena),
        }


def _rule(peak: int, rule: int) -> str:
    if rule < peak:
        return f"{100 * (peak - rule) / peak:.0f} % too low, for a branch holds tensors while others run"
    return f"{100 * (rule - peak) / peak:.0f} % too high, for views have no memory of their own"


def _alive(tensors: Sequence[tuple[str, int]], width: int | None) -> str:
    ordered = sorted(tensors, key=lambda each: -each[1])
    table = Table([Column("alive at the peak"), Column("bytes", right=True)])
    table.rows = [[name, bytes_text(size)] for name, size in ordered[:SHOWN]]
    rest = ordered[SHOWN:]
    if rest:
        table.rows.append([f"{len(rest)} more", bytes_text(sum(size for _, size in rest))])
    return table.as_text(width)


def _text(size: int) -> str:
    return bytes_text(size) if size else "-"


def training_report(
    graph: Graph,
    optimizer: Optimizer,
    *,
    batch: int,
    precision: Precision = "float32",
    parts: int = 1,
    ema: bool = False,
    frozen: Sequence[str] = (),
    recompute: Sequence[str] = (),
    depth: int | None = None,
    memory: str | None = None,
    device: Device = "cpu",
    notes: Sequence[str] = (),
) -> TrainingReport | Diagnostic:
    """The memory of a step with `batch` images at a time; within a memory, by computing again what that takes."""
    program, keys = Program(graph), graph.train
    held = held_examples(graph, keys) if keys is not None else None

    def course_with(parts: int, segments: Sequence[str]) -> StepCourse:
        return StepCourse(
            graph, optimizer, precision=precision, parts=parts, ema=ema, frozen=frozen, recomputed=segments,
            program=program, keys=keys, device=device,
        )  # fmt: skip

    budget = Budget(memory, held.bytes if held is not None else 0) if memory is not None else None
    if budget is not None:
        plan = budget.plan(graph, program, course_with, batch * parts, parts)
        if isinstance(plan, Diagnostic):
            return plan
        recompute = plan.recompute
    course = course_with(parts, recompute)
    is_innermost = (keys is not None and keys.channels_last) or has_maps_innermost(graph)
    is_known = device == "cpu" and precision != "fp16" and not is_innermost
    lines = tuple(_lines(graph, course.kept_by_node(batch), DTYPE_BYTES["float32"], depth))
    return TrainingReport(
        graph.name, optimizer.described, course.memory(batch), lines, tuple(recompute), device,
        keys.data if keys is not None else None, held, course.peak_with_workspaces(batch) if is_known else None,
        budget.left if budget is not None else None, tuple(notes),
    )  # fmt: skip


def _lines(graph: Graph, kept: dict[str, int], element: int, depth: int | None) -> Iterator[Line]:
    weights: dict[str, int] = {}
    sums: dict[str, int] = {}
    for row in graph.rows:
        name = ".".join(row.name.split(".")[:depth]) if depth else row.name
        for node in row.nodes:
            size = sum(each.size for each in node.parameters() if each.kind != "counter") * element
            weights[name] = weights.get(name, 0) + size
            sums[name] = sums.get(name, 0) + kept.get(node.name, 0)
    return (Line(name, weights[name], sums[name]) for name in weights)


def inference_report(graph: Graph, *, batch: int, dtype: Dtype = "float32", device: Device = "cpu") -> InferenceReport:
    """The memory of a forward pass."""
    course, weights = ForwardCourse(graph, dtype=dtype, device=device), held_bytes(graph, dtype, device)
    is_known = device == "cpu" and dtype != "float16" and not has_maps_innermost(graph)
    return InferenceReport(
        graph.name,
        batch,
        dtype,
        weights,
        inference_memory(graph, batch=batch, dtype=dtype),
        course.peak(batch),
        two_layers(graph, batch=batch, dtype=dtype),
        arena(graph, batch=batch, dtype=dtype),
        device,
        weights + course.peak_with_workspaces(batch) if is_known else None,
    )
