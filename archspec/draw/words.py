"""What is said of a whole picture."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.draw.figures import TIMES, Figures, Unit
from archspec.draw.letters import fitted, label, width
from archspec.draw.scene import SMALL, Text

LEADING = 8.6
"""from line to line of a note"""


def footer(figures: Figures) -> str:
    """The totals in a line."""
    cost, graph = figures.cost, figures.graph
    other = f" ({cost.other:,} more not trained)" if cost.other else ""
    return f"{cost.trainable:,} parameters{other}, {cost.macs:,} MACs at {label(str(graph.input)).replace('x', TIMES)}"


def described(figures: Figures, units: Sequence[Unit]) -> str:
    """The picture for those who can't see it."""
    steps = [
        f"{unit.name} ({unit.title}{f', {unit.times} times' if unit.times > 1 else ''}) gives {unit.shape}"
        for unit in units
    ]
    return f"{figures.graph.name}: {footer(figures)}. " + "; ".join(steps) + "."


def notes(text: str, left: float, top: float, right: float) -> list[Text]:
    """A note in as many lines as it needs; its first one stands at `top`."""
    lines: list[str] = []
    for word in label(text).split(" "):
        if lines and width(f"{lines[-1]} {word}", SMALL) <= right - left:
            lines[-1] += f" {word}"
        else:
            lines.append(fitted(word, SMALL, right - left))
    return [Text(left, top + LEADING * index, line, SMALL, fill="quiet") for index, line in enumerate(lines)]
