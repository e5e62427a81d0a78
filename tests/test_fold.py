"""Batch norms folded into what stands before them: the same outputs from fewer operations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import archspec
from archspec.costs import cost
from archspec.graph import Graph
from archspec.operators import OPERATORS
from compiler.fold import Folded, fold
from compiler.module import build
from compiler.source import emit
from tests.public_models import randomised

_LAYERS = {
    "conv": "type: conv, maps: 6, kernel: 3",
    "conv_bias": "type: conv, maps: 6, kernel: 3, bias: true",
    "grouped": "type: conv, maps: 8, kernel: 3, groups: 4, bias: false",
    "uneven": "type: conv, maps: 6, kernel: 4, padding: same, bias: false",
    "partial": "type: conv, maps: 3, kernel: 3, connections: [[0, 1], [3], [0, 1, 2]]",
    "depthwise": "type: depthwise_conv, kernel: 3, multiplier: 2, bias: false",
    "separable": "type: separable_conv, maps: 6, kernel: 3, bias: false",
    "transposed": "type: transposed_conv, maps: 6, kernel: 3, stride: 2, bias: false",
    "transposed_grouped": "type: transposed_conv, maps: 6, kernel: 3, stride: 2, groups: 2",
    "transposed_uneven": "type: transposed_conv, maps: 6, kernel: 3, stride: 2, padding: [0, 1, 1, 0]",
    "dense": "type: dense, units: 5, bias: false",
    "dense_bias": "type: dense, units: 5",
}


def _spec(layer: str, norm: str = "batch") -> Graph:
    return archspec.loads(f"input: 4x7x7\nlayers:\n  - {{name: L, {layer}, norm: {norm}, activation: relu}}\n")


def _outputs(folded: Folded, image: Tensor) -> tuple[Tensor, Tensor]:
    module = randomised(build(folded.original))
    inference = folded.module(module)
    with torch.no_grad():
        return module(image), inference(image)


def _agree(folded: Folded) -> None:
    image = torch.randn(2, *folded.original.input, generator=torch.Generator().manual_seed(2))
    expected, found = _outputs(folded, image)
    assert expected.std() > 1e-3
    assert (expected - found).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("norm", ["batch", "{type: batch_norm, eps: 0.1, affine: false}"])
@pytest.mark.parametrize("layer", _LAYERS)
def test_layers_take_their_norm_in(layer: str, norm: str) -> None:
    folded = fold(_spec(_LAYERS[layer], norm))
    assert folded.norms == {"L.norm": "L"}
    assert "BatchNorm" not in emit(folded.graph)
    _agree(folded)


@pytest.mark.parametrize("spec", ["resnet/resnet18", "densenet/densenet121", "mobilenet_v3/small", "xception"])
def test_networks_give_the_same(spec: str) -> None:
    folded = fold(archspec.load(spec, input="3x96x96"))
    assert folded.norms
    _agree(folded)


def test_what_is_saved_is_stated() -> None:
    folded = fold(archspec.load("resnet/resnet18"))
    # 20 convolutions of 64, 128, 256 and 512 maps: a norm has a weight and a bias for each map, and one bias stays
    maps = 5 * 64 + 5 * 128 + 5 * 256 + 5 * 512
    assert len(folded.norms) == 20
    assert folded.parameters_saved == maps
    # the maps' elements: 112x112 behind the stem, then 4, 5, 5 and 5 convolutions of a stage
    elements = 64 * 112**2 + 4 * 64 * 56**2 + 5 * 128 * 28**2 + 5 * 256 * 14**2 + 5 * 512 * 7**2
    assert folded.macs_saved == elements
    assert cost(folded.graph).macs == cost(folded.original).macs
    assert (
        folded.as_text() == f"20 batch norms folded: {maps:,} parameters and {elements:,} multiply-adds an image saved"
    )
    assert len(emit(folded.graph).splitlines()) < len(emit(folded.original).splitlines())


@pytest.mark.parametrize(
    "rows",
    [
        "- {name: C, type: conv, maps: 4, kernel: 3, padding: 1}\n  - {name: N, type: batch_norm}\n"
        "  - {type: add, from: [C, N]}",
        "- {name: C, type: conv, maps: 4, kernel: 3, padding: 1, activation: relu}\n  - {name: N, type: batch_norm}",
        "- {name: P, type: max_pool, kernel: 2}\n  - {name: N, type: batch_norm}",
        "- {name: C, type: conv, maps: 4, kernel: 3, padding: 1}\n"
        "  - {name: D, type: conv, maps: 4, kernel: 3, padding: 1, share: C}\n  - {name: N, type: batch_norm}",
        "- {name: C, type: conv, maps: 4, kernel: 3, norm: layer}",
        "- {name: N, type: batch_norm}\n  - {name: C, type: conv, maps: 4, kernel: 3, padding: 1}",
    ],
)
def test_norms_that_have_to_stay(rows: str) -> None:
    graph = archspec.loads(f"input: 4x7x7\nlayers:\n  {rows}\n")
    folded = fold(graph)
    assert folded.norms == {}
    assert emit(folded.graph) == emit(graph)


def test_a_norm_in_a_row_of_its_own_goes_with_its_row() -> None:
    graph = archspec.loads(
        "input: 4x7x7\nblocks:\n  unit:\n    layers:\n      - {name: C, type: conv, maps: 4, kernel: 3, padding: 1}\n"
        "      - {name: N, type: batch_norm}\n      - {name: R, type: relu}\n      - {type: add, from: [in, R]}\n"
        "layers:\n  - {name: U, type: unit, repeat: 3}\n  - {name: D, type: conv, maps: 4, kernel: 1}\n"
        "  - {name: M, type: batch_norm, activation: relu}\n"
    )
    folded = fold(graph)
    assert len(folded.norms) == 4
    assert [(group.name, group.stop - group.start) for group in folded.graph.groups if group.kind == "unit"] == [
        (f"U.{index}", 3) for index in range(3)
    ]
    _agree(folded)


def test_every_layer_with_a_bias_is_tried() -> None:
    with_bias = {operator.type for operator in OPERATORS if "bias" in operator.model_fields}
    assert with_bias == {layer.split("type: ")[1].split(",")[0] for layer in _LAYERS.values()}
