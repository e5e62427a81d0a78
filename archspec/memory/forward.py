"""The memory of the compiled module in inference, whose variables and callers hold tensors a little longer."""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

from archspec.graph import Graph
from archspec.memory.garbage import uncollected
from archspec.memory.ledger import Ledger
from archspec.memory.program import Program
from archspec.memory.sizes import Dtype, element_bytes, size_bytes
from archspec.memory.step import Step


class ForwardCourse:
    """A recorded forward pass without gradients, of which every batch size can be asked."""

    def __init__(self, graph: Graph, *, dtype: Dtype = "float32") -> None:
        self._graph = graph
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
            return Step(self._graph, self._program, single=single).record_forward()

    def peak(self, batch: int) -> int:
        """The most bytes of tensors at a time; the input is one of them, weights are not."""
        ledger = self._of_one if batch == 1 else self._of_many
        sizes = [size_bytes(size, batch, self._bytes_of) for size in ledger.sizes]
        return max(accumulate(sizes[event] if event >= 0 else -sizes[~event] for event in ledger.events))
