"""Rows that share weights with other settings: modules of their own with the same values, wherever weights go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import archspec
from archspec.cli.main import main
from archspec.graph import Graph
from archspec.subgraph import for_inference
from compiler import build
from compiler.export import export
from compiler.fold import fold
from compiler.module import built_with
from compiler.port import port
from compiler.weights import blank_state, carried, paths_of, read_weights, save
from compiler.weights.files import Weights
from tests.public_models import randomised

TIED = """
name: tied
input: 1x8x8
layers:
  - {name: a, type: conv, maps: 4, kernel: 3, padding: half, norm: batch}
  - {name: c, type: conv, maps: 4, kernel: 3, padding: half}
  - {name: d, type: conv, maps: 4, kernel: 3, padding: half, dilation: 2, share: c}
  - {name: out, type: dense, units: 10}
train: {data: digits, preprocess: {resize: 8}, epochs: 1, batch: 256}
"""
HEADS = """
name: a head that owns
input: 1x8x8
layers:
  - {name: body, type: conv, maps: 4, kernel: 3, padding: half, norm: batch}
  - {name: early, type: conv, maps: 4, kernel: 3, padding: half, from: body}
  - {name: late, type: conv, maps: 4, kernel: 3, padding: half, from: body, share: early}
  - {name: wide, type: conv, maps: 4, kernel: 3, padding: half, dilation: 2, from: late, share: early}
outputs: {wide: {}, aux: {from: early, train_only: true}}
"""


def _written(folder: Path, text: str) -> Graph:
    (folder / "net.yaml").write_text(text)
    return archspec.load(folder / "net.yaml")


def _network(graph: Graph) -> nn.Module:
    return randomised(build(graph))


def _by_hand(state: dict[str, Tensor], image: Tensor) -> Tensor:
    """What TIED computes, from its first names alone."""
    norm = next(name.removesuffix("running_mean") for name in state if name.endswith("running_mean"))
    first = next(name.removesuffix("weight") for name in state if state[name].shape == (4, 1, 3, 3))
    image = torch.conv2d(image, state[f"{first}weight"], state[f"{first}bias"], padding=1)
    image = torch.nn.functional.batch_norm(
        image, state[f"{norm}running_mean"], state[f"{norm}running_var"], state[f"{norm}weight"],
        state[f"{norm}bias"],
    )  # fmt: skip
    image = torch.conv2d(image, state["c.weight"], state["c.bias"], padding=1)
    image = torch.conv2d(image, state["c.weight"], state["c.bias"], padding=2, dilation=2)
    return torch.nn.functional.linear(image.flatten(1), state["out.weight"], state["out.bias"])


def _close(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() <= 1e-5 * expected.abs().max())


def test_both_names_are_known_without_building(tmp_path: Path) -> None:
    graph = _written(tmp_path, TIED)
    assert {name: each.shape for name, each in blank_state(graph).items()} == {
        name: each.shape for name, each in build(graph, device="meta").state_dict().items()
    }


def test_a_tied_network_is_folded_and_exported(tmp_path: Path) -> None:
    graph = _written(tmp_path, TIED)
    module, image = _network(graph), torch.randn(2, 1, 8, 8)
    expected = _by_hand(module.state_dict(), image)
    folded = fold(graph).module(module)
    assert _close(folded(image), expected)
    export(folded, fold(graph).graph, tmp_path / "net.pt2")
    assert _close(torch.export.load(tmp_path / "net.pt2").module()(image), expected)


@pytest.mark.parametrize("write", [lambda graph: graph, for_inference])
def test_weights_move_where_a_head_owned_them(tmp_path: Path, write: Callable[[Graph], Graph]) -> None:
    graph = _written(tmp_path, HEADS)
    module, image = _network(graph), torch.randn(2, 1, 8, 8)
    target = write(graph)
    with torch.no_grad():
        expected = module(image)
        found = built_with(target, carried(module.state_dict(), paths_of(graph), target))(image)
    assert torch.equal(
        found if isinstance(found, Tensor) else found[0], expected if isinstance(expected, Tensor) else expected[0]
    )


def test_an_owner_that_inference_does_not_have_is_exported(tmp_path: Path) -> None:
    graph = _written(tmp_path, HEADS)
    assert export(_network(graph), graph, tmp_path / "net.pt2") == 0.0


def test_weights_of_another_source_go_to_both(tmp_path: Path) -> None:
    graph = _written(tmp_path, TIED)
    module, image = _network(graph), torch.randn(2, 1, 8, 8)
    once = {f"theirs.{name}": each for name, each in module.state_dict().items() if not name.startswith("d.")}
    ported = port(Weights("theirs", once, ordered=True), graph, paths_of(graph))
    assert not ported.fresh
    save(ported.tensors, tmp_path / "net.safetensors")
    assert _close(
        built_with(graph, read_weights(tmp_path / "net.safetensors").tensors)(image),
        _by_hand(module.state_dict(), image),
    )


def test_a_run_of_a_tied_network_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _written(tmp_path, TIED)
    assert main(["train", "net.yaml", "--quiet"]) == 0
    (run,) = Path("runs").iterdir()
    assert main(["compile", str(run), "-o", "net.pt2", "-o", "net.safetensors"]) == 0
    assert main(["weights", "check", "net.safetensors", "net.yaml"]) == 0
    image = torch.randn(2, 1, 8, 8)
    found = torch.export.load(tmp_path / "net.pt2").module()(image)
    assert _close(found, _by_hand(load_file("net.safetensors"), image))
