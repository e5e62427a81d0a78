"""`archspec memory` and `archspec fit`, and the plans of inference."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.cli.main import main
from archspec.cli.memory import memory_size
from archspec.graph import INPUT, Graph
from archspec.memory import inference_memory
from archspec.memory.arena import arena, two_layers
from archspec.memory.fit import largest
from archspec.memory.forward import ForwardCourse
from archspec.memory.optimizer import Optimizer
from archspec.memory.recipe import course_of
from archspec.memory.training import StepCourse
from archspec.report.units import bytes_text
from archspec.training import SGD
from compiler.train.failure import TrainingError
from compiler.train.processes import processes
from compiler.train.session import open_session
from tests.test_against_torch import GRAPHS, of_each_kind


@pytest.mark.parametrize("name", of_each_kind())
def test_arena(name: str) -> None:
    """No two tensors that are alive together overlap, and nothing lies outside; liveness is the least there can be."""
    graph: Graph = GRAPHS[name]
    plan = arena(graph, batch=3)
    for one, other in combinations(plan.slots, 2):
        if one.first <= other.last and other.first <= one.last:
            assert one.offset + one.bytes <= other.offset or other.offset + other.bytes <= one.offset
    assert max(slot.offset + slot.bytes for slot in plan.slots) == plan.total
    assert plan.total >= inference_memory(graph, batch=3).peak
    assert {slot.name for slot in plan.slots} >= {INPUT}


def test_arena_of_a_chain_is_its_two_largest_neighbours() -> None:
    rows = ", ".join(f"{{type: conv, maps: {maps}, kernel: 1}}" for maps in (4, 9, 2, 7, 7, 1))
    graph = archspec.loads(f"input: 3x5x5\nlayers: [{rows}]")
    assert arena(graph).total == two_layers(graph) == inference_memory(graph).peak == 4 * 25 * 14


def test_two_layers_are_too_few_where_a_branch_waits() -> None:
    graph = archspec.loads(
        "input: 8x4x4\nlayers: [{type: add, branches: [[], [{type: conv, maps: 8, kernel: 1, repeat: 2}]]}]"
    )
    assert two_layers(graph) == 2 * 512
    assert inference_memory(graph).peak == 3 * 512


def test_largest_number() -> None:
    for bound in [0, 1, 2, 3, 4, 5, *random.Random(0).sample(range(10**6), 20)]:
        asked: list[int] = []

        def fits(number: int, bound: int = bound, asked: list[int] = asked) -> bool:
            asked.append(number)
            return number <= bound

        assert largest(fits) == bound
        assert len(asked) <= 45


@pytest.mark.parametrize(
    ("text", "size"),
    [("16GiB", 2**34), ("24 GB", 24 * 10**9), ("512MiB", 2**29), ("1.5g", 15 * 10**8), ("100", 100), ("7kb", 7000)],
)
def test_memory_size(text: str, size: int) -> None:
    assert memory_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1GB", "0", "1e9", "16 gigs", "1.5.2g", "9" * 400])
def test_no_memory_size(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as failed:
        main(["fit", "lenet5", f"--memory={text}"])
    assert failed.value.code == 2
    assert "a size such as 16GiB" in capsys.readouterr().err


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_memory_of_training(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "memory", "lenet5", "--batch", "8", "--format", "json", "--optimizer", "adamw")
    said = json.loads(out)
    assert code == 0
    parameters = archspec.cost(archspec.load("lenet5")).trainable
    assert (said["weights"], said["gradients"]) == (4 * parameters, 4 * parameters)
    assert said["optimizer"] == 8 * parameters + 4 * 10  # two means, and a step for each of 10 tensors
    alive = sum(each["bytes"] for each in said["alive"])
    assert said["peak"] == said["weights"] + said["optimizer"] + alive
    assert max(each["bytes"] for each in said["course"]) == said["peak"]
    assert sum(row["kept"] for row in said["rows"]) + 4 * 8 * 1024 >= said["kept"]


def test_memory_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "memory", "lenet5", "--batch", "8", "--accumulate", "4", "--format", "json")
    assert code == 0
    assert json.loads(out)["batch"] == 2
    code, _, err = run(capsys, "memory", "lenet5", "--batch", "8", "--accumulate", "3")
    assert (code, err) == (2, "a batch of 8 has no 3 equal parts\n")


def test_memory_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "memory", "resnet18", "--batch", "4", "--depth", "1")
    assert code == 0
    assert "alive at the peak" in out
    assert "conv5" in out
    code, out, _ = run(capsys, "memory", "resnet18", "--inference")
    assert code == 0
    assert "arena" in out


def test_what_lies_beside_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "memory", "lenet5")
    assert "1,797 examples of 1x32x32" in out
    _, out, _ = run(capsys, "memory", "lenet5", "--format", "json")
    assert json.loads(out)["data"] == {"examples": 1797, "bytes": 4 * 1797 * 32 * 32}
    _, out, _ = run(capsys, "memory", "lenet5", "--set", "train.data={type: folder, path: mine}")
    assert "is known when the data have been read" in out
    _, out, _ = run(capsys, "memory", "lenet5", "--set", "train.data={type: digits, resident: false}")
    assert "Examples are loaded when they are wanted" in out
    _, out, _ = run(capsys, "memory", "resnet18", "--format", "json")
    assert json.loads(out)["data"] is None


def test_torch_has_no_fused_rmsprop(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "memory", "lenet5", "--optimizer", "rmsprop")
    assert "rmsprop (foreach)" in out
    _, out, _ = run(capsys, "memory", "lenet5", "--optimizer", "rmsprop", "--loop", "for-loop")
    assert "rmsprop (for-loop)" in out


def test_on_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["memory", "lenet5"], ["memory", "lenet5", "--inference"], ["fit", "lenet5", "--memory=1GB"]):
        _, out, _ = run(capsys, *command, "--device", "cuda")
        assert "not measured on a GPU" in " ".join(out.split())
        _, out, _ = run(capsys, *command, "--device", "cuda", "--format", "json")
        assert json.loads(out)["device"] == "cuda"
    _, out, _ = run(capsys, "memory", "lenet5", "--device", "cuda", "--format", "json")
    said = json.loads(out)
    assert all(each["bytes"] % 512 == 0 for each in said["alive"])
    assert said["peak"] % 512 == 0


def test_what_a_cpu_can_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["memory"], ["fit", "--memory=1GB"]):
        code, out, err = run(capsys, *command, "alexnet/2012", "--inference", "--dtype", "bf16")
        assert (code, out) == (2, "")
        assert err.startswith("torch has no local_response_norm in bfloat16 on a CPU, which row ")
        code, _, _ = run(capsys, *command, "alexnet/2012", "--inference", "--dtype", "bf16", "--device", "cuda")
        assert code == 0
    code, _, _ = run(capsys, "memory", "alexnet/2012", "--dtype", "bf16")  # where autocast gives it float32
    assert code == 0


@pytest.mark.parametrize("option", ["--freeze", "--recompute"])
def test_names_that_are_not_there(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "memory", "lenet5", option, "C11")
    assert (code, out) == (1, "")
    assert f"error[E901]: `{option}` names no row" in err
    assert "there is no C11" in err
    assert "did you mean `C1`?" in err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["C1..S2", "S2..C3"], "error[E902]: `--recompute` has rows in common: C1..S2 and S2..C3"),
        (["C3..C1"], "error[E901]: `--recompute` names nothing that runs by itself and has one result: C3..C1"),
    ],
)
def test_what_can_not_be_computed_again(written: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "memory", "lenet5", *(word for name in written for word in ("--recompute", name)))
    assert (code, out) == (1, "")
    assert said in err


def test_frozen_rows_keep_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "memory", "vgg11", "--freeze", "stage.*", "--format", "json")
    said = json.loads(out)
    assert sum(row["kept"] for row in said["rows"] if row["name"].startswith("stage.")) == 4 * 512 * 49


def test_the_largest_batch_fits_and_one_more_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    for memory in ("50MiB", "500MB", "2GB"):
        _, out, _ = run(capsys, "fit", "googlenet", "--memory", memory, "--format", "json", "--optimizer", "sgd")
        said = json.loads(out)
        course = StepCourse(archspec.load("googlenet"), Optimizer(SGD()))
        if said["largest"]:
            assert course.peak(said["largest"]) == said["peak"] <= said["memory"]
        assert course.peak(said["largest"] + 1) > said["memory"]


def test_ways_to_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "fit", "resnet18", "--memory", "700MB", "--batch", "32", "--format", "json")
    said = json.loads(out)
    assert code == 0
    assert said["largest"] < 32
    *_, in_parts, recomputed = said["ways"]
    assert in_parts["accumulate"] > 1
    assert in_parts["extra"] == 0
    assert recomputed["recompute"]
    assert 0 < recomputed["extra"] <= 1 / 3
    assert all(way["peak"] <= said["memory"] for way in said["ways"])


RECIPE = """
name: net
input: 3x16x16
layers:
  - {{name: a, type: conv, maps: 8, kernel: 3, padding: 1, norm: batch, activation: relu, repeat: 3}}
  - {{name: b, type: dense, units: 5}}
train: {{data: {{type: random, count: 40}}, batch: 12, {0}}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], str]:
    """A file with a network that is trained in some way."""

    def written(keys: str) -> str:
        file = tmp_path / "net.yaml"
        file.write_text(RECIPE.format(keys))
        return str(file)

    return written


def course(keys: str, **options: Any) -> StepCourse:
    """The step that a run takes."""
    graph = archspec.loads(RECIPE.format(keys))
    assert graph.train is not None
    return course_of(graph, graph.train, **options)


@pytest.mark.parametrize(
    "keys", ["recompute: [a.0..a.1]", "accumulate: 3", "accumulate: 2, recompute: [a.1], ema: 0.9"]
)
def test_what_fits_is_the_step_of_the_recipe(
    keys: str, recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    step = course(keys)
    for more in (0, -1):
        _, out, _ = run(capsys, "fit", recipe(keys), "--memory", str(step.peak(4) + more), "--format", "json")
        said = json.loads(out)
        assert (said["largest"], said["peak"]) == (4 + more, step.peak(4 + more))


def in_parts(out: str) -> list[dict[str, Any]]:
    """The ways that change nothing else."""
    return [way for way in json.loads(out)["ways"] if not way["recompute"] and way["precision"] == "float32"]


def test_a_batch_has_the_parts_of_the_recipe(recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    spec, memory = recipe("accumulate: 2"), str(course("accumulate: 2").peak(4))
    code, out, _ = run(capsys, "fit", spec, "--memory", memory, "--batch", "8")
    assert code == 0
    assert "to fit" not in out
    assert "2 such parts, as `accumulate` says: a batch of 8 at the most" in out
    _, out, _ = run(capsys, "fit", spec, "--memory", memory, "--batch", "7", "--format", "json")
    assert [way["accumulate"] for way in in_parts(out)] == [7]


def test_ways_are_told_with_all_their_parts(recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each part leaves figures until the batch is done."""
    keys = "seed: 1"
    two, five = (course(keys, parts=parts).peak(2) for parts in (2, 5))
    assert five > two
    for memory in (five, five - 1):
        _, out, _ = run(capsys, "fit", recipe(keys), "--memory", str(memory), "--batch", "10", "--format", "json")
        told = [(way["accumulate"], way["peak"]) for way in in_parts(out)]
        assert told == [(5, five) if memory == five else (10, course(keys, parts=10).peak(1))]


@pytest.mark.parametrize("share", [0.9, 0.2])
def test_a_memory_is_planned_as_a_run_does(
    share: float, recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the examples, which are a third of it or more."""
    held = 4 * (40 + 10) * 3 * 16 * 16
    keys = f"memory: {held + int(share * course('ema: 0.9').peak(12))}, ema: 0.9"
    graph, notes = archspec.loads(RECIPE.format(keys)), list[str]()
    try:
        with processes("cpu") as where:
            segments = open_session(graph, Path(), where, notes.append).recomputed
    except TrainingError as error:
        (wanted,) = error.diagnostics
        code, out, err = run(capsys, "memory", recipe(keys))
        assert (code, out) == (1, "")
        assert f"error[E913]: {wanted.message}" in err
        assert f"help: {wanted.help}" in " ".join(err.split())
    else:
        _, out, _ = run(capsys, "memory", recipe(keys), "--format", "json")
        said = json.loads(out)
        assert segments
        assert tuple(said["recompute"]) == segments
        assert said["peak"] <= said["planned_for"] == int(share * course("ema: 0.9").peak(12))


def test_a_plan_for_examples_that_nobody_has_counted(
    recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = recipe("memory: 8GiB")
    code, out, _ = run(capsys, "memory", spec, "--set", "train.data={type: folder, path: mine}")
    assert code == 0
    assert "is for a run that holds no examples" in out
    _, out, _ = run(capsys, "memory", spec, "--set", "train.memory=null", "--set", "train.data={type: folder, path: a}")
    assert "is for a run" not in out


def test_what_a_run_does_otherwise_is_said(recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    spec = recipe("compile: true")
    _, out, _ = run(capsys, "memory", spec)
    assert "figures of eager torch" in out
    assert "batch: auto" not in out
    _, out, _ = run(capsys, "fit", spec, "--memory", "1GB")
    assert "figures of eager torch" in out
    _, out, _ = run(capsys, "memory", recipe("seed: 1"), "--set", "train.batch=auto")
    assert "`batch: auto`: a run tries" in out
    assert "eager torch" not in out
    _, out, _ = run(capsys, "memory", recipe("seed: 1"), "--set", "train.batch=auto", "--batch", "3")
    assert "batch: auto" not in out


def test_how_much_is_too_much(recipe: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    spec, one = recipe("seed: 1"), course("seed: 1").peak(1)
    code, out, _ = run(capsys, "fit", spec, "--memory", "10kB", "--format", "json")
    assert (code, json.loads(out)["one"]) == (1, one)
    _, out, _ = run(capsys, "fit", spec, "--memory", "10kB", "--batch", "1")
    assert f"not one image fits into 10.0 kB: one takes {bytes_text(one)}" in out
    code, out, _ = run(capsys, "fit", "lenet5", "--memory", "1MB", "--inference", "--batch", "100")
    assert code == 1
    graph = archspec.load("lenet5")
    weights = 4 * archspec.cost(graph).trainable
    largest = max(batch for batch in range(1, 100) if weights + ForwardCourse(graph).peak(batch) <= 10**6)
    assert f"A batch of 100 does not fit: {largest} at a time do." in out


def test_what_can_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "fit", "lenet5", "--memory", "1MB", "--batch", "1000000000")
    assert code == 1
    assert "Nothing makes a batch of 1000000000 fit." in out  # which says it without a record of so many parts
    code, out, _ = run(capsys, "fit", "vgg16", "--memory", "1MB")
    assert code == 1
    assert "not one image fits" in out
    code, out, _ = run(capsys, "fit", "vgg16", "--memory", "1MB", "--inference")
    assert code == 1


def test_inference_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "fit", "resnet50", "--memory", "1GB", "--inference", "--format", "json")
    said, graph = json.loads(out), archspec.load("resnet50")
    weights = 4 * (archspec.cost(graph).trainable + archspec.cost(graph).other)
    peaks = [weights + ForwardCourse(graph).peak(said["largest"] + more) for more in (0, 1)]
    assert peaks[0] <= 10**9 < peaks[1]
