"""Plans of what to compute again: the cheapest there is, as much memory as said when they run, and the same bits."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import archspec
from archspec.diagnostic import SpecError
from archspec.graph import Graph
from archspec.memory.plan import best_plan, extra_compute
from archspec.memory.program import Program
from archspec.memory.recipe import course_of
from archspec.memory.training import StepCourse
from archspec.report.training import WEIGHTS
from archspec.stretch import through
from archspec.training import Precision
from compiler.measure import held_bytes, measure
from compiler.train.failure import TrainingError
from compiler.train.learner import Learner
from compiler.train.loop import Silence
from compiler.train.processes import processes
from compiler.train.run import Machine, train
from compiler.train.session import open_session
from tests.test_against_torch import small
from tests.test_memory_step import agree
from tests.torch_step import TorchStep, one_thread

BLOCKS = """
blocks:
  a:
    params: {maps: null}
    layers:
      - {type: conv, maps: =maps, kernel: 3, padding: half, norm: batch, activation: relu}
      - {type: conv, maps: =2*maps, kernel: 1, activation: silu}
  b:
    params: {maps: null}
    layers:
      - {type: conv, maps: =maps, kernel: 3, padding: half, activation: tanh}
      - {type: dropout}
  c:
    params: {maps: null}
    layers:
      - type: add
        branches:
          - [{type: conv, maps: =maps, kernel: 3, padding: half, norm: batch}, {type: conv, maps: =maps, kernel: 1}]
          - [{type: conv, maps: =maps, kernel: 1}]
      - {type: relu}
"""


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with one_thread():
        for name in ("lenet5/1998", "resnet/resnet18"):
            TorchStep(small(name), 2).measured()
        yield


def chain(seed: int, count: int) -> Graph:
    """Blocks and rows of random kinds and widths, one after the other."""
    numbers = random.Random(seed)
    rows: list[str] = []
    for index in range(count):
        maps = numbers.randint(2, 12)
        kind = numbers.choice(
            [
                *(f"{block}, maps: {maps}" for block in "abc"),
                f"conv, maps: {maps}, kernel: 3, padding: half, norm: batch, activation: silu",
                f"conv, maps: {maps}, kernel: 1, activation: relu",
                "max_pool, kernel: 2" if index else f"conv, maps: {maps}, kernel: 5, padding: half",
                "dropout" if index else f"conv, maps: {maps}, kernel: 3, activation: tanh",
            ]
        )
        rows.append(f"  - {{name: u{index}, type: {kind}}}")
    end = "  - {name: pool, type: global_avg_pool}\n  - {name: out, type: dense, units: 3}"
    return archspec.loads(f"input: 3x16x16{BLOCKS}layers:\n" + "\n".join([*rows, end]))


def all_plans(program: Program, units: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every way to compute some rows and blocks again, alone or with those that follow."""
    if not units:
        yield ()
        return
    yield from all_plans(program, units[1:])
    for count in range(1, len(units) + 1):
        name = through(units[0], units[count - 1])
        if program.segment(name) is None:
            continue
        yield from ((name, *rest) for rest in all_plans(program, units[count:]))


def planner(graph: Graph, program: Program, precision: Precision = "float32") -> partial[StepCourse]:
    return partial(_course, graph, program, precision)


def _course(graph: Graph, program: Program, precision: Precision, names: Sequence[str]) -> StepCourse:
    return StepCourse(graph, program=program, recomputed=names, precision=precision)


def elements(program: Program) -> list[str]:
    return [unit.name.removesuffix(".") for unit in program.elements]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("seed", range(6))
def test_no_plan_is_cheaper(seed: int, precision: Precision) -> None:
    check_against_all_plans(chain(seed, 3), precision)


def check_against_all_plans(graph: Graph, precision: Precision = "float32", *, spare: float = 0.0) -> None:
    """Of budgets at which another plan becomes possible, with so much more than the least."""
    program = Program(graph)
    course = planner(graph, program, precision)
    plans = list(all_plans(program, elements(program)))
    found = {plan: (course(plan).peak(4), extra_compute(graph, program, plan)) for plan in plans}
    assert len(found) >= 16
    peaks = sorted({peak for peak, _ in found.values()})
    assert best_plan(graph, program, course, 4, peaks[0] - 1) is None
    budgets = [peak for peak in peaks if peak >= (1 + spare) * peaks[0]]
    for memory in budgets[:: max(len(budgets) // 8, 1)]:
        plan = best_plan(graph, program, course, 4, memory)
        assert plan is not None
        assert plan.peak == course(plan.recompute).peak(4) <= memory
        assert plan.extra == pytest.approx(min(extra for peak, extra in found.values() if peak <= memory))


BRANCHES = {
    "a residual": """
  - {name: stem, type: conv, maps: 8, kernel: 3, padding: half, activation: silu}
  - {name: one, type: conv, maps: 8, kernel: 3, padding: half, norm: batch, activation: relu}
  - {name: two, type: conv, maps: 8, kernel: 3, padding: half}
  - {name: sum, type: add, from: [stem, two]}
  - {name: norm, type: batch_norm, activation: silu}""",
    "a skip over all": """
  - {name: stem, type: conv, maps: 6, kernel: 3, padding: half, activation: tanh}
  - {name: down, type: max_pool, kernel: 2}
  - {name: deep, type: conv, maps: 12, kernel: 3, padding: half, activation: silu}
  - {name: up, type: transposed_conv, maps: 6, kernel: 2, stride: 2}
  - {name: both, type: concat, from: [stem, up]}
  - {name: end, type: conv, maps: 6, kernel: 1, activation: relu}""",
    "a row that nothing reads": """
  - {name: stem, type: conv, maps: 6, kernel: 3, padding: half, activation: silu}
  - {name: lost, type: conv, maps: 6, kernel: 3, padding: half, activation: silu}
  - {name: other, type: conv, from: stem, maps: 6, kernel: 1, activation: silu}
  - {name: last, type: conv, maps: 6, kernel: 3, padding: half, activation: silu}""",
}


@pytest.mark.parametrize("rows", BRANCHES.values(), ids=BRANCHES)
def test_no_plan_is_cheaper_where_rows_branch(rows: str) -> None:
    ends = "\n  - {name: pool, type: global_avg_pool}\n  - {name: out, type: dense, units: 3}"
    # near the least memory of all a plan may not be found: a row's gradient waits while others are computed again
    check_against_all_plans(archspec.loads(f"input: 3x16x16\nlayers:{rows}{ends}"), spare=0.1)


@pytest.mark.parametrize("name", ["resnet/resnet18", "googlenet/no_aux"])
def test_budgets_just_enough_and_just_too_small(name: str) -> None:
    """The least memory that a plan is found for, run for real."""
    graph = small(name)
    program = Program(graph)
    course = planner(graph, program)
    low, high = 0, course(()).peak(8)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if best_plan(graph, program, course, 8, middle) else (middle, high)
    plan = best_plan(graph, program, course, 8, high)
    assert plan is not None
    assert plan.recompute
    assert best_plan(graph, program, course, 8, high - 1) is None
    base, measured = TorchStep(graph, 8, recomputed=plan.recompute).measured()
    assert base + measured.tensors == plan.peak <= high


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("segments", [["u0..u4"], ["u0..u1", "u2..u4"], ["u1..u3"], ["u0", "u1..u2", "u4"]])
def test_segments_of_several_blocks(segments: list[str], precision: Precision) -> None:
    rows = "\n".join(f"  - {{name: u{index}, type: {kind}, maps: 6}}" for index, kind in enumerate("abcab"))
    graph = archspec.loads(f"input: 3x12x12{BLOCKS}layers:\n{rows}\n  - {{type: dense, units: 3}}")
    step = TorchStep(graph, 2, recomputed=segments, precision=precision)
    agree(StepCourse(graph, recomputed=segments, precision=precision), step)
    gradients: list[list[Tensor]] = []
    state = step.module.state_dict()
    for recomputed in ([], segments):
        other = TorchStep(graph, 2, recomputed=recomputed, precision=precision)
        other.module.load_state_dict(state)
        other.images = step.images
        torch.manual_seed(7)
        other.run()
        gradients.append([each.grad for each in other.module.parameters() if each.grad is not None])
        gradients[-1] += list(other.module.buffers())  # running means, which move once
    assert len(gradients[0]) > 20
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


# --- `memory` of a recipe

SPEC = f"""
name: chain
input: 3x16x16
{BLOCKS}
layers:
  - {{name: one, type: a, maps: 8, repeat: 3}}
  - {{type: max_pool, kernel: 2}}
  - {{name: two, type: b, maps: 12}}
  - {{name: three, type: c, maps: 12}}
  - {{type: global_avg_pool}}
  - {{type: dense, units: 10}}
train: {{data: {{type: random, count: 40}}, epochs: 1, batch: 16}}
"""


class Notes(Silence):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def run(folder: Path, *settings: str) -> tuple[dict[str, Tensor], list[str]]:
    graph, notes = archspec.loads(SPEC, settings=list(settings)), Notes()
    machine = Machine("cpu", threads=1)
    outcome = train(graph, name="chain", runs=folder, base=folder, listener=notes, machine=machine)
    return load_file(outcome.folder / WEIGHTS), notes.said


def test_a_run_with_less_memory_learns_the_same_bits(tmp_path: Path) -> None:
    graph = archspec.loads(SPEC)
    assert graph.train is not None
    free = course_of(graph, graph.train).peak(16)
    weights, said = run(tmp_path, f"train.memory={3 * free}")
    assert not any("again" in each for each in said)
    less, said = run(tmp_path, f"train.memory={2 * free // 3}")
    assert any(each.startswith("memory: ") and "computing again one" in each for each in said)
    assert weights.keys() == less.keys()
    assert all(torch.equal(weights[name], less[name]) for name in weights)


def test_what_nothing_makes_fit(tmp_path: Path) -> None:
    graph = archspec.loads(SPEC)
    assert graph.train is not None
    free = course_of(graph, graph.train).peak(16)
    with pytest.raises(TrainingError) as failed:
        run(tmp_path, f"train.memory={free // 4}")
    (said,) = failed.value.diagnostics
    assert said.code == "E913"
    accumulate = said.help or ""
    assert accumulate.startswith("accumulate: ")
    run(tmp_path, f"train.memory={free // 4}", "train." + accumulate.replace(": ", "="))
    with pytest.raises(TrainingError, match="fit into memory: 1kB"):
        run(tmp_path, "train.memory=1kB")


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (["train.memory=much"], "E104"),
        (["train.memory=true"], "E104"),
        (["train.memory=0"], "E104"),
        (["train.memory=1GB", "train.batch=auto"], "E902"),
        (["train.memory=1GB", "train.recompute=one"], "E902"),
        (["train.memory=1GB", "train.compile=true"], "E902"),
        (["train.memory=1GB", "train.parallel=fsdp"], "E902"),
        (["train.recompute=two..one.0"], "E901"),
        (["train.recompute=[one.0..one.1, one.1..two]"], "E902"),
        (["train.recompute=[one, one.0..two]"], "E902"),
        (["train.recompute=one.2..one.0"], "E901"),
        (["train.recompute=nothing..one.1"], "E901"),
        (["train.recompute=one.0.conv1"], "E901"),
    ],
)
def test_recipes_that_can_not_be(settings: list[str], code: str) -> None:
    with pytest.raises(SpecError) as failed:
        archspec.loads(SPEC, settings=settings)
    assert [each.code for each in failed.value.diagnostics] == [code]


@pytest.mark.parametrize("named", ["one.0..one.2", "one.1..three", "[max_pool1..two, three..dense1]", "max_pool1"])
def test_segments_of_a_recipe(named: str, tmp_path: Path) -> None:
    weights, _ = run(tmp_path)
    again, _ = run(tmp_path, f"train.recompute={named}")
    assert all(torch.equal(weights[name], again[name]) for name in weights)


@pytest.mark.parametrize(
    "settings",
    [
        ["train.memory=2.4MB"],
        ["train.precision=bf16"],
        ["train.memory=1.2MB", "train.accumulate=2", "train.ema=0.9"],
        ["train.freeze=one", "train.optimizer=sgd"],
        ["train.optimizer={type: rmsprop, momentum: 0.9}", "train.recompute=one.0..one.1"],
    ],
)
def test_a_step_of_a_run_takes_what_was_said(settings: list[str], tmp_path: Path) -> None:
    """The trainer's own step; it makes a number or two of its own."""
    graph = archspec.loads(SPEC, settings=settings)
    with processes("cpu") as where:
        session = open_session(graph, tmp_path, where, lambda _: None)
        learner, division = session.learner, session.division
        order = torch.arange(division.batch)

        def step() -> None:
            parts = session.data.splits["train"].batches(order, division.part, epoch=0, augment=False)
            learner.step(parts, division.parts, 1, division.batch, 1e-3)

        step()
        step()
        states = [tensor for each in learner.optimizer.state.values() for tensor in each.values()]
        means = list(learner.mean.means.values()) if learner.mean is not None else []
        held = held_bytes([*learner.network.parameters(), *learner.network.buffers(), *states, *means])
        taken = held + measure(step).tensors
    said = course_of(graph, session.keys, parts=division.parts, recomputed=session.recomputed).peak(division.part)
    assert said <= taken <= said + 16 * division.parts


def test_judging_takes_no_more_images_than_learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    laid_out = Learner._laid_out

    def noted(learner: Learner, images: Tensor) -> Tensor:
        seen.append(len(images))
        return laid_out(learner, images)

    monkeypatch.setattr(Learner, "_laid_out", noted)
    run(tmp_path, "train.accumulate=4")
    assert max(seen) == 4


def test_the_best_weights_are_counted(tmp_path: Path) -> None:
    train = "train: {data: {type: digits, validation: 0.2}, epochs: 1, batch: 16, early_stop: {patience: 2}}"
    rows = "[{type: conv, maps: 4, kernel: 3, norm: batch}, {type: dense, units: 10}]"
    graph = archspec.loads(f"input: 1x8x8\nlayers: {rows}\n{train}")
    assert graph.train is not None
    with processes("cpu") as where:
        session = open_session(graph, tmp_path, where, lambda _: None)
        best = session.learner.weights()
        own = {each.data_ptr() for each in session.learner.network.state_dict().values()}
    assert own.isdisjoint(each.data_ptr() for each in best.values())
    memory = course_of(graph, session.keys).memory(16)
    assert memory.best == held_bytes(best.values())
    assert memory.resident >= memory.weights + memory.best
