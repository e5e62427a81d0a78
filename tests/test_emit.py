"""The emitted source: that it is the network, and that a person would have been glad to write it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archspec
from archspec.graph import Graph
from archspec.operators import OPERATORS
from archspec.operators.operator import Example, Operator
from archspec.shape import Shape
from compiler import build, emit, emitted
from tests.emitted import agree, as_tuple, from_text, held_for_nothing
from tests.test_random_specs import CALM, specs
from tests.test_zoo import MEMBERS
from tests.torch_network import counted_macs

EXAMPLES = [
    pytest.param(operator, example, id=f"{operator.type}-{index}")
    for operator in OPERATORS
    for index, example in enumerate(operator.examples)
]


NAMES = [*MEMBERS, "googlenet", "inception_v3", "se_inception"]
LINES = {"resnet50": 120, "googlenet": 160, "lenet5": 50}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def graph_of(operator: type[Operator], example: Example) -> Graph:
    """A network of one operator; several inputs are made of one by convolutions of 1x1."""
    first = Shape.of(*example.inputs[0])
    rows: list[dict[str, object]] = []
    for index, shape in enumerate(example.inputs):
        if shape == example.inputs[0]:
            rows.append({"name": f"in{index}", "type": "identity", "from": "in"})
        elif len(shape) == 3 and shape[1:] == (1, 1):
            rows.append({"name": f"mean{index}", "type": "global_avg_pool", "from": "in"})
            rows.append({"name": f"in{index}", "type": "conv", "maps": shape[0], "kernel": 1})
        elif len(shape) == 3:
            rows.append({"name": f"in{index}", "type": "conv", "maps": shape[0], "kernel": 1, "from": "in"})
        else:
            rows.append({"name": f"in{index}", "type": "dense", "units": shape[0], "from": "in"})
    names = [f"in{index}" for index in range(len(example.inputs))]
    rows.append({"name": "row", "type": operator.type, "from": names, **example.attributes})
    spec = {"name": "one", "input": str(first) if first.is_maps else first.maps, "layers": rows}
    return archspec.loads(yaml.safe_dump(spec))


@pytest.mark.parametrize(("operator", "example"), EXAMPLES)
def test_operator(operator: type[Operator], example: Example) -> None:
    graph = graph_of(operator, example)
    agree(graph)
    agree_on_a_step(graph)
    agree_on_numbers(graph)


def agree_on_a_step(graph: Graph) -> None:
    """Forward and backward in float32 give finite numbers, and every trained weight that is used a gradient."""
    module = build(graph).train()
    image = torch.rand(2, *graph.input, requires_grad=True)
    results = as_tuple(module(image))
    assert [tuple(each.shape) for each in results] == [(2, *graph.shape_of(output.node)) for output in graph.outputs]
    sum(each.square().sum() for each in results).backward()  # pyright: ignore[reportAttributeAccessIssue]
    gradients = [weight.grad for weight in module.parameters() if weight.requires_grad]
    assert all(torch.isfinite(each).all() for each in (*results, *(each for each in gradients if each is not None)))


def agree_on_numbers(graph: Graph) -> None:
    """Weights and MACs are those that archspec states, torch counting."""
    module = build(graph, device="meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(torch.empty(2, *graph.input, device="meta"))
    cost = archspec.cost(graph)
    assert counter.get_total_flops() == 2 * 2 * counted_macs(graph)
    assert sum(each.numel() for each in module.parameters() if each.requires_grad) == cost.trainable
    paths = emitted(graph).paths
    stated = {
        f"{paths[node.name]}.{each.name}": each.shape
        for node in graph.nodes
        for each in node.operator.parameters(node.input_shapes)
    }
    assert {name: tuple(each.shape) for name, each in module.state_dict().items()} == stated


@pytest.mark.parametrize("name", NAMES)
def test_zoo(name: str) -> None:
    graph = archspec.load(name)
    agree_on_numbers(graph)
    source = emitted(graph)
    assert held_for_nothing(source.text) == []
    assert len(source.text.splitlines()) <= LINES.get(name, 450)
    assert "archspec" not in source.text.split("import", 1)[1]
    shapes: dict[str, tuple[int, ...]] = {}
    module = build(graph, device="meta")
    for node in graph.nodes:
        if node.name in source.paths and not node.shares:
            part = module.get_submodule(source.paths[node.name])
            part.register_forward_hook(lambda *given, name=node.name: shapes.update({name: tuple(given[-1].shape)}))
    results = as_tuple(module(torch.empty(2, *graph.input, device="meta")))
    assert [tuple(each.shape) for each in results] == [(2, *graph.shape_of(output.node)) for output in graph.outputs]
    assert shapes == {name: (2, *graph.shape_of(name)) for name in shapes}
    assert len(shapes) == sum(node.name in source.paths and not node.shares for node in graph.nodes)


@pytest.mark.parametrize("name", [name for name in NAMES if archspec.cost(archspec.load(name)).macs < 1e9])
def test_small_zoo_runs(name: str) -> None:
    graph = archspec.load(name)
    agree(graph)
    agree_on_a_step(graph)


def test_formatted(tmp_path: Path) -> None:
    """ruff leaves every emitted file as it is, and has nothing to say of it."""
    for name in NAMES:
        (tmp_path / f"{name.replace('/', '_')}.py").write_text(emit(archspec.load(name)))
    ruff("format", "--check", str(tmp_path))
    ruff("check", "--select", "E,F,I,W,B,C4,PIE,RET,SIM,UP", str(tmp_path))


def ruff(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments, "--isolated"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def check_random(text: str) -> None:
    graph = archspec.loads(text)
    agree(graph)
    agree_on_a_step(graph)
    assert held_for_nothing(emit(graph)) == []


@settings(max_examples=60, derandomize=True, **CALM)
@given(specs())
def test_random_graphs_of_every_run(text: str) -> None:
    check_random(text)


@settings(max_examples=40, **CALM)
@given(specs())
def test_random_graphs_of_this_run(text: str) -> None:
    check_random(text)


@pytest.mark.parametrize("name", ["lenet5", "lenet5/1998", "googlenet", "resnet/resnet18", "mobilenet_v3/small"])
def test_the_file_is_the_module(name: str) -> None:
    """One seed, and the file on its own gives the weights and the results of the module in memory."""
    graph = archspec.load(name)
    built = build(graph, seed=3).eval()
    torch.manual_seed(3)
    alone = from_text(emitted(graph)).eval()
    assert list(built.state_dict()) == list(alone.state_dict())
    assert all(map(torch.equal, built.state_dict().values(), alone.state_dict().values()))
    image = torch.rand(1, *graph.input)
    with torch.no_grad():
        assert torch.equal(built(image), alone(image))


def test_a_hostile_name_stays_text() -> None:
    name = 'x"""\nimport os # \u2028 {} %s \\'
    text = yaml.safe_dump({"name": name, "input": "1x4x4", "layers": [{"type": "conv", "maps": 1, "kernel": 3}]})
    graph = archspec.loads(text)
    source = emitted(graph)
    assert len([line for line in source.text.splitlines() if "import os" in line and line.startswith("#")]) == 1
    agree(graph)


@pytest.mark.parametrize("word", ["F", "nn", "torch", "self", "Tensor", "x", "y", "range", "zip", "super", "i"])
def test_names_that_the_file_uses_itself(word: str) -> None:
    """Rows, blocks, branches and parameters may have any name; the file means something else by these."""
    size = "n" if word == "i" else word  # `i` is the index in expressions
    text = f"""
name: {word}
input: 4x6x6
blocks:
  {word}:
    params: {{{size}: 2}}
    layers:
      - {{name: {word}, type: conv, maps: ={size}, kernel: 3, padding: half, repeat: 2, norm: batch}}
      - {{type: concat, branches: {{{word}: [{{type: relu}}], other: [{{name: {word}, type: relu}}]}}}}
layers:
  - {{name: {word}, type: {word}}}
  - {{name: {word}_norm, type: {word}, {size}: 3}}
  - {{name: last, type: conv, maps: 2, kernel: 1, norm: batch}}
  - {{name: last_norm, type: relu}}
"""
    agree(archspec.loads(text))


def test_modules_are_nn_modules() -> None:
    """What `nn` is while a module is built does not stay behind."""
    graph = archspec.load("lenet5")
    module = build(graph)
    assert type(module).__init__.__globals__["nn"] is nn
