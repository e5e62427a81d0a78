"""The predicted step of a recipe against the trainer's own: every rise of memory, with each loss and each option."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import archspec
from archspec.graph import Graph
from archspec.losses import Kind
from archspec.memory.held import held_examples
from archspec.memory.objective import objectives_of
from archspec.memory.recipe import course_of
from compiler.data import prepare
from compiler.data.targets import Target
from compiler.measure import held_bytes, measure
from compiler.source import emitted
from compiler.train.learner import Learner
from compiler.train.losses import criteria_of
from compiler.train.processes import processes
from compiler.train.rows import Rows
from compiler.train.session import heads_of, network_of, open_session
from tests.test_against_torch import small
from tests.test_memory_step import course_maxima
from tests.torch_step import one_thread


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        for settings in ([], ["train.precision=bf16"], ["train.precision=fp16"]):  # what torch makes once, at first
            agree(archspec.loads(SPEC.format("a: {from: scores}"), settings=settings), {"label": "classes"}, 2)
        yield


SPEC = """
name: net
input: 3x8x8
layers:
  - {{name: stem, type: conv, maps: 4, kernel: 3, norm: batch, activation: relu}}
  - {{name: hidden, type: dense, units: 7, activation: tanh}}
  - {{name: scores, type: dense, units: 5}}
  - {{name: one, type: dense, units: 1, from: hidden}}
  - {{name: four, type: dense, units: 4, from: hidden}}
  - {{name: chances, type: sigmoid, from: scores}}
  - {{name: chance, type: sigmoid, from: one}}
  - {{name: probabilities, type: softmax, from: scores}}
  - {{name: codes, type: rbf, units: 6, from: hidden}}
outputs: {{{0}}}
train: {{data: {{type: arrays, path: nowhere}}}}
"""


def made(kind: Kind, units: int, batch: int, *, mixed: bool) -> tuple[Target, Tensor]:
    """A target as data have it, and those of a batch."""
    if kind != "classes":
        return Target(kind, tuple(map(str, range(units))) if kind == "flags" else (), units), torch.zeros(batch, units)
    target = Target(kind, tuple(map(str, range(max(units, 2)))))
    return target, target.shares(torch.zeros(batch, dtype=torch.int64)) if mixed else torch.zeros(batch).long()


def agree(graph: Graph, kinds: dict[str, Kind], batch: int, parts: int = 1) -> None:
    """What the trainer has before a step, and the sum at every rise of it."""
    keys = graph.train
    assert keys is not None
    mixed = keys.augment.mixup is not None
    units = {output.target: graph.shape_of(output.node).elements for output in graph.outputs}
    targets = {name: made(kind, units[name], batch, mixed=mixed) for name, kind in kinds.items()}
    images = torch.rand(batch, *graph.input)
    with processes("cpu") as where:
        source = emitted(graph)
        network = network_of(source)
        criteria = criteria_of(graph, keys, {name: target for name, (target, _) in targets.items()})
        learner = Learner(network, criteria, keys, where, Rows.of(graph, source), tuple(graph.input))

        if learner.scaler is not None:  # at first torch scales too far, and takes no step
            learner.scaler = torch.amp.GradScaler("cpu", init_scale=1.0)

        def examples(_: int) -> tuple[Tensor, dict[str, Tensor]]:
            return images.clone(), {name: each.clone() for name, (_, each) in targets.items()}

        def step() -> None:
            # `map` holds on to nothing that it has given
            learner.step(map(examples, range(parts)), parts, 3, batch * parts, 1e-3)

        step()
        step()
        states = [tensor for each in learner.optimizer.state.values() for tensor in each.values()]
        means = list(learner.mean.means.values()) if learner.mean is not None else []
        scales = [
            value
            for value in (vars(learner.scaler) if learner.scaler is not None else {}).values()
            if isinstance(value, Tensor)
        ]
        held = held_bytes([*network.parameters(), *network.buffers(), *states, *means, *scales])
        measured = measure(step)
    course = course_of(graph, keys, parts=parts)
    assert course.memory(batch).resident == held
    assert course.peak(batch) == held + measured.tensors
    if parts <= 2:
        assert [each - held for each in course_maxima(course, batch)] == measured.maxima()


LOSSES: list[tuple[str, dict[str, Kind], list[str]]] = [
    ("a: {from: scores}", {"label": "classes"}, []),
    ("a: {from: scores}", {"label": "classes"}, ["train.loss={type: cross_entropy, label_smoothing: 0.1}"]),
    ("a: {from: scores}", {"label": "classes"}, ["train.augment.mixup=0.2"]),
    (
        "a: {from: scores}",
        {"label": "classes"},
        ["train.augment.mixup=0.2", "train.loss={type: cross_entropy, label_smoothing: 0.1}"],
    ),
    ("a: {from: probabilities}", {"label": "classes"}, []),
    ("a: {from: probabilities}", {"label": "classes"}, ["train.augment.cutmix=0.2", "train.augment.mixup=0.2"]),
    ("a: {from: scores}", {"label": "flags"}, ["train.loss=binary_cross_entropy"]),
    ("a: {from: scores}", {"label": "classes"}, ["train.data=random", "train.loss=binary_cross_entropy"]),
    ("a: {from: chances}", {"label": "flags"}, []),
    ("a: {from: chances}", {"label": "classes"}, ["train.data=random"]),
    ("a: {from: chances}", {"label": "classes"}, ["train.data=random", "train.loss=binary_cross_entropy"]),
    ("a: {from: one}", {"label": "classes"}, []),
    ("a: {from: chance}", {"label": "classes"}, []),
    ("a: {from: scores}", {"label": "numbers"}, ["train.loss=mse"]),
    ("a: {from: scores}", {"label": "classes"}, ["train.data=random", "train.loss=mse"]),
    ("a: {from: scores}", {"label": "classes"}, ["train.data=random", "train.loss=mse", "train.augment.mixup=0.2"]),
    ("a: {from: one}", {"label": "classes"}, ["train.data=random", "train.loss=mse"]),
    ("a: {from: one}", {"label": "numbers"}, ["train.loss=smooth_l1"]),
    ("a: {from: codes}", {"label": "classes"}, []),
    ("a: {from: codes}", {"label": "classes"}, ["train.augment.mixup=0.2"]),
    ("a: {from: four, target: boxes}", {"boxes": "boxes"}, ["train.loss={type: smooth_l1, beta: 0.5}"]),
    ("a: {from: scores, weight: 0.5}", {"label": "classes"}, []),
    ("a: {from: scores}, b: {from: four, target: boxes, weight: 0.3}", {"label": "classes", "boxes": "boxes"}, []),
    ("a: {from: scores, train_only: true}, b: {from: codes}, c: {from: one, target: age, loss: mse}",
     {"label": "classes", "age": "numbers"}, []),
    ("a: {from: four, target: boxes, loss: smooth_l1}, b: {from: probabilities}, c: {from: scores, train_only: true}",
     {"boxes": "boxes", "label": "classes"}, []),
]  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize(("outputs", "kinds", "settings"), LOSSES)
def test_losses(outputs: str, kinds: dict[str, Kind], settings: list[str], precision: str) -> None:
    graph = archspec.loads(SPEC.format(outputs), settings=[*settings, f"train.precision={precision}"])
    assert {each.learns: each.kind for each in objectives_of(graph, graph.train)} == kinds
    agree(graph, kinds, 3)
    agree(graph, kinds, 3, parts=2)


@pytest.mark.parametrize(
    "settings",
    [
        ["train.clip=1.0"],
        ["train.ema=0.9", "train.optimizer=sgd"],
        ["train.precision=fp16"],
        ["train.precision=fp16", "train.clip=0.5", "train.optimizer={type: rmsprop, momentum: 0.9}"],
        ["train.optimizer={type: rmsprop, weight_decay: 0.1}"],
        ["train.optimizer={type: rmsprop, weight_decay: 0.1, decay_all: true}", "train.clip=2.0"],
        ["train.optimizer={type: sgd, momentum: 0.9, nesterov: true, weight_decay: 0.1}"],
        ["train.freeze=stem", "train.optimizer={type: rmsprop, momentum: 0.5, weight_decay: 0.1}"],
        ["train.freeze=hidden", "train.clip=1.0"],
    ],
)
def test_what_the_trainer_does_besides(settings: list[str]) -> None:
    graph = archspec.loads(SPEC.format("a: {from: scores}, b: {from: one, target: age, loss: mse}"), settings=settings)
    for parts in (1, 2, 5):
        agree(graph, {"label": "classes", "age": "numbers"}, 4, parts)


@pytest.mark.parametrize("name", ["lenet5", "lenet5/1998", "googlenet", "resnet/resnet18"])
def test_zoo(name: str) -> None:
    graph = small(name)
    recipe = archspec.loads(
        SPEC.format("a: {from: scores}"), settings=["train.clip=1", "train.optimizer=rmsprop"]
    ).train
    agree(replace(graph, train=recipe), {"label": "classes"}, 2)


def test_a_run(tmp_path: Path) -> None:
    """The step of a run as `archspec train` begins it, with its own data."""
    settings = ["train.data=random", "train.batch=6", "train.accumulate=2", "train.clip=1", "train.ema=0.9"]
    graph = archspec.loads(SPEC.format("a: {from: scores}"), settings=settings)
    with processes("cpu") as where:
        session = open_session(graph, tmp_path, where, lambda _: None)
        learner, order = session.learner, torch.arange(6)

        def step() -> None:
            parts = session.data.splits["train"].batches(order, 3, epoch=0, augment=True)
            learner.step(parts, 2, 3, 6, 1e-3)

        step()
        step()
        assert learner.mean is not None
        states = [tensor for each in learner.optimizer.state.values() for tensor in each.values()]
        tensors = [*learner.network.parameters(), *learner.network.buffers(), *states, *learner.mean.means.values()]
        held = held_bytes(tensors)
        measured = measure(step)
    assert graph.train is not None
    course = course_of(graph, graph.train)
    assert [each - held for each in course_maxima(course, 3)] == measured.maxima()


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_a_peak_between_two_parts(parts: int) -> None:
    """Images that are larger than all else: while those of the next part come, the last ones are there."""
    recipe = archspec.loads(SPEC.format("a: {from: scores}")).train
    graph = archspec.loads("input: 90\nlayers: [{type: dense, units: 1}, {type: softmax}]")
    agree(replace(graph, train=recipe), {"label": "classes"}, 2, parts)


SHARED = """
input: 3x6x6
layers:
  - {{name: stem, type: conv, maps: 3, kernel: 3, padding: same}}
  - {{name: a, type: conv, maps: 3, kernel: 3, padding: same, norm: batch}}
  - {{name: b, type: conv, maps: 3, kernel: 3, padding: same, norm: batch, share: a}}
  - {{name: scores, type: dense, units: 5}}
train: {{data: random, freeze: {0}, optimizer: sgd}}
"""


@pytest.mark.parametrize("frozen", ["a", "b"])
def test_a_frozen_row_that_others_share(frozen: str) -> None:
    """The row that has the weights says whether they learn."""
    agree(archspec.loads(SHARED.format(frozen)), {"label": "classes"}, 3)


HELD = [
    ("1x12x10", []),
    ("3x28x28", []),
    ("1x8x8", ["train.preprocess={pad: 2, resize: 4}"]),
    ("1x8x6", ["train.preprocess={resize: 16, center_crop: 8x6}"]),
    ("64", ["train.preprocess={resize: 8x8}"]),
    ("1x8x8", ["train.data={type: digits, validation: 0.2}"]),
    ("4x5x6", ["train.data={type: random, count: 30}"]),
    ("9", ["train.data={type: random, count: 30, classes: 5}"]),
    ("4x5x6", ["train.data={type: random, count: 3}"]),
    ("3x5x6", ["train.data={type: random, resident: false}"]),
]


@pytest.mark.parametrize(("size", "settings"), HELD)
def test_examples_on_the_device(size: str, settings: list[str], tmp_path: Path) -> None:
    units = 5 if any("classes: 5" in each for each in settings) else 10
    text = f"input: {size}\nlayers: [{{type: dense, units: {units}}}]\ntrain: {{data: digits}}"
    graph = archspec.loads(text, settings=settings)
    keys = graph.train
    assert keys is not None
    data = prepare(
        keys.data, keys.preprocess, keys.augment, input=graph.input, seed=0, device="cpu", base=tmp_path,
        heads=heads_of(graph),
    )  # fmt: skip
    said = held_examples(graph, keys)
    assert said is not None
    assert said.bytes == data.held
    assert said.examples in (0, sum(map(len, data.splits.values())))


def test_examples_that_are_known_when_they_are_read() -> None:
    for source in ("{type: mnist, path: mine}", "{type: folder, path: mine}", "{type: arrays, path: mine.npz}"):
        text = f"input: 1x28x28\nlayers: [{{type: dense, units: 10}}]\ntrain: {{data: {source}}}"
        graph = archspec.loads(text)
        assert graph.train is not None
        assert held_examples(graph, graph.train) is None
    for source, count in (("mnist", 70_000), ("fashion_mnist", 70_000)):
        graph = archspec.loads(f"input: 3x28x28\nlayers: [{{type: dense, units: 10}}]\ntrain: {{data: {source}}}")
        assert graph.train is not None
        held = held_examples(graph, graph.train)
        assert held is not None
        assert (held.examples, held.bytes) == (count, 4 * count * 3 * 28 * 28)
    graph = archspec.loads(
        "input: 3x160x160\nlayers: [{type: dense, units: 10}]\ntrain: {data: mnist, preprocess: {resize: input}}"
    )
    assert graph.train is not None
    held = held_examples(graph, graph.train)
    assert held is not None
    assert held.bytes == 70_000 * 3 * 160 * 160  # as they are stored: numbers of 32 bits would take more than 4 GiB
