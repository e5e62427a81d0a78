"""Compound scaling: depth, width and resolution grown, or shrunk, together (Tan, Le: EfficientNet, 2019)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Literal

from archspec.costs import cost
from archspec.graph import INPUT, Graph
from archspec.loading import Options, Parameter, compile_spec, compile_text
from archspec.source import Source

DIMENSIONS = ("depth", "width", "resolution")
"""The parameters that are scaled, by the names that specs have for them."""
Quantity = Literal["macs", "params"]

_FARTHEST = 32
"""steps of the coefficient that are tried before a goal counts as out of reach: four billion times the MACs"""
_CLOSE = 1e-3
"""as near to a goal as is worth searching for, of the goal"""
_NEAR = 0.05
"""as near to a goal as a network has to come before another resolution is tried"""
_FINEST = 1e-4
"""differences of the coefficient that no rounded parameter shows"""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a step of the coefficient phi multiplies each dimension by."""

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    @property
    def growth(self) -> float:
        """What a step multiplies the MACs by, which the paper's search wants close to 2."""
        return self.alpha * self.beta**2 * self.gamma**2

    def factor(self, dimension: str, phi: float) -> float:
        """What phi steps multiply a dimension by."""
        return {"depth": self.alpha, "width": self.beta, "resolution": self.gamma}[dimension] ** phi


@dataclass(frozen=True, slots=True)
class Dimension:
    """A parameter that is scaled, before or after."""

    name: str
    value: int | float
    is_whole: bool = False
    """a count, such as a number of maps, and no multiplier"""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the network is to cost."""

    quantity: Quantity
    number: float

    def of(self, graph: Graph) -> int:
        """What a graph has of the quantity."""
        costs = cost(graph)
        return costs.macs if self.quantity == "macs" else costs.trainable

    def miss(self, graph: Graph) -> float:
        """How far a graph is from the goal, as a part of it; below 0 where it is smaller."""
        return self.of(graph) / self.number - 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scaled network."""

    phi: float
    dimensions: tuple[Dimension, ...]
    graph: Graph

    @property
    def settings(self) -> tuple[str, ...]:
        """The values as `--set` takes them."""
        return tuple(f"{each.name}={each.value}" for each in self.dimensions)


def dimensions_of(parameters: Iterable[Parameter], *, with_resolution: bool = True) -> tuple[Dimension, ...]:
    """Those of a spec's parameters that can be scaled, in the order of the rule."""
    named = {each.name: each for each in parameters}
    found: list[Dimension] = []
    for name in DIMENSIONS if with_resolution else DIMENSIONS[:-1]:
        value = named[name].value if name in named else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            written = named[name].written
            is_count = isinstance(written, int) and written > 1  # `depth: 3` counts, `depth: 1` multiplies
            found.append(Dimension(name, value, is_whole=is_count or name == "resolution"))
    return tuple(found)


def total_stride(graph: Graph) -> int:
    """How many pixels of the input lie between neighbours of the coarsest maps."""
    steps: dict[str, Fraction] = {INPUT: Fraction(1)}
    for node in graph.inference_nodes:
        stride = max(map(Fraction, node.operator.window(node.input_shapes).stride))
        steps[node.name] = stride * max(steps[tensor] for tensor in node.inputs)
    return ceil(max(steps.values()))


class Scaler:
    """Scales one spec; every combination of values is compiled once."""

    def __init__(self, spec: str | Source | bytes, options: Options, rule: Rule, before: Candidate) -> None:
        self.rule = rule
        self.before = before
        self.stride = total_stride(before.graph)
        self._spec = spec
        self._options = options
        self._compiled: dict[tuple[str, ...], Graph | None] = {}

    def by(self, phi: float) -> Candidate | None:
        """The network phi steps away; None where there is none."""
        sides = self._sides(phi)
        exact = self._candidate(phi, None)
        return exact if not sides else self._candidate(phi, sides[0]) or exact

    def towards(self, goal: Goal) -> Candidate | None:
        """The network that comes closest to a goal: the coefficient first, then, with the resolution rounded, again."""
        exact = self._closest(goal, None)
        if exact is None:
            return None
        found: list[Candidate] = []
        for side in self._sides(exact.phi):
            alone = len(self.before.dimensions) == 1
            candidate = self._candidate(exact.phi, side) if alone else self._closest(goal, side)
            if candidate is not None:
                found.append(candidate)
                if abs(goal.miss(candidate.graph)) <= _NEAR:  # the nearest resolution keeps the dimensions in balance
                    return candidate
        return min(found, key=lambda each: abs(goal.miss(each.graph)), default=exact)

    def _sides(self, phi: float) -> list[int]:
        """The multiples of the total stride around the resolution for a coefficient, the nearest first."""
        for each in self.before.dimensions:
            if each.name == "resolution":
                scaled = each.value * self.rule.factor("resolution", phi)
                below = int(scaled / self.stride) * self.stride
                around = [side for side in (below, below + self.stride) if side > 0]
                return sorted(around, key=lambda side: abs(side - scaled))
        return []

    def _closest(self, goal: Goal, side: int | None) -> Candidate | None:
        """By bisection: costs never fall while the coefficient rises, though roundings make steps of them."""
        found: list[Candidate] = []

        def miss(phi: float) -> float:
            candidate = self._candidate(phi, side)
            if candidate is None:  # beyond what the limits allow, or too small for its kernels
                return phi
            found.append(candidate)
            return goal.miss(candidate.graph)

        bracket = _bracket(miss)
        if bracket is not None:
            _bisect(miss, *bracket)
        return min(found, key=lambda each: abs(goal.miss(each.graph)), default=None)

    def _candidate(self, phi: float, side: int | None) -> Candidate | None:
        scaled = tuple(
            replace(each, value=side) if each.name == "resolution" and side is not None else self._scaled(each, phi)
            for each in self.before.dimensions
        )
        candidate = Candidate(phi, scaled, self.before.graph)
        if candidate.settings not in self._compiled:
            self._compiled[candidate.settings] = self._compile(candidate.settings)
        graph = self._compiled[candidate.settings]
        return None if graph is None else replace(candidate, graph=graph)

    def _scaled(self, each: Dimension, phi: float) -> Dimension:
        value = each.value * self.rule.factor(each.name, phi)
        return replace(each, value=max(round(value), 1) if each.is_whole else round(value, 4))

    def _compile(self, settings: tuple[str, ...]) -> Graph | None:
        options = replace(self._options, settings=(*self._options.settings, *settings))
        compiled = compile_spec if isinstance(self._spec, str) else compile_text
        return compiled(self._spec, options).graph  # pyright: ignore[reportArgumentType]


def _bracket(miss: Callable[[float], float]) -> tuple[float, float] | None:
    """Two coefficients with the goal between them; None where the goal is reached, or out of reach."""
    here = miss(0.0)
    if abs(here) <= _CLOSE:
        return None
    near, step = 0.0, -1.0 if here > 0 else 1.0
    while abs(step) <= _FARTHEST:
        there = miss(step)
        if (there > 0) != (here > 0):
            return (near, step) if near < step else (step, near)
        near, step = step, 2 * step
    return None


def _bisect(miss: Callable[[float], float], low: float, high: float) -> None:
    """Narrow an interval down to the goal inside it."""
    while high - low > _FINEST:
        middle = (low + high) / 2
        missed = miss(middle)
        if abs(missed) <= _CLOSE:
            return
        low, high = (low, middle) if missed > 0 else (middle, high)
