"""Mixed precision against torch: what autograd keeps under autocast, and every rise of a step's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import product

import pytest
import torch
from hypothesis import given, note, settings
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

import archspec
import compiler
from archspec.memory import Dtype, kept_for_backward
from archspec.memory.autograd import Autograd
from archspec.memory.ledger import UNTRACKED, Ledger
from archspec.memory.optimizer import Optimizer
from archspec.memory.prepared import prepared
from archspec.memory.sizes import element_bytes, size_bytes
from archspec.memory.tape import NUMBER, Value
from archspec.memory.training import StepCourse
from archspec.operators.backward import Size
from archspec.operators.operator import Example, Operator
from archspec.training import AdamW, Precision
from compiler.measure import held_bytes, saved_bytes
from tests.test_against_torch import small
from tests.test_memory_step import CALM, MIXED, RECOMPUTED, agree, follows, learns
from tests.test_operators import CASES, Case, case_of
from tests.test_random_specs import specs
from tests.torch_step import TorchStep, one_thread


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        for name in ("lenet5/1998", "resnet/resnet18"):  # what torch makes once, at the first step of a process
            TorchStep(small(name), 2, precision="bf16").measured()
        yield


# --- what one operator keeps


def stated(case: Case, batch: int, lowered: Sequence[bool], needs: Sequence[bool]) -> int:
    """Bytes that archspec says an operator saves, of inputs some of which are in autocast's type."""
    ledger = Ledger()
    autograd = Autograd(ledger, single=batch == 1, autocast=True)
    weights = {
        each.name: autograd.weight(each.name, size) if each.kind == "trained" else Value(UNTRACKED, size)
        for each in case.operator.parameters(case.inputs)
        for size in [Size(each.size, "weight", per_batch=True)]
        if each.kind in ("trained", "frozen")
    }
    inputs: list[Value] = []
    for index, (shape, is_lowered, need) in enumerate(zip(case.inputs, lowered, needs, strict=True)):
        size = Size(shape.elements, "lowered" if is_lowered else "activation")
        given = autograd.weight(f"input {index}", size) if need else Value(UNTRACKED, size)
        inputs.append(Value(ledger.allocate(f"input {index}", size), size, given.record))
    functions = prepared(case.operator.functions(case.inputs, case.output))
    autograd.run("operator", functions, inputs, weights, Size(case.output.elements))
    saved = {storage for record in autograd.records for storage in record.saved}
    sizes = [ledger.sizes[storage] for storage in saved]
    return sum(size_bytes(size, batch, element_bytes("float32")) for size in sizes if size != NUMBER)


def measured(built: Callable[..., Tensor], inputs: Sequence[Tensor]) -> int:
    """Bytes that torch saves."""
    saved: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autocast("cpu", torch.bfloat16), saved_tensors_hooks(pack, lambda tensor: tensor):
        output = built(*inputs)
    own = [*built.parameters(), *built.buffers()] if isinstance(built, nn.Module) else []
    return held_bytes([*saved, output], without=own) - held_bytes([output], without=[*own, *saved])


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_operators_keep(operator: type[Operator], example: Example) -> None:
    case, batch = case_of(operator, example), 3
    built, count = case.build(), len(case.inputs)
    for lowered, needs in product(product([False, True], repeat=count), product([False, True], repeat=count)):
        given = zip(case.tensors(batch), lowered, strict=True)
        tensors = [tensor.bfloat16() if is_lowered else tensor for tensor, is_lowered in given]
        inputs = [tensor.requires_grad_(need) for tensor, need in zip(tensors, needs, strict=True)]
        assert measured(built, inputs) == stated(case, batch, lowered, needs), (lowered, needs)


# --- steps


@pytest.mark.parametrize(
    "name",
    [
        "lenet5/1998",
        "googlenet",
        "resnet/resnet18",
        "efficientnet",
        "mobilenet_v3/large",
        "densenet/densenet121",
    ],
)
def test_zoo(name: str) -> None:
    graph = small(name)
    agree(StepCourse(graph, precision="bf16"), TorchStep(graph, 2, precision="bf16"))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_other_batches(batch: int, precision: Precision) -> None:
    for graph in (small("lenet5"), small("fashion_cnn"), archspec.loads(MIXED)):
        agree(StepCourse(graph, precision=precision), TorchStep(graph, batch, precision=precision))


def test_optimizer() -> None:
    graph = archspec.loads(MIXED)
    step = TorchStep(graph, 2, partial(torch.optim.AdamW, lr=0.01, fused=True), precision="bf16")
    agree(StepCourse(graph, Optimizer(AdamW()), precision="bf16"), step)


def test_accumulation() -> None:
    graph = small("fashion_cnn")
    base, step = TorchStep(graph, 2, parts=3, precision="bf16").measured()
    assert StepCourse(graph, parts=3, precision="bf16").peak(2) == base + step.tensors


def test_frozen_rows() -> None:
    """A frozen weight gets a copy at every use."""
    graph = small("resnet/resnet18")
    frozen = [node.name for node in graph.nodes if node.parameters()][:9]
    for rows in (frozen, frozen[4:]):
        step = TorchStep(graph, 2, frozen=rows, precision="bf16")
        agree(StepCourse(graph, frozen=rows, precision="bf16"), step)


SHARED = """
input: 3x8x8
layers:
  - {name: a, type: conv, maps: 3, kernel: 3, padding: same, activation: relu}
  - {type: conv, maps: 3, kernel: 3, padding: same, share: a, activation: sigmoid}
  - {type: local_response_norm}
  - {type: conv, maps: 3, kernel: 3, padding: same, share: a}
  - {type: dense, units: 4}
"""


@pytest.mark.parametrize("frozen", [[], ["a", "conv2", "conv3"]])
def test_a_weight_has_one_copy(frozen: list[str]) -> None:
    graph = archspec.loads(SHARED)
    names = [node.name for node in graph.nodes if node.name == "a" or node.shares == "a"] if frozen else []
    agree(StepCourse(graph, frozen=names, precision="bf16"), TorchStep(graph, 2, frozen=names[:1], precision="bf16"))


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("resnet/resnet18", ["conv2.0", "conv3.1", "conv4.0", "conv5.1"]),
        ("googlenet/no_aux", ["i3a", "i4b", "i5b"]),
    ],
)
def test_recomputed_blocks(name: str, blocks: list[str]) -> None:
    graph = small(name)
    step = TorchStep(graph, 2, recomputed=blocks, precision="bf16")
    agree(StepCourse(graph, recomputed=blocks, precision="bf16"), step)


def test_recomputed_dropout() -> None:
    graph = archspec.loads(RECOMPUTED)
    step = TorchStep(graph, 3, recomputed=["a", "b"], precision="bf16")
    agree(StepCourse(graph, recomputed=["a", "b"], precision="bf16"), step)


@settings(max_examples=30, derandomize=True, **CALM)
@given(specs())
def test_random_specs(text: str) -> None:
    note(text)
    graph = archspec.loads(text)
    if follows(graph) and learns(graph):
        agree(StepCourse(graph, precision="bf16"), TorchStep(graph, 2, precision="bf16"))


# --- whole networks in another type


@pytest.mark.parametrize(("dtype", "name"), [(torch.bfloat16, "bfloat16"), (torch.float64, "float64")])
@pytest.mark.parametrize("spec", ["lenet5/1998", "fashion_cnn", "mobilenet_v3/large"])
def test_kept_in_a_network_of_one_type(spec: str, dtype: torch.dtype, name: Dtype) -> None:
    """Without autocast everything has that type, statistics of norms too."""
    graph = small(spec)
    module = compiler.build(graph, dtype=dtype).train()
    images = torch.rand(2, *graph.input, dtype=dtype)
    assert saved_bytes(module, images) == sum(each.bytes for each in kept_for_backward(graph, batch=2, dtype=name))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("operator", "example"), CASES)
def test_types_of_16_bits(operator: type[Operator], example: Example, dtype: torch.dtype) -> None:
    """What torch's CPU runs in them."""
    case = case_of(operator, example)
    built = case.build()
    if isinstance(built, nn.Module):
        built = built.to(dtype).eval()
    runs = nullcontext() if operator.halves_on_cpu else pytest.raises(NotImplementedError, match="not implemented for")
    with torch.no_grad(), runs:
        built(*(each.to(dtype) for each in case.tensors(2)))
