"""What a run computes again: what its recipe names, or what keeps a step within the memory that it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from archspec.byte_size import byte_size
from archspec.graph import Graph
from archspec.memory.plan import Plan, best_plan
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
    program, memory = Program(graph), byte_size(keys.memory) or 0
    per_process = division.batch // division.processes

    def course(parts: int, segments: Sequence[str]) -> StepCourse:
        return course_of(graph, keys, parts=parts, recomputed=segments, program=program)

    def plan_in(parts: int) -> Plan | None:
        return best_plan(graph, program, lambda names: course(parts, names), per_process // parts, memory - data)

    plan = plan_in(division.parts)
    if plan is None:
        finer = (parts for parts in range(division.parts + 1, per_process + 1) if per_process % parts == 0)
        parts = next((parts for parts in finer if plan_in(parts) is not None), None)
        need, held = bytes_text(course(division.parts, ()).peak(division.part)), f"{bytes_text(data)} of data"
        alone = "more memory, or a smaller network or input: not one example fits"
        raise TrainingError(
            "E913",
            f"nothing makes {division.part} examples at a time, which take {need}{f' beside {held}' if data else ''}, "
            f"fit into memory: {keys.memory}",
            f"accumulate: {parts}" if parts else f"{alone} beside {held}; see `resident`" if data else alone,
        )
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
