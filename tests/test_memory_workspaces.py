"""What kernels hold on a CPU, against what torch allocates: kernel by kernel, and as the peak of whole networks."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import archspec
import compiler
from archspec.cli.main import main
from archspec.graph import Graph, Node
from archspec.loading import Options, compile_spec
from archspec.memory.forward import ForwardCourse
from archspec.memory.optimizer import Optimizer
from archspec.memory.training import StepCourse
from archspec.operators.workspace import Kernel, Processor, Run, Wanted
from archspec.training import Adam, AdamW, Precision
from compiler.measure import measure
from tests.test_against_torch import small
from tests.torch_step import TorchStep, one_thread

LANES = {"AVX512": 16, "AVX2": 8}
CAPABILITY = torch.backends.cpu.get_cpu_capability()
pytestmark = pytest.mark.skipif(
    CAPABILITY not in LANES, reason=f"what kernels do on a CPU with {CAPABILITY} is not known"
)
CPU = Processor(LANES.get(CAPABILITY, 16))


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for it, and none for whole tiles."""
    return torch.cpu._is_avx512_bf16_supported() and not torch.cpu._is_amx_tile_supported()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        for name in ("lenet5/1998", "resnet/resnet18"):  # what torch makes once, at the first step of a process
            TorchStep(small(name), 2).measured()
        yield


# --- kernels


def kernel_of(node: Node) -> Kernel:
    (function,) = [each for each in node.operator.functions(node.input_shapes, node.shape) if each.kernel is not None]
    assert function.kernel is not None
    return function.kernel


def measured(graph: Graph, batch: int, *, of_data: bool = True) -> tuple[int, int]:
    """The most bytes while one row computes its result, and its gradients."""
    module = compiler.build(graph).train()
    images = torch.randn(batch, *graph.input).requires_grad_(of_data)
    results: list[Tensor] = []
    forward = measure(lambda: results.append(module(images)))
    gradient = torch.randn_like(results[0])
    return forward.everything, measure(lambda: results[0].backward(gradient)).everything


def predicted(graph: Graph, batch: int, *, of_data: bool = True) -> tuple[int, int]:
    (node,) = graph.nodes
    kernel, run = kernel_of(node), Run(batch, 4, CPU)
    return kernel.forward(run), kernel.backward(run, Wanted(of_data, bool(node.parameters()), is_part=False))


KERNELS = {
    "a product of pixels on one thread": ("24x14x14", "{type: conv, maps: 40, kernel: 1}", 3),
    "of many images": ("20x9x9", "{type: conv, maps: 60, kernel: 1}", 16),
    "of every other pixel": ("32x16x16", "{type: conv, maps: 48, kernel: 1, stride: 2}", 2),
    "groups of pixels": ("24x9x9", "{type: conv, maps: 48, kernel: 1, groups: 4}", 3),
    "full blocks": ("32x14x14", "{type: conv, maps: 48, kernel: 3, padding: half, bias: false}", 2),
    "blocks that are filled up": ("30x13x15", "{type: conv, maps: 50, kernel: 3, padding: half}", 2),
    "few maps": ("3x32x32", "{type: conv, maps: 40, kernel: 5, padding: half}", 2),
    "some more": ("12x16x16", "{type: conv, maps: 32, kernel: 3, padding: half}", 2),
    "strides": ("64x28x28", "{type: conv, maps: 64, kernel: 3, stride: 2, padding: half}", 2),
    "holes": ("32x14x14", "{type: conv, maps: 20, kernel: 3, dilation: 2, padding: half}", 2),
    "a wide kernel": ("32x12x12", "{type: conv, maps: 20, kernel: 1x7, padding: half}", 2),
    "groups of full blocks": ("64x12x12", "{type: conv, maps: 128, kernel: 3, padding: half, groups: 2}", 2),
    "small groups": ("60x9x9", "{type: conv, maps: 60, kernel: 3, padding: half, groups: 3}", 2),
    "groups of no block": ("36x9x9", "{type: conv, maps: 36, kernel: 3, padding: half, groups: 6}", 2),
    "depthwise": ("40x14x14", "{type: depthwise_conv, kernel: 3, padding: half}", 2),
    "depthwise and strided": ("24x16x16", "{type: depthwise_conv, kernel: 3, stride: 2, padding: half}", 2),
    "depthwise and large": ("24x16x16", "{type: depthwise_conv, kernel: 5, padding: half}", 2),
    "two for each": ("24x9x9", "{type: depthwise_conv, kernel: 3, multiplier: 2}", 2),
    "a single small image": ("30x14x14", "{type: conv, maps: 50, kernel: 3, padding: half}", 1),
    "a single large image": ("32x28x28", "{type: conv, maps: 48, kernel: 3, padding: half}", 1),
    "a single image with large windows": ("4x9x9", "{type: conv, maps: 8, kernel: 5}", 1),
    "transposed": ("30x9x9", "{type: transposed_conv, maps: 50, kernel: 3, padding: 1}", 2),
    "transposed and small": ("5x6x6", "{type: transposed_conv, maps: 7, kernel: 3, stride: 2}", 1),
    "batch norm": ("24x9x9", "{type: batch_norm}", 3),
    "layer norm": ("6x5x4", "{type: layer_norm}", 3),
    "group norm": ("24x9x9", "{type: group_norm, groups: 4}", 3),
    "max pool": ("6x8x8", "{type: max_pool, kernel: 2}", 3),
    "mean pool": ("6x8x8", "{type: avg_pool, kernel: 2}", 3),
    "larger maps": ("6x5x4", "{type: upsample, scale: 2}", 3),
    "lines between pixels": ("6x5x4", "{type: upsample, scale: 2, mode: bilinear}", 3),
    "a mask": ("6x8x8", "{type: dropout}", 3),
    "larger, of one map": ("1x5x4", "{type: upsample, scale: 2}", 3),
}


@pytest.mark.parametrize("case", KERNELS)
def test_kernels(case: str) -> None:
    shape, row, batch = KERNELS[case]
    graph = archspec.loads(f"input: {shape}\nlayers: [{row}]")
    assert predicted(graph, batch) == measured(graph, batch)


def test_no_gradient_for_the_input() -> None:
    graph = archspec.loads("input: 3x32x32\nlayers: [{type: conv, maps: 40, kernel: 5, stride: 2, padding: half}]")
    assert predicted(graph, 2, of_data=False) == measured(graph, 2, of_data=False)


def convolutions(count: int, seed: int) -> Iterator[tuple[Graph, int]]:
    """Random ones, with their batches."""
    chosen = random.Random(seed)
    for _ in range(count):
        maps = [chosen.choice([1, 3, 8, 12, 16, 20, 24, 32, 50, 64]) for _ in range(2)]
        groups = chosen.choice([1, 1, 1, 2, 4]) if all(each % 4 == 0 for each in maps) else 1
        side, kernel = chosen.choice([7, 8, 14, 20]), chosen.choice([1, 3, 3, 5])
        row = {
            "type": "conv", "maps": maps[1], "kernel": kernel, "stride": chosen.choice([1, 1, 2]), "padding": "half",
            "groups": groups, "bias": chosen.random() < 0.5,
        }  # fmt: skip
        yield (
            archspec.loads(json.dumps({"input": f"{maps[0]}x{side}x{side}", "layers": [row]})),
            chosen.choice([1, 2, 16]),
        )


def test_random_convolutions() -> None:
    """Nearly all to the byte, and the others nearly."""
    exact = total = 0
    for graph, batch in convolutions(120, seed=3):
        for said, found in zip(predicted(graph, batch), measured(graph, batch), strict=True):
            total += 1
            exact += said == found
            assert abs(said - found) <= 0.05 * found, (graph.nodes[0].operator, batch, said, found)
    assert exact >= 0.95 * total


# --- networks


def agrees(course: StepCourse, step: TorchStep, within: float = 0.0) -> None:
    """The whole peak, and that kernels raise it."""
    base, found = step.measured()
    everything = base + found.everything
    assert abs(course.peak_with_workspaces(step.batch, CPU) - everything) <= within * everything
    assert course.peak(step.batch) == base + found.tensors


@pytest.mark.parametrize(
    "name",
    [
        "lenet5/1998", "resnet/resnet18", "mobilenet_v2", "densenet/densenet121", "xception", "efficientnet",
        "seresnet/seresnet50", "resnext/resnext50_32x4d",
    ],
)  # fmt: skip
def test_zoo(name: str) -> None:
    graph = small(name)
    agrees(StepCourse(graph), TorchStep(graph, 2), within=0.0005)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("googlenet", {"recomputed": ["i3a", "i4b", "i5b"]}),
        ("resnet/resnet18", {"recomputed": ["conv2.0", "conv3.1", "conv5.1"]}),
        ("resnet/resnet18", {"parts": 2}),
        ("mobilenet_v2", {"precision": "bf16"}),
        ("googlenet", {"precision": "bf16"}),
        ("resnet/resnet18", {"precision": "bf16", "recomputed": ["conv3.0"]}),
    ],
)
def test_other_steps(name: str, options: dict[str, Any]) -> None:
    if options.get("precision") == "bf16" and not multiplies_bfloat16():
        pytest.skip("how other CPUs compute in bfloat16 is not known")
    graph = small(name)
    agrees(StepCourse(graph, **options), TorchStep(graph, 2, **options), within=0.005)


def test_optimizer() -> None:
    graph = small("resnet/resnet18")
    step = TorchStep(graph, 2, partial(torch.optim.AdamW, lr=0.01, fused=True))
    agrees(StepCourse(graph, Optimizer(AdamW())), step)


SLICES = """
input: 3x12x12
layers:
  - {name: a, type: conv, maps: 32, kernel: 3, padding: half}
  - type: concat
    branches:
      - [{type: split, parts: 2, part: 0}, {type: conv, maps: 16, kernel: 3, padding: half}]
      - [{type: split, parts: 2, part: 1, from: a}, {type: max_pool, kernel: 3, stride: 1, padding: half}]
  - {type: dense, units: 5}
"""


@pytest.mark.parametrize("batch", [1, 4])
def test_parts_of_tensors_are_copied(batch: int) -> None:
    graph = archspec.loads(SLICES)
    agrees(StepCourse(graph), TorchStep(graph, batch))


@pytest.mark.skipif(not multiplies_bfloat16(), reason="how other CPUs compute in bfloat16 is not known")
def test_copies_that_only_a_kernel_sees() -> None:
    """Autocast's copy of a frozen weight is gone with the product."""
    graph = archspec.loads(
        "input: 3x8x8\nlayers: [{name: c, type: conv, maps: 8, kernel: 3}, {name: d, type: dense, units: 400}, "
        "{name: e, type: dense, units: 500, bias: false}, {type: dense, units: 5}]"
    )
    step = TorchStep(graph, 2, frozen=["c", "d", "e"], precision="bf16")
    agrees(StepCourse(graph, frozen=["c", "d", "e"], precision="bf16"), step)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", ["googlenet", "resnet/resnet18", "mobilenet_v2", "xception"])
def test_inference(name: str, batch: int) -> None:
    graph = small(name)
    step = TorchStep(graph, batch)
    step.module.eval()
    with torch.no_grad():
        found = step.images.nbytes + measure(lambda: step.module(step.images)).everything
    assert abs(ForwardCourse(graph).peak_with_workspaces(batch, CPU) - found) <= 0.0005 * found


@pytest.mark.parametrize("options", [{}, {"parts": 2}])
def test_the_mask_of_what_needs_no_gradient(options: dict[str, Any]) -> None:
    rows = "{type: dropout}, {type: conv, maps: 2, kernel: 8, stride: 8}, {type: dense, units: 5}"
    graph = archspec.loads(f"input: 3x32x32\nlayers: [{rows}]")
    agrees(StepCourse(graph, **options), TorchStep(graph, 2, **options))


@pytest.mark.parametrize("recomputed", ["x.0", "x.1", "y"])
def test_masks_that_are_made_again(recomputed: str) -> None:
    graph = archspec.loads(
        "input: 3x16x16\nblocks:\n"
        "  b: {layers: [{name: c, type: conv, maps: 8, kernel: 3, padding: half}, {name: d, type: dropout}]}\n"
        "  m: {layers: [{name: d, type: dropout}, {name: c, type: conv, maps: 8, kernel: 3, padding: half}]}\n"
        "layers: [{name: x, type: b, repeat: 2}, {name: y, type: m}, {type: dense, units: 5}]"
    )
    agrees(StepCourse(graph, recomputed=[recomputed]), TorchStep(graph, 2, recomputed=[recomputed]))


def test_processors_differ() -> None:
    course = StepCourse(small("resnet/resnet18"))
    peaks = {course.peak_with_workspaces(2, Processor(*which)) for which in ((16, 1), (8, 1), (16, 2))}
    assert len(peaks) > 1
    assert min(peaks) >= course.peak(2)


# --- the command


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert main(["memory", *argv, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_command_says_it(capsys: pytest.CaptureFixture[str], precision: Precision) -> None:
    found = said(capsys, "resnet18", "--batch", "4", "--dtype", precision)
    graph = compile_spec("resnet18", Options()).graph
    assert graph is not None
    course = StepCourse(graph, Optimizer(Adam()), precision=precision)
    assert found["with_workspaces"] == course.peak_with_workspaces(4) > found["peak"]
    assert main(["memory", "resnet18", "--batch", "4"]) == 0
    assert "with kernels" in capsys.readouterr().out


def test_inference_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "resnet18", "--inference")
    assert found["with_workspaces"] > found["peak"]


@pytest.mark.parametrize("options", [("--device", "cuda"), ("--dtype", "fp16"), ("--inference", "--dtype", "fp16")])
def test_nothing_is_said_of_what_is_not_known(capsys: pytest.CaptureFixture[str], options: tuple[str, ...]) -> None:
    assert said(capsys, "resnet18", *options)["with_workspaces"] is None


def test_maps_innermost_are_not_followed(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "input: 1x8x8\nlayers: [{type: conv, maps: 8, kernel: 3}, {type: dense, units: 10}]\n"
        "train: {data: digits, epochs: 1, channels_last: true}\n"
    )
    assert said(capsys, str(spec))["with_workspaces"] is None


@pytest.mark.parametrize("options", [(), ("--inference",)])
def test_maps_that_a_row_leaves_innermost_are_not_followed(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, options: tuple[str, ...]
) -> None:
    spec = tmp_path / "net.yaml"
    for over, is_known in (("maps", False), ("all", True)):
        spec.write_text(
            f"input: 3x8x8\nlayers: [{{type: layer_norm, over: {over}}}, {{type: conv, maps: 8, kernel: 3}}]"
        )
        assert (said(capsys, str(spec), *options)["with_workspaces"] is not None) == is_known
