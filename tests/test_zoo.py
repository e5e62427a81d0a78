"""Every spec of the zoo: against published reference numbers, and against itself."""

from __future__ import annotations

import json
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
    "alexnet.book": "alexnet",
    "densenet121": "densenet/densenet121",
    "densenet169": "densenet/densenet169",
    "densenet201": "densenet/densenet201",
    **{f"efficientnet_b{size}.timm": f"efficientnet/b{size}" for size in range(8)},
    "geron_fmnist_cnn": "fashion_cnn",
    "googlenet.paper": "googlenet/no_aux",
    "googlenet.paper.aux": "googlenet",
    "lenet5.1998": "lenet5/1998",
    "lenet5.book": "lenet5",
    **{f"resnet{depth}": f"resnet/resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    "resnet50.v1": "resnet/resnet50_v1",
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
    assert list(graph.shape_of(main.node)) == expected["output_shape"]


@pytest.mark.parametrize("reference", REFERENCES)
def test_layers_equal_those_of_the_reference(reference: str) -> None:
    """Convolutions, dense layers and pools one by one: shapes, parameters, MACs and attributes."""
    expected = json.loads(shared(f"oracle/{reference}.json").read_text())
    graph = archspec.load(REFERENCES[reference])
    ours = sorted(_fingerprint(node) for node in graph.inference_nodes if _counts(node))
    theirs = sorted(_reference_fingerprint(layer) for layer in expected["layers"] if _reference_counts(layer))
    assert ours == theirs


def _counts(node: Node) -> bool:
    partial = getattr(node.operator, "connections", None) is not None  # the reference has a layer for each map
    return node.operator.type in ("conv", "depthwise_conv", "dense", "max_pool", "avg_pool") and not partial


def _fingerprint(node: Node) -> tuple[Any, ...]:
    call = node.operator.lower(node.input_shapes, node.shape)
    own = sum(parameter.size for parameter in node.parameters())
    window: tuple[Any, ...] = ()
    if "kernel_size" in call.arguments:
        window = tuple(_pair(call.arguments[name]) for name in ("kernel_size", "stride", "padding"))
    groups = call.arguments.get("groups", 1)
    return (call.target.removeprefix("nn."), tuple(node.shape), own, node.macs(), window, groups)


def _reference_counts(layer: dict[str, Any]) -> bool:
    kinds = ("Conv2d", "Linear", "MaxPool2d", "AvgPool2d")
    return layer["type"] in kinds and not layer["module"].startswith("C3.maps")


def _reference_fingerprint(layer: dict[str, Any]) -> tuple[Any, ...]:
    attributes = layer.get("attrs", {})
    window: tuple[Any, ...] = ()
    if "kernel_size" in attributes:
        window = tuple(_pair(attributes[name]) for name in ("kernel_size", "stride", "padding"))
    groups = attributes.get("groups", 1)
    return (layer["type"], tuple(layer["out_shape"]), layer["params"], layer["macs"], window, groups)


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


def test_resnet_fits_on_a_page() -> None:
    lines = families()["resnet"].read_text().splitlines()
    assert sum(1 for line in lines if line.strip() and not line.strip().startswith("#")) <= 40
