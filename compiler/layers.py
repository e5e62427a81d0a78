"""The layers that torch lacks. `emit` copies them into its files, so each stands on its own,
in lines that fit a width of 88.

`padding` is always left, right, top, bottom, the order of `torch.nn.functional.pad`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UnevenConv2d(nn.Conv2d):
    """A convolution whose padding may differ from side to side."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: tuple[int, int, int, int],
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        left, right, top, bottom = padding
        is_even = (left, top) == (right, bottom)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=(top, left) if is_even else 0,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        self.sides = None if is_even else padding

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.sides) if self.sides else input)


class UnevenConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution that crops more on one side than on the other."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: tuple[int, int, int, int],
        output_padding: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, int] = 1,
    ) -> None:
        left, right, top, bottom = padding
        common = (min(top, bottom), min(left, right))
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=common,
            output_padding=output_padding,
            groups=groups,
            bias=bias,
            dilation=dilation,
        )
        width, height = common[1], common[0]
        self.cropped = (width - left, width - right, height - top, height - bottom)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return F.pad(super().forward(input, output_size), self.cropped)


class PartialConv2d(nn.Module):
    """A convolution whose output maps see some of the input maps each."""

    sources: Tensor
    targets: Tensor

    def __init__(
        self,
        connections: tuple[tuple[int, ...], ...],
        kernel_size: tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: int | tuple[int, int] = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        left, right, top, bottom = padding
        is_even = (left, top) == (right, bottom)
        self.connections = connections
        self.stride = stride
        self.sides = None if is_even else padding
        self.padding = (top, left) if is_even else 0
        self.dilation = dilation
        wires = sum(map(len, connections))
        indices = torch.empty(2, wires, dtype=torch.long)
        self.register_buffer("sources", indices[0].clone(), persistent=False)
        self.register_buffer("targets", indices[1].clone(), persistent=False)
        self.weight = nn.Parameter(torch.empty(wires, 1, *kernel_size))
        self.bias = nn.Parameter(torch.empty(len(connections))) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        wires = [(s, t) for t, seen in enumerate(self.connections) for s in seen]
        self.sources.copy_(torch.tensor([source for source, _ in wires]))
        self.targets.copy_(torch.tensor([target for _, target in wires]))
        # torch's bound for a convolution, 1 / sqrt(fan in), of each output map
        taps = self.weight[0].numel()
        fans = [len(seen) * taps for seen in self.connections]
        bounds = torch.tensor(fans, device=self.weight.device) ** -0.5
        with torch.no_grad():
            self.weight.uniform_(-1, 1)
            self.weight.mul_(bounds[self.targets].view(-1, 1, 1, 1))
            if self.bias is not None:
                self.bias.uniform_(-1, 1).mul_(bounds)

    def forward(self, input: Tensor) -> Tensor:
        if self.sides:
            input = F.pad(input, self.sides)
        # zeros where nothing is seen: one kernel for all maps is faster than one a wire
        shape = len(self.connections), input.shape[1], *self.weight.shape[2:]
        kernel = self.weight.new_zeros(shape)
        kernel[self.targets, self.sources] = self.weight.squeeze(1)
        return F.conv2d(
            input,
            kernel,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )


class SeparableConv2d(nn.Module):
    """A convolution of each map alone, then one of 1x1 that mixes the maps."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: int | tuple[int, int] = 1,
        bias: bool = True,
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
        kernel_size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int],
        padding: tuple[int, int, int, int],
        dilation: int | tuple[int, int] = 1,
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
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int],
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
        sides = zip(self.padding, self.counted, strict=True)
        counts = self.sums(F.pad(pixels, [side - counted for side, counted in sides]))
        return self.sums(F.pad(input, self.padding)) / counts

    def sums(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(image, self.kernel_size, self.stride, divisor_override=1)


class DepthwiseMaxPool(nn.Module):
    """The largest value among neighbouring maps, at each position."""

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = (self.kernel_size, 1, 1), (self.stride, 1, 1)
        return F.max_pool3d(input.unsqueeze(1), kernel, stride).squeeze(1)


class Subsample(nn.Module):
    """The mean of each window, scaled and shifted by trained numbers of each map."""

    def __init__(
        self,
        maps: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int],
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.coefficient = nn.Parameter(torch.empty(maps))
        self.bias = nn.Parameter(torch.empty(maps))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.ones_(self.coefficient)
        nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        means = F.avg_pool2d(input, self.kernel_size, self.stride)
        return means * self.coefficient.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class RBF(nn.Module):
    """The squared distance to the code of each unit, at first of random +1 and -1."""

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
    """In training, images become zero with probability `rate`, the others grow."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return input
        kept = 1 - self.rate
        mask = input.new_empty(len(input), *[1] * (input.dim() - 1)).bernoulli_(kept)
        return input * mask.div_(kept)
