"""Noise that trains: what is random in training and does nothing in inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from archspec.operators.backward import Argument, Function, Size
from archspec.operators.operator import Call, Example, Operator, Role
from archspec.operators.values import Rate
from archspec.operators.workspace import Besides, Plain
from archspec.shape import Shape


class _Noise(Operator):
    """A random part of the input set to zero, the rest enlarged in proportion."""

    role: ClassVar[Role] = "noise"
    inference_identity: ClassVar[bool] = True

    rate: Rate = Field(description="probability of a zero")

    def is_view(self, *, training: bool) -> bool:
        # torch returns the input itself where nothing can be dropped
        return not training or self.rate == 0

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return self


class Dropout(_Noise):
    """Each value set to zero with probability `rate`, the others divided by 1 - rate (Srivastava et al., 2014)."""

    type: ClassVar[str] = "dropout"
    aliases: ClassVar[tuple[str, ...]] = ("drop out", "dropout layer")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((4, 5, 3),)),
        Example({"rate": 0.2}, ((9,),)),
        Example({"rate": 0}, ((9,),)),
    )

    rate: Rate = Field(default=0.5, description="probability of a zero")

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        if not self.rate:
            return ()
        size = Size(output.elements)
        mask = Besides(image=output.elements)
        kernel = Plain(output.elements, output.elements, ahead=mask, copies_gradient=False)
        return (Function((Argument(0, saves=("mask",)),), size=size, fresh=(("mask", size),), kernel=kernel),)

    def on_cuda(self, functions: tuple[Function, ...]) -> tuple[Function, ...]:
        return tuple(
            replace(each, fresh=tuple((name, Size(size.elements, "bool")) for name, size in each.fresh))
            for each in functions
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.Dropout", {"p": self.rate})


class StochasticDepth(_Noise):
    """The whole image set to zero with probability `rate`, else divided by 1 - rate (Huang et al., 2016).

    It stands at the end of a residual branch, which then is left out now and then.
    """

    type: ClassVar[str] = "stochastic_depth"
    aliases: ClassVar[tuple[str, ...]] = ("stochastic depth", "drop path", "droppath", "drop connect")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"rate": 0.2}, ((4, 5, 3),)),
        Example({"rate": 0.9}, ((9,),)),
        Example({"rate": 0}, ((9,),)),
    )

    rate: Rate = Field(description="probability of a zero branch", examples=[0.1])

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        if not self.rate:
            return ()
        return (
            Function((), "mask", Size(1), number="passing"),
            Function((Argument(0, saves=("mask",)),), size=Size(output.elements), holds=("mask",)),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("layers.StochasticDepth", {"rate": self.rate})
