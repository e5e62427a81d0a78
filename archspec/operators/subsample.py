"""The pool of LeNet-5, which is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from archspec.operators.backward import Argument, Function, Size
from archspec.operators.operator import Call, Example, Formula, Parameter, Role
from archspec.operators.sliding import Sliding
from archspec.operators.values import Pair
from archspec.operators.workspace import Plain
from archspec.shape import Shape


class Subsample(Sliding):
    """LeNet-5's subsampling: the mean of each window, times a coefficient, plus a bias, both trained for each map."""

    type: ClassVar[str] = "subsample"
    role: ClassVar[Role] = "pool"
    aliases: ClassVar[tuple[str, ...]] = ("subsampling", "sub-sampling", "trainable pooling")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((6, 28, 28),)),
        Example({"kernel": 3, "stride": 2}, ((2, 8, 9),)),
    )

    adjustable: ClassVar[tuple[str, ...]] = ("stride",)

    kernel: Pair = Field(default=(2, 2), description="height and width of the window", examples=[2])
    stride: Pair | None = Field(default=None, description="steps of the window; the kernel's size where not given")

    def steps(self) -> tuple[int, int]:
        return self.stride or self.kernel

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.slide(inputs, inputs[0].maps)

    def parameters(self, inputs: Sequence[Shape]) -> tuple[Parameter, ...]:
        maps = inputs[0].maps
        return (Parameter("coefficient", (maps,)), Parameter("bias", (maps,)))

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        size = Size(output.elements)
        return (
            Function(
                (Argument(0),), "means", size, (0,), kernel=Plain(inputs[0].elements, size.elements, copies_data=True)
            ),
            Function((Argument("coefficient", "view"),), "factors"),
            Function(
                (Argument("means", saves=("factors",)), Argument("factors", saves=("means",), whole=size)),
                "products",
                size,
                promotes=True,
            ),
            Function((Argument("bias", "view"),), "biases"),
            Function(
                (Argument("products", "same"), Argument("biases", "summed")), size=size, holds=("means",), promotes=True
            ),
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("layers.Subsample", {"maps": inputs[0].maps, "kernel_size": self.kernel, "stride": self.steps()})

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        parameters = Formula(
            "parameters",
            "maps x (a coefficient + a bias)",
            f"{output.maps} x 2",
            f"{self.parameter_count(inputs):,}",
        )
        return (*self.size_formulas(inputs[0]), parameters)
