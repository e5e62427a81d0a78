"""`archspec bench`: what is measured, and what is said where nothing can be. Times themselves are not tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import archspec
from archspec.cli.main import main
from archspec.costs import training_macs, weight_depth
from archspec.diagnostic import SpecError
from archspec.graph import Graph
from archspec.memory import inference_memory, kept_for_backward
from archspec.report.bench import Spread
from compiler import bench as module
from compiler.bench import Settings, bench, device_of

TINY = """
input: 1x12x12
layers:
  - {name: C1, type: conv, maps: 4, kernel: 3, norm: batch, activation: relu}
  - {name: S2, type: max_pool, kernel: 2}
  - {name: aux, type: dense, units: 3}
  - {name: C3, type: conv, maps: 5, kernel: 3, from: S2, activation: relu}
  - {name: Out, type: dense, units: 3}
outputs: {main: Out, aux: {from: aux, train_only: true, weight: 0.3}}
"""
VECTORS = "input: 20\nlayers: [{type: dense, units: 30, activation: relu}, {type: dense, units: 2}]"


def measured(*texts: str, **settings: Any) -> dict[str, Any]:
    networks = {f"net{index}": (archspec.loads(text), None) for index, text in enumerate(texts)}
    return bench(networks, ["cpu"], Settings(**{"repeats": 2, **settings})).as_dict()


@pytest.mark.parametrize(
    "settings",
    [{}, {"batch": 3}, {"dtype": "float64", "channels_last": True}, {"dtype": "bfloat16"}, {"training": False}],
    ids=str,
)
def test_every_network_has_its_passes(settings: dict[str, Any]) -> None:
    found = measured(TINY, VECTORS, **settings)
    assert [each["name"] for each in found["networks"]] == ["net0", "net1"]
    assert found["devices"][0]["peak_flops"] > 0
    batch = settings.get("batch", 1)
    for network, text in zip(found["networks"], (TINY, VECTORS), strict=True):
        graph = archspec.loads(text)
        passes = network["times"]["cpu"]
        assert list(passes) == (["forward"] if settings.get("training") is False else ["forward", "step"])
        for each in passes.values():
            seconds = each["seconds"]
            assert 0 < seconds["least"] <= seconds["median"] <= seconds["most"]
            assert each["images_per_second"] == batch / seconds["median"]
            assert each["flops_per_second"] == each["flops"] / seconds["median"]
            assert each["share_of_peak"] == each["flops_per_second"] / found["devices"][0]["peak_flops"]
        assert passes["forward"]["flops"] == 2 * batch * archspec.cost(graph).macs
        assert network["parameters"] == archspec.cost(graph).trainable
        assert network["depth"] == weight_depth(graph)


def test_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    (network,) = measured(TINY, compile=True)["networks"]
    assert len(compiled) == 1
    assert network["times"]["cpu"]["forward"]["memory"] is None


def test_operations_of_a_step_are_those_that_torch_counts() -> None:
    graph = archspec.loads(TINY)
    network = graph.build()
    with FlopCounterMode(display=False) as counter:
        sum(each.sum() for each in network(torch.randn(3, *graph.input))).backward()
    assert counter.get_total_flops() == 2 * 3 * training_macs(graph)
    (found,) = measured(TINY, batch=3)["networks"]
    assert found["times"]["cpu"]["step"]["flops"] == counter.get_total_flops()


def test_frozen_weights_and_the_image_need_no_products_going_back() -> None:
    assert training_macs(archspec.loads("input: 5\nlayers: [{type: dense, units: 2}]")) == 2 * 10
    assert training_macs(archspec.loads("input: 5\nlayers: [{type: dense, units: 2}, {type: dense, units: 3}]")) == 38


def test_memory_is_that_of_the_tensors() -> None:
    graph = archspec.loads(TINY)
    (found,) = measured(TINY, batch=4)["networks"]
    weights = sum(each.numel() * each.element_size() for each in graph.build().state_dict().values())
    images = 4 * 4 * graph.input.elements
    forward, step = (found["times"]["cpu"][kind]["memory"] for kind in ("forward", "step"))
    stated = inference_memory(graph, batch=4).peak
    assert weights + stated <= forward <= weights + images + 2 * stated
    trained = 4 * archspec.cost(graph).trainable
    kept = sum(each.bytes for each in kept_for_backward(graph, batch=4))
    assert step >= weights + trained + kept, "weights, the optimizer's moments, and what is kept for the way back"


def test_memory_that_was_freed_is_not_counted() -> None:
    rows = "\n".join("  - {type: conv, maps: 8, kernel: 1, activation: tanh}" for _ in range(20))
    graph = archspec.loads(f"input: 8x50x50\nlayers:\n{rows}")
    (found,) = measured(f"input: 8x50x50\nlayers:\n{rows}")["networks"]
    one = 4 * graph.input.elements
    assert found["times"]["cpu"]["forward"]["memory"] < 5 * one
    assert found["times"]["cpu"]["step"]["memory"] > 20 * one


def test_rounds_are_interleaved_and_the_warm_up_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    turns: list[Any] = []
    original = module._Contender.take_turn

    def take_turn(self: Any, device: torch.device) -> None:
        turns.append(self)
        original(self, device)

    monkeypatch.setattr(module._Contender, "take_turn", take_turn)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    found = measured(TINY, VECTORS, repeats=4)
    assert len(turns) == 4 * 5
    assert len(set(map(id, turns[:5]))) == 5
    assert [id(each) for each in turns] == [id(each) for each in turns[:5]] * 4
    assert all(len(each.seconds) == 4 for each in turns)
    assert found["settings"]["repeats"] == 4


def test_spread() -> None:
    assert Spread.of([3.0, 1.0, 9.0, 2.0]) == Spread(2.5, 1.0, 9.0)


def test_training_mode_is_that_of_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[torch.nn.Module] = []
    modes: list[tuple[bool, bool]] = []
    original = module.build

    def build(graph: Graph, **options: Any) -> torch.nn.Module:
        built.append(original(graph, **options))
        built[0].register_forward_hook(lambda network, *_: modes.append((network.training, torch.is_grad_enabled())))
        return built[0]

    monkeypatch.setattr(module, "build", build)
    measured(TINY)
    assert set(modes) == {(False, False), (True, True)}


# --- what can't be measured


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cpu0", "mps"])
def test_devices_that_are_none(name: str) -> None:
    with pytest.raises(SpecError, match="there is no kind of device"):
        device_of(name)


def test_devices_that_are_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SpecError, match="torch finds no device 'cuda' here"):
        device_of("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_of("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(SpecError, match="no device cuda:2: torch finds 2"):
        device_of("cuda:2")


def test_a_batch_that_has_no_variance() -> None:
    text = "input: 1x3x3\nlayers: [{type: conv, maps: 2, kernel: 3, norm: batch}, {type: dense, units: 2}]"
    with pytest.raises(SpecError) as caught:
        measured(text)
    (found,) = caught.value.diagnostics
    assert found.code == "E808"
    assert "net0 can't be measured: in a batch of 1 a batch norm sees one value" in found.message
    assert found.help == "use a larger --batch"
    assert measured(text, batch=2)
    assert measured(text, training=False)


def test_too_little_memory() -> None:
    with pytest.raises(SpecError) as caught:
        measured("input: 1x4000x4000\nlayers: [{type: conv, maps: 900, kernel: 1}]", batch=10**6)
    (found,) = caught.value.diagnostics
    assert (found.code, found.help) == ("E808", "use a smaller --batch")


# --- the command


def test_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec = str(tmp_path / "tiny.yaml")
    assert main(["bench", spec, "lenet5", "--device", "cpu", "--repeats", "2", "--batch", "2"]) == 0
    choice, heading, times = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in choice.splitlines()[2:]] == [spec, "lenet5"]
    assert "61,706" in choice
    assert heading.startswith("cpu (")
    assert "batch 2, float32, median of 2; peak " in heading
    assert [line.split()[:2] for line in times.splitlines()[2:]] == [
        [spec, "forward"], [spec, "step"], ["lenet5", "forward"], ["lenet5", "step"],
    ]  # fmt: skip


def test_json_has_the_published_accuracy_of_what_was_published(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "mobilenet_v2", "--device", "cpu", "--repeats", "1", "--forward-only", "--json"]
    assert main(command) == 0
    (network,) = json.loads(capsys.readouterr().out)["networks"]
    assert network["top1"] == pytest.approx(72, abs=1)
    assert main([*command, "--input", "3x64x64"]) == 0
    (network,) = json.loads(capsys.readouterr().out)["networks"]
    assert network["top1"] is None
    assert network["input"] == "3x64x64"


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "lenet5", "--device", "tpu"]) == 1
    assert "E904" in capsys.readouterr().err
    assert main(["bench", "lenet6"]) == 1
    assert "lenet5" in capsys.readouterr().err
    for wrong in (["--batch", "0"], ["--dtype", "int8"], ["--repeats", "x"], []):
        with pytest.raises(SystemExit):
            main(["bench", *(["lenet5"] if wrong else []), *wrong])
