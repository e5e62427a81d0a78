"""The transposed convolution, which enlarges maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd, prod
from typing import ClassVar, Self

from pydantic import Field

from archspec.operators.backward import Argument, Function, Size, convolved
from archspec.operators.convolving import Transposing
from archspec.operators.initial import ZEROS, initial_weight
from archspec.operators.onednn import ConvolutionShape
from archspec.operators.operator import Call, Example, Formula, Misfit, Operator, Parameter, Role
from archspec.operators.sliding import is_even, require_groups, require_maps, torch_order, window_variations
from archspec.operators.values import Count, Flag, Init, Padding, Pair, Sides, ZeroPair
from archspec.shape import Shape
from archspec.window import View, Window


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: what the whole gradient would give, and what is cropped from it or added at its end."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    added: int

    @property
    def extent(self) -> int:
        return self.dilation * (self.kernel - 1) + 1

    @property
    def output(self) -> int:
        return (self.size - 1) * self.stride + self.extent - self.before - self.after + self.added

    def view(self) -> View:
        """The input positions whose taps fall on each output position."""
        return View(self._taps, self.stride)

    def _taps(self, position: int) -> range:
        # the taps are those with dilation x tap = place, but for multiples of the stride
        place, common = position + self.before, gcd(self.dilation, self.stride)
        if place % common:
            return range(0)
        turn, step = self.stride // common, self.dilation // common
        first = place // common * pow(step, -1, turn) % turn
        taps = range(first, self.kernel, turn)
        last = (place - self.dilation * first) // self.stride
        return range(last - (len(taps) - 1) * step, last + 1, step) if taps else taps

    def formula(self) -> str:
        """The output size with the numbers put in."""
        cropped = self.before + self.after
        return f"({self.size} - 1) x {self.stride} + {self.extent} - {cropped} + {self.added}"


class TransposedConv(Operator):
    """A transposed convolution, or deconvolution: the gradient of a convolution, used to enlarge maps.

    The output is (input - 1) x stride + dilation x (kernel - 1) + 1 - cropped + output_padding. `same` makes it
    input x stride as Keras does, the odd row or column cropped at the bottom or right; `valid` crops nothing.
    """

    type: ClassVar[str] = "transposed_conv"
    role: ClassVar[Role] = "conv"
    aliases: ClassVar[tuple[str, ...]] = (
        "transposed convolution",
        "transposed conv",
        "transpose convolution",
        "deconvolution",
        "deconv",
        "convtranspose2d",
        "conv2dtranspose",
        "conv transpose",
        "fractionally strided convolution",
        "fractional strided convolution",
        "up convolution",
        "up-convolution",
        "upconv",
    )
    size_attribute: ClassVar[str | None] = "maps"
    adjustable: ClassVar[tuple[str, ...]] = ("padding", "stride")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"maps": 6, "kernel": 2, "stride": 2}, ((8, 7, 7),)),
        Example({"maps": 6, "kernel": 4, "stride": 2, "padding": "same", "bias": False}, ((4, 5, 6),)),
        Example({"maps": 4, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, ((4, 5, 5),)),
        Example({"maps": 4, "kernel": 4, "stride": 3, "padding": "same"}, ((4, 5, 5),)),
        Example({"maps": 4, "kernel": 2, "stride": 3, "padding": "same", "init": "he_normal"}, ((4, 5, 5),)),
        Example({"maps": 2, "kernel": [3, 2], "stride": "2x3", "dilation": [1, 3], "padding": "half"}, ((3, 5, 6),)),
        Example({"maps": 2, "kernel": 3, "padding": [0, 1, 2, 0], "output_padding": 0}, ((3, 5, 6),)),
    )

    maps: Count = Field(description="output maps", examples=[64])
    kernel: Pair = Field(description="height and width of the kernel", examples=[4])
    stride: Pair = Field(default=(1, 1), description="how much larger the output is", examples=[2])
    padding: Padding = Field(default="valid", description="what is cropped from the output's sides", examples=["same"])
    output_padding: ZeroPair = Field(default=(0, 0), description="rows and columns added at the bottom and right")
    dilation: Pair = Field(default=(1, 1), description="distance between the kernel's taps")
    groups: Count = Field(default=1, description="groups of maps that do not see each other")
    bias: Flag = Field(default=True, description="whether each map has a bias")
    init: Init | None = Field(default=None, description="how the weights start; torch's own way where not given")

    def variations(self, open: frozenset[str]) -> Iterator[Self]:
        return window_variations(self, self.kernel, open)

    def _axes(self, image: Shape) -> tuple[_Axis, _Axis]:
        return (self._axis(0, image.height), self._axis(1, image.width))

    def _axis(self, index: int, size: int) -> _Axis:
        kernel, stride, dilation = self.kernel[index], self.stride[index], self.dilation[index]
        extent = dilation * (kernel - 1) + 1
        added = self.output_padding[index]
        if self.padding == "same":
            surplus = max(extent - stride, 0)
            before, after = surplus // 2, surplus - surplus // 2
            added = max(stride - extent, 0)
        elif self.padding == "half":
            before = after = extent // 2
        elif self.padding == "valid":
            before = after = 0
        else:
            before, after = self.padding[2 * index], self.padding[2 * index + 1]
        return _Axis(size, kernel, stride, dilation, before, after, added)

    def _sides(self, image: Shape) -> Sides:
        vertical, horizontal = self._axes(image)
        return (vertical.before, vertical.after, horizontal.before, horizontal.after)

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        require_groups(self.groups, image, self.maps)
        vertical, horizontal = self._axes(image)
        self._check_output_padding((vertical, horizontal))
        if vertical.output < 1 or horizontal.output < 1:
            raise Misfit(
                "E204",
                f"nothing is left of {{row}}: its output would be {vertical.output}x{horizontal.output}",
                label=f"{{0}} gives {image}",
                help="crop less: use padding: same",
                attribute="padding",
            )
        return Shape.of(self.maps, vertical.output, horizontal.output)

    def _check_output_padding(self, axes: Sequence[_Axis]) -> None:
        if self.padding == "same" and any(self.output_padding):
            raise Misfit(
                "E212",
                "padding: same decides the output's size, so that {row} can't have an output_padding too",
                help="leave output_padding out, or give padding in numbers",
                attribute="output_padding",
            )
        for axis in axes:
            bound = max(axis.stride, axis.dilation)
            if axis.added >= bound and axis.added:
                raise Misfit(
                    "E212",
                    f"output_padding {axis.added} of {{row}} is not below its stride of {axis.stride}",
                    label=f"below {bound} here",
                    help=f"use output_padding: {bound - 1}",
                    attribute="output_padding",
                )

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        weight = Parameter("weight", (inputs[0].maps, self.maps // self.groups, *self.kernel))
        return (weight, Parameter("bias", (self.maps,))) if self.bias else (weight,)

    def initial(self) -> dict[str, Call]:
        if self.init is None:
            return {}
        # the weight's first side is the input's maps, which torch counts as outputs
        return {"weight": initial_weight(self.init, "fan_out")} | ({"bias": ZEROS} if self.bias else {})

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return inputs[0].elements * (self.maps // self.groups) * prod(self.kernel)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        weights = ("weight", *(("bias",) if self.bias else ()))
        top, bottom, left, right = sides = self._sides(inputs[0])
        whole = Shape.of(output.maps, output.height + abs(top - bottom), output.width + abs(left - right))
        rows, columns = min(top, bottom), min(left, right)
        around = (rows, rows, columns, columns)
        back = ConvolutionShape(whole, inputs[0], self.kernel, self.stride, around, self.dilation, self.groups)
        kernel = Transposing(back, self.bias)
        if is_even(sides):
            return (convolved(0, weights, Size(output.elements), kernel),)
        return (
            convolved(0, weights, Size(whole.elements), kernel, "uncropped output"),
            Function((Argument("uncropped output"),), size=Size(output.elements)),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        vertical, horizontal = self._axes(inputs[0])
        sides = self._sides(inputs[0])
        return Call(
            "nn.ConvTranspose2d" if is_even(sides) else "layers.UnevenConvTranspose2d",
            {
                "in_channels": inputs[0].maps,
                "out_channels": self.maps,
                "kernel_size": self.kernel,
                "stride": self.stride,
                "padding": (vertical.before, horizontal.before) if is_even(sides) else torch_order(sides),
                "output_padding": (vertical.added, horizontal.added),
                "groups": self.groups,
                "bias": self.bias,
                "dilation": self.dilation,
            },
        )

    def window(self, inputs: Sequence[Shape]) -> Window:
        down, across = (axis.view() for axis in self._axes(inputs[0]))
        return Window(down, across)

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        image, per_group = inputs[0], self.maps // self.groups
        vertical, horizontal = self._axes(image)
        general = "(size - 1) x stride + dilation x (kernel - 1) + 1 - cropped + added"
        biases, plus = (f" + {self.maps}", " + maps") if self.bias else ("", "")
        kernel = f"{self.kernel[0]} x {self.kernel[1]}"
        return (
            Formula("height", general, vertical.formula(), str(output.height)),
            Formula("width", general, horizontal.formula(), str(output.width)),
            Formula(
                "parameters",
                f"input maps x maps / groups x kernel height x kernel width{plus}",
                f"{image.maps} x {per_group} x {kernel}{biases}",
                f"{self.parameter_count(inputs):,}",
            ),
            Formula(
                "MACs",
                "input maps x input height x input width x maps / groups x kernel height x kernel width",
                f"{image.maps} x {image.height} x {image.width} x {per_group} x {kernel}",
                f"{self.macs(inputs, output):,}",
            ),
        )
