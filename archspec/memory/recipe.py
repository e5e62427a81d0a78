"""The training step that a `train:` section asks for."""

from __future__ import annotations

from collections.abc import Collection

from archspec.graph import Graph
from archspec.memory.optimizer import Optimizer
from archspec.memory.program import Program
from archspec.memory.training import StepCourse
from archspec.names import is_of
from archspec.training import TrainKeys


def frozen_nodes(graph: Graph, keys: TrainKeys) -> list[str]:
    """The nodes that never learn: frozen rows, unless they learn later."""
    if keys.unfreeze is not None:
        return []
    return [node.name for row in graph.rows if is_of(keys.freeze, row.name) for node in row.nodes]


def course_of(
    graph: Graph,
    keys: TrainKeys,
    *,
    parts: int | None = None,
    recomputed: Collection[str] | None = None,
    program: Program | None = None,
) -> StepCourse:
    """The step of a recipe, in so many parts, of which some segments are computed again: those that it names."""
    program = program or Program(graph)
    return StepCourse(
        graph,
        Optimizer(keys.optimizer),
        precision=keys.precision,
        parts=parts or keys.accumulate,
        frozen=frozen_nodes(graph, keys),
        ema=keys.ema is not None,
        recomputed=program.named(keys.recompute) if recomputed is None else recomputed,
        program=program,
        keys=keys,
    )
