"""The memory of a training step: its peak, the moment of it, and what is alive then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from archspec.graph import Graph
from archspec.memory.garbage import uncollected
from archspec.memory.ledger import Kind, Ledger
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.sizes import DTYPE_BYTES, element_bytes, module_bytes, size_bytes
from archspec.memory.step import Step
from archspec.operators.backward import Size
from archspec.training import SGD, Precision

PLAIN_SGD = Optimizer(SGD(momentum=0.0))


@dataclass(frozen=True, slots=True)
class Alive:
    """A tensor that is alive at the peak."""

    name: str
    bytes: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """The tensor memory of one training step; what allocators and the device's context add is not in it."""

    batch: int
    precision: Precision
    """float32, or the type in which autocast computes products"""
    parts: int
    weights: int
    """weights and running statistics, all the time"""
    optimizer: int
    """what the optimizer keeps for each weight, all the time"""
    mean: int
    """the moving mean of the weights, where there is one"""
    gradients: int
    """gradients of all weights, which are there when the optimizer runs"""
    kept: int
    """what is kept from the forward to the backward pass, when the loss is known"""
    peak: int
    at: str
    """what runs at the peak"""
    alive: tuple[Alive, ...]
    """what is alive then besides weights and optimizer, the largest first"""
    course: tuple[tuple[str, int], ...]
    """what runs, in order, with the most memory during it"""

    @property
    def resident(self) -> int:
        """What is there all the time."""
        return self.weights + self.optimizer + self.mean

    @property
    def temporary(self) -> int:
        """What is alive at the peak and neither kept nor a gradient of a weight."""
        return sum(each.bytes for each in self.alive if each.kind == "temporary")


class StepCourse:
    """A recorded step, of which every batch size can be asked."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer = PLAIN_SGD,
        *,
        precision: Precision = "float32",
        parts: int = 1,
        frozen: Collection[str] = (),
        ema: bool = False,
        recomputed: Collection[str] = (),
        program: Program | None = None,
    ) -> None:
        self._graph = graph
        self._optimizer = optimizer
        self._precision: Precision = precision
        self._parts = parts
        self._frozen = frozenset(frozen)
        self._ema = ema
        self._recomputed = frozenset(recomputed)
        self.program = program or Program(graph)
        self._bytes_of = element_bytes("float32")

    @cached_property
    def _of_one(self) -> Ledger:
        return self._recorded(single=True)

    @cached_property
    def _of_many(self) -> Ledger:
        return self._recorded(single=False)

    def _recorded(self, *, single: bool) -> Ledger:
        step = Step(
            self._graph,
            self.program,
            single=single,
            frozen=self._frozen,
            parts=self._parts,
            recomputed=self._recomputed,
            autocast=self._precision != "float32",
        )
        with uncollected():
            return step.record(self._optimizer)

    @cached_property
    def _base(self) -> dict[str, int]:
        element = DTYPE_BYTES["float32"]
        weights: dict[str, Size] = {}
        parameters = 0
        for node in self._graph.nodes:
            for parameter in self.program.parameters[node.name]:
                parameters += parameter.size if parameter.kind in ("trained", "frozen") else 0
                if parameter.kind == "trained" and node.name not in self._frozen:
                    weights[f"{node.name}.{parameter.name}"] = Size(parameter.size, "weight", per_batch=True)
        return {
            "weights": module_bytes(self._graph),
            "optimizer": self._optimizer.state_bytes(weights, element),
            "mean": parameters * element if self._ema else 0,
            "gradients": element * sum(size.elements for size in weights.values()),
        }

    def ledger(self, batch: int) -> Ledger:
        """The recorded step."""
        return self._of_one if batch == 1 else self._of_many

    def sizes(self, batch: int) -> list[int]:
        """The bytes of every tensor that is ever there."""
        return [size_bytes(size, batch, self._bytes_of) for size in self.ledger(batch).sizes]

    def totals(self, batch: int) -> Iterator[int]:
        """The bytes after each event of the step."""
        ledger = self.ledger(batch)
        sizes = [size_bytes(size, batch, self._bytes_of) for size in ledger.sizes]
        total = self._base["weights"] + self._base["optimizer"] + self._base["mean"]
        for event in ledger.events:
            total += sizes[event] if event >= 0 else -sizes[~event]
            yield total

    def peak(self, batch: int) -> int:
        """The most bytes of a step with so many images at a time."""
        return max(self.totals(batch))

    def bytes_by_name(self, batch: int) -> dict[str, int]:
        """The bytes of every tensor that is ever there."""
        ledger = self.ledger(batch)
        sizes = (size_bytes(size, batch, self._bytes_of) for size in ledger.sizes)
        return dict(zip(ledger.names, sizes, strict=True))

    def kept_by_node(self, batch: int) -> dict[str, int]:
        """The bytes that each node's tensors take of what is kept when the loss is known."""
        ledger = self.ledger(batch)
        found: dict[str, int] = {}
        for storage in ledger.alive(ledger.loss):
            if ledger.kinds[storage] == "kept":
                node = ledger.names[storage].partition(": ")[0]
                found[node] = found.get(node, 0) + size_bytes(ledger.sizes[storage], batch, self._bytes_of)
        return found

    def memory(self, batch: int) -> TrainingMemory:
        """All that is known of a step with so many images at a time."""
        ledger, base = self.ledger(batch), self._base
        totals = list(self.totals(batch))
        peak = max(totals)
        moment = totals.index(peak)
        sizes = [size_bytes(size, batch, self._bytes_of) for size in ledger.sizes]
        alive = [Alive(ledger.names[each], sizes[each], ledger.kinds[each]) for each in ledger.alive(moment + 1)]
        ends = [*(start for start, _ in ledger.marks[1:]), len(totals)]
        course = tuple(
            (what, max(totals[max(start - 1, 0) : end]))
            for (start, what), end in zip(ledger.marks, ends, strict=True)
            if start < len(totals)
        )
        at = next((what for start, what in reversed(ledger.marks) if start <= moment), "input")
        return TrainingMemory(
            batch=batch,
            precision=self._precision,
            parts=self._parts,
            weights=base["weights"],
            optimizer=base["optimizer"],
            mean=base["mean"],
            gradients=base["gradients"],
            kept=sum(sizes[each] for each in ledger.alive(ledger.loss) if ledger.kinds[each] == "kept"),
            peak=peak,
            at=at,
            alive=tuple(sorted(alive, key=lambda each: -each.bytes)),
            course=course,
        )
