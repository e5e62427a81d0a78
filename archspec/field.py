"""Receptive fields: how much of the input one output position sees."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from archspec.graph import INPUT, Graph, Node
from archspec.shape import Shape
from archspec.window import FARTHEST, View, Window

Span = tuple[int, int]
"""the first and the last pixel along an axis"""


@dataclass(frozen=True, slots=True)
class Axis:
    """What the positions of a tensor see of the input's pixels along one axis, which repeats.

    Position `r` of the first `len(spans)` sees `spans[r]`, if anything; those behind the same, `advance` further on.
    """

    spans: tuple[Span | None, ...]
    advance: int

    @property
    def step(self) -> Fraction:
        """The distance between neighbouring fields."""
        return Fraction(self.advance, len(self.spans))

    def at(self, position: int) -> Span | None:
        """What a position sees, in front of the first and behind the last one too."""
        repetition, place = divmod(position, len(self.spans))
        span, moved = self.spans[place], repetition * self.advance
        return None if span is None else (span[0] + moved, span[1] + moved)

    def largest(self, count: int) -> Span:
        """The largest span of the first so many positions."""
        seen = [span for span in self.spans[:count] if span is not None]
        return max(seen, key=lambda span: span[1] - span[0], default=(0, -1))


@dataclass(frozen=True, slots=True)
class Field:
    """The patch of the input behind one position."""

    height: int
    width: int
    axes: tuple[Axis, Axis] | None
    """what each position sees, down and across; None where it is everything, as behind a dense layer"""

    @property
    def whole(self) -> bool:
        """Whether everything is seen."""
        return self.axes is None

    def __str__(self) -> str:
        return "all" if self.whole else f"{self.height}x{self.width}"


_OWN = Window()
_PIXELS = Axis(((0, 0),), 1)
_WHOLE = Field(0, 0, None)


def fields(graph: Graph) -> dict[str, Field]:
    """The receptive field of every tensor: of its positions, the largest; on several paths, all of them together."""
    found: dict[str, Field] = {}
    for name, axes in axes_of(graph).items():
        if axes is None:
            found[name] = _WHOLE
            continue
        shape = graph.shape_of(name)
        height, width = (_size(axis.largest(_length(shape, index))) for index, axis in enumerate(axes))
        found[name] = Field(height, width, axes)
    return found


def axes_of(graph: Graph) -> dict[str, tuple[Axis, Axis] | None]:
    """What each position of every tensor sees, down and across; None where it is everything."""
    found: dict[str, tuple[Axis, Axis] | None] = {INPUT: (_PIXELS, _PIXELS)}
    for node in graph.nodes:
        window = node.operator.window(node.input_shapes)
        above = [axes for tensor in node.inputs if (axes := found[tensor]) is not None]
        if window.whole or len(above) < len(node.inputs):
            found[node.name] = None
            continue
        if len(above) == 1 and window == _OWN and node.shape.is_maps:
            found[node.name] = above[0]
            continue
        down = _axis(node, 0, [axes[0] for axes in above], window.down)
        across = _axis(node, 1, [axes[1] for axes in above], window.across)
        found[node.name] = (down, across)
    return found


def _size(span: Span) -> int:
    return span[1] - span[0] + 1


def _length(shape: Shape, axis: int) -> int:
    """The positions along an axis, of which a vector has one."""
    return shape[1 + axis] if shape.is_maps else 1


def _axis(node: Node, index: int, above: list[Axis], view: View) -> Axis:
    """What the positions of a node see along an axis."""
    lengths = [_length(shape, index) for shape in node.input_shapes]
    if node.shape.is_maps:
        return _looked_at(_together(above, lengths), view, _length(node.shape, index))
    # a feature may be of any position
    return Axis((_hull([axis.largest(length) for axis, length in zip(above, lengths, strict=True)]),), 1)


def _together(above: list[Axis], lengths: list[int]) -> Axis:
    """What several tensors see at the same positions; what has a single position is at all of them."""
    if len(above) == 1:
        return above[0]
    most = max(lengths)
    moving = [axis for axis, length in zip(above, lengths, strict=True) if length == most]
    period = lcm(*(len(axis.spans) for axis in moving))
    if period > min(most, FARTHEST) or len(moving) < len(above) or len({axis.step for axis in moving}) > 1:
        period = min(most, FARTHEST)  # nothing repeats within the tensor: it is taken as it is
    spans = tuple(
        _hull([axis.at(at if length == most else 0) for axis, length in zip(above, lengths, strict=True)])
        for at in range(period)
    )
    return Axis(spans, round(period * max(axis.step for axis in moving)))


def _looked_at(axis: Axis, view: View, count: int) -> Axis:
    """What `count` positions see that look at those of an axis."""
    turn, period = view.turn, len(axis.spans)
    again = min(turn * (period // gcd(period, view.advance)), count, FARTHEST)
    spans = tuple(_seen(axis, view.taps(at % turn), at // turn * view.advance) for at in range(again))
    return Axis(spans, again * view.advance * axis.advance // (turn * period))


def _seen(axis: Axis, taps: range, moved: int) -> Span | None:
    """What the positions of an axis see that are at `taps`, moved."""
    period = len(axis.spans)
    # behind the first that do not see the same, none sees what is further in front; nor does any before the last
    ends = taps if len(taps) <= 2 * period else (*taps[:period], *taps[-period:])
    return _hull([axis.at(tap + moved) for tap in ends])


def _hull(spans: list[Span | None]) -> Span | None:
    """From the first to the last pixel of all."""
    seen = [span for span in spans if span is not None]
    return (min(first for first, _ in seen), max(last for _, last in seen)) if seen else None
