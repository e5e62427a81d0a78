"""Memory on a GPU, as far as torch tells it without one: its tensors may be imagined on any device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate, product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

import archspec
import compiler
from archspec.graph import Graph
from archspec.losses import Loss
from archspec.memory.autograd import Autograd
from archspec.memory.device import held_bytes, tensor_bytes
from archspec.memory.fit import largest_training_batch
from archspec.memory.forward import ForwardCourse
from archspec.memory.ledger import UNTRACKED, Ledger
from archspec.memory.optimizer import Optimizer
from archspec.memory.prepared import prepared
from archspec.memory.sizes import element_bytes
from archspec.memory.tape import Value
from archspec.memory.training import StepCourse
from archspec.operators.backward import Size
from archspec.operators.operator import Example, Gives, Operator
from archspec.training import MSE, SGD, AdamW, BinaryCrossEntropy, CrossEntropy, RBFLoss, RMSprop, SmoothL1
from compiler.train.losses import Criterion
from tests.test_against_torch import small
from tests.test_operators import CASES, Case, case_of
from tests.torch_step import TorchStep

UNLINKED = "not linked with support for cuda"


class Casts(TorchDispatchMode):
    """What is turned into another type, in bytes, and the masks that are made."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: list[int] = []
        self.masks: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default:
            self.bytes.append(made.nbytes)
        if func is torch.ops.aten.native_dropout.default:
            self.masks.append(made[1].nbytes)
        return made


@contextmanager
def cuda_autocast() -> Iterator[None]:
    """`torch.autocast("cuda", torch.bfloat16)`, which refuses where there is no GPU."""
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    torch.set_autocast_enabled("cuda", True)
    torch.autocast_increment_nesting()
    try:
        yield
    finally:
        torch.autocast_decrement_nesting()
        torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", False)


def imagined(built: Callable[..., Any]) -> None:
    """Put the weights of a module on a GPU that is not there."""
    for module in built.modules() if isinstance(built, nn.Module) else ():
        for tensors in (module._parameters, module._buffers):
            for name, each in tensors.items():
                if each is not None:
                    tensors[name] = torch.empty(each.shape, dtype=each.dtype, device="cuda")  # pyright: ignore


def seen(case: Case, batch: int, lowered: tuple[bool, ...]) -> tuple[torch.dtype, list[int], list[int]]:
    """The type of an operator's output on a GPU, and the bytes of casts and masks."""
    built, casts = case.build(), Casts()
    shapes = [each.shape for each in case.tensors(batch)]
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        imagined(built)
        types = [torch.bfloat16 if each else torch.float32 for each in lowered]
        inputs = [torch.empty(shape, dtype=each, device="cuda") for shape, each in zip(shapes, types, strict=True)]
        with cuda_autocast(), casts:
            made: Tensor = built(*inputs)
    return made.dtype, casts.bytes, casts.masks


def said(case: Case, batch: int, lowered: tuple[bool, ...]) -> tuple[torch.dtype, list[int], list[int]]:
    """The same as archspec has it."""
    ledger = Ledger()
    autograd = Autograd(ledger, single=batch == 1, autocast=True)
    weights = {
        each.name: Value(UNTRACKED, Size(each.size, "weight", per_batch=True))
        for each in case.operator.parameters(case.inputs)
        if each.kind in ("trained", "frozen")
    }
    inputs: list[Value] = []
    for index, (shape, is_lowered) in enumerate(zip(case.inputs, lowered, strict=True)):
        size = Size(shape.elements, "lowered" if is_lowered else "activation")
        # what is dropped has a mask where there are gradients
        record = autograd.weight(f"input {index}", size).record
        inputs.append(Value(ledger.allocate(f"input {index}", size), size, record))
    functions = prepared(case.operator.on_cuda(case.operator.functions(case.inputs, case.output)))
    made = autograd.run("operator", functions, inputs, weights, Size(case.output.elements))

    def sizes(what: str) -> list[int]:
        found = [size for name, size in zip(ledger.names, ledger.sizes, strict=True) if what in name]
        return tensor_bytes(found, batch, element_bytes("float32"), "cpu")

    masks = sizes("mask") if case.operator.type == "dropout" else []
    return torch.bfloat16 if made.is_lowered else torch.float32, sizes(": cast of "), masks


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_types_on_a_gpu(operator: type[Operator], example: Example) -> None:
    """What autocast turns into which type, and what dropout keeps."""
    case, batch = case_of(operator, example), 3
    for lowered in product([False, True], repeat=len(case.inputs)):
        try:
            expected = seen(case, batch, lowered)
        except RuntimeError as error:
            if UNLINKED not in str(error):
                raise
            pytest.skip("torch asks a GPU")
        assert said(case, batch, lowered) == expected, lowered


@pytest.mark.filterwarnings("ignore:User provided device_type of 'cuda'")
@pytest.mark.parametrize(
    ("loss", "gives"),
    [
        (CrossEntropy(), "scores"),
        (CrossEntropy(label_smoothing=0.1), "probabilities"),
        (BinaryCrossEntropy(), "scores"),
        (BinaryCrossEntropy(), "chances"),
        (MSE(), "scores"),
        (SmoothL1(), "scores"),
        (RBFLoss(), "distances"),
    ],
)
def test_losses_are_in_float32(loss: Loss, gives: Gives) -> None:
    """Autocast on a GPU refuses the cross entropy of chances."""
    with FakeTensorMode(), torch.no_grad(), cuda_autocast():
        output = torch.empty(3, 5, dtype=torch.bfloat16, device="cuda")
        found = Criterion("output", loss, 1.0, gives, False)(output, torch.empty(3, 5, device="cuda"))
    assert found.dtype == torch.float32


def rounded(count: int) -> int:
    return math.ceil(count / 512) * 512


@pytest.mark.parametrize(
    "name", ["lenet5", "fashion_cnn", "googlenet/no_aux", "resnet/resnet18", "densenet/densenet121"]
)
def test_every_tensor_is_rounded_up(name: str) -> None:
    """A step that was measured on a CPU, with 512 bytes for each begun 512 of every tensor."""
    graph = without_dropout(small(name))
    step = TorchStep(graph, 3)
    _, measured = step.measured()
    # numbers of 8 bytes stay in main memory: a GPU is given them with the call
    changes = [0 if abs(each.bytes) == 8 else rounded(abs(each.bytes)) * (1 if each.bytes > 0 else -1)
               for each in measured.allocations]  # fmt: skip
    course = StepCourse(graph, device="cuda")
    held = [*step.module.parameters(), *step.module.buffers()]
    resident = sum(rounded(each.nbytes) for each in held)
    given = sum(rounded(each.nbytes) for each in (step.images, *step.targets.values()))
    assert course.memory(3).resident == resident == held_bytes(graph, "float32", "cuda")
    assert course.peak(3) == resident + given + max(accumulate(changes))


def without_dropout(graph: Graph) -> Graph:
    """The graph with dropout that does nothing: on a CPU its masks are numbers, and they are bytes on a GPU."""
    rows = [
        replace(row, nodes=tuple(
            replace(node, operator=node.operator.model_copy(update={"rate": 0.0})) if node.operator.type == "dropout"
            else node for node in row.nodes
        ))
        for row in graph.rows
    ]  # fmt: skip
    return graph.with_rows(rows)


def test_what_optimizers_keep() -> None:
    graph = small("lenet5")
    sizes = [each.nbytes for each in compiler.build(graph).parameters()]
    moments = sum(map(rounded, sizes))
    for optimizer, states, counts in (
        (Optimizer(SGD()), 1, 0),
        (Optimizer(AdamW()), 2, len(sizes)),
        (Optimizer(AdamW(), "foreach"), 2, 0),  # whose counts stay in main memory
        (Optimizer(RMSprop(momentum=0.9)), 2, 0),
    ):
        memory = StepCourse(graph, optimizer, device="cuda").memory(2)
        assert (memory.optimizer, memory.gradients) == (states * moments + 512 * counts, moments)


def test_a_dropout_mask_is_a_byte() -> None:
    graph = archspec.loads(
        "input: 2048\nlayers: [{type: dense, units: 4096}, {type: dropout}, {type: dense, units: 2}]"
    )
    kept = {device: StepCourse(graph, device=device).kept_by_node(16)["dropout1"] for device in ("cpu", "cuda")}
    # torch adds the result, which the next row reads
    assert kept["cpu"] - kept["cuda"] == 3 * 16 * 4096


def test_the_largest_batch() -> None:
    graph = small("resnet/resnet18")
    course = StepCourse(graph, Optimizer(SGD()), device="cuda")
    batch = largest_training_batch(course, 200_000_000)
    assert course.peak(batch) <= 200_000_000 < course.peak(batch + 1)
    assert ForwardCourse(graph, device="cuda").peak(2) % 512 == 0
