"""What kernels of torch hold on a CPU while they run, and let go of before they return.

A kernel tells the most bytes that it holds together, its results among them and its inputs not. It is asked for a
figure alone: recording a step does not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Processor:
    """What the way of a kernel depends on."""

    lanes: int = 16
    """float32 numbers in a register: 16 with AVX-512, 8 with AVX2"""
    threads: int = 1


AVX512 = Processor()


class Run(NamedTuple):
    """One call of a kernel."""

    batch: int
    element: int
    """bytes of a number"""
    processor: Processor = AVX512
    is_part: bool = False
    """the input is a part of a larger tensor, whose images are not next to one another"""


class Wanted(NamedTuple):
    """The gradients that are wanted of a function, and what they are made from."""

    of_data: bool
    """of its first argument"""
    of_weights: bool
    """of others"""
    is_part: bool
    """the result's gradient is a part of a larger tensor"""


class Kernel(Protocol):
    """Tells the most bytes that one function holds at a time besides what was there before."""

    def forward(self, run: Run) -> int:
        """While it computes its result."""
        ...

    def backward(self, run: Run, wanted: Wanted) -> int:
        """While it computes gradients."""
        ...


class Besides(NamedTuple):
    """What a kernel makes besides its results, as counts of numbers."""

    image: int = 0
    """for each image, of the type that it computes in"""
    indices: int = 0
    """for each image, of 8 bytes"""
    once: int = 0
    """for the batch, float32"""
    thread: int = 0
    """for each thread, float32"""

    def bytes(self, run: Run) -> int:
        """Bytes of all of it."""
        images = run.batch * (self.image * run.element + 8 * self.indices)
        return images + 4 * (self.once + run.processor.threads * self.thread)


_NOTHING = Besides()


@dataclass(frozen=True, slots=True)
class Plain:
    """A kernel that always makes the same besides its results."""

    data: int
    """numbers of its input, of one image"""
    result: int
    """numbers of its result, of one image"""
    ahead: Besides = _NOTHING
    """when it computes the result"""
    back: Besides = _NOTHING
    """when it computes gradients, those of weights among it"""
    copies_data: bool = False
    """an input that is a part of a larger tensor is copied first"""
    copies_gradient: bool = True
    """so is a gradient"""

    def forward(self, run: Run) -> int:
        """While it computes its result."""
        copied = self.data if self.copies_data and run.is_part else 0
        return run.batch * (self.result + copied) * run.element + self.ahead.bytes(run)

    def backward(self, run: Run, wanted: Wanted) -> int:
        """While it computes gradients."""
        copied = self.result if self.copies_gradient and wanted.is_part else 0
        made = self.data if wanted.of_data else 0
        return run.batch * (made + copied) * run.element + self.back.bytes(run)


@dataclass(frozen=True, slots=True)
class Normalizing:
    """Batch norm, whose gradient takes another tensor where both images and gradients lie next to one another."""

    maps: int
    elements: int
    """of one image"""
    affine: bool
    is_still: bool = False
    """whether it uses its running means"""

    def forward(self, run: Run) -> int:
        """Means and deviations twice: as they are, and for the running ones; of single pixels, sums besides."""
        numbers = 2 if self.is_still else 4 + self._has_pixels
        return run.batch * self.elements * run.element + 4 * numbers * self.maps

    def backward(self, run: Run, wanted: Wanted) -> int:
        """While it computes gradients."""
        images = run.batch * self.elements * run.element
        weights = 2 * 4 * self.maps if self.affine and wanted.of_weights else 0
        sums = (2 if weights else 3) * 4 * self.maps if self._has_pixels else 0
        if not wanted.of_data:
            return weights + sums
        is_whole = not (run.is_part or wanted.is_part)
        return images + weights + (max(images, sums) if is_whole else sums)

    @property
    def _has_pixels(self) -> bool:
        """Whether its maps are numbers."""
        return self.elements == self.maps


@dataclass(frozen=True, slots=True)
class Averaging:
    """The mean of maps, which torch takes in float32: of smaller numbers a copy is made."""

    data: int
    result: int

    def forward(self, run: Run) -> int:
        """While it computes its result."""
        copied = 4 * (self.data + self.result) if run.element < 4 else 0
        return run.batch * (self.result * run.element + copied)

    def backward(self, run: Run, wanted: Wanted) -> int:
        """The gradient alone."""
        return run.batch * self.data * run.element


def rounded(count: int, block: int) -> int:
    """The next multiple of `block`."""
    return -(-count // block) * block
