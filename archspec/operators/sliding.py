"""A window that slides over maps: the arithmetic that convolutions and pools share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product
from math import gcd
from typing import ClassVar, Self, TypeVar

from pydantic import Field

from archspec.operators.operator import Formula, Misfit, Operator
from archspec.operators.values import PaddingRule, Pair, Sides, pair_text
from archspec.shape import Shape
from archspec.window import View, Window


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a sliding window: sizes in, rule of the output size out."""

    size: int
    kernel: int
    stride: int
    before: int
    after: int
    dilation: int = 1
    ceil: bool = False

    @property
    def extent(self) -> int:
        """What the kernel covers, gaps of a dilation included."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        return self.before + self.size + self.after

    @property
    def room(self) -> int:
        """How far the kernel can move; negative where it does not fit."""
        return self.padded - self.extent

    @property
    def output(self) -> int:
        """The number of windows; below 1 where the kernel does not fit."""
        if not self.ceil:
            return self.room // self.stride + 1
        steps = -(-self.room // self.stride)
        # torch drops a last window that would start beyond the input and its left padding
        return steps + 1 if steps * self.stride < self.before + self.size else steps

    @property
    def reach(self) -> int:
        """How much has to stand after the input for the windows to lie inside, one of `ceil` included."""
        last = (self.output - 1) * self.stride + self.extent
        return max(last - self.before - self.size, 0) if self.ceil else self.after

    @property
    def sees_only_padding(self) -> bool:
        """Whether the first or the last window has no pixel of the input."""
        return self.before >= self.extent or (self.output - 1) * self.stride >= self.before + self.size

    def view(self) -> View:
        """The positions that each window covers."""
        return View.sliding(range(-self.before, self.extent - self.before, self.dilation), self.stride)

    def formula(self) -> str:
        """The output size with the numbers put in."""
        rounding = "ceil" if self.ceil else "floor"
        windows = f"{rounding}(({self.size} + {self.before} + {self.after} - {self.extent}) / {self.stride}) + 1"
        is_dropped = self.ceil and -(-self.room // self.stride) + 1 > self.output
        return f"{windows} - 1 that would start beyond the input" if is_dropped else windows


_FARTHEST = 16
"""the largest padding and stride that are tried for a table that leaves them out"""


def axis_padding(
    rule: PaddingRule | tuple[int, int], size: int, kernel: int, stride: int, dilation: int = 1
) -> tuple[int, int]:
    """Zeros before and after one axis."""
    extent = dilation * (kernel - 1) + 1
    if rule == "same":
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
        return (total // 2, total - total // 2)
    if rule == "half":
        return (extent // 2, extent // 2)
    return (0, 0) if rule == "valid" else rule


def torch_order(sides: Sides) -> Sides:
    """Top, bottom, left, right as torch's padding has them: left, right, top, bottom."""
    top, bottom, left, right = sides
    return (left, right, top, bottom)


def is_even(sides: Sides) -> bool:
    """Whether opposite sides are equal, as the padding of torch's own layers is."""
    top, bottom, left, right = sides
    return (top, left) == (bottom, right)


def require_maps(inputs: Sequence[Shape], kind: str) -> Shape:
    """The first input, which has to have maps, height and width."""
    if not inputs[0].is_maps:
        raise Misfit(
            "E201",
            f"{kind} needs maps x height x width, and {{0}} gives a vector of {inputs[0]}",
            label=f"{{0}} gives {inputs[0]}",
            help=f"put this row before the rows that flatten, or above it a `reshape` with `to: {inputs[0]}x1x1`",
        )
    return inputs[0]


def require_groups(groups: int, image: Shape, maps: int | None = None) -> None:
    """Raises where `groups` does not divide the input's maps, and the output's where there are `maps` of them."""
    common = gcd(image.maps, maps or 0)
    for what, count in (("input", image.maps), ("output", maps or 0)):
        if count % groups:
            raise Misfit(
                "E207",
                f"{groups} groups do not divide the {count} {what} maps of {{row}}",
                label=f"{{0}} gives {image}",
                help=f"use groups: {gcd(groups, common)}, or any divisor of {common}",
                attribute="groups",
            )


_Windowed = TypeVar("_Windowed", bound=Operator)


def window_variations(operator: _Windowed, kernel: Pair, open: frozenset[str]) -> Iterator[_Windowed]:
    """Other paddings first, then other strides, and the paddings of more than half a kernel, which are rare, last."""
    reach = min(max(kernel), _FARTHEST)
    slowest_first = operator.adjustable[::-1]
    usual: dict[str, list[object]] = {name: [getattr(operator, name)] for name in slowest_first}
    if "stride" in open:
        usual["stride"] += [(step, step) for step in range(1, max(reach, 4) + 1)]
    choices = [usual]
    if "padding" in open:
        usual["padding"] += ["valid", "same", *((side,) * 4 for side in range(1, reach // 2 + 1))]
        choices.append({**usual, "padding": [(side,) * 4 for side in range(reach // 2 + 1, reach)]})
    combined = chain.from_iterable(product(*map(dict.fromkeys, each.values())) for each in choices)
    for values in islice(combined, 1, None):  # the first is the operator as it is
        yield operator.model_copy(update=dict(zip(slowest_first, values, strict=True)))


class Sliding(Operator):
    """A kernel that slides over maps; subclasses say with what stride, padding and dilation."""

    adjustable: ClassVar[tuple[str, ...]] = ("padding", "stride")

    kernel: Pair = Field(description="height and width of the window", examples=[3, "1x7"])

    def variations(self, open: frozenset[str]) -> Iterator[Self]:
        return window_variations(self, self.kernel, open)

    def steps(self) -> tuple[int, int]:
        """The stride of the two axes."""
        return self.kernel

    def spacing(self) -> tuple[int, int]:
        """The dilation of the two axes."""
        return (1, 1)

    def padding_rule(self) -> PaddingRule | Sides:
        return "valid"

    def rounds_up(self) -> bool:
        """Whether a last window may hang over the edge."""
        return False

    def axes(self, image: Shape) -> tuple[Axis, Axis]:
        """The two axes over an image, padding resolved to numbers."""
        return (self._axis(0, image.height), self._axis(1, image.width))

    def _axis(self, index: int, size: int) -> Axis:
        kernel, stride, dilation = self.kernel[index], self.steps()[index], self.spacing()[index]
        rule = self.padding_rule()
        sides = rule if isinstance(rule, str) else (rule[2 * index], rule[2 * index + 1])
        before, after = axis_padding(sides, size, kernel, stride, dilation)
        return Axis(size, kernel, stride, before, after, dilation, self.rounds_up())

    def sides(self, image: Shape) -> Sides:
        """The padding in numbers."""
        vertical, horizontal = self.axes(image)
        return (vertical.before, vertical.after, horizontal.before, horizontal.after)

    def slide(self, inputs: Sequence[Shape], maps: int) -> Shape:
        """The output of `maps` maps, or a `Misfit` where the kernel does not fit."""
        image = require_maps(inputs, self.type)
        vertical, horizontal = self.axes(image)
        if vertical.output < 1 or horizontal.output < 1:
            raise self._too_large(image, vertical, horizontal)
        return Shape.of(maps, vertical.output, horizontal.output)

    def _too_large(self, image: Shape, vertical: Axis, horizontal: Axis) -> Misfit:
        kernel = pair_text(self.kernel)
        dilated = f" (dilated to {vertical.extent}x{horizontal.extent})" if self.spacing() != (1, 1) else ""
        padded = (vertical.padded, horizontal.padded)
        around = "" if padded == image[1:] else f", {pair_text(padded)} with its padding"
        fits = (min(self.kernel[0], padded[0]), min(self.kernel[1], padded[1]))
        smaller = f"{fits[0]}" if fits[0] == fits[1] else pair_text(fits)
        smaller = f"kernel: {smaller}" if self.spacing() == (1, 1) else "dilation: 1 with a smaller kernel"
        return Misfit(
            "E203",
            f"kernel {kernel}{dilated} does not fit the {image.height}x{image.width} input of {{row}}{around}",
            label=f"{{0}} gives {image}",
            help=f"use {smaller}" + (", or padding: same" if "padding" in type(self).model_fields else ""),
            attribute="kernel",
        )

    def window(self, inputs: Sequence[Shape]) -> Window:
        down, across = (axis.view() for axis in self.axes(inputs[0]))
        return Window(down, across)

    def size_formulas(self, image: Shape) -> tuple[Formula, ...]:
        """Padding and output size of both axes."""
        vertical, horizontal = self.axes(image)
        rule = self.padding_rule()
        name = rule if isinstance(rule, str) else "explicit"
        numbers = f"top {vertical.before}, bottom {vertical.after}, left {horizontal.before}, right {horizontal.after}"
        covered = "kernel" if self.spacing() == (1, 1) else "dilation x (kernel - 1) - 1"
        general = f"{'ceil' if self.rounds_up() else 'floor'}((size + before + after - {covered}) / stride) + 1"
        return (
            Formula("padding", name, PADDING_FORMULAS[name], numbers),
            Formula("height", general, vertical.formula(), str(vertical.output)),
            Formula("width", general, horizontal.formula(), str(horizontal.output)),
        )


PADDING_FORMULAS = {
    "valid": "none",
    "same": "total = max((ceil(size / stride) - 1) x stride + kernel - size, 0), the odd one after",
    "half": "kernel // 2 on every side",
    "explicit": "as the row says",
}
