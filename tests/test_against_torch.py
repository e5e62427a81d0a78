"""Every spec of the zoo against torch: shapes, parameters, MACs, memory, receptive fields."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import archspec
from archspec.field import fields
from archspec.graph import INPUT, Graph
from archspec.loading import Options, compile_spec
from archspec.memory import InferenceMemory, inference_memory, kept_for_backward
from archspec.zoo import names
from tests.torch_network import TorchNetwork, counted_macs, on_meta, simulated_inference, stated_kept

GRAPHS = {name: graph for name in names() if (graph := compile_spec(name, Options()).graph) is not None}


def of_each_kind() -> list[str]:
    """Of a family's members with the same operators, the first."""
    kinds: dict[object, str] = {}
    for name, graph in GRAPHS.items():
        operators = frozenset(node.operator.type for node in graph.nodes)
        kinds.setdefault((name.partition("/")[0], operators), name)
    return list(kinds.values())


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def meta_network(name: str) -> TorchNetwork:
    return on_meta(GRAPHS[name])


def small(name: str) -> Graph:
    """A member at an input that runs quickly, where its kernels fit one."""
    own = GRAPHS[name]
    sides = min(64, own.input.height), min(64, own.input.width)
    at_small = compile_spec(name, Options(input="x".join(map(str, (own.input.maps, *sides))))).graph
    return at_small or own


# --- shapes, parameters and MACs, without memory


@pytest.mark.parametrize("name", GRAPHS)
def test_shapes(name: str) -> None:
    graph, network = GRAPHS[name], meta_network(name)
    with torch.no_grad():
        tensors = network.eval()(torch.empty(2, *graph.input, device="meta"))
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        name: (2, *graph.shape_of(name)) for name in [INPUT, *graph.by_name]
    }


@pytest.mark.parametrize("name", GRAPHS)
def test_parameters(name: str) -> None:
    graph, network = GRAPHS[name], meta_network(name)
    for node in graph.nodes:
        owned = [(each.name, each.shape) for each in node.operator.parameters(node.input_shapes)]
        assert [(name, tuple(tensor.shape)) for name, tensor in network.state_of(node).items()] == owned
    cost = archspec.cost(graph)
    trainable = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    frozen = sum(parameter.numel() for parameter in network.parameters() if not parameter.requires_grad)
    statistics = sum(tensor.numel() for tensor in network.state_dict().values() if tensor.is_floating_point())
    assert cost.trainable == trainable
    assert cost.other == statistics - trainable
    assert cost.other >= frozen


@pytest.mark.parametrize("name", GRAPHS)
def test_macs(name: str) -> None:
    graph = GRAPHS[name]
    network = on_meta(graph, graph.inference_nodes).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, *graph.input, device="meta"))
    assert 2 * counted_macs(graph) == counter.get_total_flops()


# --- memory, with real tensors


@pytest.mark.parametrize("name", of_each_kind())
def test_kept_for_backward(name: str) -> None:
    graph = small(name)
    single = any(node.operator.type == "batch_norm" and node.shape[1:] == (1, 1) for node in graph.nodes)
    batch = 1 if graph.input.elements > 50_000 and not single else 2  # one value in a batch has no variance
    network = TorchNetwork(graph)
    assert stated_kept(graph, batch) == network.kept(torch.randn(batch, *graph.input))


def test_resnet50_keeps_86_megabytes_an_image() -> None:
    graph = archspec.load("resnet50")
    named, other = TorchNetwork(graph).kept(torch.randn(1, *graph.input))
    measured = other + sum(4 * graph.shape_of(name).elements for name in named)
    assert measured == sum(tensor.bytes for tensor in kept_for_backward(graph))
    assert round(measured / 1e6, 1) == 86.1


ROW_BY_ROW = {
    "no noise": (
        "{type: conv, maps: 4, kernel: 3}, {type: dropout, rate: 0}, {type: relu}, {type: stochastic_depth, rate: 0}"
    ),
    "noise of nothing, kept twice": (
        "{type: conv, maps: 4, kernel: 3, activation: sigmoid}, {type: dropout, rate: 0, activation: gelu}"
    ),
    "views of views": (
        "{type: conv, maps: 8, kernel: 3, name: a}, {type: slice, stop: 5, name: b}, {type: split, parts: 5, part: 2},"
        " {type: identity}, {type: conv, maps: 2, kernel: 1}, {type: flatten}, {type: reshape, to: 2x6x6},"
        " {type: silu}, {type: dense, units: 3, from: b}"
    ),
    "a prefix that learns nothing": (
        "{type: max_pool, kernel: 2}, {type: sigmoid}, {type: batch_norm, affine: false}, {type: dropout},"
        " {type: conv, maps: 2, kernel: 3, activation: relu}, {type: multiply, from: [conv1, conv1]}"
    ),
    "a product with what learns nothing": (
        "{type: sigmoid, name: a}, {type: conv, maps: 3, kernel: 1, name: b}, {type: multiply, from: [a, b]},"
        " {type: multiply, from: [a, a]}, {type: multiply, from: [a, b, multiply1]}"
    ),
    "frozen codes": (
        "{type: rbf, units: 4, trainable: false}, {type: dense, units: 3}, {type: rbf, units: 2, trainable: false}"
    ),
    "a padded copy": (
        "{type: conv, maps: 4, kernel: 2, padding: same, activation: relu}, {type: max_pool, kernel: 2, stride: 1,"
        " padding: same}, {type: avg_pool, kernel: 3, stride: 2, padding: same}"
    ),
    "a slice that is copied, and one that is not": (
        "{type: conv, maps: 6, kernel: 3, name: a}, {type: slice, stop: 4}, {type: group_norm, groups: 2},"
        " {type: slice, stop: 4}, {type: group_norm, groups: 2}, {type: split, from: a, parts: 2, part: 1,"
        " norm: batch, activation: gelu}, {type: split, from: a, parts: 2, part: 0}, {type: flatten},"
        " {type: layer_norm}, {type: group_norm, groups: 1}"
    ),
    "shared weights": (
        "{type: conv, maps: 3, kernel: 3, norm: batch, name: a},"
        " {type: conv, maps: 3, kernel: 3, norm: batch, share: a, stride: 2, activation: relu}"
    ),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("case", ROW_BY_ROW)
def test_kept_tensors_are_counted_once(case: str, batch: int) -> None:
    graph = archspec.loads(f"input: 3x8x8\nlayers: [{ROW_BY_ROW[case]}]")
    torch.manual_seed(0)
    assert stated_kept(graph, batch) == TorchNetwork(graph).kept(torch.randn(batch, *graph.input))


@pytest.mark.parametrize("name", of_each_kind())
def test_inference_memory(name: str) -> None:
    graph = small(name)
    memory = inference_memory(graph, batch=2)
    assert (memory.peak, memory.at) == simulated_inference(graph, 2)
    assert sum(size for _, size in memory.alive) == memory.peak


def test_a_chain_holds_two_tensors_at_a_time() -> None:
    rows = ", ".join(f"{{type: conv, maps: {maps}, kernel: 3}}" for maps in (8, 3, 20, 5, 64, 2))
    graph = archspec.loads(f"input: 3x20x20\nlayers: [{rows}]")
    sums = {node.name: 4 * (node.input_shapes[0].elements + node.shape.elements) for node in graph.nodes}
    worst = max(sums, key=lambda name: sums[name])
    memory = inference_memory(graph)
    assert memory == InferenceMemory(sums[worst], worst, memory.alive)
    assert inference_memory(graph, batch=7, dtype="float16").peak == 7 * sums[worst] // 2


# --- receptive fields, measured


VGG = """
input: 3x72x72
layers:
  - {type: conv, maps: 4, kernel: 3, padding: same, activation: relu, repeat: 2}
  - {type: max_pool, kernel: 2}
  - {type: conv, maps: 6, kernel: 3, padding: same, activation: relu, repeat: 2}
  - {type: max_pool, kernel: 2}
  - {type: conv, maps: 8, kernel: 3, padding: same, activation: relu, repeat: 2}
"""
BRANCHES = """
input: 3x61x58
layers:
  - {type: conv, maps: 4, kernel: 5, stride: 2}
  - type: concat
    branches:
      - [{type: conv, maps: 2, kernel: 1}]
      - [{type: conv, maps: 2, kernel: 1x5, padding: half}, {type: conv, maps: 2, kernel: 3, padding: half}]
      - [{type: max_pool, kernel: 3, stride: 1, padding: same}, {type: conv, maps: 2, kernel: 1}]
  - {type: avg_pool, kernel: 3, stride: 2, ceil: true}
  - type: add
    branches: [[], [{type: separable_conv, maps: 6, kernel: 3, padding: same}]]
"""
DILATED = """
input: 2x70x70
layers:
  - {type: conv, maps: 3, kernel: 3, dilation: 2}
  - {type: conv, maps: 3, kernel: 3x2, dilation: 4x3, stride: 2}
  - {type: depthwise_conv, kernel: 3, padding: half, dilation: 2}
  - {type: max_pool, kernel: 2, dilation: 3, stride: 1}
"""
HOURGLASS = """
input: 2x48x48
layers:
  - {name: down1, type: conv, maps: 3, kernel: 3, padding: 1}
  - {name: down2, type: conv, maps: 3, kernel: 4, stride: 2, padding: 1}
  - {name: down3, type: conv, maps: 3, kernel: 4, stride: 2, padding: 1}
  - {name: up2, type: transposed_conv, maps: 3, kernel: 4, stride: 2, padding: 1}
  - {type: concat, from: [up2, down2]}
  - {name: up1, type: transposed_conv, maps: 3, kernel: 2, stride: 2}
  - {type: concat, from: [up1, down1]}
"""


@pytest.mark.parametrize(
    ("graph", "measured_at_least"),
    [
        pytest.param(archspec.load("lenet5", input="1x64x64"), 5, id="lenet5"),
        pytest.param(archspec.loads(VGG), 8, id="vgg"),
        pytest.param(archspec.load("resnet18", input="3x91x91"), 5, id="resnet18"),
        pytest.param(archspec.loads(BRANCHES), 7, id="branches"),
        pytest.param(archspec.loads(DILATED), 4, id="dilated"),
        pytest.param(archspec.loads(HOURGLASS), 7, id="hourglass"),
    ],
)
def test_receptive_fields(graph: Graph, measured_at_least: int) -> None:
    """The gradient of the outputs in the middle reaches as far as the field says."""
    network = TorchNetwork(graph).double().eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.rand_like(parameter) / max(parameter[0].numel(), 1))
    images = torch.rand(4, *graph.input, dtype=torch.float64, requires_grad=True)
    tensors = network(images)
    stated, found = {}, {}
    for name, field in fields(graph).items():
        if field.axes is None or field.height >= graph.input.height:
            continue
        if name in graph.row_of and graph.shape_of(name).is_maps:
            phases = max(1, round(2 / field.axes[0].step))
            sizes = tuple(seen(tensors[name], images, axis, phases) for axis in (0, 1))
            if None not in sizes:
                stated[name], found[name] = (field.height, field.width), sizes
    assert found == stated
    assert len(found) >= measured_at_least


def seen(output: Tensor, images: Tensor, axis: int, phases: int) -> int | None:
    """The most rows (or columns) that one of some in the middle sees; None where the image ends before that."""
    middle, side = output.shape[2 + axis] // 2, images.shape[2 + axis]
    most = 0
    for position in range(middle, middle + phases):
        total = output.select(2 + axis, position).sum()
        (gradient,) = torch.autograd.grad(total, images, retain_graph=True)
        reached = gradient.sum(dim=(0, 1, 3 - axis)).nonzero().flatten().tolist()
        if reached[0] == 0 or reached[-1] == side - 1:
            return None
        most = max(most, reached[-1] - reached[0] + 1)
    return most
