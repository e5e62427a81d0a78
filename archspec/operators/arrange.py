"""Operators that only move values, or choose among them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, gcd
from typing import ClassVar, Literal

from pydantic import Field

from archspec.operators.backward import Argument, Function
from archspec.operators.operator import Call, Example, Formula, Misfit, Operator, Role
from archspec.operators.sliding import require_groups, require_maps, torch_order
from archspec.operators.values import Count, Dimensions, Flag, FourSides, Pair, Real, Sides, Whole, pair_text
from archspec.operators.workspace import Besides, Kernel, Plain
from archspec.shape import Shape
from archspec.window import View, Window


class _Arrangement(Operator):
    role: ClassVar[Role] = "arrange"


class Identity(_Arrangement):
    """Its input, unchanged."""

    type: ClassVar[str] = "identity"
    view: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("skip connection", "no-op")
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((4, 3, 5),)), Example({}, ((7,),)))

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return ()

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.Identity")

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return self


class Flatten(_Arrangement):
    """All values as one vector: map after map, row after row. A dense layer does this by itself."""

    type: ClassVar[str] = "flatten"
    view: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("flattening", "vectorize")
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((4, 3, 5),)), Example({}, ((7,),)))

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return Shape.of(inputs[0].elements)

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        # torch returns a vector as it is
        return super().functions(inputs, output) if inputs[0].is_maps else ()

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("torch.flatten", {"start_dim": 1})

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        return Identity()

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        numbers = " x ".join(map(str, inputs[0]))
        return (Formula("features", "the product of the input's sides", numbers, str(output.maps)),)


class Reshape(_Arrangement):
    """The same values in the same order, under other sizes."""

    type: ClassVar[str] = "reshape"
    view: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("view", "unflatten")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"to": "16x5x5"}, ((400,),)),
        Example({"to": [2, 6, 5]}, ((4, 3, 5),)),
        Example({"to": 60}, ((4, 3, 5),)),
    )

    to: Dimensions = Field(description="the output's shape: `MAPSxHxW`, a list, or a number", examples=["16x5x5"])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        to, given = Shape(self.to), inputs[0].elements
        if to.elements != given:
            raise Misfit(
                "E208",
                f"{{row}} reshapes to {to}, {to.elements} values, and {{0}} gives {inputs[0]}, {given} values",
                label=f"{to.elements} values, not {given}",
                help=self._help(to, given),
                attribute="to",
            )
        return to

    def _help(self, to: Shape, given: int) -> str:
        if to.is_maps and given % to.area == 0:
            return f"use to: {given // to.area}x{to.height}x{to.width}"
        return f"use to: {given}"

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("torch.reshape", {"shape": (-1, *output)})

    def on_maps(self, images: Sequence[Shape]) -> Operator:
        to = Shape(self.to)
        if not to.is_maps or to == images[0]:
            return Identity()
        raise self._moves_positions()

    def sliding(self, image: Shape) -> Operator:
        if Shape(self.to) == image:
            return Identity()
        raise self._moves_positions()

    def _moves_positions(self) -> Misfit:
        return Misfit(
            "E225",
            f"the positions behind {{row}} are none of the image: it reshapes to {Shape(self.to)}",
            label="fits one input size",
            help="leave the row out",
            attribute="to",
        )

    def window(self, inputs: Sequence[Shape]) -> Window:
        # positions change places: what one of them saw is anywhere
        return Window(whole=True)


class Slice(_Arrangement):
    """The maps, or features, from `start` up to `stop`, which is not among them."""

    type: ClassVar[str] = "slice"
    view: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("narrow", "channel slice")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"stop": 3}, ((4, 3, 5),)),
        Example({"start": 1, "stop": 4}, ((4, 3, 5),)),
        Example({"start": 2, "stop": 3}, ((7,),)),
    )

    start: Whole = Field(default=0, description="first map, from 0")
    stop: Count = Field(description="the map after the last", examples=[16])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        maps = inputs[0].maps
        if self.stop > maps:
            raise Misfit(
                "E210",
                f"{{row}} takes maps {self.start} to {self.stop}, and {{0}} gives {maps}",
                label=f"{{0}} gives {inputs[0]}",
                help=f"use stop: {maps}",
                attribute="stop",
            )
        if self.start >= self.stop:
            raise Misfit(
                "E210",
                f"nothing is left of {{row}}: it starts at map {self.start} and stops before map {self.stop}",
                label=f"below {self.stop}",
                help=f"use start: {self.stop - 1}",
                attribute="start",
            )
        return Shape.of(self.stop - self.start, *inputs[0][1:])

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return (Function((Argument(0),), is_part=output != inputs[0]),)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("torch.narrow", {"dim": 1, "start": self.start, "length": output.maps})


class Split(_Arrangement):
    """One of several equal parts of the maps, or features. A row for each part takes all of them."""

    type: ClassVar[str] = "split"
    view: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("channel split", "chunk")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"parts": 2, "part": 1}, ((4, 3, 5),)),
        Example({"parts": 3, "part": 0}, ((9,),)),
    )

    parts: Count = Field(description="number of equal parts", examples=[2])
    part: Whole = Field(description="which of them this row is, from 0", examples=[0])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        maps = inputs[0].maps
        if maps % self.parts:
            raise Misfit(
                "E210",
                f"{self.parts} equal parts can't be made of the {maps} maps that {{0}} gives {{row}}",
                label=f"{{0}} gives {inputs[0]}",
                help=f"use parts: {gcd(self.parts, maps)}, or any divisor of {maps}",
                attribute="parts",
            )
        if self.part >= self.parts:
            raise Misfit(
                "E210",
                f"{{row}} takes part {self.part} of {self.parts}, and the last is part {self.parts - 1}",
                label="parts count from 0",
                help=f"use part: {self.parts - 1}",
                attribute="part",
            )
        return Shape.of(maps // self.parts, *inputs[0][1:])

    def functions(self, inputs: Sequence[Shape], output: Shape) -> tuple[Function, ...]:
        return (Function((Argument(0),), is_part=output != inputs[0]),)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("torch.narrow", {"dim": 1, "start": self.part * output.maps, "length": output.maps})


class ChannelShuffle(_Arrangement):
    """The maps of several groups interleaved, so that the next grouped convolution mixes them (ShuffleNet)."""

    type: ClassVar[str] = "channel_shuffle"
    aliases: ClassVar[tuple[str, ...]] = ("channel shuffle", "channelshuffle", "shuffle")
    examples: ClassVar[tuple[Example, ...]] = (Example({"groups": 3}, ((6, 4, 5),)),)

    groups: Count = Field(description="groups that are interleaved", examples=[3])

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        require_groups(self.groups, image)
        return image

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel:
        return Plain(output.elements, output.elements, copies_data=True)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        return Call("nn.ChannelShuffle", {"groups": self.groups})


class Pad(_Arrangement):
    """A border around every map, zeros unless `value` says otherwise."""

    type: ClassVar[str] = "pad"
    aliases: ClassVar[tuple[str, ...]] = ("padding", "zero pad", "zero padding", "zeropadding2d", "zeropad2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"padding": 2}, ((4, 3, 5),)),
        Example({"padding": [0, 1, 2, 0], "value": -1.5}, ((4, 3, 5),)),
    )

    padding: FourSides = Field(description="rows above and below, columns left and right", examples=[1, [0, 1, 0, 1]])
    value: Real = Field(default=0.0, description="what the border is made of")

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        top, bottom, left, right = self.padding
        return Shape.of(image.maps, top + image.height + bottom, left + image.width + right)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        padding = torch_order(self.padding)
        if self.value == 0:
            return Call("nn.ZeroPad2d", {"padding": padding})
        return Call("nn.ConstantPad2d", {"padding": padding, "value": self.value})

    def window(self, inputs: Sequence[Shape]) -> Window:
        top, _, left, _ = self.padding
        return Window(View.sliding(range(-top, 1 - top)), View.sliding(range(-left, 1 - left)))


def _require_one(choices: dict[str, object]) -> None:
    """Raises unless exactly one of the attributes is given."""
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        one, other = choices
        raise Misfit(
            "E217",
            f"{{row}} has {'both' if given else 'neither'} `{one}` {'and' if given else 'nor'} `{other}`",
            label="one too many" if given else "",
            help=f"give `{one}` or `{other}`",
            attribute=other if given else None,
        )


class Crop(_Arrangement):
    """The inner part of every map: without some of its border, or the centre of a given size.

    Where an odd number of rows or columns goes, the centre loses the odd one at the bottom or right.
    """

    type: ClassVar[str] = "crop"
    aliases: ClassVar[tuple[str, ...]] = ("center crop", "centre crop", "copy and crop", "cropping2d", "cropping")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"sides": 1}, ((4, 3, 5),)),
        Example({"sides": [0, 1, 2, 0]}, ((4, 3, 5),)),
        Example({"to": "2x4"}, ((4, 5, 5),)),
    )

    sides: FourSides | None = Field(default=None, description="rows and columns to cut away", examples=[1])
    to: Pair | None = Field(default=None, description="height and width of the centre to leave", examples=[56])

    def _cut(self, image: Shape) -> Sides:
        _require_one({"sides": self.sides, "to": self.to})
        if self.to is None:
            return self.sides or (0, 0, 0, 0)
        if self.to[0] > image.height or self.to[1] > image.width:
            raise Misfit(
                "E218",
                f"{{row}} crops to {pair_text(self.to)}, more than its {image.height}x{image.width} input",
                label=f"{{0}} gives {image}",
                help=f"use to: {min(self.to[0], image.height)}x{min(self.to[1], image.width)}",
                attribute="to",
            )
        rows, columns = image.height - self.to[0], image.width - self.to[1]
        return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        top, bottom, left, right = self._cut(image)
        height, width = image.height - top - bottom, image.width - left - right
        if height < 1 or width < 1:
            raise Misfit(
                "E204",
                f"nothing is left of {{row}}: its output would be {height}x{width}",
                label=f"{{0}} gives {image}",
                help=f"use sides: {(min(image.height, image.width) - 1) // 2}",
                attribute="sides",
            )
        return Shape.of(image.maps, height, width)

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        left, right, top, bottom = torch_order(self._cut(inputs[0]))
        return Call("nn.ZeroPad2d", {"padding": (-left, -right, -top, -bottom)})

    def window(self, inputs: Sequence[Shape]) -> Window:
        top, _, left, _ = self._cut(inputs[0])
        return Window(View.sliding(range(top, top + 1)), View.sliding(range(left, left + 1)))


def _around(place: Fraction) -> range:
    """The two pixels that a place lies between, or the one that it is."""
    return range(floor(place), ceil(place) + 1)


class Upsample(_Arrangement):
    """Larger maps: each pixel repeated, or straight lines drawn between pixels."""

    type: ClassVar[str] = "upsample"
    widens: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ("upsampling", "up-sampling", "upsampling2d", "resize", "interpolate")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"scale": 2}, ((4, 3, 5),)),
        Example({"to": "7x5"}, ((4, 3, 5),)),
        Example({"scale": "2x3", "mode": "bilinear"}, ((4, 3, 5),)),
        Example({"to": 9, "mode": "bilinear", "align_corners": True}, ((4, 3, 5),)),
    )

    scale: Pair | None = Field(default=None, description="how many times larger", examples=[2])
    to: Pair | None = Field(default=None, description="height and width of the output", examples=["56x56"])
    mode: Literal["nearest", "bilinear"] = Field(default="nearest", description="how pixels are made")
    align_corners: Flag = Field(
        default=False, description="whether the corner pixels' centres stay the corners (bilinear only)"
    )

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        image = require_maps(inputs, self.type)
        _require_one({"scale": self.scale, "to": self.to})
        if self.align_corners and self.mode == "nearest":
            raise Misfit(
                "E217",
                "{row} has `align_corners: true` with mode nearest, which has no corners to align",
                help="use mode: bilinear, or leave align_corners out",
                attribute="align_corners",
            )
        down, across = self.scale or (1, 1)
        height, width = self.to or (image.height * down, image.width * across)
        return Shape.of(image.maps, height, width)

    def workspace(self, inputs: Sequence[Shape], output: Shape) -> Kernel:
        given, made = inputs[0].elements, output.elements
        turned = given + made if output.maps > 1 else 0  # torch turns maps innermost, and back
        return Plain(given, made, Besides(image=turned))

    def lower(self, inputs: Sequence[Shape], output: Shape) -> Call:
        size = {"scale_factor": self.scale} if self.scale else {"size": self.to}
        corners = {"align_corners": self.align_corners} if self.mode == "bilinear" else {}
        return Call("nn.Upsample", {**size, "mode": self.mode, **corners})

    def window(self, inputs: Sequence[Shape]) -> Window:
        down, across = (self._view(*sizes) for sizes in zip(inputs[0][1:], self.shape(inputs)[1:], strict=True))
        return Window(down, across)

    def _view(self, size: int, to: int) -> View:
        """The pixels that each new one is made of."""
        if self.mode == "nearest":
            return View.resampled(size, to, lambda at: range(at * size // to, at * size // to + 1))
        if not self.align_corners:
            return View.resampled(size, to, lambda at: _around(Fraction((2 * at + 1) * size - to, 2 * to)))
        if to == 1:
            return View.sliding(range(1))
        return View.resampled(size - 1, to - 1, lambda at: _around(Fraction(at * (size - 1), to - 1)))

    def formulas(self, inputs: Sequence[Shape], output: Shape) -> tuple[Formula, ...]:
        if self.scale is None:
            return ()
        image, (down, across) = inputs[0], self.scale
        return (
            Formula("height", "height x scale", f"{image.height} x {down}", str(output.height)),
            Formula("width", "width x scale", f"{image.width} x {across}", str(output.width)),
        )
