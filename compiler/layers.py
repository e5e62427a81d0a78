"""The layers that torch lacks. `emit` copies them into its files, so each stands on its own.

`padding` is always left, right, top, bottom, the order of `torch.nn.functional.pad`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UnevenConv2d(nn.Conv2d):
    """A convolution whose padding differs from side to side."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        dilation: tuple[int, int],
        groups: int,
        bias: bool,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias)
        self.sides = padding

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.sides))


class UnevenConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution that crops more on one side than on the other."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        output_padding: tuple[int, int],
        groups: int,
        bias: bool,
        dilation: tuple[int, int],
    ) -> None:
        left, right, top, bottom = padding
        common = (min(top, bottom), min(left, right))
        super().__init__(in_channels, out_channels, kernel_size, stride, common, output_padding, groups, bias, dilation)
        self.cropped = (common[1] - left, common[1] - right, common[0] - top, common[0] - bottom)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return F.pad(super().forward(input, output_size), self.cropped)


class PartialConv2d(nn.Module):
    """A convolution in which each output map sees only some of the input maps, as in LeNet-5's C3."""

    sources: Tensor
    targets: Tensor

    def __init__(
        self,
        connections: tuple[tuple[int, ...], ...],
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        dilation: tuple[int, int],
        bias: bool,
    ) -> None:
        super().__init__()
        self.connections = connections
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        sources = [source for seen in connections for source in seen]
        targets = [target for target, seen in enumerate(connections) for _ in seen]
        self.register_buffer("sources", torch.tensor(sources), persistent=False)
        self.register_buffer("targets", torch.tensor(targets), persistent=False)
        self.weight = nn.Parameter(torch.empty(len(sources), 1, *kernel_size))
        self.bias = nn.Parameter(torch.empty(len(connections))) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        # torch's bound for a convolution, 1 / sqrt(fan in), with the fan in that each output map has
        taps = self.weight[0].numel()
        bounds = torch.tensor([(len(seen) * taps) ** -0.5 for seen in self.connections], device=self.weight.device)
        with torch.no_grad():
            self.weight.uniform_(-1, 1).mul_(bounds[self.targets].view(-1, 1, 1, 1))
            if self.bias is not None:
                self.bias.uniform_(-1, 1).mul_(bounds)

    def forward(self, input: Tensor) -> Tensor:
        if any(self.padding):
            input = F.pad(input, self.padding)
        wires = input.index_select(1, self.sources)
        seen = F.conv2d(wires, self.weight, None, self.stride, 0, self.dilation, groups=len(self.weight))
        batch, _, height, width = seen.shape
        # autograd keeps an index_add's summands, and nothing of a scatter_add
        targets = self.targets.view(1, -1, 1, 1).expand_as(seen)
        output = seen.new_zeros(batch, len(self.connections), height, width).scatter_add(1, targets, seen)
        return output if self.bias is None else output + self.bias.view(-1, 1, 1)


class SeparableConv2d(nn.Module):
    """A convolution of each map alone, then one of 1x1 that mixes the maps."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        dilation: tuple[int, int],
        bias: bool,
    ) -> None:
        super().__init__()
        left, right, top, bottom = padding
        is_even = (left, top) == (right, bottom)
        self.sides = (0, 0, 0, 0) if is_even else padding
        self.depthwise = nn.Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride,
            (top, left) if is_even else 0,
            dilation,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if any(self.sides):
            input = F.pad(input, self.sides)
        return self.pointwise(self.depthwise(input))


class PaddedMaxPool2d(nn.Module):
    """A max pool with any padding, which never is the largest."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        dilation: tuple[int, int],
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation

    def forward(self, input: Tensor) -> Tensor:
        padded = F.pad(input, self.padding, value=float("-inf"))
        return F.max_pool2d(padded, self.kernel_size, self.stride, 0, self.dilation)


class PaddedAvgPool2d(nn.Module):
    """A mean pool with any padding, of which the sides in `counted` count as pixels."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int, int, int],
        counted: tuple[int, int, int, int],
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.counted = counted

    def forward(self, input: Tensor) -> Tensor:
        pixels = F.pad(input.new_ones(1, 1, *input.shape[2:]), self.counted, value=1.0)
        rest = [side - counted for side, counted in zip(self.padding, self.counted, strict=True)]
        counts = F.avg_pool2d(F.pad(pixels, rest), self.kernel_size, self.stride, divisor_override=1)
        sums = F.avg_pool2d(F.pad(input, self.padding), self.kernel_size, self.stride, divisor_override=1)
        return sums / counts


class DepthwiseMaxPool(nn.Module):
    """The largest value among neighbouring maps, at each position."""

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        volume = input.unsqueeze(1)
        return F.max_pool3d(volume, (self.kernel_size, 1, 1), (self.stride, 1, 1)).squeeze(1)


class Subsample(nn.Module):
    """The mean of each window, times a trained coefficient, plus a trained bias, for each map."""

    def __init__(self, maps: int, kernel_size: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.coefficient = nn.Parameter(torch.ones(maps))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, input: Tensor) -> Tensor:
        means = F.avg_pool2d(input, self.kernel_size, self.stride)
        return means * self.coefficient.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class RBF(nn.Module):
    """The squared distance of the features to the code of each unit; codes start as random +1 and -1."""

    def __init__(self, features: int, units: int, trainable: bool) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.empty(units, features), requires_grad=trainable)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        with torch.no_grad():
            self.codes.bernoulli_(0.5).mul_(2).sub_(1)

    def forward(self, input: Tensor) -> Tensor:
        return (input.unsqueeze(1) - self.codes).square().sum(dim=2)


class LayerNorm2d(nn.LayerNorm):
    """Layer norm across the maps at each position."""

    def __init__(self, maps: int, eps: float, affine: bool) -> None:
        super().__init__(maps, eps, affine)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ScaledTanh(nn.Module):
    """amplitude * tanh(slope * x)."""

    def __init__(self, amplitude: float, slope: float) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.slope = slope

    def forward(self, input: Tensor) -> Tensor:
        return self.amplitude * torch.tanh(self.slope * input)


class StochasticDepth(nn.Module):
    """In training, whole images set to zero with probability `rate`, the others enlarged in proportion."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return input
        kept = 1 - self.rate
        mask = input.new_empty(len(input), *[1] * (input.dim() - 1)).bernoulli_(kept)
        return input * mask.div_(kept)
