"""Receptive fields: how much of the input one output position sees."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from archspec.graph import INPUT, Graph


@dataclass(frozen=True, slots=True)
class Field:
    """The patch of the input behind one position, and the distance between neighbouring patches."""

    height: int
    width: int
    step: tuple[Fraction | int, Fraction | int]
    whole: bool = False
    """everything is seen: behind a dense layer or a global pool"""

    def __str__(self) -> str:
        return "all" if self.whole else f"{self.height}x{self.width}"


_POINT = Field(1, 1, (1, 1))


def fields(graph: Graph) -> dict[str, Field]:
    """The receptive field of every tensor; on several paths, the largest."""
    found = {INPUT: _POINT}
    for node in graph.nodes:
        window = node.operator.window(node.input_shapes)
        above = [found[tensor] for tensor in node.inputs]
        if window.whole or any(each.whole for each in above):
            found[node.name] = Field(0, 0, _POINT.step, whole=True)
            continue
        step = (max(each.step[0] for each in above), max(each.step[1] for each in above))
        height = max(each.height for each in above) + int((window.kernel[0] - 1) * step[0])
        width = max(each.width for each in above) + int((window.kernel[1] - 1) * step[1])
        found[node.name] = Field(height, width, (step[0] * window.stride[0], step[1] * window.stride[1]))
    return found
