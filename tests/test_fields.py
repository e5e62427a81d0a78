"""Receptive fields against what each output of a torch module depends on, pixel by pixel."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

import archspec
from archspec.field import axes_of, fields
from archspec.graph import Graph
from tests.torch_network import TorchNetwork

SIDE = 192


def dependencies(graph: Graph) -> dict[str, Tensor]:
    """For each tensor of maps, which rows of the input each of its rows depends on.

    All weights are positive and an image has one row that is not zero: what depends on it is not zero either.
    """
    network = TorchNetwork(graph).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.rand_like(parameter) + 0.5 if parameter.dim() > 1 else torch.zeros_like(parameter))
        images = torch.eye(SIDE, dtype=torch.float64).view(SIDE, 1, SIDE, 1)
        tensors = network(images)
    return {
        name: tensor.sum(dim=(1, 3)).T > 1e-12  # a weight of 0 may come out of torch as one of 1e-16
        for name, tensor in tensors.items()
        if name in graph.by_name and graph.shape_of(name).is_maps
    }


def agree(graph: Graph) -> int:
    """Hold the positions in the middle of every tensor against torch; how many tensors had some."""
    compared = 0
    axes = axes_of(graph)
    for name, seen in dependencies(graph).items():
        found = axes[name]
        assert found is not None
        rows = [row.nonzero().flatten().tolist() for row in seen]
        middle = range(2 * len(rows) // 5, -(-3 * len(rows) // 5))
        # what sees the image's border may have more behind it
        inner = [at for at in middle if not rows[at] or (rows[at][0] > 0 and rows[at][-1] < SIDE - 1)]
        for at in inner:
            assert found[0].at(at) == ((rows[at][0], rows[at][-1]) if rows[at] else None), (name, at)
        compared += bool(inner)
    return compared


BLOCK = "{{name: {0}, type: conv, maps: 1, kernel: 3x1, padding: [1, 1, 0, 0], repeat: 2}}"
HOURGLASS = f"""
input: 1x{SIDE}x1
layers:
  - {BLOCK.format("d1")}
  - {{name: p1, type: max_pool, kernel: 2x1}}
  - {BLOCK.format("d2")}
  - {{name: p2, type: max_pool, kernel: 2x1}}
  - {BLOCK.format("mid")}
  - {{name: up2, type: transposed_conv, maps: 1, kernel: 2x1, stride: 2x1}}
  - {{type: concat, from: [up2, d2]}}
  - {BLOCK.format("u2")}
  - {{name: up1, type: transposed_conv, maps: 1, kernel: 2x1, stride: 2x1}}
  - {{type: concat, from: [up1, d1]}}
  - {BLOCK.format("u1")}
"""
SHIFTED = f"""
input: 1x{SIDE}x1
layers:
  - type: concat
    branches:
      - [{{type: conv, maps: 1, kernel: 5x1, padding: [4, 0, 0, 0]}}]
      - [{{type: conv, maps: 1, kernel: 5x1, padding: [0, 4, 0, 0]}}]
  - {{type: crop, sides: [3, 0, 0, 0]}}
  - {{type: conv, maps: 1, kernel: 3x1}}
"""


@pytest.mark.parametrize(("text", "sizes"), [(HOURGLASS, {"u1.1": 44}), (SHIFTED, {})], ids=["hourglass", "shifted"])
def test_positions_that_see_more_than_their_neighbours(text: str, sizes: dict[str, int]) -> None:
    graph = archspec.loads(text)
    assert agree(graph) == len(graph.nodes)
    assert {name: fields(graph)[name].height for name in sizes} == sizes


def test_branches_that_look_elsewhere_are_taken_together() -> None:
    graph = archspec.loads(SHIFTED)
    # four pixels before and four behind
    assert fields(graph)[graph.rows[2].name].height == 9


def random_layers(dice: random.Random) -> str:
    """Layers along one axis that slide, shrink, enlarge, shift and branch."""

    def layer() -> str:
        kernel, dilation = dice.randint(1, 4), dice.randint(1, 2)
        pads = f"[{dice.randint(0, 2)}, {dice.randint(0, 2)}, 0, 0]"
        stride, around = dice.choice([1, 1, 2, 3]), dice.choice(["[2, 0, 0, 0]", "[0, 2, 0, 0]", "[1, 1, 0, 0]"])
        return dice.choice(
            [
                f"{{type: conv, maps: 1, kernel: {kernel}x1, dilation: {dilation}x1, stride: {stride}x1, "
                f"padding: {pads}}}",
                f"{{type: avg_pool, kernel: {max(kernel, 2)}x1, stride: {stride}x1}}",
                f"{{type: transposed_conv, maps: 1, kernel: {kernel}x1, dilation: {dilation}x1, stride: {stride}x1}}",
                f"{{type: upsample, scale: {stride}x1}}",
                f"{{type: upsample, scale: {dice.choice([2, 3])}x1, mode: bilinear}}",
                f"{{type: upsample, to: {dice.randint(80, 200)}x1, mode: {dice.choice(['nearest', 'bilinear'])}}}",
                f"{{type: crop, sides: [{dice.randint(0, 3)}, {dice.randint(0, 3)}, 0, 0]}}",
                f"{{type: pad, padding: {pads}}}",
                f"{{type: add, branches: [[], [{{type: conv, maps: 1, kernel: 3x1, padding: {around}}}]]}}",
                f"{{type: adaptive_avg_pool, to: {dice.randint(60, 120)}x1}}",
            ]
        )

    return "\n".join(f"  - {layer()}" for _ in range(dice.randint(3, 6)))


def test_random_networks() -> None:
    seed = random.randrange(2**32)
    dice, compared = random.Random(seed), 0
    for _ in range(12):
        text = f"input: 1x{SIDE}x1\nlayers:\n{random_layers(dice)}\n"
        try:
            graph = archspec.loads(text)
        except archspec.SpecError:  # too little is left for a kernel, or a border is all that one sees
            continue
        compared += agree(graph)
    assert compared > 20, f"seed {seed}"
