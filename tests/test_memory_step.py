"""The simulated step against torch: the peak, and every rise before it, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, note, settings

import archspec
import compiler
from archspec.graph import Graph
from archspec.memory.forward import ForwardCourse
from archspec.memory.optimizer import Loop, Optimizer
from archspec.memory.training import StepCourse
from archspec.training import SGD, Adam, AdamW, Precision, RMSprop
from compiler.measure import measure
from tests.test_against_torch import of_each_kind, small
from tests.test_random_specs import specs
from tests.torch_step import TorchStep, course_maxima, one_thread


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        for name in ("lenet5/1998", "resnet/resnet18"):  # what torch makes once, at the first step of a process
            TorchStep(small(name), 2).measured()
        yield


def agree(course: StepCourse, step: TorchStep) -> None:
    """The sum at every rise, from the first row to the optimizer, and the whole peak."""
    base, measured = step.measured()
    batch, moment = step.batch, step.images.nbytes + sum(each.nbytes for each in step.targets.values())
    resident = course.memory(batch).resident
    assert resident + moment == base
    rises = course_maxima(course, batch)
    assert [each - base for each in rises] == measured.maxima()
    assert course.peak(batch) == base + measured.tensors


@pytest.mark.parametrize("name", of_each_kind())
def test_zoo(name: str) -> None:
    graph = small(name)
    agree(StepCourse(graph), TorchStep(graph, 2))


@pytest.mark.parametrize("name", ["lenet5", "lenet5/1998", "alexnet/2012", "googlenet", "fashion_cnn"])
@pytest.mark.parametrize("batch", [1, 3])
def test_other_batches(name: str, batch: int) -> None:
    graph = small(name)
    agree(StepCourse(graph), TorchStep(graph, batch))


MIXED = """
input: 3x16x16
layers:
  - {type: conv, maps: 8, kernel: 3, padding: same, norm: batch, activation: relu}
  - type: add
    branches: [[], [{type: conv, maps: 8, kernel: 3, padding: same, activation: silu}]]
  - {type: max_pool, kernel: 2}
  - {type: dropout}
  - {type: dense, units: 40, activation: tanh}
  - {type: dense, units: 5}
"""
OPTIMIZERS = [
    (SGD(momentum=0.0), torch.optim.SGD, {}),
    (SGD(momentum=0.0, weight_decay=0.1), torch.optim.SGD, {"weight_decay": 0.1}),
    (SGD(), torch.optim.SGD, {"momentum": 0.9}),
    (SGD(weight_decay=0.1), torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    (SGD(nesterov=True), torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (SGD(nesterov=True, weight_decay=0.1), torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (Adam(), torch.optim.Adam, {}),
    (Adam(weight_decay=0.1), torch.optim.Adam, {"weight_decay": 0.1}),
    (AdamW(), torch.optim.AdamW, {}),
    (RMSprop(), torch.optim.RMSprop, {}),
    (RMSprop(momentum=0.9, weight_decay=0.1), torch.optim.RMSprop, {"momentum": 0.9, "weight_decay": 0.1}),
]
LOOPS: dict[Loop, dict[str, bool]] = {
    "for-loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}
}  # fmt: skip


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("keys", "kind", "options"), OPTIMIZERS)
def test_optimizers(keys: Any, kind: Any, options: dict[str, Any], loop: Loop) -> None:
    if loop == "fused" and kind is torch.optim.RMSprop:
        pytest.skip("torch has no such kernel")
    graph = archspec.loads(MIXED)
    for batch in (1, 2, 64):
        course = StepCourse(graph, Optimizer(keys, loop))
        step = TorchStep(graph, batch, partial(kind, lr=0.01, **options, **LOOPS[loop]))
        base, measured = step.measured()
        assert course.peak(batch) == base + measured.tensors


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("name", ["lenet5", "googlenet", "resnet/resnet18", "densenet/densenet121"])
def test_accumulation(name: str, parts: int) -> None:
    graph = small(name)
    base, measured = TorchStep(graph, 2, parts=parts).measured()
    assert StepCourse(graph, parts=parts).peak(2) == base + measured.tensors


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_frozen_rows(count: int) -> None:
    graph = small("googlenet")
    frozen = [node.name for node in graph.nodes if node.parameters()][: 3 * count]
    agree(StepCourse(graph, frozen=frozen), TorchStep(graph, 2, frozen=frozen))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("keys", ["", ", per_map: true"])
def test_frozen_slopes_have_a_gradient_for_nothing(keys: str, precision: Precision) -> None:
    graph = archspec.loads(
        "input: 3x8x8\nlayers: [{name: a, type: conv, maps: 4, kernel: 3}, "
        f"{{name: p, type: prelu{keys}}}, {{type: dense, units: 3}}]"
    )
    step = TorchStep(graph, 3, frozen=["p"], precision=precision)
    agree(StepCourse(graph, frozen=["p"], precision=precision), step)


@pytest.mark.parametrize("frozen", [["C3"], ["C1", "S2", "C3"]])
def test_frozen_connections(frozen: list[str]) -> None:
    """A partial convolution keeps its kernel for the gradient of its input, and for no other."""
    graph = small("lenet5/1998")
    agree(StepCourse(graph, frozen=frozen), TorchStep(graph, 2, frozen=frozen))


CALM: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.generate,),
}


def follows(graph: Graph) -> bool:
    """A norm over maps leaves them innermost in memory, which archspec does not follow."""
    return not any(
        node.operator.type == "layer_norm" and getattr(node.operator, "over", None) == "maps" and node.shape.area > 1
        for node in graph.nodes
    )


def learns(graph: Graph) -> bool:
    """Whether every output depends on a weight that is trained."""
    if archspec.cost(graph).trainable == 0:
        return False
    step = TorchStep(graph, 2)
    outputs = step.module(step.images)
    return all(each.requires_grad for each in (outputs if isinstance(outputs, tuple) else (outputs,)))


@settings(max_examples=60, derandomize=True, **CALM)
@given(specs())
def test_random_specs(text: str) -> None:
    note(text)
    graph = archspec.loads(text)
    if follows(graph) and learns(graph):
        agree(StepCourse(graph), TorchStep(graph, 2))


# --- blocks that are computed again


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("resnet/resnet18", ["conv2.0", "conv3.1", "conv4.0", "conv5.1"]),
        ("googlenet", ["i3a", "i4b", "aux1", "i5b"]),
        ("mobilenet_v3/large", ["unit.3", "unit.4", "unit.9"]),
        ("efficientnet", ["stage.1.unit.1", "stage.4.unit.0", "stage.5.unit.2"]),
        ("densenet/densenet121", ["stage.0.dense.1", "stage.1.transition", "stage.2.dense.5"]),
    ],
)
def test_recomputed_blocks(name: str, blocks: list[str]) -> None:
    graph = small(name)
    agree(StepCourse(graph, recomputed=blocks), TorchStep(graph, 2, recomputed=blocks))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("blocks", [["a"], ["a", "b"]])
def test_a_frozen_block_never_runs_again(blocks: list[str], precision: Precision) -> None:
    """While it runs, the state of the random numbers is kept for nothing."""
    graph = archspec.loads(RECOMPUTED)
    frozen = [node.name for node in graph.nodes if node.name.startswith("a.")]
    modules = [name for name in frozen if name in compiler.emitted(graph).paths]
    step = TorchStep(graph, 3, frozen=modules, recomputed=blocks, precision=precision)
    agree(StepCourse(graph, frozen=frozen, recomputed=blocks, precision=precision), step)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("bias", ["true", "false"])
def test_dense_rows(bias: str, precision: Precision) -> None:
    """Frozen where nothing before them learns, and with the weights of another."""
    dense = f"type: dense, units: 9, bias: {bias}"
    rows = f"{{name: a, {dense}}}, {{name: b, {dense}}}, {{type: relu}}, {{name: c, {dense}, share: b}}"
    graph = archspec.loads(f"input: 9\nlayers: [{rows}, {{name: d, {dense}, share: b}}]")
    step = TorchStep(graph, 3, frozen=["a"], precision=precision)
    agree(StepCourse(graph, frozen=["a"], precision=precision), step)


def test_gradients_of_recomputed_blocks_are_the_same_bits() -> None:
    graph = archspec.loads(RECOMPUTED)
    gradients: list[list[torch.Tensor]] = []
    for blocks in ([], ["a", "b"]):
        step = TorchStep(graph, 3, recomputed=blocks)
        step.images = torch.linspace(-1, 1, step.images.numel()).reshape(step.images.shape)
        torch.manual_seed(5)
        step.run()
        gradients.append([each.grad for each in step.module.parameters() if each.grad is not None])
    assert len(gradients[0]) == 10
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


RECOMPUTED = """
input: 2x9x9
blocks:
  unit:
    layers:
      - {type: conv, maps: 4, kernel: 3, padding: 1, norm: batch, activation: relu}
      - {type: dropout}
layers:
  - {name: a, type: unit}
  - {name: b, type: unit}
  - {type: dense, units: 3}
"""


ORDER = {
    "a vector that is flattened is the vector itself": (
        "{type: dense, units: 3, name: a}, {type: add, branches: [[{type: dropout, rate: 0}], [{type: flatten}],"
        " [{type: mish, activation: leaky_relu}]]}, {type: relu}"
    ),
    "slices of one tensor, concatenated": (
        "{type: conv, maps: 6, kernel: 3, name: a}, {type: slice, stop: 4, from: a, name: b}, {type: slice, start: 2,"
        " stop: 6, from: a, name: c}, {type: concat, from: [b, c, a]}, {type: group_norm, groups: 2}"
    ),
    "a trained distance": (
        "{type: conv, maps: 2, kernel: 3}, {type: rbf, units: 5}, {type: prelu}, {type: dense, units: 2}"
    ),
    "slopes for an input that has no gradient": (
        "{type: prelu, per_map: true}, {type: flatten}, {type: dense, units: 4}"
    ),
    "slopes of a vector": "{type: flatten}, {type: dense, units: 4}, {type: prelu, per_map: true}, {type: prelu}",
    "slopes of one number": "{type: dense, units: 1}, {type: prelu}, {type: tanh}, {type: dense, units: 2}",
    "a norm behind which a concat stands": (
        "{type: conv, maps: 4, kernel: 3}, {type: concat, branches: [[{type: group_norm, groups: 2}], [{type: tanh,"
        " norm: batch}]]}"
    ),
}


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("case", ORDER)
def test_order_and_owners(case: str, batch: int) -> None:
    graph = archspec.loads(f"input: 3x8x8\nlayers: [{ORDER[case]}]")
    agree(StepCourse(graph), TorchStep(graph, batch))


# --- inference


@pytest.mark.parametrize("name", ["lenet5/1998", "googlenet", "resnet/resnet18", "xception", "densenet/densenet121"])
@pytest.mark.parametrize("batch", [1, 3])
def test_compiled_module_in_inference(name: str, batch: int) -> None:
    """Callers hold what they give, and functions what they are given, until they return."""
    graph = small(name)
    step = TorchStep(graph, batch)
    step.module.eval()
    with torch.no_grad():
        measured = measure(lambda: step.module(step.images))
    assert ForwardCourse(graph).peak(batch) == step.images.nbytes + measured.tensors
