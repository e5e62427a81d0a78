"""What convolutions of torch hold on a CPU: columns of windows where torch multiplies itself, else oneDNN's copies."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from archspec.operators.onednn import ConvolutionShape, LoweredOneDnn, OneDnn
from archspec.operators.workspace import Run, Wanted
from archspec.shape import Shape

_SMALL = 20480
"""numbers of a single image, up to which torch convolves by itself"""
_MANY_IMAGES = 16
"""images from which on a 1x1 convolution is oneDNN's on one thread, too"""
_ALIGNED = 128


def _onednn(shape: ConvolutionShape, bias: bool, run: Run) -> OneDnn:
    return (LoweredOneDnn if run.element < 4 else OneDnn)(shape, bias, run)


def _is_torchs_own(of: ConvolutionShape, image: Shape, run: Run) -> bool:
    """Whether torch convolves this input without oneDNN."""
    if run.element != 4:
        return run.element > 4
    is_few = run.batch < _MANY_IMAGES and run.processor.threads == 1
    if is_few and of.kernel == of.stride == of.dilation == (1, 1):
        return True
    is_large = min(of.kernel) > 3 or run.batch > 1 or image.elements > _SMALL
    return of.groups == 1 and not is_large


@dataclass(frozen=True, slots=True)
class Convolving:
    """A convolution."""

    of: ConvolutionShape
    bias: bool

    def forward(self, run: Run) -> int:
        """While it computes its result."""
        data, result = self._sizes(run)
        gathered = data if run.is_part else 0
        if _is_torchs_own(self.of, self.of.image, run):
            if self.of.groups > 1:  # group by group, then put together
                part = data // self.of.groups if run.batch > 1 else 0
                return gathered + result + max(result, part)
            return gathered + result + self._columns(run)
        copies = _onednn(self.of, self.bias, run).forward()
        return gathered + max(sum(copies), copies.result + result)

    def backward(self, run: Run, wanted: Wanted) -> int:
        """While it computes gradients, the input's first."""
        image, result = self._sizes(run)
        gathered = (result if wanted.is_part else 0) + (image if run.is_part else 0)
        data = image if wanted.of_data else 0
        biases = self.of.output.maps * run.element if self.bias else 0
        weights = self.of.weights * run.element + biases if wanted.of_weights else 0
        if _is_torchs_own(self.of, self.of.image, run):
            if self.of.groups > 1:
                part = (image + result) // self.of.groups if run.batch > 1 else 0
                return gathered + data + weights + max(data + weights, part)
            return gathered + data + weights + self._columns(run)
        onednn, most = _onednn(self.of, self.bias, run), 0
        if wanted.of_data:
            copies = onednn.of_data()
            turned = copies.data if onednn.goes_strided and self.of.image.maps > 1 else 0
            most = max(sum(copies), copies.data + turned + data)
        if wanted.of_weights:
            copies = onednn.of_weights()
            most = max(most, data + biases + max(sum(copies), copies.weights + weights))
        return gathered + most

    def _sizes(self, run: Run) -> tuple[int, int]:
        """Bytes of the input and of the result."""
        images = run.batch * run.element
        return images * self.of.image.elements, images * self.of.output.elements

    def _columns(self, run: Run) -> int:
        """Windows written out, of all images; of a dilated kernel, of one."""
        return (1 if self.of.is_dilated else run.batch) * self.of.groups * self.of.columns * run.element


@dataclass(frozen=True, slots=True)
class Transposing:
    """A transposed convolution: forward it is the gradient of a convolution by its input, and the other way round."""

    back: ConvolutionShape
    """the convolution that leads from its output to its input"""
    bias: bool

    def forward(self, run: Run) -> int:
        """While it computes its result."""
        data, result = self._sizes(run)
        gathered = data if run.is_part else 0
        if _is_torchs_own(self.back, self.back.output, run):
            return gathered + result + self._columns(run)
        onednn = _onednn(self.back, False, run)
        copies = onednn.of_data()
        adds_itself = onednn.goes_strided and self.back.is_filled
        added = copies.data + _ALIGNED if self.bias and not adds_itself else 0
        turned = copies.data if onednn.goes_strided else 0
        return gathered + max(sum(copies) + added, copies.data + turned + result)

    def backward(self, run: Run, wanted: Wanted) -> int:
        """While it computes gradients, the input's first."""
        image, result = self._sizes(run)
        gathered = (result if wanted.is_part else 0) + (image if run.is_part else 0)
        data = image if wanted.of_data else 0
        biases = self.back.image.maps * run.element if self.bias else 0
        weights = self.back.weights * run.element + biases if wanted.of_weights else 0
        if _is_torchs_own(self.back, self.back.output, run):
            return gathered + data + weights + self._columns(run)
        onednn, most = _onednn(self.back, False, run), 0
        if wanted.of_data:
            copies = onednn.forward()
            most = max(sum(copies), copies.result + data)
        if wanted.of_weights:
            copies = onednn.of_weights()
            most = max(most, data + biases + max(sum(copies), copies.weights + weights))
        return gathered + most

    def _sizes(self, run: Run) -> tuple[int, int]:
        """Bytes of the input and of the result."""
        images = run.batch * run.element
        return images * self.back.output.elements, images * self.back.image.elements

    def _columns(self, run: Run) -> int:
        """Windows written out, of one image."""
        return self.back.image.maps * prod(self.back.kernel) * self.back.output.area * run.element
