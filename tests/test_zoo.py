"""Every spec of the zoo: against published reference numbers, and against itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import archspec
from archspec.costs import weight_depth
from archspec.graph import Graph, Node
from archspec.loading import Options, check_family, compile_spec
from archspec.zoo import families, names
from tests.conftest import shared

# reference file -> spec; the files' README says which implementation each measures
REFERENCES = {
    "alexnet": "alexnet/torchvision",
    "alexnet.2012": "alexnet/2012",
    "alexnet.book": "alexnet",
    "cspdarknet53": "cspdarknet53",
    "cspresnet50": "cspresnet50",
    "darknet53": "darknet53",
    **{f"densenet{depth}": f"densenet/densenet{depth}" for depth in (121, 169, 201)},
    **{f"efficientnet_b{size}.timm": f"efficientnet/b{size}" for size in range(8)},
    "fcn_resnet50": "fcn",
    "geron_fmnist_cnn": "fashion_cnn",
    "googlenet": "googlenet/torchvision_no_aux",
    "googlenet.aux": "googlenet/torchvision",
    "googlenet.paper": "googlenet/no_aux",
    "googlenet.paper.aux": "googlenet",
    "inception_v3": "inception_v3/no_aux",
    "inception_v3.aux": "inception_v3",
    "inception_v4": "inception_v4",
    "lenet5.1998": "lenet5/1998",
    "lenet5.book": "lenet5",
    "mobilenet_v1.timm": "mobilenet_v1",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_large": "mobilenet_v3/large",
    "mobilenet_v3_small": "mobilenet_v3/small",
    **{f"resnet{depth}": f"resnet/resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    "resnet50.v1": "resnet/resnet50_v1",
    "resnext101_32x8d": "resnext/resnext101_32x8d",
    "resnext50_32x4d": "resnext/resnext50_32x4d",
    "senet154.legacy": "senet",
    "seresnet50.legacy": "seresnet/seresnet50",
    **{f"vgg{depth}": f"vgg/vgg{depth}" for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": f"vgg/vgg{depth}_bn" for depth in (11, 16, 19)},
    "xception.timm": "xception",
}

# a pool that torchvision computes with a function is no layer of the reference: those inside Inception-v3's modules
POOLS_IN_FUNCTIONS = ("inception_v3", "inception_v3.aux")

# spec -> the most lines it may have, comments and empty ones aside; specs that stand together count together
MOST_LINES = {
    "vgg": 25,
    "resnet": 40,
    "resnet resnext seresnet senet": 60,
    "googlenet": 45,
    "inception_v3": 90,
    "inception_v4": 110,
    "densenet": 30,
    "mobilenet_v1": 20,
    "mobilenet_v2": 30,
    "mobilenet_v3": 50,
    "efficientnet": 35,
    "xception": 40,
    "cspresnet50 cspdarknet53 darknet53": 60,
}

MEMBERS = [name for name in names() if compile_spec(name, Options()).graph is not None]


@pytest.mark.parametrize("reference", REFERENCES)
def test_equals_its_reference(reference: str) -> None:
    expected = json.loads(shared(f"oracle/{reference}.json").read_text())
    graph = archspec.load(REFERENCES[reference])
    cost = archspec.cost(graph)
    assert cost.trainable == expected["params"]
    assert cost.macs == expected["macs"]
    if "rbf" not in {node.operator.type for node in graph.nodes}:  # whose fixed codes the reference holds apart
        assert cost.other == expected["buffers_running_stats"]
    main = next(output for output in graph.outputs if not output.train_only)
    shape = expected["output_shape"]
    assert list(graph.shape_of(main.node)) == (shape[main.name] if isinstance(shape, dict) else shape)


def test_every_reference_has_its_spec() -> None:
    assert {path.stem for path in shared("oracle").glob("*.json")} == set(REFERENCES)


@pytest.mark.parametrize("reference", REFERENCES)
def test_layers_equal_those_of_the_reference(reference: str) -> None:
    """Layers with weights and pools one by one, in the order they run: shapes, parameters, MACs and attributes."""
    expected = json.loads(shared(f"oracle/{reference}.json").read_text())
    graph = archspec.load(REFERENCES[reference])
    inference = {node.name for node in graph.inference_nodes}
    ours = [_fingerprint(node) for node in graph.inference_nodes if _counts(node, reference)]
    assert ours == [_reference_fingerprint(layer) for layer in expected["layers"] if _reference_counts(layer)]
    heads = [_fingerprint(node) for node in graph.nodes if node.name not in inference and _counts(node, reference)]
    wanted = [layer for layer in expected.get("layers_aux_only", ()) if _reference_counts(layer)]
    assert [each for each in heads if each[0] != "AvgPool2d"] == [
        _reference_fingerprint(layer) for layer in wanted if layer["type"] != "AvgPool2d"
    ]


@pytest.mark.parametrize("reference", [name for name in REFERENCES if not name.endswith(".aux")])  # same without heads
def test_macs_at_other_inputs(reference: str) -> None:
    expected = json.loads(shared(f"oracle/{reference}.json").read_text())
    for size, macs in expected.get("macs_at_other_inputs", {}).items():
        assert archspec.cost(archspec.load(REFERENCES[reference], input=size)).macs == macs


def _counts(node: Node, reference: str) -> bool:
    if node.operator.type in ("max_pool", "avg_pool"):
        return "." not in node.name or reference not in POOLS_IN_FUNCTIONS
    partial = getattr(node.operator, "connections", None) is not None  # the reference has a layer for each map
    return node.operator.type in ("conv", "depthwise_conv", "dense", "batch_norm") and not partial


def _fingerprint(node: Node) -> tuple[Any, ...]:
    call = node.operator.lower(node.input_shapes, node.shape)
    own = sum(parameter.size for parameter in node.parameters() if parameter.kind == "trained")
    return (call.target.removeprefix("nn."), tuple(node.shape), own, node.macs(), *_attributes(call.arguments))


def _reference_counts(layer: dict[str, Any]) -> bool:
    kinds = ("Conv2d", "Linear", "MaxPool2d", "AvgPool2d", "BatchNorm2d", "BatchNormAct2d")
    is_global = layer["type"] == "AvgPool2d" and layer["out_shape"][1:] == [1, 1]  # in half of them a function
    return layer["type"] in kinds and not is_global and not layer["module"].startswith("C3.maps")


def _reference_fingerprint(layer: dict[str, Any]) -> tuple[Any, ...]:
    type = layer["type"].replace("NormAct", "Norm")  # timm's, with an activation inside
    return (type, tuple(layer["out_shape"]), layer["params"], layer["macs"], *_attributes(layer.get("attrs", {})))


def _attributes(values: Mapping[str, Any]) -> tuple[Any, ...]:
    window = tuple(_pair(values[name]) for name in ("kernel_size", "stride", "padding") if name in values)
    return (window, _pair(values.get("dilation", 1)), values.get("groups", 1), values.get("eps"))


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


@pytest.mark.parametrize("family", families())
def test_has_no_findings(family: str) -> None:
    assert check_family(family, Options()) == ()


@pytest.mark.parametrize("name", MEMBERS)
def test_resolves_to_a_spec_with_the_same_graph(name: str) -> None:
    graph = archspec.load(name)
    flat = archspec.loads(archspec.resolve(graph))
    assert _comparable(flat) == _comparable(graph)


def _comparable(graph: Graph) -> tuple[Any, ...]:
    outputs = [(output.node, output.train_only, output.loss, output.weight) for output in graph.outputs]
    return (graph.input, graph.nodes, outputs)


@pytest.mark.parametrize(
    ("name", "depth"),
    [("resnet18", 18), ("resnet152", 152), ("densenet121", 121), ("googlenet", 22), ("alexnet", 8), ("lenet5", 5)],
)
def test_depth_is_the_number_in_the_name(name: str, depth: int) -> None:
    assert weight_depth(archspec.load(name)) == depth


@pytest.mark.parametrize("specs", MOST_LINES)
def test_is_short_enough_to_be_read(specs: str) -> None:
    lines = [line.strip() for spec in specs.split() for line in families()[spec].read_text().splitlines()]
    assert sum(1 for line in lines if line and not line.startswith("#")) <= MOST_LINES[specs]
