"""The memory of a training step: its peak, the moment of it, and what is alive then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from archspec.graph import Graph
from archspec.memory.device import Device, given, tensor_bytes
from archspec.memory.garbage import uncollected
from archspec.memory.ledger import Kind, Ledger
from archspec.memory.objective import objectives_of
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.sizes import DTYPE_BYTES, element_bytes
from archspec.memory.step import Step
from archspec.memory.trainer import Trainer
from archspec.memory.workspaces import most
from archspec.operators.workspace import AVX512, Processor
from archspec.training import SGD, Precision, TrainKeys

PLAIN_SGD = Optimizer(SGD(momentum=0.0))
_ELEMENT = DTYPE_BYTES["float32"]


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
    best: int
    """the best weights so far, which `early_stop` holds on to"""
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
        return self.weights + self.optimizer + self.mean + self.best

    @property
    def temporary(self) -> int:
        """What is alive at the peak and neither kept nor a gradient of a weight."""
        return sum(each.bytes for each in self.alive if each.kind == "temporary")


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A step without a batch size, and the bytes that have nothing to do with it."""

    ledger: Ledger
    weights: int
    optimizer: int
    mean: int
    best: int
    gradients: int

    @property
    def resident(self) -> int:
        """What is there all the time."""
        return self.weights + self.optimizer + self.mean + self.best


class StepCourse:
    """A recorded step, of which every batch size can be asked.

    With `keys` it is a step of `archspec train`, else one as people write it: forward, loss, backward, optimizer.
    """

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
        keys: TrainKeys | None = None,
        device: Device = "cpu",
    ) -> None:
        self._graph = graph
        self._optimizer = optimizer
        self._precision: Precision = precision
        self._parts = parts
        self._frozen = frozenset(frozen)
        self._ema = ema
        self._recomputed = frozenset(recomputed)
        self._objectives = objectives_of(graph, keys or graph.train)
        # a GPU's weights are copied into main memory
        self._holds_best = keys is not None and keys.early_stop is not None and device == "cpu"
        self._trainer = Trainer.of(keys, precision) if keys is not None else None
        self._device: Device = device
        self.program = program or Program(graph)
        self._bytes_of = element_bytes("float32")
        self._sizes: tuple[int, list[int]] | None = None
        """of the batch that was asked for last"""

    @cached_property
    def _of_one(self) -> _Recorded:
        return self._recorded(single=True)

    @cached_property
    def _of_many(self) -> _Recorded:
        return self._recorded(single=False)

    def _of(self, batch: int) -> _Recorded:
        return self._of_one if batch == 1 else self._of_many

    def _recorded(self, *, single: bool) -> _Recorded:
        step = Step(
            self._graph,
            self.program,
            single=single,
            frozen=self._frozen,
            parts=self._parts,
            recomputed=self._recomputed,
            autocast=self._precision != "float32",
            objectives=self._objectives,
            trainer=self._trainer,
            device=self._device,
        )
        with uncollected():
            ledger = step.record(self._optimizer)
        device = self._device
        scaling = sum(given(each, device) for each in self._trainer.kept) if self._trainer is not None else 0
        return _Recorded(
            ledger,
            sum(given(each, device) for each in self.program.module),
            self._optimizer.state_bytes(step.weights, _ELEMENT, device) + scaling,
            self._mean_bytes() if self._ema else 0,
            sum(self.program.module) if self._holds_best else 0,
            sum(given(_ELEMENT * size.elements, device) for size in step.weights.values()),
        )

    def _mean_bytes(self) -> int:
        """Bytes of the means of all parameters, of frozen ones too."""
        parameters = (each for node in self._graph.nodes for each in self.program.parameters[node.name])
        sizes = (_ELEMENT * each.size for each in parameters if each.kind in ("trained", "frozen"))
        return sum(given(size, self._device) for size in sizes)

    def ledger(self, batch: int) -> Ledger:
        """The recorded step."""
        return self._of(batch).ledger

    def sizes(self, batch: int) -> list[int]:
        """The bytes of every tensor that is ever there."""
        if self._sizes is None or self._sizes[0] != batch:
            self._sizes = batch, tensor_bytes(self.ledger(batch).sizes, batch, self._bytes_of, self._device)
        return self._sizes[1]

    def totals(self, batch: int) -> Iterator[int]:
        """The bytes after each event of the step."""
        recorded = self._of(batch)
        ledger, total = recorded.ledger, recorded.resident
        sizes = self.sizes(batch)
        for event in ledger.events:
            total += sizes[event] if event >= 0 else -sizes[~event]
            yield total

    def peak(self, batch: int) -> int:
        """The most bytes of a step with so many images at a time."""
        return max(self.totals(batch))

    def peak_with_workspaces(self, batch: int, processor: Processor = AVX512) -> int:
        """The peak with what kernels hold on such a CPU while they run."""
        recorded = self._of(batch)
        totals = list(self.totals(batch))
        return most(recorded.ledger, totals, recorded.resident, batch, self._bytes_of, processor)

    def bytes_by_name(self, batch: int) -> dict[str, int]:
        """The bytes of every tensor that is ever there."""
        return dict(zip(self.ledger(batch).names, self.sizes(batch), strict=True))

    def kept_by_node(self, batch: int) -> dict[str, int]:
        """The bytes that each node's tensors take of what is kept when the loss is known."""
        ledger, sizes = self.ledger(batch), self.sizes(batch)
        found: dict[str, int] = {}
        for storage in ledger.alive(ledger.loss):
            if ledger.kinds[storage] == "kept":
                node = ledger.names[storage].partition(": ")[0]
                found[node] = found.get(node, 0) + sizes[storage]
        return found

    def memory(self, batch: int) -> TrainingMemory:
        """All that is known of a step with so many images at a time."""
        recorded = self._of(batch)
        ledger = recorded.ledger
        totals = list(self.totals(batch))
        peak = max(totals)
        moment = totals.index(peak)
        sizes = self.sizes(batch)
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
            weights=recorded.weights,
            optimizer=recorded.optimizer,
            mean=recorded.mean,
            best=recorded.best,
            gradients=recorded.gradients,
            kept=sum(sizes[each] for each in ledger.alive(ledger.loss) if ledger.kinds[each] == "kept"),
            peak=peak,
            at=at,
            alive=tuple(sorted(alive, key=lambda each: -each.bytes)),
            course=course,
        )
