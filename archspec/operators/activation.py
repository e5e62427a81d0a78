"""Activations: a function of each value, or, of softmax, of each position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from archspec.operators.backward import OUTPUT, Argument, Function, Ref, Size
from archspec.operators.operator import Call, Example, Formula, Gives, Literals, Operator, Parameter, Role
from archspec.operators.values import Flag, Real
from archspec.operators.workspace import Kernel, Plain
from archspec.shape import Shape

_PLAIN = (Example({}, ((4, 3, 5),)), Example({}, ((7,),)))


class _Activation(Operator):
    """A function without weights, and without a change of shape."""

    role: ClassVar[Role] = "activation"
    examples: ClassVar[tuple[Example, ...]] = _PLAIN
    target: ClassVar[str]
    """the torch function or module"""
    derived_from: ClassVar[Literal["input", "output"]] = "input"
    """which of the two torch computes the derivative from"""

    def arguments(self) -> dict[str, Literals]:
        """Its arguments."""
        return {}

    def saves(self) -> tuple[Ref, ...]:
        return (OUTPUT if self.derived_from == "output" else 0,)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call(self.target, self.arguments())

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return self


class Relu(_Activation):
    """max(x, 0)."""

    type: ClassVar[str] = "relu"
    aliases: ClassVar[tuple[str, ...]] = ("rectified linear unit", "rectifier")
    target: ClassVar[str] = "torch.nn.functional.relu"
    derived_from: ClassVar[Literal["input", "output"]] = "output"


class Relu6(_Activation):
    """min(max(x, 0), 6), made for low precision (MobileNet)."""

    type: ClassVar[str] = "relu6"
    aliases: ClassVar[tuple[str, ...]] = ("relu 6", "relu-6")
    target: ClassVar[str] = "torch.nn.functional.relu6"


class LeakyRelu(_Activation):
    """x where it is positive, slope x x elsewhere."""

    type: ClassVar[str] = "leaky_relu"
    aliases: ClassVar[tuple[str, ...]] = ("leaky relu", "leakyrelu", "lrelu", "leaky")
    examples: ClassVar[tuple[Example, ...]] = (*_PLAIN, Example({"slope": 0.1}, ((4, 3, 5),)))
    target: ClassVar[str] = "torch.nn.functional.leaky_relu"

    slope: Real = Field(default=0.01, description="slope where x is negative", examples=[0.1])

    def arguments(self) -> dict[str, Literals]:
        return {"negative_slope": self.slope}


class Elu(_Activation):
    """x where it is positive, alpha x (e^x - 1) elsewhere (Clevert et al., 2015)."""

    type: ClassVar[str] = "elu"
    aliases: ClassVar[tuple[str, ...]] = ("exponential linear unit",)
    examples: ClassVar[tuple[Example, ...]] = (*_PLAIN, Example({"alpha": 0.5}, ((4, 3, 5),)))
    target: ClassVar[str] = "torch.nn.functional.elu"

    alpha: Real = Field(default=1.0, description="what it falls to, below zero")

    def arguments(self) -> dict[str, Literals]:
        return {"alpha": self.alpha}


class Gelu(_Activation):
    """x times the probability that a normal variable is below x (Hendrycks and Gimpel, 2016)."""

    type: ClassVar[str] = "gelu"
    aliases: ClassVar[tuple[str, ...]] = ("gaussian error linear unit",)
    examples: ClassVar[tuple[Example, ...]] = (*_PLAIN, Example({"approximate": True}, ((4, 3, 5),)))
    target: ClassVar[str] = "torch.nn.functional.gelu"

    approximate: Flag = Field(default=False, description="whether to use the formula with tanh")

    def arguments(self) -> dict[str, Literals]:
        return {"approximate": "tanh" if self.approximate else "none"}

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel:
        return Plain(output.elements, output.elements)


class Silu(_Activation):
    """x times sigmoid(x), also called swish."""

    type: ClassVar[str] = "silu"
    aliases: ClassVar[tuple[str, ...]] = ("swish", "sigmoid linear unit")
    target: ClassVar[str] = "torch.nn.functional.silu"


class HardSwish(_Activation):
    """x x min(max(x + 3, 0), 6) / 6: swish in straight lines (MobileNetV3)."""

    type: ClassVar[str] = "hard_swish"
    aliases: ClassVar[tuple[str, ...]] = ("hard swish", "hardswish", "h-swish", "hswish", "hs")
    target: ClassVar[str] = "torch.nn.functional.hardswish"


class Sigmoid(_Activation):
    """1 / (1 + e^-x)."""

    type: ClassVar[str] = "sigmoid"
    gives: ClassVar[Gives] = "chances"
    aliases: ClassVar[tuple[str, ...]] = ("logistic", "logistic sigmoid")
    target: ClassVar[str] = "torch.sigmoid"
    derived_from: ClassVar[Literal["input", "output"]] = "output"


class HardSigmoid(_Activation):
    """min(max(x + 3, 0), 6) / 6: the sigmoid in straight lines."""

    type: ClassVar[str] = "hard_sigmoid"
    aliases: ClassVar[tuple[str, ...]] = ("hard sigmoid", "hardsigmoid", "h-sigmoid")
    target: ClassVar[str] = "torch.nn.functional.hardsigmoid"


class Tanh(_Activation):
    """The hyperbolic tangent."""

    type: ClassVar[str] = "tanh"
    aliases: ClassVar[tuple[str, ...]] = ("hyperbolic tangent",)
    target: ClassVar[str] = "torch.tanh"
    derived_from: ClassVar[Literal["input", "output"]] = "output"


class ScaledTanh(_Activation):
    """amplitude x tanh(slope x x), which LeNet-5 uses so that f(1) = 1 and f(-1) = -1."""

    type: ClassVar[str] = "scaled_tanh"
    aliases: ClassVar[tuple[str, ...]] = ("scaled tanh", "scaled hyperbolic tangent", "squashing function")
    examples: ClassVar[tuple[Example, ...]] = (*_PLAIN, Example({"amplitude": 2, "slope": 0.5}, ((7,),)))
    target: ClassVar[str] = "layers.ScaledTanh"

    amplitude: Real = Field(default=1.7159, description="what the values stay below")
    slope: Real = Field(default=2 / 3, description="factor of x")

    def arguments(self) -> dict[str, Literals]:
        return {"amplitude": self.amplitude, "slope": self.slope}

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        size = Size(output.elements)
        return (
            Function((Argument(0),), "scaled", size, number="saved"),
            Function((Argument("scaled"),), "tanh", size, saves=("tanh",)),
            Function((Argument("tanh"),), size=size, number="saved"),
        )


class Mish(_Activation):
    """x x tanh(softplus(x)) (Misra, 2019)."""

    type: ClassVar[str] = "mish"
    target: ClassVar[str] = "torch.nn.functional.mish"


class Softplus(_Activation):
    """log(1 + e^x), a smooth relu."""

    type: ClassVar[str] = "softplus"
    widens: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("soft plus",)
    target: ClassVar[str] = "torch.nn.functional.softplus"


class Softmax(_Activation):
    """e^x over its sum: probabilities, across the features of a vector or the maps at each position."""

    type: ClassVar[str] = "softmax"
    widens: ClassVar[bool] = True
    gives: ClassVar[Gives] = "probabilities"
    aliases: ClassVar[tuple[str, ...]] = ("soft max", "soft-max")
    target: ClassVar[str] = "torch.nn.functional.softmax"
    derived_from: ClassVar[Literal["input", "output"]] = "output"

    def arguments(self) -> dict[str, Literals]:
        return {"dim": 1}

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel:
        return Plain(output.elements, output.elements, copies_data=True)

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return Operator.on_maps(self, images)


class Prelu(_Activation):
    """x where it is positive, a trained slope times x elsewhere (He et al., 2015)."""

    type: ClassVar[str] = "prelu"
    aliases: ClassVar[tuple[str, ...]] = ("parametric relu", "parametric rectified linear unit")
    examples: ClassVar[tuple[Example, ...]] = (*_PLAIN, Example({"per_map": True}, ((4, 3, 5),)))
    target: ClassVar[str] = "nn.PReLU"

    per_map: Flag = Field(default=False, description="whether each map has a slope of its own")

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        return (Parameter("weight", (inputs[0].maps if self.per_map else 1,)),)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        each_has_one = output.elements == (inputs[0].maps if self.per_map else 1)
        slopes = Argument("slopes", whole=Size(output.elements), over_images=each_has_one)
        return (
            Function((Argument("weight", "view"),), "slopes", casts=("weight", 0)),
            Function((Argument(0), slopes), size=Size(output.elements), saves=(0, "slopes"), together=True),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call(self.target, {"num_parameters": inputs[0].maps if self.per_map else 1})

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return Operator.on_maps(self, images) if self.per_map else self

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        count = f"{self.parameter_count(inputs):,}"
        return (Formula("parameters", "a slope for each map" if self.per_map else "one slope", count, count),)
