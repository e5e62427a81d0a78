"""What keeps a step of a recipe within the memory that it gives, beside the examples that lie there all the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archspec.byte_size import byte_size
from archspec.diagnostic import Diagnostic
from archspec.graph import Graph
from archspec.memory.plan import Plan, best_plan
from archspec.memory.program import Program
from archspec.memory.training import StepCourse
from archspec.report.units import bytes_text

PartsCourse = Callable[[int, Sequence[str]], StepCourse]
"""the step in so many parts that computes some segments again"""


@dataclass(frozen=True, slots=True)
class Budget:
    """The memory of a run."""

    written: str
    """as its recipe has it"""
    data: int = 0
    """bytes of examples"""

    @property
    def left(self) -> int:
        """What a step may take."""
        return (byte_size(self.written) or 0) - self.data

    def plan(self, graph: Graph, program: Program, course: PartsCourse, batch: int, parts: int) -> Plan | Diagnostic:
        """The cheapest plan for a batch in so many parts; why there is none, and what to do."""

        def plan_in(parts: int) -> Plan | None:
            return best_plan(graph, program, lambda names: course(parts, names), batch // parts, self.left)

        plan = plan_in(parts)
        if plan is not None:
            return plan
        finer = (each for each in range(parts + 1, batch + 1) if batch % each == 0)
        enough = next((each for each in finer if plan_in(each) is not None), None)
        need, held = bytes_text(course(parts, ()).peak(batch // parts)), f"{bytes_text(self.data)} of data"
        alone = "more memory, or a smaller network or input: not one example fits"
        return Diagnostic(
            "E913",
            f"nothing makes {batch // parts} examples at a time, which take {need}"
            f"{f' beside {held}' if self.data else ''}, fit into memory: {self.written}",
            None,
            help=f"accumulate: {enough}"
            if enough
            else f"{alone} beside {held}; see `resident`"
            if self.data
            else alone,
        )
