"""Convolutions: the plain one, grouped or partially connected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Annotated, ClassVar

from pydantic import Field

from archspec.operators.backward import OUTPUT, Argument, Function, Size, convolved
from archspec.operators.convolving import Convolving
from archspec.operators.initial import ZEROS, initial_values, initial_weight
from archspec.operators.onednn import ConvolutionShape
from archspec.operators.operator import Call, Example, Formula, Misfit, Parameter, Role
from archspec.operators.sliding import Sliding, is_even, require_groups, require_maps, torch_order
from archspec.operators.values import Count, Flag, Init, Padding, PaddingRule, Pair, Sides, Whole
from archspec.shape import Shape

PADDED = "padded input"
Connections = Annotated[list[Annotated[list[Whole], Field(min_length=1)]], Field(min_length=1)]


class Convolution(Sliding):
    """What every convolution has besides its window."""

    role: ClassVar[Role] = "conv"

    stride: Pair = Field(default=(1, 1), description="steps of the window, down and across", examples=[2])
    padding: Padding = Field(
        default="valid",
        description="zeros around the input: `valid`, `same`, `half`, or numbers",
        examples=["same", 1, [0, 1, 0, 1]],
    )
    dilation: Pair = Field(default=(1, 1), description="distance between the kernel's taps", examples=[2])
    bias: Flag = Field(default=True, description="whether each map has a bias")
    init: Init | None = Field(default=None, description="how the weights start; torch's own way where not given")

    def steps(self) -> tuple[int, int]:
        return self.stride

    def spacing(self) -> tuple[int, int]:
        return self.dilation

    def padding_rule(self) -> PaddingRule | Sides:
        return self.padding

    def biases(self, maps: int) -> tuple[Parameter, ...]:
        """The bias of `maps` maps, where the row has one."""
        return (Parameter("bias", (maps,)),) if self.bias else ()

    def initial(self) -> dict[str, Call]:
        if self.init is None:
            return {}
        return {"weight": initial_weight(self.init)} | ({"bias": ZEROS} if self.bias else {})

    def plain_call(self, image: Shape, maps: int, groups: int) -> Call:
        """The call that convolves `groups` groups into `maps` maps."""
        sides = self.sides(image)
        top, _, left, _ = sides
        return Call(
            "nn.Conv2d" if is_even(sides) else "layers.UnevenConv2d",
            {
                "in_channels": image.maps,
                "out_channels": maps,
                "kernel_size": self.kernel,
                "stride": self.stride,
                "padding": (top, left) if is_even(sides) else torch_order(sides),
                "dilation": self.dilation,
                "groups": groups,
                "bias": self.bias,
            },
        )

    def plain_functions(
        self,
        image: Shape,
        output: Shape,
        groups: int,
        result: str = OUTPUT,
        learned: Sequence[str] = ("weight", "bias"),
    ) -> tuple[Function, ...]:
        """The convolution of the input, or of the padded copy of it that an uneven padding makes."""
        names = tuple(name for name in learned if name != "bias" or self.bias)
        sides, size = self.sides(image), Size(output.elements)
        shape = ConvolutionShape(image, output, self.kernel, self.stride, sides, self.dilation, groups)
        if is_even(sides):
            return (convolved(0, names, size, Convolving(shape, "bias" in names), result),)
        top, bottom, left, right = sides
        padded = Shape.of(image.maps, top + image.height + bottom, left + image.width + right)
        kernel = Convolving(replace(shape, image=padded, sides=(0, 0, 0, 0)), "bias" in names)
        return (self.padded(image), convolved(PADDED, names, size, kernel, result))

    def padded(self, image: Shape) -> Function:
        """The input with what surrounds it."""
        top, bottom, left, right = self.sides(image)
        size = Size(image.maps * (image.height + top + bottom) * (image.width + left + right))
        return Function((Argument(0),), PADDED, size)


class Conv(Convolution):
    """A convolution: each output map sums a kernel over the input's maps.

    `groups` splits input and output maps into groups that do not see each other (AlexNet's two towers,
    ResNeXt). `connections` lists, for each output map, the input maps it sees, counted from 0: the partial
    connection of LeNet-5's C3. Weights and MACs are those of the maps that are seen; torch multiplies with
    zeros for the others, which is faster than leaving them out.
    """

    type: ClassVar[str] = "conv"
    aliases: ClassVar[tuple[str, ...]] = ("convolution", "convolutional", "conv2d", "convolution2d", "conv layer")
    size_attribute: ClassVar[str | None] = "maps"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"maps": 6, "kernel": 5}, ((1, 32, 32),)),
        Example({"maps": 8, "kernel": 3, "stride": 2, "padding": "same"}, ((3, 12, 13),)),
        Example({"maps": 8, "kernel": "1x7", "padding": "same", "bias": False}, ((4, 9, 9),)),
        Example({"maps": 8, "kernel": 3, "padding": "half", "dilation": 2, "groups": 2}, ((4, 9, 9),)),
        Example({"maps": 4, "kernel": 3, "padding": [0, 1, 2, 0]}, ((3, 7, 8),)),
        Example({"maps": 3, "kernel": 3, "connections": [[0, 1], [1], [0, 1, 2]]}, ((3, 7, 7),)),
        Example({"maps": 2, "kernel": 4, "padding": "same", "connections": [[2], [0, 1]], "bias": False}, ((3, 7, 6),)),
        Example({"maps": 2, "kernel": 1, "init": "he_normal"}, ((3, 2, 2),)),
    )

    maps: Count = Field(description="output maps", examples=[64])
    groups: Count = Field(default=1, description="groups of maps that do not see each other")
    connections: Connections | None = Field(
        default=None, description="for each output map, the input maps it sees, from 0"
    )

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        require_groups(self.groups, image, self.maps)
        self._check_connections(image)
        return self.slide(inputs, self.maps)

    def _check_connections(self, image: Shape) -> None:
        if self.connections is None:
            return
        problem = None
        if self.groups != 1:
            problem = "connections and groups exclude each other"
        elif len(self.connections) != self.maps:
            problem = f"connections lists {len(self.connections)} output maps, and {{row}} has {self.maps}"
        elif (highest := max(map(max, self.connections))) >= image.maps:
            problem = f"connections names input map {highest}, and {{0}} gives maps 0 to {image.maps - 1}"
        elif any(len(set(seen)) < len(seen) for seen in self.connections):
            problem = "connections names an input map twice for one output map"
        if problem:
            raise Misfit(
                "E211",
                problem,
                help="give one list of input maps, counted from 0, for each output map",
                attribute="connections",
            )

    @property
    def _wires(self) -> int:
        return sum(map(len, self.connections or ()))

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        if self.connections is not None:
            weight = (self._wires, 1, *self.kernel)
        else:
            weight = (self.maps, inputs[0].maps // self.groups, *self.kernel)
        return (Parameter("weight", weight), *self.biases(self.maps))

    def indices(self) -> int:
        return 2 * self._wires

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        wires = self._wires or self.maps * (inputs[0].maps // self.groups)
        return wires * prod(self.kernel) * output.area

    def initial(self) -> dict[str, Call]:
        found = super().initial()
        if self.init is not None and self.connections is not None:
            taps, seen = prod(self.kernel), {source for sources in self.connections for source in sources}
            found["weight"] = initial_values(self.init, self._wires / self.maps * taps, self._wires / len(seen) * taps)
        return found

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        if self.connections is None:
            return self.plain_functions(inputs[0], output, self.groups)
        dense = Size(self.maps * inputs[0].maps * prod(self.kernel), "weight", per_batch=True)
        *padded, convolution = self.plain_functions(inputs[0], output, 1, learned=("kernel", "bias"))
        return (
            *padded,
            Function((Argument("weight", "view"),), "wires"),
            Function((Argument("wires"),), "kernel", dense),
            convolution,
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        if self.connections is None:
            return self.plain_call(inputs[0], self.maps, self.groups)
        return Call(
            "layers.PartialConv2d",
            {
                "connections": tuple(map(tuple, self.connections)),
                "kernel_size": self.kernel,
                "stride": self.stride,
                "padding": torch_order(self.sides(inputs[0])),
                "dilation": self.dilation,
                "bias": self.bias,
            },
        )

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        height, width = self.kernel
        biases, plus = (f" + {self.maps}", " + maps") if self.bias else ("", "")
        if self.connections is not None:
            wires, meaning = f"{self._wires}", "connections"
        elif self.groups > 1:
            wires, meaning = f"{self.maps} x {inputs[0].maps // self.groups}", "maps x input maps / groups"
        else:
            wires, meaning = f"{self.maps} x {inputs[0].maps}", "maps x input maps"
        dense = inputs[0].elements * output.elements + output.elements
        return (
            *self.size_formulas(inputs[0]),
            Formula(
                "parameters",
                f"{meaning} x kernel height x kernel width{plus}",
                f"{wires} x {height} x {width}{biases}",
                f"{self.parameter_count(inputs):,}",
            ),
            Formula(
                "MACs",
                f"{meaning} x kernel height x kernel width x height x width",
                f"{wires} x {height} x {width} x {output.height} x {output.width}",
                f"{self.macs(inputs, output):,}",
            ),
            Formula(
                "as a dense layer",
                "it would have input x output + output parameters",
                f"{inputs[0].elements:,} x {output.elements:,} + {output.elements:,}",
                f"{dense:,}",
            ),
        )
