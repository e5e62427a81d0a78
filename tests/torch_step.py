"""A training step as people write it, run in torch and measured: what predictions are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archspec.graph import Graph
from archspec.memory.losses import Objective
from archspec.memory.objective import objectives_of
from archspec.memory.training import StepCourse
from archspec.training import Precision
from compiler.measure import MeasuredMemory, held_bytes, measure
from compiler.train.losses import Criterion, total_loss
from compiler.train.planning import apply, source_for
from compiler.train.session import network_of

OptimizerOf = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def no_optimizer(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=0.01)


@contextmanager
def one_thread() -> Iterator[None]:
    """torch on one thread, whose kernels take the same memory on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass
class TorchStep:
    """One network with its optimizer."""

    graph: Graph
    batch: int
    optimizer_of: OptimizerOf = no_optimizer
    parts: int = 1
    frozen: Sequence[str] = ()
    recomputed: Sequence[str] = ()
    """blocks, by the names that they have in the graph"""
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        source = source_for(self.graph, self.recomputed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.module = network_of(source).train()
        for node in self.frozen:
            self.module.get_submodule(source.paths[node]).requires_grad_(False).eval()
        apply(self.recomputed, self.graph, self.module, source)
        self.optimizer = self.optimizer_of([each for each in self.module.parameters() if each.requires_grad])
        self.images = torch.randn(self.batch, *self.graph.input)
        objectives = objectives_of(self.graph, self.graph.train)
        self.criteria = [
            Criterion(each.output, each.loss, each.weight, each.gives, False, each.target_name) for each in objectives
        ]
        self.targets = {each.target_name: self._target(each) for each in objectives}

    def _target(self, objective: Objective) -> Tensor:
        if objective.target.dtype == "int64":
            return torch.zeros(self.batch, *objective.shape[1:], dtype=torch.long)
        return torch.zeros(self.batch, *objective.shape)

    def run(self) -> None:
        """Forward, loss, backward and optimizer."""
        for _ in range(self.parts):
            with self._autocast():
                outputs = self.module(self.images)
                loss = self._loss(outputs)
            loss.backward()
        self.optimizer.step()

    def _autocast(self) -> AbstractContextManager[object]:
        """As `archspec train` does."""
        dtype = {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        return nullcontext() if dtype is None else torch.autocast("cpu", dtype)

    def _loss(self, outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
        return total_loss(self.criteria, outputs if isinstance(outputs, tuple) else (outputs,), self.targets)

    def measured(self) -> tuple[int, MeasuredMemory]:
        """What is there before a step that is not the first, and what the step adds."""
        self.run()
        self.optimizer.zero_grad(set_to_none=True)
        states = [
            each for state in self.optimizer.state.values() for each in state.values() if isinstance(each, Tensor)
        ]
        base = held_bytes(
            [*self.module.parameters(), *self.module.buffers(), *states, self.images, *self.targets.values()]
        )
        return base, measure(self.run)


def course_maxima(course: StepCourse, batch: int) -> list[int]:
    """The predicted sum wherever memory is freed after some was allocated."""
    found: list[int] = []
    before, rises = 0, False
    for total in course.totals(batch):
        if total < before and rises:
            found.append(before)
        rises, before = total > before, total
    return [*found, before] if rises else found
