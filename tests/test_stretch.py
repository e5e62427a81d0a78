"""Rows that run in a method of their own: the same network, and as much memory as said when they run again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import archspec
from archspec.graph import Graph
from archspec.memory.program import Program
from archspec.memory.training import StepCourse
from archspec.stretch import through
from compiler.train.planning import source_for
from compiler.train.session import network_of
from tests.test_against_torch import small
from tests.test_memory_step import agree
from tests.torch_step import TorchStep, one_thread

ROWS = """
name: rows
input: 3x16x16
blocks:
  unit:
    layers:
      - {type: conv, maps: 8, kernel: 3, padding: half, norm: batch, activation: relu}
layers:
  - {name: stem, type: conv, maps: 6, kernel: 3, padding: half, norm: batch, activation: silu}
  - {name: conv, type: conv, maps: 6, kernel: 3, padding: half, activation: relu, repeat: 4}
  - {name: drop, type: dropout}
  - {name: unit, type: unit, repeat: 3}
  - {name: pool, type: max_pool, kernel: 2}
  - {name: left, type: conv, maps: 5, kernel: 1}
  - {name: right, type: conv, from: pool, maps: 5, kernel: 3, padding: half}
  - {name: sum, type: add, from: [left, right]}
  - {name: out, type: dense, units: 4}
"""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        TorchStep(archspec.loads(ROWS), 2).measured()
        yield


def random_stretches(program: Program, numbers: random.Random) -> list[str]:
    """Rows and blocks of the network, neighbours together where that is possible."""
    found: list[str] = []
    for unit in program.elements:
        name = unit.name.removesuffix(".")
        longer = through(found[-1], name) if found else ""
        if found and numbers.random() < 0.6 and program.segment(longer) is not None:
            found[-1] = longer
        else:
            found.append(name)
    return [name for name in found if numbers.random() < 0.7]


def outputs(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    torch.manual_seed(3)
    found = network(images)
    return found if isinstance(found, tuple) else (found,)


def check_same_outputs(graph: Graph, seed: int) -> None:
    program = Program(graph)
    stretches = random_stretches(program, random.Random(seed))
    plain, other = network_of(source_for(graph, ())), network_of(source_for(graph, stretches))
    other.load_state_dict(plain.state_dict())
    images = torch.randn(2, *graph.input)
    for mode in (True, False):
        with torch.no_grad():
            found = zip(outputs(plain.train(mode), images), outputs(other.train(mode), images), strict=True)
            assert all(torch.equal(one, same) for one, same in found)


@pytest.mark.parametrize(
    "name",
    [
        "lenet5",
        "alexnet",
        "vgg/vgg11",
        "googlenet",
        "resnet/resnet18",
        "densenet/densenet121",
        "mobilenet_v2",
        "xception",
    ],
)
def test_a_network_of_methods_is_the_same_network(name: str) -> None:
    for seed in range(2):
        check_same_outputs(small(name), seed)


@pytest.mark.parametrize("seed", range(8))
def test_turns_of_loops_and_rows_between_blocks(seed: int) -> None:
    graph = archspec.loads(ROWS)
    check_same_outputs(graph, seed)
    recomputed = random_stretches(Program(graph), random.Random(seed))
    precision = "bf16" if seed % 2 else "float32"
    agree(
        StepCourse(graph, recomputed=recomputed, precision=precision),
        TorchStep(graph, 2, recomputed=recomputed, precision=precision),
    )


def test_the_source_says_what_runs_together() -> None:
    graph = archspec.loads(ROWS)
    text = source_for(graph, ["stem..conv.1", "conv.3..unit.0", "unit.1..pool"]).text
    network = text[text.index("    def part_stem_to_conv_1") :]
    assert (
        network
        == """\
    def part_stem_to_conv_1(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.stem_norm(x)
        x = F.silu(x)  # 6x16x16
        for conv in self.conv[:2]:  # 6x16x16
            x = conv(x)
            x = F.relu(x)
        return x

    def part_conv_3_to_unit_0(self, x: Tensor) -> Tensor:
        x = self.conv[3](x)
        x = F.relu(x)  # 6x16x16
        x = self.drop(x)  # 6x16x16
        return self.unit[0](x)  # 8x16x16

    def part_unit_1_to_pool(self, x: Tensor) -> Tensor:
        for unit in self.unit[1:]:  # 8x16x16
            x = unit(x)
        return self.pool(x)  # 8x8x8

    def forward(self, x: Tensor) -> Tensor:
        x = self.part_stem_to_conv_1(x)  # 6x16x16
        x = self.conv[2](x)
        x = F.relu(x)  # 6x16x16
        x = self.part_conv_3_to_unit_0(x)  # 8x16x16
        x = self.part_unit_1_to_pool(x)  # 8x8x8
        pool = x
        x = self.left(x)  # 5x8x8
        pool = self.right(pool)  # 5x8x8
        x = x + pool  # 5x8x8
        del pool
        x = torch.flatten(x, start_dim=1)
        return self.out(x)  # 4
"""
    )


@pytest.mark.parametrize(
    "name",
    ["left..right", "pool..left", "sum..stem", "conv.1..left", "nothing", "stem..nothing", "unit.0.conv1..unit.1"],
)
def test_what_has_no_single_result_is_no_stretch(name: str) -> None:
    assert Program(archspec.loads(ROWS)).segment(name) is None


def test_several_inputs_and_what_stands_beside() -> None:
    program = Program(archspec.loads(ROWS))
    both = program.segment("right..sum")
    assert both is not None
    assert both.inputs == ("pool", "left")
    assert program.named(["unit", "s*", "stem..conv.1"]) == ["stem..conv.1", "unit.0", "unit.1", "unit.2"]


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (["conv2"], ["conv2.0", "conv2.1"]),
        (["conv2.0", "conv2.1"], ["conv2.0", "conv2.1"]),
        (["conv3.1"], ["conv3.1"]),
        (["fc"], ["fc"]),
        (["conv?.0"], ["conv2.0", "conv3.0", "conv4.0", "conv5.0"]),
    ],
)
def test_named_blocks(named: list[str], wanted: list[str]) -> None:
    assert Program(archspec.load("resnet/resnet18")).named(named) == wanted
