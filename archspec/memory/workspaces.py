"""The peak with what kernels hold on a CPU while they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archspec.graph import Graph
from archspec.memory.ledger import Demand, Ledger
from archspec.memory.sizes import size_bytes
from archspec.operators.workspace import Processor, Run


def most(
    ledger: Ledger,
    totals: Sequence[int],
    before: int,
    batch: int,
    bytes_of: dict[str, int],
    processor: Processor,
) -> int:
    """The most bytes, with `before` those that are there before the first event and `totals` those after each."""
    runs = {
        (lowered, is_part): Run(batch, bytes_of["lowered" if lowered else "activation"], processor, is_part)
        for lowered in (False, True)
        for is_part in (False, True)
    }

    def moments() -> Iterator[int]:
        yield max(totals)
        for demand in ledger.demands:
            there = totals[demand.event - 1] if demand.event else before
            within = sum(size_bytes(ledger.sizes[each], batch, bytes_of) for each in demand.within)
            yield there + within + _of(demand, runs[demand.lowered, demand.is_part and batch > 1])

    return max(moments())


def has_maps_innermost(graph: Graph) -> bool:
    """Whether some row leaves maps innermost in memory, where kernels hold what no rule is known for."""
    return any(node.operator.turns_maps(node.input_shapes) for node in graph.nodes)


def _of(demand: Demand, run: Run) -> int:
    if demand.wanted is None:
        return demand.kernel.forward(run)
    wanted = demand.wanted
    return demand.kernel.backward(run, wanted if run.batch > 1 else wanted._replace(is_part=False))
