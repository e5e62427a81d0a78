"""What scaling makes of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archspec.memory import Dtype
from archspec.report.compare import Figures, figures
from archspec.report.table import Column, Table
from archspec.report.units import bytes_text, count_text
from archspec.scaling import Candidate, Goal, Rule

_SYMBOLS = {"depth": "alpha", "width": "beta", "resolution": "gamma"}
_QUANTITIES = {"macs": "MACs", "params": "parameters"}


@dataclass(frozen=True)
class Scaling:
    """A network before and after."""

    name: str
    rule: Rule
    before: Candidate
    after: Candidate
    stride: int
    goal: Goal | None
    command: str
    """a command line that shows the result"""
    costs: tuple[Figures, Figures]

    @classmethod
    def of(
        cls, name: str, rule: Rule, before: Candidate, after: Candidate, stride: int, goal: Goal | None, command: str,
        *, batch: int, dtype: Dtype,
    ) -> Scaling:  # fmt: skip
        """The two networks with their costs."""
        costs = tuple(figures(each.graph, name, batch=batch, dtype=dtype) for each in (before, after))
        return cls(name, rule, before, after, stride, goal, command, (costs[0], costs[1]))

    def as_text(self, width: int | None = None) -> str:
        """The rule, the parameters and costs before and after, and how to get there again."""
        scaled = ", ".join(f"{each.name} * {_SYMBOLS[each.name]}^phi" for each in self.after.dimensions)
        rule = self.rule
        growth = (
            f"alpha * beta^2 * gamma^2 = {rule.alpha:g} * {rule.beta:g}^2 * {rule.gamma:g}^2 = {rule.growth:.3g}, "
            + _beside(rule.growth / 2 - 1, "2, which doubles the MACs at each step")
        )
        lines = [f"{self.name}: {scaled}, phi = {self.after.phi:.4g}", growth, "", self.table().as_text(width), ""]
        lines += [*self._rounded(), *self._reached(), f"the same again: {self.command}"]
        return "\n".join(lines)

    def table(self) -> Table:
        """A line for each parameter and each cost."""
        table = Table([Column(""), *(Column(title, right=True) for title in ("before", "after", "times"))])
        for old, new in zip(self.before.dimensions, self.after.dimensions, strict=True):
            table.rows.append([old.name, f"{old.value:g}", f"{new.value:g}", f"{new.value / old.value:.2f}"])
        old, new = self.costs
        for title, first, second, text in (
            ("MACs", old.macs, new.macs, count_text),
            ("parameters", old.trainable, new.trainable, count_text),
            ("weights", old.weights, new.weights, bytes_text),
            ("inference", old.inference, new.inference, bytes_text),
            ("kept", old.kept, new.kept, bytes_text),
        ):
            times = f"{second / first:.2f}" if first else "-"
            table.totals.append([title, text(first), text(second), times])
        return table

    def _rounded(self) -> list[str]:
        resolution = [each.value for each in self.after.dimensions if each.name == "resolution"]
        if not resolution:
            return []
        if resolution[0] % self.stride == 0:
            return [f"resolution is rounded to a multiple of {self.stride}, the total stride"]
        return [f"resolution is no multiple of {self.stride}, the total stride: none near it fits"]

    def _reached(self) -> list[str]:
        if self.goal is None:
            return []
        count, quantity = self.goal.of(self.after.graph), _QUANTITIES[self.goal.quantity]
        missed = _beside(count / self.goal.number - 1, "the goal")
        return [f"goal: {count_text(round(self.goal.number))} {quantity}; {count_text(count)} is {missed}"]

    def as_dict(self) -> dict[str, Any]:
        """The scaling for programs."""
        rule = self.rule
        goal = None if self.goal is None else {"quantity": self.goal.quantity, "number": self.goal.number}
        states = zip(("before", "after"), (self.before, self.after), self.costs, strict=True)
        return {
            "spec": self.name,
            "phi": self.after.phi,
            "alpha": rule.alpha,
            "beta": rule.beta,
            "gamma": rule.gamma,
            "growth": rule.growth,
            "stride": self.stride,
            "goal": goal,
            **{
                key: {"parameters": {each.name: each.value for each in state.dimensions}, **costs.as_dict()}
                for key, state, costs in states
            },
            "settings": list(self.after.settings),
            "command": self.command,
        }


def _beside(difference: float, what: str) -> str:
    """A number beside another in words, the difference as a part of it."""
    if abs(difference) < 5e-4:
        return f"just {what}"
    return f"{abs(difference):.1%} {'above' if difference > 0 else 'below'} {what}"
