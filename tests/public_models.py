"""Module trees of public implementations, with their names: what weights that people have look like.

Written from the published structure of torchvision and timm; each in the order in which they register modules.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with random weights and running statistics, so that exchanged norms show in the output."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        drawn = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(drawn.abs() + 0.5)
        elif tensor.dim() == 1:
            tensor.copy_(0.1 * drawn + (0.9 if name.endswith("weight") else 0.0))
        else:
            tensor.copy_(drawn * (1.7 / tensor[0].numel()) ** 0.5)
    return module.eval()


def square_conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


class BasicBlock(nn.Module):
    """torchvision.models.resnet.BasicBlock."""

    expansion = 1

    def __init__(self, inputs: int, maps: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = square_conv(inputs, maps, 3, stride)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = square_conv(maps, maps, 3)
        self.bn2 = nn.BatchNorm2d(maps)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + identity)


class SEModule(nn.Module):
    """timm.layers.SEModule."""

    def __init__(self, maps: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(maps, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, maps, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


class Bottleneck(nn.Module):
    """torchvision.models.resnet.Bottleneck; with `squeezed`, timm's, which has its `se` before `downsample`."""

    expansion = 4
    reduction = 0
    early = False

    def __init__(self, inputs: int, maps: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = square_conv(inputs, maps, 1, stride if self.early else 1)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = square_conv(maps, maps, 3, 1 if self.early else stride)
        self.bn2 = nn.BatchNorm2d(maps)
        self.conv3 = square_conv(maps, 4 * maps, 1)
        self.bn3 = nn.BatchNorm2d(4 * maps)
        if self.reduction:
            self.se_module = SEModule(4 * maps, 4 * maps // self.reduction)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(x)))))
        return F.relu((self.se_module(x) if self.reduction else x) + identity)


class SEBottleneck(Bottleneck):
    """timm.models.senet.SEResNetBottleneck, which strides early."""

    reduction = 16
    early = True


class ResNet(nn.Module):
    """torchvision.models.resnet.ResNet."""

    def __init__(self, block: type[BasicBlock | Bottleneck], depths: Sequence[int], *, ceil: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 0 if ceil else 1, ceil_mode=ceil)
        inputs = 64
        for index, depth in enumerate(depths):
            maps = 64 * 2**index
            blocks: list[nn.Module] = []
            for number in range(depth):
                stride = 2 if index and not number else 1
                downsample = None
                if stride > 1 or inputs != maps * block.expansion:
                    norm = nn.BatchNorm2d(maps * block.expansion)
                    downsample = nn.Sequential(square_conv(inputs, maps * block.expansion, 1, stride), norm)
                blocks.append(block(inputs, maps, stride, downsample))
                inputs = maps * block.expansion
            setattr(self, f"layer{index + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        for index in range(4):
            x = getattr(self, f"layer{index + 1}")(x)
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    """torchvision.models.vgg.VGG, for an input of 32 a side, behind which one position is left."""

    def __init__(self, depths: Sequence[int], *, norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for maps, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, maps, 3, padding=1), *[nn.BatchNorm2d(maps)] * norm, nn.ReLU()]
                inputs = maps
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class AlexNet(nn.Module):
    """torchvision.models.alexnet.AlexNet."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Linear(4096, 1000),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


class BasicConv2d(nn.Module):
    """torchvision's convolution of GoogLeNet and Inception-v3."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], **options: object) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False, **options)  # type: ignore[arg-type]
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class GoogLeNetInception(nn.Module):
    """torchvision.models.googlenet.Inception."""

    def __init__(self, inputs: int, c1: int, r3: int, c3: int, r5: int, c5: int, pool: int) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(inputs, c1, 1)
        self.branch2 = nn.Sequential(BasicConv2d(inputs, r3, 1), BasicConv2d(r3, c3, 3, padding=1))
        self.branch3 = nn.Sequential(BasicConv2d(inputs, r5, 1), BasicConv2d(r5, c5, 3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), BasicConv2d(inputs, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNetAux(nn.Module):
    """torchvision.models.googlenet.InceptionAux."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = BasicConv2d(inputs, 128, 1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, 1000)


class GoogLeNet(nn.Module):
    """torchvision.models.googlenet.GoogLeNet, its auxiliary heads between the others as they are registered."""

    def __init__(self, *, aux: bool) -> None:
        super().__init__()
        self.conv1 = BasicConv2d(3, 64, 7, stride=2, padding=3)
        self.conv2 = BasicConv2d(64, 64, 1)
        self.conv3 = BasicConv2d(64, 192, 3, padding=1)
        self.inception3a = GoogLeNetInception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = GoogLeNetInception(256, 128, 128, 192, 32, 96, 64)
        self.inception4a = GoogLeNetInception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = GoogLeNetInception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = GoogLeNetInception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = GoogLeNetInception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = GoogLeNetInception(528, 256, 160, 320, 32, 128, 128)
        self.inception5a = GoogLeNetInception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = GoogLeNetInception(832, 384, 192, 384, 48, 128, 128)
        if aux:
            self.aux1 = GoogLeNetAux(512)
            self.aux2 = GoogLeNetAux(528)
        self.fc = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.conv3(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.inception3b(self.inception3a(x)), 3, 2, ceil_mode=True)
        for letter in "abcde":
            x = getattr(self, f"inception4{letter}")(x)
        x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        return self.fc(self.inception5b(self.inception5a(x)).mean((2, 3)))


class DenseLayer(nn.Module):
    """torchvision.models.densenet._DenseLayer; `dotted` names as in the files that torchvision publishes."""

    def __init__(self, inputs: int, dotted: bool) -> None:
        super().__init__()
        parts = [
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            square_conv(128, 32, 3),
        ]
        if dotted:
            self.norm = nn.ModuleDict({"1": parts[0]})
            self.conv = nn.ModuleDict({"1": parts[1]})
            self.norm["2"] = parts[2]
            self.conv["2"] = parts[3]
        else:
            self.norm1, self.conv1, self.norm2, self.conv2 = parts
        self.parts = lambda: parts

    def forward(self, x: Tensor) -> Tensor:
        norm1, conv1, norm2, conv2 = self.parts()
        return torch.cat([x, conv2(F.relu(norm2(conv1(F.relu(norm1(x))))))], 1)


class DenseNet(nn.Module):
    """torchvision.models.densenet.DenseNet."""

    def __init__(self, depths: Sequence[int], *, dotted: bool) -> None:
        super().__init__()
        features: OrderedDict[str, nn.Module] = OrderedDict()
        features["conv0"] = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        features["norm0"] = nn.BatchNorm2d(64)
        features["relu0"] = nn.ReLU()
        features["pool0"] = nn.MaxPool2d(3, 2, 1)
        maps = 64
        for index, depth in enumerate(depths, 1):
            layers = {f"denselayer{n + 1}": DenseLayer(maps + 32 * n, dotted) for n in range(depth)}
            features[f"denseblock{index}"] = nn.Sequential(OrderedDict(layers))
            maps += 32 * depth
            if index < len(depths):
                transition: OrderedDict[str, nn.Module] = OrderedDict()
                transition["norm"] = nn.BatchNorm2d(maps)
                transition["relu"] = nn.ReLU()
                transition["conv"] = nn.Conv2d(maps, maps // 2, 1, bias=False)
                transition["pool"] = nn.AvgPool2d(2)
                features[f"transition{index}"] = nn.Sequential(transition)
                maps //= 2
        features["norm5"] = nn.BatchNorm2d(maps)
        self.features = nn.Sequential(features)
        self.classifier = nn.Linear(maps, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


class InvertedResidual(nn.Module):
    """torchvision.models.mobilenetv2.InvertedResidual."""

    def __init__(self, inputs: int, maps: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        layers: list[nn.Module] = []
        if expand > 1:
            layers.append(conv_norm_relu6(inputs, hidden, 1))
        layers.append(conv_norm_relu6(hidden, hidden, 3, stride, hidden))
        layers += [nn.Conv2d(hidden, maps, 1, bias=False), nn.BatchNorm2d(maps)]
        self.conv = nn.Sequential(*layers)
        self.is_residual = stride == 1 and inputs == maps

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.is_residual else self.conv(x)


def conv_norm_relu6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(square_conv(inputs, outputs, kernel, stride, groups), nn.BatchNorm2d(outputs), nn.ReLU6())


class MobileNetV2(nn.Module):
    """torchvision.models.mobilenetv2.MobileNetV2."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_norm_relu6(3, 32, 3, 2)]
        inputs = 32
        table = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
        for maps, times, stride in table:
            for number in range(times):
                expand = 6 if len(layers) > 1 else 1
                layers.append(InvertedResidual(inputs, maps, 1 if number else stride, expand))
                inputs = maps
        layers.append(conv_norm_relu6(320, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))
