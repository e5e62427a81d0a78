"""Networks in files of other programs: read back, run, and compared with torch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archspec
from archspec.graph import Graph
from archspec.operators.operator import Example, Operator
from compiler.export import export
from compiler.failure import WeightsError
from compiler.module import build
from tests.public_models import randomised
from tests.test_emit import EXAMPLES, graph_of

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def _network(graph: Graph) -> nn.Module:
    return randomised(build(graph))


def _run_onnx(path: Path, image: Tensor) -> list[Tensor]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(each) for each in session.run(None, {"in": image.numpy()})]


def _run_pt2(path: Path, image: Tensor) -> list[Tensor]:
    found = torch.export.load(path).module()(image)
    return list(found) if isinstance(found, tuple) else [found]


HEADS = """
name: Two heads
input: 3x8x8
layers:
  - {name: body, type: conv, maps: 4, kernel: 3, norm: batch}
  - {name: fc, type: dense, units: 5}
  - {name: aux, type: dense, units: 5, from: body}
outputs: {fc: {}, aux: {train_only: true}}
"""
RUN = {".onnx": _run_onnx, ".pt2": _run_pt2}


def _close(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() <= 1e-5 * expected.abs().max().clamp(min=1e-30))


@pytest.mark.parametrize("suffix", RUN)
@pytest.mark.parametrize("spec", ["lenet5/1998", "resnet/resnet18"])
def test_networks_run_elsewhere_with_any_batch(tmp_path: Path, spec: str, suffix: str) -> None:
    graph = (
        archspec.load(spec)
        if "lenet" in spec
        else archspec.load(spec, input="3x32x32", settings=["depths=[1, 1, 1, 1]"])
    )
    module = _network(graph)
    assert export(module, graph, tmp_path / f"n{suffix}") < 1e-5
    for batch in (1, 5):
        image = torch.randn(batch, *graph.input)
        (found,) = RUN[suffix](tmp_path / f"n{suffix}", image)
        assert _close(found, module(image).detach())


def test_the_dimension_of_any_size_has_a_name(tmp_path: Path) -> None:
    graph = archspec.load("lenet5")
    export(_network(graph), graph, tmp_path / "n.onnx")
    found = onnx.load(tmp_path / "n.onnx").graph
    assert [value.type.tensor_type.shape.dim[0].dim_param for value in (*found.input, *found.output)] == ["batch"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(("operator", "example"), EXAMPLES)
def test_every_operator_has_a_counterpart_in_onnx(tmp_path: Path, operator: type[Operator], example: Example) -> None:
    graph = graph_of(operator, example)
    if is_refused(graph):
        pytest.skip("onnxruntime takes no padding as large as a pool's kernel")
    export(_network(graph), graph, tmp_path / "n.onnx")  # which runs it and compares


def is_refused(graph: Graph) -> bool:
    """Whether a mean pool pads by its kernel's size or more."""
    pools = [node for node in graph.nodes if node.operator.type == "avg_pool"]
    calls = [node.operator.lower(node.input_shapes, node.shape).arguments for node in pools]
    return any(max(call["padding"]) >= max(call["kernel_size"]) for call in calls)  # type: ignore[arg-type, operator]


def test_what_onnxruntime_refuses_is_not_written(tmp_path: Path) -> None:
    graph = archspec.loads("input: 4x5x6\nlayers:\n  - {name: P, type: avg_pool, kernel: 2, stride: 1, padding: 3}\n")
    assert is_refused(graph)
    with pytest.raises(WeightsError) as raised:
        export(build(graph), graph, tmp_path / "n.onnx")
    assert "onnxruntime can't run" in raised.value.diagnostics[0].message
    assert not list(tmp_path.iterdir())


def test_names_are_those_of_the_spec_and_heads_for_training_stay_out(tmp_path: Path) -> None:
    graph = archspec.loads(HEADS)
    module = _network(graph).train()
    export(module, graph, tmp_path / "g.onnx")
    assert module.training
    model = onnx.load(tmp_path / "g.onnx")
    assert [each.name for each in model.graph.input] == ["in"]
    assert [each.name for each in model.graph.output] == ["fc"]
    assert {entry.key: entry.value for entry in model.metadata_props}["spec"] == "Two heads"
    assert not any("aux" in each.name for each in model.graph.initializer)
    export(module, graph, tmp_path / "g.pt2")
    assert not any("aux" in name for name in torch.export.load(tmp_path / "g.pt2").state_dict)


def test_several_outputs_keep_their_order_and_names(tmp_path: Path) -> None:
    graph = archspec.loads(
        "input: 3x8x8\nlayers:\n  - {name: body, type: conv, maps: 4, kernel: 3}\n"
        "  - {name: boxes, type: conv, maps: 2, kernel: 1, from: body}\n"
        "  - {name: scores, type: dense, units: 3, from: body}\noutputs: {scores: {}, boxes: {}}\n"
    )
    module, image = _network(graph), torch.randn(3, 3, 8, 8)
    for suffix, run in RUN.items():
        export(module, graph, tmp_path / f"n{suffix}")
        for found, expected in zip(run(tmp_path / f"n{suffix}", image), module(image), strict=True):
            assert _close(found, expected.detach())
    assert [each.name for each in onnx.load(tmp_path / "n.onnx").graph.output] == ["scores", "boxes"]


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    graph = archspec.load("lenet5")
    module = build(graph)
    for name, code in (("n.tflite", "E807"), ("none/n.onnx", "E806")):
        with pytest.raises(WeightsError) as raised:
            export(module, graph, tmp_path / name)
        assert [each.code for each in raised.value.diagnostics] == [code]
    (tmp_path / "n.pt2").write_text("precious")
    with pytest.raises(WeightsError):
        export(module, graph, tmp_path / "n.pt2")
    assert (tmp_path / "n.pt2").read_text() == "precious"
    assert [each.name for each in tmp_path.iterdir()] == ["n.pt2"]


def test_a_file_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    class Unsteady(nn.Module):
        """Gives something else in every batch size but the one it is exported with."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))
            self.calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * self.weight * self.calls

    graph = archspec.loads("input: 2x2x2\nlayers:\n  - {name: R, type: relu}\n")
    with pytest.raises(WeightsError) as raised:
        export(Unsteady(), graph, tmp_path / "n.pt2")
    assert "something else" in raised.value.diagnostics[0].message
    assert not list(tmp_path.iterdir())
