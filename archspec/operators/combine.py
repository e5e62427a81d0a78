"""Where paths meet: several inputs, one output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from archspec.operators.backward import OUTPUT, Argument, Function, Ref, Size, as_they_come
from archspec.operators.operator import Call, Example, Formula, Misfit, Operator, Role
from archspec.shape import Shape


class _Combination(Operator):
    role: ClassVar[Role] = "combine"
    arity: ClassVar[tuple[int, int | None]] = (2, None)


class _Elementwise(_Combination):
    """Inputs of equal shapes, combined element by element."""

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        first = inputs[0]
        for index, other in enumerate(inputs):
            if other != first:
                raise Misfit(
                    "E206",
                    f"{self.type} needs equal shapes: {{0}} gives {first}, {{{index}}} gives {other}",
                    label=f"{first} and {other}",
                    help=_reconcile(first, other, index),
                )
        return first

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return self if len(set(images)) == 1 else super().on_maps(images)


def _reconcile(first: Shape, other: Shape, index: int) -> str:
    """What to type so that two shapes agree."""
    if first.is_maps != other.is_maps:
        vector = index if first.is_maps else 0
        return f"put a row `type: reshape` with `to: {first if first.is_maps else other}` after {{{vector}}}"
    if not first.is_maps:
        return f"put a dense with units: {first.maps} after {{{index}}}"
    if first[1:] == other[1:]:
        return f"put a conv with maps: {first.maps}, kernel: 1 after {{{index}}}"
    if first.area < other.area:
        large, small, name = other, first, index
    else:
        large, small, name = first, other, 0
    steps = max(-(-large.height // small.height), -(-large.width // small.width))
    if (-(-large.height // steps), -(-large.width // steps)) == (small.height, small.width):
        return f"use stride: {steps} with padding: same on the path to {{{name}}}, as on the other"
    return f"use padding: same on both paths, so that {{0}} and {{{index}}} keep their size"


def _folded(count: int, output: Shape, arguments: Callable[[Ref, Ref], tuple[Argument, ...]]) -> tuple[Function, ...]:
    """A function of two inputs, its result with the third, and so on."""
    functions: list[Function] = []
    left: Ref = 0
    for index in range(1, count):
        result = OUTPUT if index == count - 1 else f"result of {index + 1}"
        functions.append(Function(arguments(left, index), result, Size(output.elements), promotes=True))
        left = result
    return tuple(functions)


class Add(_Elementwise):
    """The sum of its inputs, element by element: the end of a residual block."""

    type: ClassVar[str] = "add"
    aliases: ClassVar[tuple[str, ...]] = ("sum", "addition", "element-wise sum", "eltwise", "shortcut", "residual")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((4, 5, 3), (4, 5, 3))),
        Example({}, ((4, 5, 3), (4, 5, 3), (4, 5, 3))),
        Example({}, ((9,), (9,))),
    )

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return _folded(len(inputs), output, lambda left, right: (Argument(left, "same"), Argument(right, "same")))

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("operator.add")


class Multiply(_Elementwise):
    """The product of its inputs, element by element."""

    type: ClassVar[str] = "multiply"
    aliases: ClassVar[tuple[str, ...]] = ("mul", "product", "element-wise product", "hadamard product")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((4, 5, 3), (4, 5, 3))),
        Example({}, ((4, 5, 3), (4, 5, 3), (4, 5, 3), (4, 5, 3))),
        Example({}, ((9,), (9,))),
    )

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        # a factor's derivative is the other factor
        return _folded(
            len(inputs), output, lambda left, right: (Argument(left, saves=(right,)), Argument(right, saves=(left,)))
        )

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("operator.mul")


class Concat(_Combination):
    """The maps of its inputs, one after another; height and width have to be equal."""

    type: ClassVar[str] = "concat"
    aliases: ClassVar[tuple[str, ...]] = (
        "concatenate",
        "concatenation",
        "depth concat",
        "depthconcat",
        "filter concat",
        "filter concatenation",
        "route",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((4, 5, 3), (2, 5, 3))),
        Example({}, ((4, 5, 3), (2, 5, 3), (1, 5, 3))),
        Example({}, ((9,), (4,))),
    )

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        first = inputs[0]
        for index, other in enumerate(inputs):
            if (len(other), other[1:]) != (len(first), first[1:]):
                raise Misfit(
                    "E206",
                    f"concat needs equal heights and widths: {{0}} gives {first}, {{{index}}} gives {other}",
                    label=f"{first} and {other}",
                    help=_reconcile(first, other, index),
                )
        return Shape.of(sum(shape.maps for shape in inputs), *first[1:])

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return self if len({image[1:] for image in images}) == 1 else super().on_maps(images)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        arguments = tuple(Argument(index, "part") for index in range(len(inputs)))
        return (Function(arguments, size=Size(output.elements), casts=tuple(range(len(inputs))), to="widest"),)

    def on_cuda(self, functions: tuple[Function, ...]) -> tuple[Function, ...]:
        return tuple(replace(each, promotes=True) for each in as_they_come(functions))

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("torch.cat", {"dim": 1}, packed=True)

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        maps = " + ".join(str(shape.maps) for shape in inputs)
        return (Formula("maps", "the sum of the inputs' maps", maps, str(output.maps)),)


class Scale(_Combination):
    """Each map of the first input times its number in the second, a gate of maps x 1 x 1 (squeeze and excitation)."""

    type: ClassVar[str] = "scale"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    gates: ClassVar[tuple[int, ...]] = (1,)
    aliases: ClassVar[tuple[str, ...]] = ("excite", "channel scale", "gating")
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((4, 5, 3), (4, 1, 1))),)

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image, gate = inputs
        if not image.is_maps or gate != (image.maps, 1, 1):
            raise Misfit(
                "E209",
                f"scale needs maps and a gate of one number for each: {{0}} gives {image}, {{1}} gives {gate}",
                label=f"{image} and {gate}",
                help=self._help(image, gate),
            )
        return image

    def _help(self, image: Shape, gate: Shape) -> str:
        if not image.is_maps:
            return "put a row `type: multiply` here, which takes vectors"
        if image == (gate.maps, 1, 1):
            return "swap the two names of `from`: the gate comes second"
        if gate == (image.maps,):
            return f"put a row `type: reshape` with `to: {image.maps}x1x1` after {{1}}"
        if gate.is_maps and gate.maps == image.maps:
            return "put a row `type: global_avg_pool` after {1}"
        return f"put a conv with maps: {image.maps}, kernel: 1 after {{1}}"

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        size = Size(output.elements)
        gate = Argument(1, saves=(0,), whole=size if inputs[0].area > 1 else None)
        return (Function((Argument(0, saves=(1,)), gate), size=size, promotes=True),)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("operator.mul")
