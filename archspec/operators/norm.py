"""Norms: values shifted and scaled to a common range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from archspec.operators.backward import Argument, Function, Size, as_they_come, in_float32
from archspec.operators.initial import ZEROS
from archspec.operators.operator import Call, Example, Formula, Misfit, Operator, Parameter, Role
from archspec.operators.sliding import require_groups, require_maps
from archspec.operators.values import Count, Flag, Positive, Real
from archspec.operators.workspace import Besides, Kernel, Normalizing, Plain
from archspec.shape import Shape


def _require_odd(value: int) -> int:
    if value % 2 == 0:
        raise PydanticCustomError("odd", "an odd number: the neighbours on both sides and the map itself")
    return value


Odd = Annotated[Count, AfterValidator(_require_odd)]
Momentum = Annotated[float, Field(ge=0, le=1, strict=True, allow_inf_nan=False)]

_SECOND = "deviations"


class _Norm(Operator):
    """A norm with a weight and a bias for each of the things it scales."""

    role: ClassVar[Role] = "norm"

    eps: Positive = Field(default=1e-5, description="what the variance is raised by, against a division by zero")
    affine: Flag = Field(default=True, description="whether a trained weight and bias follow")
    init: Literal["zeros"] | None = Field(
        default=None,
        description="`zeros`: the weights start at 0, not 1; a residual unit that ends in it starts as its shortcut",
    )

    def scaled(self, image: Shape) -> tuple[int, ...]:
        """The shape of the weight, and of the bias."""
        return (image.maps,)

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        shape = self.scaled(inputs[0])
        return (Parameter("weight", shape), Parameter("bias", shape)) if self.affine else ()

    def normalized(
        self, image: Shape, name: str, statistics: Size, kernel: Kernel, *, contiguous: bool = False
    ) -> tuple[Function, ...]:
        """The one function, which saves its input and what it found out of it."""
        weights = (Argument("weight"), Argument("bias")) if self.affine else ()
        arguments = (Argument(0, contiguous=contiguous), *weights)
        fresh = ((name, statistics),)
        return (Function(arguments, size=Size(image.elements), saves=(0, name), fresh=fresh, kernel=kernel),)

    def _statistics(self, count: int) -> Size:
        """Means and deviations, in the type of the weights where there are some."""
        return Size(count, "weight" if self.affine else "activation")

    def on_cuda(self, functions: tuple[Function, ...]) -> tuple[Function, ...]:
        return super().on_cuda(tuple(map(_with_two_statistics, functions)))

    def initial(self) -> dict[str, Call]:
        return {} if self.init is None or not self.affine else {"weight": ZEROS}

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        if not self.affine:
            return ()
        sides = self.scaled(inputs[0])
        formula = "2 x maps" if len(sides) == 1 else "2 x maps x height x width"
        numbers = " x ".join(map(str, (2, *sides)))
        return (Formula("parameters", formula, numbers, f"{self.parameter_count(inputs):,}"),)


def _with_two_statistics(function: Function) -> Function:
    """Means and deviations as two tensors, which an allocator rounds up one by one."""
    if not function.fresh:
        return function
    ((name, both),) = function.fresh
    half = replace(both, elements=both.elements // 2)
    return replace(function, fresh=((name, half), (_SECOND, half)), saves=(*function.saves, _SECOND))


class BatchNorm(_Norm):
    """Each map normalized over the batch and all positions (Ioffe and Szegedy, 2015).

    In inference it uses running means of mean and variance, which move by `momentum` in every training step.
    """

    type: ClassVar[str] = "batch_norm"
    aliases: ClassVar[tuple[str, ...]] = (
        "batch norm",
        "batch normalization",
        "batch normalisation",
        "batchnormalization",
        "batchnorm",
        "batchnorm2d",
        "batchnorm1d",
        "bn",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((6, 5, 4),)),
        Example({"eps": 1e-3, "momentum": 0.01, "affine": False}, ((6, 5, 4),)),
        Example({"init": "zeros"}, ((7,),)),
    )

    momentum: Momentum = Field(default=0.1, description="how much of the running means is new in a step")

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        maps = inputs[0].maps
        return (
            *super().parameters(inputs),
            Parameter("running_mean", (maps,), "statistic"),
            Parameter("running_var", (maps,), "statistic"),
            Parameter("num_batches_tracked", (), "counter"),
        )

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        one = Function((), "one for the counter", Size(1, "float64", per_batch=True), once=True)
        statistics = Size(2 * inputs[0].maps, "weight", per_batch=True)
        kernel = Normalizing(inputs[0].maps, inputs[0].elements, self.affine)
        return (one, *self.normalized(inputs[0], "batch statistics", statistics, kernel))

    def still_functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        kernel = Normalizing(inputs[0].maps, inputs[0].elements, self.affine, is_still=True)
        (norm,) = self.normalized(inputs[0], "statistics", Size(0), kernel)
        return (replace(norm, saves=(0,), fresh=()),)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call(
            "nn.BatchNorm2d" if inputs[0].is_maps else "nn.BatchNorm1d",
            {"num_features": inputs[0].maps, "eps": self.eps, "momentum": self.momentum, "affine": self.affine},
        )


class LayerNorm(_Norm):
    """Each image normalized on its own (Ba et al., 2016).

    `over: all` takes maps, height and width together, with a weight for every element; `over: maps` normalizes
    across the maps at each position, with a weight for each map, as ConvNeXt does.
    """

    type: ClassVar[str] = "layer_norm"
    widens: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = (
        "layer norm",
        "layer normalization",
        "layer normalisation",
        "layernormalization",
        "layernorm",
        "ln",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((6, 5, 4),)),
        Example({"over": "maps", "eps": 1e-6}, ((6, 5, 4),)),
        Example({"over": "maps", "affine": False}, ((6, 5, 4),)),
        Example({"init": "zeros"}, ((7,),)),
        Example({"over": "maps"}, ((7,),)),
        Example({"affine": False}, ((7,),)),
    )

    over: Literal["all", "maps"] = Field(default="all", description="what is normalized together")

    def _is_per_position(self, image: Shape) -> bool:
        return self.over == "maps" and image.is_maps

    def scaled(self, image: Shape) -> tuple[int, ...]:
        return (image.maps,) if self._is_per_position(image) else tuple(image)

    def turns_maps(self, inputs: Sequence[Shape]) -> bool:
        return self._is_per_position(inputs[0])

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return self.sliding(images[0]) if images[0].area == 1 else super().on_maps(images)

    def sliding(self, image: Shape) -> Operator:
        if image.area == 1:
            return self.model_copy(update={"over": "maps"})
        if self.over == "maps":
            return self
        raise Misfit(
            "E225",
            f"{{row}} fits one input size: it normalizes all {image.height}x{image.width} positions together",
            label=f"{{0}} gives {image}",
            help="use over: maps",
            attribute="over",
        )

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        image = inputs[0]
        elements, weights = image.elements, 2 * prod(self.scaled(image)) if self.affine else 0
        is_turned = self._is_per_position(image)
        positions = image.area if is_turned else 1
        # across maps, torch works with maps innermost, and keeps what it makes so
        ahead = Besides(image=(elements if is_turned else 0) + 2 * positions)
        back = Besides(image=2 * elements if is_turned else 0, once=weights, thread=weights)
        kernel = Plain(elements, elements, ahead, back, copies_data=not is_turned, copies_gradient=not is_turned)
        return self.normalized(image, "statistics", self._statistics(2 * positions), kernel)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        image = inputs[0]
        if self._is_per_position(image):
            return Call("layers.LayerNorm2d", {"maps": image.maps, "eps": self.eps, "affine": self.affine})
        return Call(
            "nn.LayerNorm",
            {"normalized_shape": tuple(image), "eps": self.eps, "elementwise_affine": self.affine},
        )


class GroupNorm(_Norm):
    """Each image normalized on its own, in groups of neighbouring maps (Wu and He, 2018)."""

    type: ClassVar[str] = "group_norm"
    widens: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = (
        "group norm",
        "group normalization",
        "group normalisation",
        "groupnormalization",
        "groupnorm",
        "gn",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"groups": 3}, ((6, 5, 4),)),
        Example({"groups": 2, "eps": 1e-6, "affine": False}, ((6, 5, 4),)),
        Example({"groups": 2}, ((8,),)),
        Example({"groups": 2, "init": "zeros"}, ((4, 3, 5),)),
    )

    groups: Count = Field(description="groups of maps, each with a mean and a variance", examples=[32])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        require_groups(self.groups, inputs[0])
        return inputs[0]

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        image = inputs[0]
        weights = 2 * image.maps if self.affine else 0
        back = Besides(image=2 * image.maps, once=weights)
        kernel = Plain(image.elements, image.elements, Besides(image=2 * self.groups), back, copies_gradient=False)
        return self.normalized(image, "statistics", self._statistics(2 * self.groups), kernel, contiguous=True)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call(
            "nn.GroupNorm",
            {"num_groups": self.groups, "num_channels": inputs[0].maps, "eps": self.eps, "affine": self.affine},
        )


class LocalResponseNorm(Operator):
    """AlexNet's normalization: each value divided by (k + alpha x the sum of the squares of r neighbouring maps)^beta.

    `alpha` is the paper's, which multiplies the sum; torch's multiplies the mean, so it is given r times as much.
    For an even n the paper's window, from map i - n/2 to i + n/2, has n + 1 maps: r is odd, and says how many maps
    there are.
    """

    type: ClassVar[str] = "local_response_norm"
    halves_on_cpu: ClassVar[bool] = False
    role: ClassVar[Role] = "norm"
    aliases: ClassVar[tuple[str, ...]] = (
        "local response norm",
        "local response normalization",
        "local response normalisation",
        "local resp norm",
        "localresponsenorm",
        "lrn",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((8, 5, 4),)),
        Example({"r": 3, "alpha": 2e-5, "beta": 0.5, "k": 1}, ((2, 5, 4),)),
        Example({"r": 1}, ((2, 3, 4),)),
    )

    r: Odd = Field(default=5, description="neighbouring maps in the sum, an odd number; the paper's n")
    alpha: Real = Field(default=1e-4, description="factor of the sum")
    beta: Real = Field(default=0.75, description="exponent")
    k: Real = Field(default=2.0, description="what the sum is added to")

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return require_maps(inputs, self.type)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        size = Size(inputs[0].elements)
        padded = Size((inputs[0].maps + self.r - 1) * inputs[0].area)
        return (
            Function((Argument(0, saves=(0,)), Argument(0, saves=(0,))), "squares", size),
            Function((Argument("squares"),), "padded squares", padded),
            Function(
                (Argument("padded squares"),),
                "means",
                size,
                saves=("padded squares",),
                casts=("padded squares",),
                to="full",
            ),
            Function((Argument("means"),), "scaled means", size, number="saved"),
            Function((Argument("scaled means", "same"),), "sums", size, number="passing"),
            Function(
                (Argument("sums", scratch=(size, size)),), "denominators", size, saves=("sums",), holds=("means",)
            ),
            # torch computes the divisor's gradient first
            Function(
                (Argument("denominators", saves=(0,), scratch=(size,) * 3), Argument(0)),
                size=size,
                saves=("denominators",),
                promotes=True,
            ),
        )

    def on_cuda(self, functions: tuple[Function, ...]) -> tuple[Function, ...]:
        return in_float32(as_they_come(functions), "denominators")

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call(
            "nn.LocalResponseNorm",
            {"size": self.r, "alpha": self.alpha * self.r, "beta": self.beta, "k": self.k},
        )
