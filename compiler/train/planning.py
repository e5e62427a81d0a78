"""What a run computes again: what its recipe names, or what keeps a step within the memory that it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from archspec.diagnostic import Diagnostic
from archspec.graph import Graph
from archspec.memory.budget import Budget
from archspec.memory.program import Program, Segment
from archspec.memory.recipe import course_of
from archspec.memory.training import StepCourse
from archspec.report.units import bytes_text
from archspec.training import TrainKeys
from compiler.source import Emitted, emitted
from compiler.train.failure import TrainingError
from compiler.train.order import Division
from compiler.train.recompute import recompute_method, recompute_together


def planned(
    graph: Graph, keys: TrainKeys, division: Division, data: int, say: Callable[[str], None]
) -> tuple[str, ...]:
    """The segments to compute again; `data` are the bytes of examples that lie beside a step all the time."""
    if keys.memory is None:
        return tuple(Program(graph).named(keys.recompute)) if keys.recompute else ()
    program = Program(graph)

    def course(parts: int, segments: Sequence[str]) -> StepCourse:
        return course_of(graph, keys, parts=parts, recomputed=segments, program=program)

    budget = Budget(keys.memory, data)
    plan = budget.plan(graph, program, course, division.batch // division.processes, division.parts)
    if isinstance(plan, Diagnostic):
        raise TrainingError(plan.code, plan.message, plan.help)
    beside = f" beside {bytes_text(data)} of data" if data else ""
    again = f", computing again {', '.join(plan.recompute)} ({100 * plan.extra:.1f} % more compute)"
    say(f"memory: {bytes_text(plan.peak)} of tensors in a step{beside}{again if plan.recompute else ''}")
    return plan.recompute


def source_for(graph: Graph, segments: Sequence[str]) -> Emitted:
    """The source of a network in which segments can be computed again."""
    program = Program(graph) if segments else None
    return emitted(graph, [name for name in segments if program and _segment(program, name).is_stretch])


def apply(segments: Sequence[str], graph: Graph, network: nn.Module, source: Emitted) -> None:
    """Let the network's methods and modules compute segments again."""
    program = Program(graph)
    for name in segments:
        segment = _segment(program, name)
        if segment.is_stretch:
            paths = [path for node in segment.nodes if (path := source.paths.get(node.name))]
            recompute_method(network, source.methods[name], map(network.get_submodule, paths))
        else:
            paths = [source.units[unit.name.removesuffix(".")] for unit in segment.units]
            recompute_together([network.get_submodule(path) for path in paths])


def _segment(program: Program, name: str) -> Segment:
    segment = program.segment(name)
    assert segment is not None, f"{name} was planned, or checked with the recipe"
    return segment
