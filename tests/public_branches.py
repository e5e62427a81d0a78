"""More module trees of public implementations: those whose blocks have branches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.public_models import BasicConv2d, square_conv


class InceptionA(nn.Module):
    """torchvision.models.inception.InceptionA."""

    def __init__(self, inputs: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(inputs, 64, 1)
        self.branch5x5_1 = BasicConv2d(inputs, 48, 1)
        self.branch5x5_2 = BasicConv2d(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = BasicConv2d(inputs, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, padding=1)
        self.branch_pool = BasicConv2d(inputs, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        pool = self.branch_pool(F.avg_pool2d(x, 3, 1, 1))
        return torch.cat([self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, pool], 1)


class InceptionB(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(inputs, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    def __init__(self, inputs: int, maps: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(inputs, 192, 1)
        self.branch7x7_1 = BasicConv2d(inputs, maps, 1)
        self.branch7x7_2 = BasicConv2d(maps, maps, (1, 7), padding=(0, 3))
        self.branch7x7_3 = BasicConv2d(maps, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = BasicConv2d(inputs, maps, 1)
        self.branch7x7dbl_2 = BasicConv2d(maps, maps, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = BasicConv2d(maps, maps, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = BasicConv2d(maps, maps, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = BasicConv2d(maps, 192, (1, 7), padding=(0, 3))
        self.branch_pool = BasicConv2d(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single, double = x, x
        for index in range(1, 4):
            single = getattr(self, f"branch7x7_{index}")(single)
        for index in range(1, 6):
            double = getattr(self, f"branch7x7dbl_{index}")(double)
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(F.avg_pool2d(x, 3, 1, 1))], 1)


class InceptionD(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv2d(inputs, 192, 1)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv2d(inputs, 192, 1)
        self.branch7x7x3_2 = BasicConv2d(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = BasicConv2d(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        long = x
        for index in range(1, 5):
            long = getattr(self, f"branch7x7x3_{index}")(long)
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(inputs, 320, 1)
        self.branch3x3_1 = BasicConv2d(inputs, 384, 1)
        self.branch3x3_2a = BasicConv2d(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = BasicConv2d(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = BasicConv2d(inputs, 448, 1)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = BasicConv2d(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = BasicConv2d(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = BasicConv2d(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(single),
                self.branch3x3_2b(single),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(F.avg_pool2d(x, 3, 1, 1)),
            ],
            1,
        )


class InceptionAux(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv0 = BasicConv2d(inputs, 128, 1)
        self.conv1 = BasicConv2d(128, 768, 5)
        self.fc = nn.Linear(768, 1000)


class Inception3(nn.Module):
    """torchvision.models.inception.Inception3, its auxiliary head registered in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        self.Mixed_6b = InceptionC(768, 128)
        self.Mixed_6c = InceptionC(768, 160)
        self.Mixed_6d = InceptionC(768, 160)
        self.Mixed_6e = InceptionC(768, 192)
        self.AuxLogits = InceptionAux(768)
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):
            x = getattr(self, f"Mixed_{name}")(x)
        return self.fc(x.mean((2, 3)))


class Fire(nn.Module):
    """torchvision.models.squeezenet.Fire."""

    def __init__(self, inputs: int, squeezed: int, maps: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, maps, 1)
        self.expand3x3 = nn.Conv2d(squeezed, maps, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """torchvision.models.squeezenet.SqueezeNet, version 1.1."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(64, 16, 64), Fire(128, 16, 64),
            nn.MaxPool2d(3, 2, ceil_mode=True), Fire(128, 32, 128), Fire(256, 32, 128),
            nn.MaxPool2d(3, 2, ceil_mode=True), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256),
            Fire(512, 64, 256),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).mean((2, 3))


SQUEEZENET = """
name: SqueezeNet
input: 3x64x64
defaults: {conv: {activation: relu}, max_pool: {kernel: 3, stride: 2, ceil: true}}
blocks:
  fire:
    params: {squeezed, maps}
    layers:
      - {name: squeeze, type: conv, maps: =squeezed, kernel: 1}
      - name: expand
        type: concat
        branches:
          one: [{type: conv, maps: =maps, kernel: 1}]
          three: [{type: conv, maps: =maps, kernel: 3, padding: 1}]
layers:
  - {name: conv1, type: conv, maps: 64, kernel: 3, stride: 2}
  - {type: max_pool}
  - {name: fire2, type: fire, squeezed: 16, maps: 64}
  - {name: fire3, type: fire, squeezed: 16, maps: 64}
  - {type: max_pool}
  - {name: fire4, type: fire, squeezed: 32, maps: 128}
  - {name: fire5, type: fire, squeezed: 32, maps: 128}
  - {type: max_pool}
  - {name: fire6, type: fire, squeezed: 48, maps: 192}
  - {name: fire7, type: fire, squeezed: 48, maps: 192}
  - {name: fire8, type: fire, squeezed: 64, maps: 256}
  - {name: fire9, type: fire, squeezed: 64, maps: 256}
  - {name: conv10, type: conv, maps: 1000, kernel: 1}
  - {type: global_avg_pool}
  - {type: flatten}
"""


class SqueezeExcite(nn.Module):
    """timm.models._efficientnet_blocks.SqueezeExcite."""

    def __init__(self, maps: int, squeezed: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(maps, squeezed, 1)
        self.conv_expand = nn.Conv2d(squeezed, maps, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv_expand(F.silu(self.conv_reduce(x.mean((2, 3), keepdim=True)))).sigmoid()


class DepthwiseSeparable(nn.Module):
    """timm.models._efficientnet_blocks.DepthwiseSeparableConv."""

    def __init__(self, inputs: int, maps: int) -> None:
        super().__init__()
        self.conv_dw = square_conv(inputs, inputs, 3, 1, inputs)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.se = SqueezeExcite(inputs, inputs // 4)
        self.conv_pw = square_conv(inputs, maps, 1)
        self.bn2 = nn.BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv_pw(self.se(F.silu(self.bn1(self.conv_dw(x))))))


class InvertedResidual(nn.Module):
    """timm.models._efficientnet_blocks.InvertedResidual."""

    def __init__(self, inputs: int, maps: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = 6 * inputs
        self.conv_pw = square_conv(inputs, hidden, 1)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv_dw = square_conv(hidden, hidden, kernel, stride, hidden)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.se = SqueezeExcite(hidden, inputs // 4)
        self.conv_pwl = square_conv(hidden, maps, 1)
        self.bn3 = nn.BatchNorm2d(maps)
        self.is_residual = stride == 1 and inputs == maps

    def forward(self, x: Tensor) -> Tensor:
        wide = F.silu(self.bn2(self.conv_dw(F.silu(self.bn1(self.conv_pw(x))))))
        narrow = self.bn3(self.conv_pwl(self.se(wide)))
        return narrow + x if self.is_residual else narrow


class EfficientNet(nn.Module):
    """timm.models.efficientnet.EfficientNet, B0."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = square_conv(3, 32, 3, 2)
        self.bn1 = nn.BatchNorm2d(32)
        stages: list[nn.Module] = [nn.Sequential(DepthwiseSeparable(32, 16))]
        inputs = 16
        table = ((3, 2, 24, 2), (5, 2, 40, 2), (3, 2, 80, 3), (5, 1, 112, 3), (5, 2, 192, 4), (3, 1, 320, 1))
        for kernel, stride, maps, times in table:
            blocks = [
                InvertedResidual(maps if number else inputs, maps, kernel, 1 if number else stride)
                for number in range(times)
            ]
            stages.append(nn.Sequential(*blocks))
            inputs = maps
        self.blocks = nn.Sequential(*stages)
        self.conv_head = square_conv(320, 1280, 1)
        self.bn2 = nn.BatchNorm2d(1280)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.silu(self.bn1(self.conv_stem(x))))
        return self.classifier(F.silu(self.bn2(self.conv_head(x))).mean((2, 3)))
