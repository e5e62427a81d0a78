"""Pools: a window, or the whole of each map, reduced to one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd
from typing import ClassVar

from pydantic import Field

from archspec.operators.arrange import Identity
from archspec.operators.backward import OUTPUT, Argument, Function, Ref, Size, as_they_come
from archspec.operators.operator import Call, Example, Formula, Misfit, Operator, Role
from archspec.operators.sliding import Sliding, is_even, require_maps, torch_order
from archspec.operators.values import Count, Flag, Padding, PaddingRule, Pair, Sides, pair_text
from archspec.operators.workspace import Averaging, Besides, Kernel, Plain
from archspec.shape import Shape
from archspec.window import View, Window


class _Pool(Sliding):
    """A pool over a sliding window."""

    role: ClassVar[Role] = "pool"

    stride: Pair | None = Field(default=None, description="steps of the window; the kernel's size where not given")
    padding: Padding = Field(
        default="valid",
        description="what surrounds the input: `valid`, `same`, `half`, or numbers",
        examples=["same", 1, [0, 1, 0, 1]],
    )
    ceil: Flag = Field(default=False, description="whether a last window may hang over the edge")

    def steps(self) -> tuple[int, int]:
        return self.stride or self.kernel

    def padding_rule(self) -> PaddingRule | Sides:
        return self.padding

    def rounds_up(self) -> bool:
        return self.ceil

    def ignores_padding(self) -> bool:
        """Whether a window needs a pixel of the input, padding not being one."""
        return True

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        output = self.slide(inputs, inputs[0].maps)
        axes = self.axes(inputs[0])
        if self.ignores_padding() and any(axis.sees_only_padding for axis in axes):
            least = min(axis.extent for axis in axes) - 1
            raise Misfit(
                "E216",
                f"a window of {{row}} sees only padding: {' and '.join(f'{axis.before}+{axis.after}' for axis in axes)}"
                f" around the {inputs[0].height}x{inputs[0].width} input",
                label=f"{{0}} gives {inputs[0]}",
                help=f"use padding: same, or at most padding: {least}",
                attribute="padding",
            )
        return output

    def fits_torch(self, image: Shape) -> bool:
        """Whether torch's own pools take the padding: even, and at most half the kernel."""
        top, _, left, _ = sides = self.sides(image)
        return is_even(sides) and top <= self.kernel[0] // 2 and left <= self.kernel[1] // 2

    def reach(self, image: Shape) -> Sides:
        """The padding that brings every window inside."""
        vertical, horizontal = self.axes(image)
        return (vertical.before, vertical.reach, horizontal.before, horizontal.reach)

    def padded(self, image: Shape) -> Function:
        """The copy of the input with what surrounds it, where torch's own pools can't do without one."""
        top, bottom, left, right = self.reach(image)
        size = Size(image.maps * (image.height + top + bottom) * (image.width + left + right))
        return Function((Argument(0),), "padded input", size)

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        return self.size_formulas(inputs[0])


def _largest(value: Ref, elements: int, output: Shape, result: str = OUTPUT) -> Function:
    """A max pool of so many numbers, which saves its input and where in it the largest values are."""
    indices, size = Size(output.elements, "int64"), Size(output.elements)
    kernel = Plain(elements, output.elements, Besides(indices=output.elements), copies_data=True)
    return Function((Argument(value),), result, size, (value, "indices"), (("indices", indices),), kernel=kernel)


def _area(image: Shape, sides: Sides) -> Size:
    """The positions of a map with what surrounds it."""
    top, bottom, left, right = sides
    return Size((image.height + top + bottom) * (image.width + left + right), per_batch=True)


class MaxPool(_Pool):
    """The largest value of each window of each map. Padding never is the largest."""

    type: ClassVar[str] = "max_pool"
    aliases: ClassVar[tuple[str, ...]] = (
        "max pool",
        "max pooling",
        "maxpool",
        "maxpooling",
        "max-pooling",
        "maxpool2d",
        "maxpooling2d",
        "overlapping pooling",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel": 2}, ((4, 8, 9),)),
        Example({"kernel": 3, "stride": 2, "padding": "half"}, ((4, 9, 9),)),
        Example({"kernel": 3, "stride": 2, "padding": "same"}, ((4, 8, 9),)),
        Example({"kernel": 3, "stride": 2, "ceil": True}, ((4, 8, 10),)),
        Example({"kernel": 3, "stride": 2, "padding": [0, 1, 1, 0], "ceil": True}, ((4, 8, 10),)),
        Example({"kernel": "2x3", "stride": 1, "padding": [1, 1], "dilation": [2, 1]}, ((4, 7, 7),)),
        Example({"kernel": 2, "stride": 5, "padding": [1, 0, 0, 1], "ceil": True}, ((2, 3, 11),)),
    )

    dilation: Pair = Field(default=(1, 1), description="distance between the window's pixels")

    def spacing(self) -> tuple[int, int]:
        return self.dilation

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        if self.fits_torch(inputs[0]):
            return (_largest(0, inputs[0].elements, output),)
        padded = self.padded(inputs[0])
        return (padded, _largest("padded input", padded.size.elements if padded.size else 0, output))

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        window = {"kernel_size": self.kernel, "stride": self.steps()}
        if self.fits_torch(inputs[0]):
            top, _, left, _ = self.sides(inputs[0])
            return Call(
                "nn.MaxPool2d",
                {**window, "padding": (top, left), "dilation": self.dilation, "ceil_mode": self.ceil},
            )
        padding = torch_order(self.reach(inputs[0]))
        return Call("layers.PaddedMaxPool2d", {**window, "padding": padding, "dilation": self.dilation})


class AvgPool(_Pool):
    """The mean of each window of each map.

    Zeros of the padding count as pixels, as in PyTorch; with `count_padding: false` the mean is over the pixels
    of the input alone, as in Keras.
    """

    type: ClassVar[str] = "avg_pool"
    aliases: ClassVar[tuple[str, ...]] = (
        "avg pool",
        "avg pooling",
        "average pool",
        "average pooling",
        "avgpool",
        "mean pooling",
        "avgpool2d",
        "averagepooling2d",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel": 2}, ((4, 8, 9),)),
        Example({"kernel": 3, "stride": 2, "padding": 1, "ceil": True}, ((4, 8, 9),)),
        Example({"kernel": 3, "stride": 1, "padding": "half", "count_padding": False}, ((4, 8, 9),)),
        Example({"kernel": 3, "stride": 2, "padding": "same", "count_padding": False}, ((4, 8, 9),)),
        Example({"kernel": 3, "stride": 2, "padding": "same"}, ((4, 8, 10),)),
        Example({"kernel": 3, "stride": 2, "padding": [0, 1, 1, 0], "ceil": True}, ((4, 8, 10),)),
        Example({"kernel": 2, "stride": 1, "padding": 3}, ((4, 5, 6),)),
    )

    count_padding: Flag = Field(default=True, description="whether the padding's zeros count as pixels")

    def ignores_padding(self) -> bool:
        return not self.count_padding

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        size = Size(output.elements)
        if self.fits_torch(inputs[0]):
            kernel = Plain(inputs[0].elements, output.elements, copies_data=True)
            return (Function((Argument(0),), size=size, saves=(0,), kernel=kernel),)
        image, counted = inputs[0], self.sides(inputs[0]) if self.count_padding else (0, 0, 0, 0)
        return (
            Function((), "ones", Size(image.area, per_batch=True)),
            Function((), "pixels", _area(image, counted), holds=("ones",)),
            Function((), "all pixels", _area(image, self.reach(image))),
            Function((), "counts", Size(output.area, per_batch=True), holds=("all pixels",)),
            self.padded(image),
            Function((Argument("padded input"),), "sums", size, saves=("padded input",)),
            Function((Argument("sums"),), size=size, saves=("counts",), holds=("pixels",)),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        window = {"kernel_size": self.kernel, "stride": self.steps()}
        sides = self.sides(inputs[0])
        if self.fits_torch(inputs[0]):
            top, _, left, _ = sides
            return Call(
                "nn.AvgPool2d",
                {
                    **window,
                    "padding": (top, left),
                    "ceil_mode": self.ceil,
                    "count_include_pad": self.count_padding,
                },
            )
        counted = torch_order(sides) if self.count_padding else (0, 0, 0, 0)
        return Call(
            "layers.PaddedAvgPool2d",
            {**window, "padding": torch_order(self.reach(inputs[0])), "counted": counted},
        )


class _GlobalPool(Operator):
    """Each map reduced to one number."""

    role: ClassVar[Role] = "pool"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return Shape.of(require_maps(inputs, self.type).maps, 1, 1)

    def window(self, inputs: Sequence[Shape]) -> Window:
        return Window(whole=True)


class GlobalAvgPool(_GlobalPool):
    """The mean of each map (Network in Network), as maps of one pixel."""

    type: ClassVar[str] = "global_avg_pool"
    aliases: ClassVar[tuple[str, ...]] = (
        "global avg pool",
        "global avg pooling",
        "global average pool",
        "global average pooling",
        "globalaveragepooling2d",
        "gap",
        "squeeze",
    )
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((6, 7, 5),)),)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel:
        return Averaging(inputs[0].elements, output.elements)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.AdaptiveAvgPool2d", {"output_size": 1})

    def sliding(self, image: Shape) -> Operator:
        return Identity() if image.area == 1 else AvgPool(kernel=(image.height, image.width), stride=(1, 1))


class GlobalMaxPool(_GlobalPool):
    """The largest value of each map, as maps of one pixel."""

    type: ClassVar[str] = "global_max_pool"
    aliases: ClassVar[tuple[str, ...]] = ("global max pool", "global max pooling", "globalmaxpooling2d", "gmp")
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((6, 7, 5),)),)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return (replace(_largest(0, inputs[0].elements, output), returns_fresh=True),)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.AdaptiveMaxPool2d", {"output_size": 1})

    def sliding(self, image: Shape) -> Operator:
        return Identity() if image.area == 1 else MaxPool(kernel=(image.height, image.width), stride=(1, 1))


class AdaptiveAvgPool(Operator):
    """Means over windows of nearly equal size, as many of them as the output is to have.

    Output position i sees the rows from floor(i x height / out) up to ceil((i + 1) x height / out).
    """

    type: ClassVar[str] = "adaptive_avg_pool"
    role: ClassVar[Role] = "pool"
    aliases: ClassVar[tuple[str, ...]] = (
        "adaptive avg pool",
        "adaptive avg pooling",
        "adaptive average pooling",
        "adaptiveavgpool2d",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"to": 7}, ((3, 14, 15),)),
        Example({"to": "2x3"}, ((3, 5, 2),)),
        Example({"to": 1}, ((3, 5, 2),)),
    )

    to: Pair = Field(description="height and width of the output", examples=[7])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return Shape.of(require_maps(inputs, self.type).maps, *self.to)

    def saves(self) -> tuple[Ref, ...]:
        # to one pixel, torch takes the mean, which needs the input's size alone
        return () if self.to == (1, 1) else (0,)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel:
        if self.to == (1, 1):
            return Averaging(inputs[0].elements, output.elements)
        return Plain(inputs[0].elements, output.elements, copies_data=True)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.AdaptiveAvgPool2d", {"output_size": self.to})

    def sliding(self, image: Shape) -> Operator:
        if self.to == image[1:]:
            return Identity()
        sides = tuple(zip(image[1:], self.to, strict=True))
        if any(size % to for size, to in sides):
            raise Misfit(
                "E225",
                f"no pool of one size does what {{row}} does: {image.height}x{image.width} positions do not divide "
                f"into {pair_text(self.to)}",
                label=f"{{0}} gives {image}",
                help=f"use to: {pair_text((gcd(*sides[0]), gcd(*sides[1])))}",
                attribute="to",
            )
        height, width = (size // to for size, to in sides)
        # of one window there is no next one: it moves as the windows of a global pool do
        stride = (1 if self.to[0] == 1 else height, 1 if self.to[1] == 1 else width)
        return AvgPool(kernel=(height, width), stride=stride)

    def window(self, inputs: Sequence[Shape]) -> Window:
        if self.to == (1, 1):
            return Window(whole=True)
        down, across = (_parts(*sizes) for sizes in zip(inputs[0][1:], self.to, strict=True))
        return Window(down, across)


def _parts(size: int, to: int) -> View:
    """The pixels of each of `to` parts, which share those that lie on a border."""
    return View.resampled(size, to, lambda part: range(part * size // to, -(-(part + 1) * size // to)))


class DepthwiseMaxPool(Operator):
    """The largest value of each window of neighbouring maps, at every position on its own."""

    type: ClassVar[str] = "depthwise_max_pool"
    role: ClassVar[Role] = "pool"
    aliases: ClassVar[tuple[str, ...]] = ("depthwise max pool", "depthwise max pooling", "depthwisemaxpool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel": 3}, ((7, 4, 5),)),
        Example({"kernel": 2, "stride": 1}, ((6, 4, 5),)),
    )

    kernel: Count = Field(description="maps in a window", examples=[2])
    stride: Count | None = Field(default=None, description="maps from window to window; the kernel's where not given")

    def _steps(self) -> int:
        return self.stride or self.kernel

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        if self.kernel > image.maps:
            raise Misfit(
                "E203",
                f"a window of {self.kernel} maps does not fit the {image.maps} maps of {{row}}'s input",
                label=f"{{0}} gives {image}",
                help=f"use kernel: {image.maps}",
                attribute="kernel",
            )
        return Shape.of((image.maps - self.kernel) // self._steps() + 1, image.height, image.width)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return (
            Function((Argument(0, "view"),), "volume"),
            replace(_largest("volume", inputs[0].elements, output, "largest"), casts=("volume",), to="full"),
            Function((Argument("largest", "view"),)),
        )

    def on_cuda(self, functions: tuple[Function, ...]) -> tuple[Function, ...]:
        return as_they_come(functions)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("layers.DepthwiseMaxPool", {"kernel_size": self.kernel, "stride": self._steps()})

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        numbers = f"floor(({inputs[0].maps} - {self.kernel}) / {self._steps()}) + 1"
        return (Formula("maps", "floor((maps - kernel) / stride) + 1", numbers, str(output.maps)),)
