"""Dense layers as convolutions: the same numbers at the original input, and the same network at every position."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor, nn

import archspec
from archspec.convolve import fully_convolutional
from archspec.diagnostic import SpecError
from archspec.graph import Graph
from archspec.report.zoo import members
from archspec.sizes import at_input, is_same_module, positions
from compiler import build, emitted
from compiler.weights import carried, paths_of
from tests.test_random_specs import CALM, specs

MEMBERS = [
    pytest.param(name, id=name) for name, graph in members() if "dense" in {n.operator.type for n in graph.nodes}
]
REFUSED = {"lenet5/1998": "rbf"}
"""the member whose last row no convolution can be"""
SMALL = ("3x64x64", "3x96x96", "3x160x160")

VALID = """
input: 2x24x28
layers:
  - {name: C1, type: conv, maps: 6, kernel: 5, activation: relu}
  - {name: S2, type: max_pool, kernel: 2}
  - {name: C3, type: conv, maps: 8, kernel: 3, stride: 2, norm: batch, activation: tanh}
"""
HEADS = {
    "dense": """
- {name: F4, type: dense, units: 9, norm: batch, activation: relu}
- {type: dropout}
- {name: Out, type: dense, units: 4, activation: softmax}
""",
    "flatten first": """
- {type: flatten}
- {type: dropout}
- {type: leaky_relu}
- {type: dense, units: 4, bias: false}
""",
    "global mean": """
- {type: global_avg_pool}
- {type: dropout}
- {type: dense, units: 4}
""",
    "global maximum": """
- {type: global_max_pool}
- {type: flatten}
- {type: dense, units: 4, activation: {type: prelu, per_map: true}}
""",
    "no dense layer": """
- {type: conv, maps: 4, kernel: 1}
- {type: global_avg_pool}
""",
    "parts": """
- {type: adaptive_avg_pool, to: 2x1}
- {type: dense, units: 4}
""",
    "part of all": """
- {type: adaptive_avg_pool, to: 4x5}
- {type: dense, units: 4}
""",
    "branches": """
- {type: concat, branches: [[{type: global_avg_pool}, {type: flatten}], [{type: dense, units: 5}]]}
- {type: dense, units: 4}
""",
    "sum of vectors": """
- {type: add, branches: [[{type: dense, units: 5}], [{type: global_max_pool}, {type: dense, units: 5}]]}
- {type: layer_norm}
- {type: slice, stop: 4}
""",
    "reshapes": """
- {type: dense, units: 6}
- {type: reshape, to: 6x1x1}
- {type: conv, maps: 4, kernel: 1}
""",
    "shared": """
- {name: one, type: dense, units: 128}
- {name: two, type: dense, units: 128}
- {name: three, type: dense, units: 128, share: two}
- {type: multiply, from: [one, three]}
- {type: slice, stop: 4}
""",
}


def valid_net(head: str) -> Graph:
    rows = "".join(f"  {line}\n" for line in HEADS[head].strip().splitlines())
    return archspec.loads(VALID + rows)


def moved(graph: Graph, converted: Graph, module: nn.Module) -> nn.Module:
    """The module of a converted graph, with the original's weights."""
    result = build(converted, dtype=next((each.dtype for each in module.parameters()), None))
    result.load_state_dict(carried(module.state_dict(), paths_of(graph), converted))
    return result.eval()


def trained(graph: Graph, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A module whose norms have seen something."""
    module = build(graph, dtype=dtype, seed=3)
    generator = torch.Generator().manual_seed(5)
    for name, tensor in module.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=dtype) + 0.5)
    return module.eval()


def results(module: nn.Module, images: Tensor) -> Sequence[Tensor]:
    with torch.inference_mode():
        found = module(images)
    return found if isinstance(found, tuple) else (found,)


def images_of(graph: Graph, dtype: torch.dtype = torch.float64, batch: int = 2) -> Tensor:
    return torch.randn(batch, *graph.input, generator=torch.Generator().manual_seed(1), dtype=dtype)


def agree_at_the_original_input(graph: Graph, dtype: torch.dtype = torch.float64, batch: int = 2) -> None:
    converted = fully_convolutional(graph)
    module = trained(graph, dtype)
    images = images_of(graph, dtype, batch)
    wanted = results(module, images)
    found = results(moved(graph, converted, module), images)
    tolerance = {"rtol": 0, "atol": 100 * torch.finfo(dtype).eps * max(each.abs().max().item() for each in wanted)}
    for output, one, other in zip(converted.outputs, wanted, found, strict=True):
        assert other.shape[1:] == converted.shape_of(output.node)
        assert other.dim() == 4
        torch.testing.assert_close(other.reshape(one.shape), one, **tolerance)


# --- the same numbers


@pytest.mark.parametrize("name", MEMBERS)
def test_zoo_gives_the_same_where_there_is_one_position(name: str) -> None:
    if name in REFUSED:
        with pytest.raises(SpecError, match=REFUSED[name]):
            fully_convolutional(archspec.load(name))
        return
    graph = archspec.load(name)
    for smaller in SMALL if graph.input.maps == 3 else ():
        with suppress(SpecError):
            graph = archspec.load(name, input=smaller)
            break
    agree_at_the_original_input(graph, torch.float32, 1)


@pytest.mark.parametrize("name", MEMBERS)
def test_zoo_keeps_its_weights_and_costs(name: str) -> None:
    if name in REFUSED:
        return
    graph = archspec.load(name)
    converted = fully_convolutional(graph)
    needed = {node.name for node in graph.inference_nodes}
    weights = {
        f"{node.name}.{each.name}": each.size
        for node in graph.nodes
        if node.name in needed
        for each in node.parameters()
    }
    assert weights == {f"{n.name}.{each.name}": each.size for n in converted.nodes for each in n.parameters()}
    assert archspec.cost(converted).macs == archspec.cost(graph).macs
    assert "dense" not in {node.operator.type for node in converted.nodes}
    assert "nn.Linear" not in emitted(converted).text
    assert [(row.name, row.shape.elements) for row in converted.rows] == [
        (row.name, row.shape.elements) for row in graph.rows if row.main.name in needed
    ]


@pytest.mark.parametrize("head", HEADS)
def test_heads_give_the_same_where_there_is_one_position(head: str) -> None:
    agree_at_the_original_input(valid_net(head))


@settings(max_examples=50, derandomize=True, **CALM)
@given(specs())
def test_random_specs_give_the_same_or_say_why_not(text: str) -> None:
    graph = archspec.loads(text)
    said: Sequence[Any] = ()
    try:
        fully_convolutional(graph)
    except SpecError as error:
        said = error.diagnostics
    assert {each.code for each in said} <= {"E225", "E213"}
    assert all(each.span is not None and each.help for each in said)
    if not said:
        agree_at_the_original_input(graph)


# --- more positions


@pytest.mark.parametrize("head", HEADS)
def test_every_position_is_the_network_on_its_window(head: str) -> None:
    graph = valid_net(head)
    converted = fully_convolutional(graph)
    module = trained(graph)
    (found,) = positions(converted)
    assert found.height is not None
    assert found.width is not None
    stride = (found.height.stride, found.width.stride)
    assert stride == ((8, 4) if head == "parts" else (4, 4)) or "of all" in head
    larger = at_input(converted, (2, 24 + 2 * stride[0] + 1, 28 + 3 * stride[1] + 1))
    images = images_of(larger)
    (grid,) = results(moved(graph, larger, module), images)
    assert grid.shape == (2, 4, 3, 4)
    for i, j in product(range(3), range(4)):
        window = images[:, :, i * stride[0] :, j * stride[1] :][:, :, :24, :28]
        (wanted,) = results(module, window)
        torch.testing.assert_close(grid[:, :, i, j], wanted.reshape(2, 4), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "size"), [("lenet5", 45), ("fashion_cnn", 47)])
def test_zoo_members_without_padding_on_their_windows(name: str, size: int) -> None:
    graph = archspec.load(name)
    converted = fully_convolutional(graph)
    padded = {
        node.name for node in graph.nodes if getattr(node.operator, "padding", "valid") not in ("valid", (0,) * 4)
    }
    if padded:
        pytest.skip("it has padding")
    module = trained(graph)
    larger = at_input(converted, (graph.input.maps, size, size))
    (found,) = positions(converted)
    assert found.height is not None
    images = images_of(larger)
    (grid,) = results(moved(graph, larger, module), images)
    assert grid.shape[2] == found.height.positions(size) > 2
    for i, j in product(range(grid.shape[2]), range(grid.shape[3])):
        top, left = i * found.height.stride, j * found.height.stride
        window = images[:, :, top : top + graph.input.height, left : left + graph.input.width]
        torch.testing.assert_close(grid[:, :, i, j], results(module, window)[0], rtol=0, atol=1e-12)


PADDED = """
input: 3x224x224
defaults: {conv: {padding: same, activation: relu}}
layers:
  - {name: C1, type: conv, maps: 4, kernel: 7, stride: 2}
  - {name: C2, type: conv, maps: 4, kernel: 3, stride: 2}
  - {name: P3, type: max_pool, kernel: 3, stride: 2, padding: same}
  - {name: C4, type: conv, maps: 6, kernel: 3, stride: 2}
  - {name: C5, type: conv, maps: 6, kernel: 3, stride: 2}
"""


def test_224_with_7x7_maps_gives_8x8_positions_at_448() -> None:
    graph = archspec.loads(
        PADDED + "  - {name: F6, type: dense, units: 8, activation: relu}\n  - {name: Out, type: dense, units: 5}\n"
        "outputs: {maps: C5, scores: Out}"
    )
    assert graph.by_name["C5"].shape == (6, 7, 7)
    larger = at_input(fully_convolutional(graph), (3, 448, 448))
    assert larger.by_name["Out"].shape == (5, 8, 8)
    module = trained(graph)
    maps, grid = results(moved(graph, larger, module), images_of(larger))
    assert maps.shape == (2, 6, 14, 14)
    state = {name: tensor.double() for name, tensor in module.state_dict().items()}
    for i, j in product(range(8), range(8)):
        seen = maps[:, :, i : i + 7, j : j + 7].flatten(1)
        hidden = F.relu(F.linear(seen, state["F6.weight"], state["F6.bias"]))
        wanted = F.linear(hidden, state["Out.weight"], state["Out.bias"])
        torch.testing.assert_close(grid[:, :, i, j], wanted, rtol=0, atol=1e-12)


def test_maps_of_a_padded_network_are_those_of_the_window_away_from_its_border() -> None:
    graph = archspec.loads(PADDED)
    larger = at_input(graph, (3, 448, 448))
    module, images = trained(graph), images_of(larger)
    (maps,) = results(moved(graph, larger, module), images)
    (window,) = results(module, images[:, :, 64:288, 64:288])
    torch.testing.assert_close(maps[:, :, 2 + 2 : 2 + 5, 2 + 2 : 2 + 5], window[:, :, 2:5, 2:5], rtol=0, atol=1e-12)
    assert not torch.allclose(maps[:, :, 2, 2], window[:, :, 0, 0])


@pytest.mark.parametrize(("name", "grid"), [("vgg/vgg11", 8), ("resnet/resnet18", 8), ("alexnet/torchvision", 8)])
def test_published_networks_at_448(name: str, grid: int) -> None:
    converted = fully_convolutional(archspec.load(name))
    larger = at_input(converted, (3, 448, 448))
    module = build(larger, device="meta")
    assert module(torch.empty(1, 3, 448, 448, device="meta")).shape == (1, 1000, grid, grid)
    assert set(build(converted, device="meta").state_dict()) == set(module.state_dict())


# --- which sizes are legal


def runs(graph: Graph, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The output of torch at another input; None where torch can't."""
    try:
        return tuple(build(graph, device="meta").eval()(torch.empty(1, *shape, device="meta")).shape[1:])
    except RuntimeError:
        return None


@pytest.mark.parametrize("head", ["dense", "global mean", "parts"])
def test_smallest_input_and_formula(head: str) -> None:
    converted = fully_convolutional(valid_net(head))
    (found,) = positions(converted)
    assert found.height is not None
    for size in range(1, found.smallest[0]):
        with pytest.raises(SpecError) as caught:
            at_input(converted, (2, size, 28))
        said = [(each.code, each.help) for each in caught.value.diagnostics]
        assert said == [("E203", f"use an input from 2x{found.smallest[0]}x{found.smallest[1]}")]
        assert runs(converted, (2, size, 28)) is None
    for size in range(found.smallest[0], 60):
        graph = at_input(converted, (2, size, 28))
        out = graph.shape_of(graph.outputs[0].node)
        assert out.height == found.height.positions(size)
        assert tuple(out) == runs(converted, (2, size, 28))


@pytest.mark.parametrize("name", ["resnet/resnet18", "googlenet", "efficientnet", "densenet/densenet121", "zfnet"])
def test_formula_of_padded_members(name: str) -> None:
    converted = fully_convolutional(archspec.load(name))
    (found,) = positions(converted)
    assert found.width is not None
    assert found.width.stride == 32
    height = converted.input.height
    with pytest.raises(SpecError):
        at_input(converted, (3, height, found.smallest[1] - 1))
    for size in (found.smallest[1], found.smallest[1] + 31, found.smallest[1] + 32, 300, 301, 333, 448, 600):
        larger = at_input(converted, (3, height, size))
        assert larger.shape_of(larger.outputs[0].node).width == found.width.positions(size)


def test_same_padding_stays_legal_and_may_make_another_module() -> None:
    converted = fully_convolutional(archspec.loads(PADDED + "  - {name: Out, type: dense, units: 5}\n"))
    (found,) = positions(converted)
    assert found.smallest == (193, 193)
    for size in (193, 194, 200, 209, 216, 223, 224, 225, 239, 240, 241, 255, 256, 257):
        larger = at_input(converted, (3, size, size))
        same = is_same_module(converted, larger)
        assert same or size % 32
        assert same <= (runs(converted, (3, size, size)) == tuple(larger.by_name["Out"].shape))
        assert runs(larger, (3, size, size)) == tuple(larger.by_name["Out"].shape)
    assert not is_same_module(converted, at_input(converted, (3, 225, 225)))


def test_paths_of_unequal_length_meet_only_at_some_sizes() -> None:
    converted = fully_convolutional(
        archspec.loads(
            "input: 1x16x16\nlayers:\n  - {name: a, type: conv, maps: 2, kernel: 3, padding: same}\n"
            "  - {name: b, type: max_pool, kernel: 4}\n  - {name: c, type: upsample, scale: 4}\n"
            "  - {name: d, type: add, from: [a, c]}\n  - {name: e, type: global_avg_pool}\n  - {type: dense, units: 3}"
        )
    )
    (found,) = positions(converted)
    assert found.smallest == (16, 16)
    with pytest.raises(SpecError, match="E206"):
        at_input(converted, (1, 18, 16))
    assert at_input(converted, (1, 20, 16)).shape_of(converted.outputs[0].node) == (3, 5, 1)


# --- gates see all of the image


GATED = """
input: 3x20x20
layers:
  - {name: C1, type: conv, maps: 6, kernel: 3}
  - type: scale
    branches:
      maps: []
      gate:
        - {type: global_avg_pool}
        - {type: dense, units: 3, activation: relu}
        - {type: dense, units: 6, activation: sigmoid}
        - {type: reshape, to: 6x1x1}
  - {type: global_avg_pool}
  - {name: Out, type: dense, units: 4}
"""


def test_the_gate_of_squeeze_and_excitation_stays_one() -> None:
    graph = archspec.loads(GATED)
    agree_at_the_original_input(graph)
    larger = at_input(fully_convolutional(graph), (3, 26, 31))
    module, images = trained(graph), images_of(larger)
    (grid,) = results(moved(graph, larger, module), images)
    tensors = module.state_dict()
    state = {
        f"{node.rpartition('.')[2]}.{each}": tensors[f"{path}.{each}"]
        for node, path in emitted(graph).paths.items()
        for each in ("weight", "bias")
        if f"{path}.{each}" in tensors
    }
    maps = F.conv2d(images, state["C1.weight"], state["C1.bias"])
    gate = maps.mean((2, 3))
    for layer, activation in (("dense1", F.relu), ("dense2", torch.sigmoid)):
        gate = activation(F.linear(gate, state[f"{layer}.weight"], state[f"{layer}.bias"]))
    pooled = F.avg_pool2d(maps * gate[:, :, None, None], 18, 1)
    wanted = F.conv2d(pooled, state["Out.weight"][:, :, None, None], state["Out.bias"])
    torch.testing.assert_close(grid, wanted, rtol=0, atol=1e-12)
    assert grid.shape == (2, 4, 7, 12)


def test_a_gate_of_a_single_position_stays_one() -> None:
    graph = archspec.loads(
        "input: 2x6x6\nlayers:\n  - {type: conv, maps: 4, kernel: 6}\n"
        "  - {type: scale, branches: [[], [{type: global_avg_pool}, {type: sigmoid}]]}\n  - {type: dense, units: 3}"
    )
    agree_at_the_original_input(graph)
    larger = at_input(fully_convolutional(graph), (2, 8, 9))
    assert larger.shape_of(larger.outputs[0].node) == (3, 3, 4)


def test_what_is_spread_over_maps_sees_all_of_them() -> None:
    graph = archspec.loads(
        "input: 2x8x8\nlayers:\n  - {name: a, type: conv, maps: 3, kernel: 1}\n  - {name: b, type: global_avg_pool}\n"
        "  - {name: c, type: upsample, to: 8x8}\n  - {type: concat, from: [a, c]}\n  - {type: conv, maps: 2, kernel: 1}"
    )
    assert [node.operator for node in fully_convolutional(graph).nodes] == [node.operator for node in graph.nodes]


# --- auxiliary heads


def test_auxiliary_heads_are_left_out_and_what_they_shared_is_kept() -> None:
    graph = archspec.loads(
        "input: 1x4x4\nlayers:\n  - {name: a, type: conv, maps: 2, kernel: 1}\n"
        "  - {name: aux, type: dense, units: 3}\n  - {name: main, type: dense, units: 3, from: a, share: aux}\n"
        "outputs: {main: main, aux: {from: aux, train_only: true}}"
    )
    converted = fully_convolutional(graph)
    assert [row.name for row in converted.rows] == ["a", "main"]
    assert converted.by_name["main"].shares is None
    assert [output.name for output in converted.outputs] == ["main"]
    agree_at_the_original_input(graph)


# --- what can't be converted

START = "input: 2x8x8\nlayers:\n  - {name: a, type: conv, maps: 4, kernel: 1}\n"
CANNOT = {
    "adaptive pool": ("{name: x, type: adaptive_avg_pool, to: 3}", "use to: 1x1"),
    "reshape to vectors of other maps": ("{name: x, type: reshape, to: 16x4x4}", "leave the row out"),
    "rbf": ("{name: x, type: rbf, units: 2}", "use type: dense"),
    "norm of all": ("{name: x, type: layer_norm}", "use over: maps"),
    "norm of flattened": ("{type: flatten}\n  - {name: x, type: batch_norm}", "put it above the row that flattens"),
    "softmax of flattened": ("{type: flatten}\n  - {name: x, type: softmax}", "put it above the row that flattens"),
    "slice of flattened": ("{type: flatten}\n  - {name: x, type: slice, stop: 7}", "put it above"),
    "maps of vectors": ("{type: dense, units: 8}\n  - {name: x, type: reshape, to: 2x2x2}", "leave the row out"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_no_convolution_does_is_said_once(case: str) -> None:
    rows, help = CANNOT[case]
    graph = archspec.loads(f"{START}  - {rows}\n  - {{name: out, type: dense, units: 3}}\n")
    (found,) = refused(graph)
    assert found.code == "E225"
    assert "x" in found.message.replace(":", " ").split()
    assert found.help is not None
    assert found.help.startswith(help)
    assert found.span is not None
    assert found.span.line == len(f"{START}  - {rows}".splitlines()) - 1


def refused(graph: Graph) -> Sequence[Any]:
    with pytest.raises(SpecError) as caught:
        fully_convolutional(graph)
    return caught.value.diagnostics


def test_outputs_that_are_flattened_maps() -> None:
    (found,) = refused(archspec.loads(START + "  - {name: x, type: flatten}\n  - {name: y, type: relu}\n"))
    assert (found.code, found.message) == (
        "E225", "the output y is 4x8x8 flattened, and a convolution leaves its positions apart",
    )  # fmt: skip


def test_a_network_of_vectors() -> None:
    (found,) = refused(archspec.loads("input: 7\nlayers: [{type: dense, units: 3}]"))
    assert (found.code, found.help) == ("E225", "use input: maps x height x width, and begin with a convolution")


def test_weights_shared_over_kernels_that_differ() -> None:
    graph = archspec.loads(
        START + "  - {name: b, type: dense, units: 256}\n  - {name: c, type: dense, units: 256, share: b}\n"
    )
    (found,) = refused(graph)
    assert found.code == "E213"


def test_weights_of_one_input_size() -> None:
    with pytest.raises(SpecError) as caught:
        at_input(archspec.load("lenet5"), (1, 64, 64))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E226", "the weights of F6 are for an input of 120, not 9720")
    with pytest.raises(SpecError, match="E116"):
        at_input(archspec.load("lenet5"), (1, 0, 32))
    with pytest.raises(SpecError, match="E226"):
        at_input(archspec.load("lenet5"), (3, 32, 32))
    with pytest.raises(SpecError, match="E604"):
        at_input(fully_convolutional(archspec.load("lenet5")), (1, 10**6, 32))
