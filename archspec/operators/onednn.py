"""What oneDNN copies for a convolution on a CPU: maps and weights, into blocks that fill its registers.

Which of its kernels runs, and in which layout, follows from shapes alone. The rules were found by watching oneDNN 3.12
in torch 2.13 on a CPU with AVX-512: what it ran for thousands of shapes, and what it allocated for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from archspec.operators.values import Pair, Sides
from archspec.operators.workspace import Run, rounded
from archspec.shape import Shape

_FEW_MAPS = 4
"""input maps, below which kernels for narrow registers, and gradients of weights, read them as they lie"""
_NARROW = 8
"""maps in a block of kernels for narrow registers"""
_THIN = 128
"""input maps of which pixels are picked at a time for the gradient of weights"""
_WIDE = 256
"""output maps that are turned at a time"""
_MANY_PIXELS = 256
_NARROW_KERNEL = 3
_ALIGNED = 128
"""bytes by which room for a kernel's notes is aligned"""
_PAGE = 4096
_POINTERS = 24
"""bytes in which a kernel notes where its pages are"""


@dataclass(frozen=True, slots=True)
class ConvolutionShape:
    """A convolution, from maps to maps."""

    image: Shape
    output: Shape
    kernel: Pair
    stride: Pair
    sides: Sides
    """zeros around the input"""
    dilation: Pair
    groups: int

    @property
    def maps(self) -> int:
        """Input maps of a group."""
        return self.image.maps // self.groups

    @property
    def made(self) -> int:
        """Output maps of a group."""
        return self.output.maps // self.groups

    @property
    def weights(self) -> int:
        """Numbers of its weights."""
        return self.output.maps * self.maps * prod(self.kernel)

    @property
    def columns(self) -> int:
        """Numbers of the windows of an image and a group, written out; none where they are the image itself."""
        is_image = self.is_plain and not self.is_strided
        return 0 if is_image else self.maps * prod(self.kernel) * self.output.area

    @property
    def is_plain(self) -> bool:
        """Whether a window is a pixel."""
        return self.kernel == (1, 1) and not any(self.sides)

    @property
    def is_product(self) -> bool:
        """Whether it is a matrix product: of pixels, of which strides have to divide the image."""
        return self.is_plain and not any(size % step for size, step in zip(self.image[1:], self.stride, strict=True))

    @property
    def is_strided(self) -> bool:
        return self.stride != (1, 1)

    @property
    def is_dilated(self) -> bool:
        return self.dilation != (1, 1)

    @property
    def is_depthwise(self) -> bool:
        return self.groups > 1 and self.groups == self.image.maps == self.output.maps

    @property
    def is_small_depthwise(self) -> bool:
        """Whether the kernel of a depthwise convolution is narrow, and not narrower than its stride."""
        return self.is_depthwise and not self.is_dilated and self.stride[1] <= self.kernel[1] <= _NARROW_KERNEL

    @property
    def is_filled(self) -> bool:
        """Whether the kernel is a multiple of the stride."""
        return not any(size % step for size, step in zip(self.kernel, self.stride, strict=True))

    @property
    def sees_padding_alone(self) -> bool:
        """Whether a window lies outside the image."""
        for axis in (0, 1):
            extent, before = self.extent(axis), self.sides[2 * axis]
            after = (self.output[axis + 1] - 1) * self.stride[axis] + extent - before - self.image[axis + 1]
            if extent <= before or extent <= after:
                return True
        return False

    @property
    def is_low(self) -> bool:
        """Whether the kernel is higher than the image."""
        return self.extent(0) > self.image.height

    @property
    def is_narrow(self) -> bool:
        """Whether more windows begin before the image than there are."""
        return self.sides[2] > self.output.width

    @property
    def is_padded_far(self) -> bool:
        """Whether more zeros stand at a side than half a kernel."""
        top, bottom, left, right = self.sides
        return max(top, bottom) > self.kernel[0] // 2 or max(left, right) > self.kernel[1] // 2

    @property
    def reaches_far(self) -> bool:
        """Whether the gradient of a pixel comes from farther away than the image is wide."""
        return self.extent(1) - 1 - self.sides[2] > self.image.width

    def extent(self, axis: int) -> int:
        """What the kernel covers."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1


class Copies(NamedTuple):
    """Bytes of what a kernel copies into its layout, and of the room for its notes."""

    data: int
    weights: int
    result: int
    notes: int = 0


@dataclass(frozen=True, slots=True)
class OneDnn:
    """A convolution of float32 numbers."""

    of: ConvolutionShape
    bias: bool
    run: Run

    def forward(self) -> Copies:
        """For its result."""
        of, lanes = self.of, self.run.processor.lanes
        if of.sees_padding_alone or of.is_narrow or not (of.groups == 1 or of.is_depthwise or self._group_block):
            return Copies(0, 0, self._result, self._column_notes)
        if of.groups > 1 and not of.is_depthwise:
            return Copies(self._data, self._weights, self._result)
        notes = self._bias_notes(lanes)
        if of.is_product:
            return self._blocked(lanes, notes=notes + self._picked() + self._sums(of.output))
        return self._blocked(lanes, is_read=not of.is_depthwise and of.maps < lanes, notes=notes)

    def of_data(self) -> Copies:
        """For the gradient of its input."""
        of, lanes = self.of, self.run.processor.lanes
        if self.goes_strided:
            return Copies(self._data, self._turned_weights(), self._result, self._frame())
        is_blocked = of.groups == 1 or of.is_depthwise or self._group_block
        if of.sees_padding_alone or of.reaches_far or not is_blocked or (of.is_depthwise and of.is_dilated):
            return Copies(self._data, 0, 0, self._column_notes)
        if of.groups > 1 and not of.is_depthwise:
            return Copies(self._data, self._weights, self._result)
        return self._blocked(lanes, notes=self._sums(of.image) if of.is_product else 0)

    def of_weights(self) -> Copies:
        """For the gradients of its weights."""
        of, lanes = self.of, self.run.processor.lanes
        columns = Copies(0, self._weights, 0, self._column_notes + 16 * of.weights + _ALIGNED)
        if of.sees_padding_alone or (of.is_low and (of.is_dilated or of.is_depthwise)):
            return columns
        if of.is_depthwise:
            return self._blocked(lanes) if of.is_small_depthwise else columns
        if of.groups > 1:
            block = self._group_block
            is_blocked = block >= lanes or (block == _NARROW and not of.is_low)
            return Copies(self._data, self._weights, self._result) if is_blocked else columns
        if of.is_product:
            return self._blocked(lanes, notes=self._bias_notes(lanes) + self._picked(_THIN))
        if (of.is_padded_far and not of.is_dilated) or _FEW_MAPS <= of.maps < lanes or lanes == _NARROW:
            if of.is_dilated or of.is_low:
                return columns
            is_read = lanes == _NARROW and of.maps < _FEW_MAPS
            return self._blocked(_NARROW, is_read=is_read, notes=self._bias_notes(_NARROW))
        return self._blocked(lanes, is_read=of.maps < lanes, notes=self._bias_notes(lanes))

    @property
    def goes_strided(self) -> bool:
        """Whether the input's gradient comes from the kernel for strides, which has maps innermost."""
        of, lanes = self.of, self.run.processor.lanes
        is_wide = of.made > lanes or (of.made == lanes and not self._group_block)
        return of.is_strided and (of.groups == 1 or is_wide)

    # -- bytes

    @property
    def _data(self) -> int:
        return self.run.batch * self.of.image.elements * self.run.element

    @property
    def _result(self) -> int:
        return self.run.batch * self.of.output.elements * self.run.element

    @property
    def _weights(self) -> int:
        return self.of.weights * self.run.element

    @property
    def _group_block(self) -> int:
        """Maps in a block where groups are not rounded up; 0 where no block divides them."""
        for block in (self.run.processor.lanes, 8, 4):
            if self.of.maps % block == 0 and self.of.made % block == 0:
                return block
        return 0

    def _blocked(self, block: int, *, is_read: bool = False, notes: int = 0) -> Copies:
        """Everything in blocks of so many maps; the input is perhaps read as it lies."""
        of, batch, element = self.of, self.run.batch, self.run.element
        inner, outer = rounded(of.image.maps, block), rounded(of.output.maps, block)
        seen = 1 if of.is_depthwise else self._read_weights(of.maps) if is_read else inner
        return Copies(
            0 if is_read else batch * inner * of.image.area * element,
            outer * seen * prod(of.kernel) * element,
            batch * outer * of.output.area * element,
            notes,
        )

    def _read_weights(self, maps: int) -> int:
        """Maps that weights are there for, where the input is read as it lies."""
        return maps

    @property
    def _column_notes(self) -> int:
        return self.of.columns * self.run.element + _ALIGNED if self.of.columns else 0

    def _bias_notes(self, block: int) -> int:
        """The bias, where it has to be longer."""
        outer = rounded(self.of.output.maps, block)
        return 4 * outer + _ALIGNED if self.bias and outer > self.of.output.maps else 0

    def _picked(self, most: int | None = None) -> int:
        """The pixels that a strided product reads, of an image; of so many maps at most."""
        if not self.of.is_strided:
            return 0
        maps = rounded(self.of.image.maps, self.run.processor.lanes)
        return min(maps, most or maps) * self.of.output.area * self.run.element + _ALIGNED

    def _sums(self, made: Shape) -> int:
        """Where products are added up, if not in the result."""
        return 0

    def _turned_weights(self) -> int:
        """Weights for the kernel for strides, which fills up the input's maps."""
        of, lanes = self.of, self.run.processor.lanes
        if of.groups > 1 and of.made == lanes:
            lanes = _NARROW
        maps = of.groups * rounded(of.maps, 2 * lanes if of.maps > lanes else lanes)
        return maps * self._turned_maps * prod(of.kernel) * self.run.element

    @property
    def _turned_maps(self) -> int:
        """Output maps that these weights are there for."""
        return self.of.made

    def _frame(self) -> int:
        """The result's gradient of an image with what surrounds it, and a few pages."""
        of = self.of
        sides = (of.output[axis + 1] + (of.extent(axis) - 1) // of.stride[axis] for axis in (0, 1))
        framed = rounded(of.output.maps * prod(sides) * self.run.element, 4 * _PAGE)
        pages = self._pages[of.image.width % of.stride[1] > 0]
        return framed + pages * _PAGE + _POINTERS

    @property
    def _pages(self) -> tuple[int, int]:
        """Pages besides, where strides divide the image's width, and where they do not."""
        return (5, 10)


class LoweredOneDnn(OneDnn):
    """A convolution of bfloat16 numbers, which adds up in float32; for its weights' gradients, numbers go in pairs."""

    __slots__ = ()

    @property
    def goes_strided(self) -> bool:
        of = self.of
        return of.is_strided and (of.groups == 1 or of.made > self.run.processor.lanes or not self._group_block)

    def of_weights(self) -> Copies:
        of, lanes = self.of, self.run.processor.lanes
        columns = Copies(0, self._weights, 0, self._column_notes + 16 * of.weights + _ALIGNED)
        if of.sees_padding_alone or (of.is_low and (of.is_dilated or of.is_depthwise)):
            return columns
        if of.is_depthwise:
            sums = self._summed(rounded(of.image.maps, lanes) * prod(of.kernel))
            return self._blocked(lanes, notes=sums) if of.is_small_depthwise else columns
        if of.groups > 1:
            if self._group_block < lanes:
                return columns
            notes = self._summed(of.weights) + self._paired(of.image.maps, of.output.maps)
            return Copies(self._data, self._weights, self._result, notes)
        is_few = of.maps < lanes and not of.is_product
        if is_few and of.output.maps % lanes:
            return columns
        copies = self._blocked(lanes, is_read=is_few)
        inner, outer = rounded(of.image.maps, lanes), rounded(of.output.maps, lanes)
        notes = self._summed(copies.weights // self.run.element) + self._bias_notes(lanes)
        if of.is_product:
            inner, outer = min(inner, _THIN), min(outer, _WIDE)
            return copies._replace(notes=notes + self._picked(_THIN) + self._paired_pixels(inner, outer))
        return copies._replace(notes=notes + (self._paired(of.maps, lanes) if is_few else self._paired(inner, outer)))

    def _read_weights(self, maps: int) -> int:
        return rounded(maps, 2)

    @property
    def _column_notes(self) -> int:
        sums = 4 * self.of.made * self.of.output.area + _ALIGNED
        return OneDnn._column_notes.__get__(self) + sums

    def _sums(self, made: Shape) -> int:
        return 4 * rounded(made.maps, self.run.processor.lanes) * made.area + _ALIGNED

    @property
    def _turned_maps(self) -> int:
        return rounded(self.of.made, 2)

    @property
    def _pages(self) -> tuple[int, int]:
        return (4, 7)

    def _summed(self, weights: int) -> int:
        """Gradients of weights in float32."""
        return 4 * weights + _ALIGNED

    def _paired(self, inner: int, outer: int) -> int:
        """An image and a gradient with neighbouring numbers in pairs."""
        of = self.of
        width = rounded(of.image.width, 2) + of.extent(1) - 1
        result = outer * of.output.height * rounded(of.output.width, 2)
        return (inner * of.image.height * width + result) * self.run.element + 2 * _PAGE + 2 * _ALIGNED

    def _paired_pixels(self, inner: int, outer: int) -> int:
        """The same of a matrix product of few pixels."""
        area = self.of.output.area
        if area >= _MANY_PIXELS:
            return 0
        return (inner + outer) * rounded(area, 2) * self.run.element + 2 * _ALIGNED
