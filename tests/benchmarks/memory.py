"""How long the memory of a step takes after the graph, and a plan for less: prints each figure with its goal."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import archspec
from archspec.graph import Graph
from archspec.memory.plan import Plan, best_plan
from archspec.memory.program import Program
from archspec.memory.training import StepCourse

ROWS = "  - {{name: b{0}, type: unit}}\n"
UNITS = """
input: 8x16x16
blocks:
  unit:
    layers:
      - {type: conv, maps: 8, kernel: 3, padding: same, norm: batch, activation: relu}
      - {type: conv, maps: 8, kernel: 3, padding: same, norm: batch, activation: relu}
layers:
"""


def planned(graph: Graph, memory: int) -> Plan | None:
    """The peak of 8 images, and a plan for less."""
    program = Program(graph)

    def course(segments: Sequence[str]) -> StepCourse:
        return StepCourse(graph, program=program, recomputed=segments)

    return best_plan(graph, program, course, 8, memory)


def milliseconds(run: Callable[[], object], times: int = 7) -> float:
    """The median CPU time."""
    taken: list[float] = []
    for _ in range(times):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return 1000 * statistics.median(taken)


def main() -> None:
    """Print all figures."""
    for name, goal in (("resnet50", None), ("resnet152", 50), ("densenet201", 100)):
        graph = archspec.load(name)
        peak = milliseconds(lambda graph=graph: StepCourse(graph).peak(8))
        less = int(0.7 * StepCourse(graph).peak(8))
        plan = milliseconds(lambda graph=graph, less=less: planned(graph, less))
        print(f"{name:12} peak {peak:6.1f} ms, peak and plan {plan:6.1f} ms" + (f" (goal {goal})" if goal else ""))
    for count in (1250, 2500, 5000):
        graph = archspec.loads(UNITS + "".join(ROWS.format(index) for index in range(count)))
        peak = milliseconds(lambda graph=graph: StepCourse(graph).peak(8), times=1)
        less = int(0.7 * StepCourse(graph).peak(8))
        plan = milliseconds(lambda graph=graph, less=less: planned(graph, less), times=1)
        print(f"{2 * count:6} rows peak {peak:6.0f} ms, peak and plan {plan:6.0f} ms")


if __name__ == "__main__":
    main()
