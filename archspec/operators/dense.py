"""Layers in which every unit sees every feature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from archspec.operators.backward import Argument, Function, Size
from archspec.operators.conv import Conv
from archspec.operators.initial import ZEROS, initial_weight
from archspec.operators.multiplying import Multiplying
from archspec.operators.operator import Call, Example, Formula, Gives, Misfit, Operator, Parameter, Role
from archspec.operators.values import Count, Flag, Init
from archspec.shape import Shape
from archspec.window import Window


class _FullyConnected(Operator):
    """A vector of features in, one of units out."""

    role: ClassVar[Role] = "dense"
    flattens: ClassVar[bool] = True
    size_attribute: ClassVar[str | None] = "units"

    units: Count = Field(description="features of the output", examples=[84])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return Shape.of(self.units)

    def window(self, inputs: Sequence[Shape]) -> Window:
        return Window(whole=True)


class Dense(_FullyConnected):
    """A fully connected layer: each unit sums all features, each with a weight of its own.

    Maps are flattened first, so that it may follow a convolution or a pool.
    """

    type: ClassVar[str] = "dense"
    aliases: ClassVar[tuple[str, ...]] = (
        "fully connected",
        "fully-connected",
        "fully connected layer",
        "full connection",
        "fc",
        "linear",
        "inner product",
        "dense layer",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 84}, ((120,),)),
        Example({"units": 10, "bias": False, "init": "glorot_uniform"}, ((4, 3, 5),)),
    )

    bias: Flag = Field(default=True, description="whether each unit has a bias")
    init: Init | None = Field(default=None, description="how the weights start; torch's own way where not given")

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        weight = Parameter("weight", (self.units, inputs[0].elements))
        return (weight, Parameter("bias", (self.units,))) if self.bias else (weight,)

    def initial(self) -> dict[str, Call]:
        if self.init is None:
            return {}
        return {"weight": initial_weight(self.init)} | ({"bias": ZEROS} if self.bias else {})

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return self.units * inputs[0].elements

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        weights = (Argument("transposed weight", saves=(0,)), *((Argument("bias", "summed"),) if self.bias else ()))
        return (
            Function(
                (Argument("weight", "view"),),
                "transposed weight",
                casts=(*(("bias",) if self.bias else ()), "weight", 0),
            ),
            Function(
                (Argument(0, saves=("transposed weight",)), *weights),
                size=Size(output.elements),
                kernel=Multiplying(inputs[0].elements, self.units),
            ),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.Linear", {"in_features": inputs[0].elements, "out_features": self.units, "bias": self.bias})

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        height, width = images[0][1:]
        return Conv(maps=self.units, kernel=(height, width), bias=self.bias, init=self.init)

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        features = inputs[0].elements
        biases, plus = (f" + {self.units}", " + units") if self.bias else ("", "")
        return (
            Formula(
                "parameters",
                f"units x features{plus}",
                f"{self.units} x {features}{biases}",
                f"{self.parameter_count(inputs):,}",
            ),
            Formula("MACs", "units x features", f"{self.units} x {features}", f"{self.macs(inputs, output):,}"),
        )


class RBF(_FullyConnected):
    """Euclidean radial basis functions: each unit is the squared distance of the features to its code.

    The output layer of LeNet-5, where each code is a bitmap of +1 and -1 and the smallest output wins. It has
    no multiply-accumulates in the sense of a matrix product.
    """

    type: ClassVar[str] = "rbf"
    gives: ClassVar[Gives] = "distances"
    aliases: ClassVar[tuple[str, ...]] = ("euclidean rbf", "radial basis function", "radial basis functions")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"units": 10}, ((84,),)),
        Example({"units": 3, "trainable": False}, ((2, 3, 2),)),
    )

    trainable: Flag = Field(default=True, description="whether the codes learn; LeNet-5 leaves them as they are")

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        return (Parameter("codes", (self.units, inputs[0].elements), "trained" if self.trainable else "frozen"),)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        differences = Size(self.units * inputs[0].elements)
        return (
            Function((Argument(0, "view"),), "rows"),
            Function(
                (Argument("rows", "summed" if self.units > 1 else "same"), Argument("codes", whole=differences)),
                "differences",
                differences,
                promotes=True,
            ),
            Function(
                (Argument("differences", scratch=(differences, differences)),),
                "squares",
                differences,
                saves=("differences",),
            ),
            Function((Argument("squares", "view"),), size=Size(output.elements)),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("layers.RBF", {"features": inputs[0].elements, "units": self.units, "trainable": self.trainable})

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        raise Misfit(
            "E225",
            "no convolution does what {row} does: rbf measures distances, and a convolution sums products",
            help="use type: dense",
        )

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        features = inputs[0].elements
        return (
            Formula(
                "parameters", "units x features", f"{self.units} x {features}", f"{self.parameter_count(inputs):,}"
            ),
        )
