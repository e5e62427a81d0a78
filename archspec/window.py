"""Which positions of its input each position of an output depends on, along each axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

FARTHEST = 4096
"""what repeats after more positions than these is judged by them"""


def _own(position: int) -> range:
    return range(position, position + 1)


@dataclass(frozen=True, slots=True)
class View:
    """How output positions look at the input along one axis, which repeats.

    Output position `p` of the first `turn` depends on the input positions `taps(p)`, which rise evenly; those behind
    see the same, moved by `advance` for each turn. Positions outside the input stand for what is beyond its border.
    """

    taps: Callable[[int], range] = _own
    turn: int = 1
    advance: int = 1

    @classmethod
    def sliding(cls, taps: range, stride: int = 1) -> View:
        """Every position sees what the first one does, moved by `stride` for each."""
        return cls(lambda _: taps, 1, stride)

    @classmethod
    def resampled(cls, size: int, to: int, taps: Callable[[int], range]) -> View:
        """`to` positions that are spread evenly over `size`."""
        common = gcd(size, to)
        return cls(taps, to // common, size // common)

    @property
    def stride(self) -> Fraction:
        """How far the view moves from position to position."""
        return Fraction(self.advance, self.turn)

    @property
    def extent(self) -> int:
        """From the first to the last input position that one position depends on, at most."""
        seen = (self.taps(position) for position in range(min(self.turn, FARTHEST)))
        return max(taps[-1] - taps[0] + 1 for taps in seen if taps)


POINT = View()
"""each position sees its own"""


@dataclass(frozen=True, slots=True)
class Window:
    """How an output position looks at the first input: what a receptive field is computed from.

    A `whole` window sees the entire input. The statistics of norms are left out, as they are in published receptive
    fields.
    """

    down: View = POINT
    across: View = POINT
    whole: bool = False

    @property
    def stride(self) -> tuple[Fraction, Fraction]:
        """How far the window moves; a fraction where the operator enlarges."""
        return (self.down.stride, self.across.stride)
