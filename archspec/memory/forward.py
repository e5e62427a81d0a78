"""The memory of the compiled module in inference, whose variables and callers hold tensors a little longer."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

from archspec.graph import Graph
from archspec.memory.device import Device, tensor_bytes
from archspec.memory.garbage import uncollected
from archspec.memory.ledger import Ledger
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype, element_bytes
from archspec.memory.step import Step
from archspec.memory.workspaces import most
from archspec.operators.workspace import AVX512, Processor


class ForwardCourse:
    """A recorded forward pass without gradients, of which every batch size can be asked."""

    def __init__(self, graph: Graph, *, dtype: Dtype = "float32", device: Device = "cpu") -> None:
        self._graph = graph
        self._device: Device = device
        self._program = Program(graph)
        self._bytes_of = element_bytes(dtype)

    @cached_property
    def _of_one(self) -> Ledger:
        return self._recorded(single=True)

    @cached_property
    def _of_many(self) -> Ledger:
        return self._recorded(single=False)

    def _recorded(self, *, single: bool) -> Ledger:
        with uncollected():
            return Step(self._graph, self._program, single=single, device=self._device).record_forward()

    def ledger(self, batch: int) -> Ledger:
        """The recorded pass."""
        return self._of_one if batch == 1 else self._of_many

    def totals(self, batch: int) -> list[int]:
        """The bytes of tensors after each event; the input is one of them, weights are not."""
        ledger = self.ledger(batch)
        sizes = tensor_bytes(ledger.sizes, batch, self._bytes_of, self._device)
        return list(accumulate(sizes[event] if event >= 0 else -sizes[~event] for event in ledger.events))

    def peak(self, batch: int) -> int:
        """The most bytes of tensors at a time."""
        return max(self.totals(batch))

    def peak_with_workspaces(self, batch: int, processor: Processor = AVX512) -> int:
        """The peak with what kernels hold on such a CPU while they run."""
        return most(self.ledger(batch), self.totals(batch), 0, batch, self._bytes_of, processor)
