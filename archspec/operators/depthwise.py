"""Convolutions that see each map alone: depthwise, and separable into depthwise and 1x1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import ClassVar

from pydantic import Field

from archspec.operators.backward import Function, Size, convolved
from archspec.operators.conv import PADDED, Convolution
from archspec.operators.convolving import Convolving
from archspec.operators.initial import ZEROS, initial_weight
from archspec.operators.onednn import ConvolutionShape
from archspec.operators.operator import Call, Example, Formula, Parameter
from archspec.operators.sliding import torch_order
from archspec.operators.values import Count
from archspec.shape import Shape


class DepthwiseConv(Convolution):
    """A convolution that sees each map alone: `multiplier` output maps for every input map."""

    type: ClassVar[str] = "depthwise_conv"
    aliases: ClassVar[tuple[str, ...]] = (
        "depthwise convolution",
        "depthwise conv",
        "conv dw",
        "depthwiseconv2d",
        "dwconv",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel": 3, "padding": "half", "bias": False}, ((8, 14, 14),)),
        Example({"kernel": 3, "stride": 2, "padding": "same", "multiplier": 2}, ((4, 14, 14),)),
        Example({"kernel": "1x3", "dilation": 2, "init": "he_uniform"}, ((2, 5, 7),)),
    )

    multiplier: Count = Field(default=1, description="output maps for each input map")

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.slide(inputs, inputs[0].maps * self.multiplier)

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        maps = inputs[0].maps * self.multiplier
        return (Parameter("weight", (maps, 1, *self.kernel)), *self.biases(maps))

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return output.elements * prod(self.kernel)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return self.plain_functions(inputs[0], output, inputs[0].maps)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return self.plain_call(inputs[0], output.maps, inputs[0].maps)

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        kernel = f"{self.kernel[0]} x {self.kernel[1]}"
        biases, plus = (f" + {output.maps}", " + maps") if self.bias else ("", "")
        return (
            *self.size_formulas(inputs[0]),
            Formula("maps", "input maps x multiplier", f"{inputs[0].maps} x {self.multiplier}", f"{output.maps}"),
            Formula(
                "parameters",
                f"maps x kernel height x kernel width{plus}",
                f"{output.maps} x {kernel}{biases}",
                f"{self.parameter_count(inputs):,}",
            ),
            Formula(
                "MACs",
                "maps x kernel height x kernel width x height x width",
                f"{output.maps} x {kernel} x {output.height} x {output.width}",
                f"{self.macs(inputs, output):,}",
            ),
        )


class SeparableConv(Convolution):
    """A depthwise convolution followed by a 1x1 convolution that mixes the maps (Xception).

    The bias belongs to the 1x1 convolution; nothing stands between the two.
    """

    type: ClassVar[str] = "separable_conv"
    aliases: ClassVar[tuple[str, ...]] = (
        "separable convolution",
        "depthwise separable convolution",
        "separable conv",
        "separableconv2d",
        "sepconv",
    )
    size_attribute: ClassVar[str | None] = "maps"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"maps": 12, "kernel": 3, "padding": "half"}, ((8, 10, 10),)),
        Example({"maps": 12, "kernel": 3, "stride": 2, "padding": "same", "bias": False}, ((8, 10, 10),)),
        Example({"maps": 3, "kernel": [3, 2], "dilation": 2, "init": "glorot_normal"}, ((2, 9, 7),)),
    )

    maps: Count = Field(description="output maps", examples=[128])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.slide(inputs, self.maps)

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        maps = inputs[0].maps
        return (
            Parameter("depthwise.weight", (maps, 1, *self.kernel)),
            Parameter("pointwise.weight", (self.maps, maps, 1, 1)),
            *((Parameter("pointwise.bias", (self.maps,)),) if self.bias else ()),
        )

    def initial(self) -> dict[str, Call]:
        if self.init is None:
            return {}
        weights = {name: initial_weight(self.init) for name in ("depthwise.weight", "pointwise.weight")}
        return weights | ({"pointwise.bias": ZEROS} if self.bias else {})

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return inputs[0].maps * output.area * (prod(self.kernel) + self.maps)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        between, middle = "depthwise output", Shape.of(inputs[0].maps, output.height, output.width)
        pointwise = ConvolutionShape(middle, output, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1)
        weights = ("pointwise.weight", *(("pointwise.bias",) if self.bias else ()))
        return (
            *self.plain_functions(inputs[0], middle, middle.maps, between, ("depthwise.weight",)),
            replace(
                convolved(between, weights, Size(output.elements), Convolving(pointwise, self.bias)), holds=(PADDED,)
            ),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call(
            "layers.SeparableConv2d",
            {
                "in_channels": inputs[0].maps,
                "out_channels": self.maps,
                "kernel_size": self.kernel,
                "stride": self.stride,
                "padding": torch_order(self.sides(inputs[0])),
                "dilation": self.dilation,
                "bias": self.bias,
            },
        )

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        maps, kernel = inputs[0].maps, f"{self.kernel[0]} x {self.kernel[1]}"
        biases, plus = (f" + {self.maps}", " + maps") if self.bias else ("", "")
        return (
            *self.size_formulas(inputs[0]),
            Formula(
                "parameters",
                f"input maps x kernel height x kernel width + maps x input maps{plus}",
                f"{maps} x {kernel} + {self.maps} x {maps}{biases}",
                f"{self.parameter_count(inputs):,}",
            ),
            Formula(
                "MACs",
                "input maps x height x width x (kernel height x kernel width + maps)",
                f"{maps} x {output.height} x {output.width} x ({kernel} + {self.maps})",
                f"{self.macs(inputs, output):,}",
            ),
        )
