"""What the compiler costs, against modules written by hand: `make bench`. Prints each figure with its goal.

The competitors take turns within one run, so that a busy machine slows all of them alike; figures are medians over
rounds, with the smallest and the largest.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archspec
import compiler
from archspec.graph import Graph
from compiler.module import executed

VGG = """
name: small VGG
input: 3x32x32
defaults: {conv: {kernel: 3, padding: same, activation: relu}}
layers:
  - each: {maps: [32, 64, 128], depth: [1, 1, 2]}
    layers:
      - {name: conv, type: conv, maps: =maps, repeat: =depth}
      - {name: pool, type: max_pool, kernel: 2}
  - {name: fc1, type: dense, units: 256, activation: relu}
  - {name: fc2, type: dense, units: 10}
"""


# --- networks as people write them


class Bottleneck(nn.Module):
    """A residual unit of three convolutions."""

    expansion = 4

    def __init__(self, in_channels: int, maps: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, maps, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.conv3 = nn.Conv2d(maps, 4 * maps, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * maps)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(in_channels, 4 * maps, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        return self.relu(out)


class Basic(nn.Module):
    """A residual unit of two convolutions."""

    expansion = 1

    def __init__(self, in_channels: int, maps: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, maps, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.conv2 = nn.Conv2d(maps, maps, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        self.downsample = projection(in_channels, maps, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + identity)


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """What brings the input of a unit to the shape of its output."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


class ResNet(nn.Module):
    """ResNet for ImageNet."""

    def __init__(self, unit: type[Bottleneck | Basic], depths: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.in_channels = 64
        self.layer1 = self._stage(unit, 64, depths[0], 1)
        self.layer2 = self._stage(unit, 128, depths[1], 2)
        self.layer3 = self._stage(unit, 256, depths[2], 2)
        self.layer4 = self._stage(unit, 512, depths[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * unit.expansion, 1000)

    def _stage(self, unit: type[Bottleneck | Basic], maps: int, depth: int, stride: int) -> nn.Sequential:
        units: list[nn.Module] = []
        for index in range(depth):
            units.append(unit(self.in_channels, maps, stride if index == 0 else 1))
            self.in_channels = maps * unit.expansion
        return nn.Sequential(*units)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class LeNet5(nn.Module):
    """LeNet-5 with a dense layer at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.conv3 = nn.Conv2d(16, 120, 5)
        self.fc1 = nn.Linear(120, 84)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(F.avg_pool2d(torch.tanh(self.conv1(x)), 2))
        x = torch.tanh(F.avg_pool2d(torch.tanh(self.conv2(x)), 2))
        x = torch.tanh(self.conv3(x))
        return self.fc2(torch.tanh(self.fc1(torch.flatten(x, 1))))


class SmallVGG(nn.Module):
    """Four convolutions, three pools, two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.conv4 = nn.Conv2d(128, 128, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(2048, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.pool(F.relu(self.conv4(F.relu(self.conv3(x)))))
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


# --- measuring


def in_turn(competitors: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of the process for each competitor, one a round; who begins changes from round to round."""
    seconds: list[list[float]] = [[] for _ in competitors]
    order = list(range(len(competitors)))
    for _ in range(rounds):
        random.shuffle(order)
        for index in order:
            gc.collect()
            started = time.process_time()
            competitors[index]()
            seconds[index].append(time.process_time() - started)
    return seconds


def report(what: str, first: list[float], second: list[float], goal: str) -> None:
    """Both medians in milliseconds with their spread, and the ratio of what was measured in the same round."""
    for name, each in ((what, first), ("  written by hand", second)):
        spread = f"{1000 * min(each):.1f} to {1000 * max(each):.1f}"
        print(f"{name:<48} {1000 * statistics.median(each):>8.1f} ms   {spread}")
    ratios = [one / other for one, other in zip(first, second, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"{'  ratio, median of rounds and quartiles':<48} {middle:>8.3f}      {low:.3f} to {high:.3f}   goal {goal}\n",
        flush=True,
    )


def construction(rounds: int) -> None:
    """Emit and build of ResNet-152 on meta, with nothing remembered, against its module tree."""
    graph = archspec.load("resnet/resnet152")

    def compiled() -> nn.Module:
        executed.cache_clear()
        return compiler.build(graph, device="meta")

    def by_hand() -> nn.Module:
        with torch.device("meta"):
            return ResNet(Bottleneck, (3, 8, 36, 3))

    assert_equal_layers(compiled(), by_hand())
    report("ResNet-152: emit and build on meta", *in_turn((compiled, by_hand), rounds), "at most 0.6")


def assert_equal_layers(one: nn.Module, other: nn.Module) -> None:
    """The comparison is one of equals: as many weights of each shape."""
    shapes = [sorted(tuple(tensor.shape) for tensor in each.state_dict().values()) for each in (one, other)]
    if shapes[0] != shapes[1]:
        raise SystemExit("the networks that are compared are not the same")


def steps(graph: Graph, by_hand: nn.Module, batch: int, rounds: int) -> None:
    """The training step of a built module against that of a network written by hand."""
    modules = (graph.build(), by_hand)
    assert_equal_layers(*modules)
    images = torch.randn(batch, *graph.input)
    targets = torch.randint(10, (batch,))

    def step_of(module: nn.Module) -> Callable[[], None]:
        optimizer = torch.optim.SGD(module.parameters(), lr=1e-3, momentum=0.9)

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(module(images), targets).backward()
            optimizer.step()

        return step

    pair = [step_of(module) for module in modules]
    times = max(1, int(0.1 / min(min(each) for each in in_turn(pair, 3))))

    def repeated(step: Callable[[], None]) -> Callable[[], None]:
        return lambda: [step() for _ in range(times)] and None

    found = in_turn([repeated(step) for step in pair], rounds)
    per_step = [[seconds / times for seconds in each] for each in found]
    report(f"{graph.name}: training step, {batch} images", *per_step, "1.00 +- 0.03")


def main() -> None:
    """Run every benchmark."""
    parser = argparse.ArgumentParser(description="Measure the compiler against modules written by hand.")
    parser.add_argument("--rounds", type=int, default=21, help="rounds (21)")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    construction(rounds)
    steps(archspec.load("lenet5"), LeNet5(), 64, rounds)
    steps(archspec.loads(VGG), SmallVGG(), 16, rounds)
    steps(archspec.load("resnet/resnet18", input="3x64x64"), ResNet(Basic, (2, 2, 2, 2)), 2, rounds)


if __name__ == "__main__":
    main()
