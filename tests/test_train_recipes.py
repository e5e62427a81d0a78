"""What the keys of a recipe do to a run."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import archspec
from archspec.diagnostic import SpecError
from archspec.report.training import METRICS, WEIGHTS
from compiler.data.order import epoch_order
from compiler.train import checkpoint, fit
from compiler.train import learner as learner_module
from compiler.train.learner import Learner
from compiler.train.loop import Loop, Silence
from compiler.train.processes import Processes
from compiler.train.run import resume, train
from compiler.train.session import Session, open_session
from compiler.train.trial import dry_run, overfit_batch
from tests.test_train_faults import Notes, code_of
from tests.training import ONE_THREAD, SPEC, go_on, graph, leavings, run_in, stopping_at

PLAIN = """
name: plain
input: 1x8x8
blocks:
  unit:
    layers:
      - {name: conv1, type: conv, maps: 4, kernel: 3, padding: same, activation: relu}
      - {name: conv2, type: conv, maps: 4, kernel: 3, padding: same, activation: relu}
layers:
  - {name: stem, type: conv, maps: 4, kernel: 3, activation: relu}
  - {name: body, type: unit, repeat: 2}
  - {name: fc, type: dense, units: 3}
train: {data: {type: random, count: 44}, epochs: 2, batch: 8, optimizer: sgd}
"""


def losses(folder: Path) -> list[float]:
    with (folder / METRICS).open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) for name in ("train_loss", "test_loss")]


def plain(*settings: str) -> Any:
    return archspec.loads(PLAIN, settings=list(settings))


def opened(spec: Any) -> Session:
    torch.set_num_threads(1)
    return open_session(spec, Path(), Processes(torch.device("cpu")), lambda _: None)


@pytest.mark.parametrize("setting", [
    "train.accumulate=4", "train.recompute=body.1", "train.channels_last=true", "train.keep_memory=false",
    "train.deterministic=true",
])  # fmt: skip
def test_same_losses_by_another_way(setting: str, tmp_path: Path) -> None:
    usual = losses(run_in(tmp_path / "a", spec=plain()).folder)
    assert losses(run_in(tmp_path / "b", spec=plain(setting)).folder) == pytest.approx(usual, abs=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_reduced_precision_learns_nearly_the_same(precision: str, tmp_path: Path) -> None:
    usual = losses(run_in(tmp_path / "a", spec=plain()).folder)
    reduced = losses(run_in(tmp_path / "b", spec=plain(f"train.precision={precision}")).folder)
    assert reduced == pytest.approx(usual, abs=0.05)
    assert reduced != usual


def test_recomputed_blocks_keep_less() -> None:
    def kept(spec: Any) -> int:
        learner = opened(spec).learner
        sizes: list[int] = []

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            learner._forward(torch.zeros(8, 1, 8, 8)).sum()
        return sum(sizes)

    assert kept(plain("train.recompute=body")) < kept(plain())


def test_frozen_rows_stand_still_and_then_learn(tmp_path: Path) -> None:
    """The norm of a frozen row keeps its statistics too."""
    session = opened(graph("train.freeze=stem", "train.unfreeze={epoch: 3}"))
    before = {name: value.clone() for name, value in session.learner.network.state_dict().items()}
    frozen = run_in(tmp_path / "a", "train.freeze=stem", "train.ema=null").folder
    phases = run_in(tmp_path / "b", "train.freeze=stem", "train.unfreeze={epoch: 3}", "train.ema=null").folder
    for name, value in load_file(frozen / WEIGHTS).items():
        assert torch.equal(value, before[name]) == name.startswith("stem"), name
    for name, value in load_file(phases / WEIGHTS).items():
        assert not torch.equal(value, before[name]), name


def test_weights_from_a_file_but_for_a_new_head(tmp_path: Path) -> None:
    first = run_in(tmp_path / "a", "train.epochs=1", "train.ema=null").folder
    file = first / WEIGHTS
    wider = SPEC.replace("units: 3", "units: 4")
    settings = [f"train.weights={{file: {file}, skip: fc}}", "train.freeze=stem", "train.epochs=1"]
    folder = run_in(tmp_path / "b", spec=archspec.loads(wider, settings=settings)).folder
    old, new = load_file(file), load_file(folder / WEIGHTS)
    assert torch.equal(new["stem.weight"], old["stem.weight"])
    assert new["fc.weight"].shape[0] == 4
    with pytest.raises(SpecError) as error:
        run_in(tmp_path / "c", spec=archspec.loads(wider, settings=[f"train.weights={file}"]))
    code, said = code_of(error)
    assert code == "E802"
    assert "fc.weight" in said
    assert "skip: [ROW" in said


@pytest.mark.parametrize("skip", ["'*'", "[stem, fc]", "[fc, 's*']"])
def test_weights_of_which_nothing_is_taken(tmp_path: Path, skip: str) -> None:
    file = run_in(tmp_path / "a", "train.epochs=1", "train.ema=null").folder / WEIGHTS
    with pytest.raises(SpecError) as error:
        run_in(tmp_path / "b", f"train.weights={{file: {file}, skip: {skip}}}")
    code, said = code_of(error)
    assert (code, "`skip` leaves nothing" in said, "leave out weights" in said) == ("E802", True, True)
    assert not (tmp_path / "b").exists()


def test_a_batch_of_more_than_all_examples_is_said() -> None:
    notes = Notes()
    open_session(plain("train.batch=45"), Path(), Processes(torch.device("cpu")), notes.note)
    assert [each for each in notes.said if "45" in each] == [
        "a batch of 45 has all 44 training examples: an epoch is one step"
    ]
    open_session(plain("train.batch=44"), Path(), Processes(torch.device("cpu")), notes.note)
    assert not [each for each in notes.said if "batch of 44" in each]


def test_a_head_may_have_another_name_than_that_of_the_file(tmp_path: Path) -> None:
    file = run_in(tmp_path / "a", "train.epochs=1", "train.ema=null").folder / WEIGHTS
    renamed = SPEC.replace("name: fc,", "name: classes,").replace("units: 3", "units: 4")
    assert renamed.count("classes") == 1
    settings = [f"train.weights={{file: {file}, skip: classes}}", "train.freeze=stem", "train.epochs=1"]
    new = load_file(run_in(tmp_path / "b", spec=archspec.loads(renamed, settings=settings)).folder / WEIGHTS)
    assert torch.equal(new["stem.weight"], load_file(file)["stem.weight"])
    assert new["classes.weight"].shape[0] == 4


def test_early_stop_keeps_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy

    numbers = numpy.random.default_rng(0)
    for part, count in (("train", 52), ("test", 9)):
        numpy.save(tmp_path / f"x_{part}.npy", numbers.integers(0, 255, (count, 8, 8), dtype=numpy.uint8))
        numpy.save(tmp_path / f"y_{part}.npy", numpy.arange(count) % 3)
    seen: list[dict[str, torch.Tensor]] = []
    judge = Learner.judge

    def noted(learner: Learner, *arguments: Any) -> Any:
        seen.append({name: value.clone() for name, value in learner.network.state_dict().items()})
        return judge(learner, *arguments)

    monkeypatch.setattr(Learner, "judge", noted)
    data = f"train.data={{type: arrays, path: {tmp_path}, validation: 12}}"
    settings = ["train.early_stop={patience: 2}", "train.epochs=50", "train.optimizer={type: adam, rate: 0.05}"]
    outcome = run_in(tmp_path / "runs", data, *settings, "train.schedule=constant")
    assert outcome.results is not None
    best = outcome.results["best_epoch"]
    assert outcome.results["epochs"] == best + 2 < 50
    for name, value in load_file(outcome.folder / WEIGHTS).items():
        assert torch.equal(value, seen[best - 1][name])


def test_heads_for_training_take_part_and_are_not_judged(tmp_path: Path) -> None:
    text = PLAIN.replace("train:", "outputs:\n  fc: {from: fc}\n  aux: {from: aux, train_only: true}\ntrain:").replace(
        "  - {name: fc,", "  - {name: aux, type: dense, units: 3}\n  - {name: fc, from: body,"
    )
    folder = run_in(tmp_path / "a", spec=archspec.loads(text)).folder
    assert "aux.weight" in load_file(folder / WEIGHTS)
    both, alone = losses(folder), losses(run_in(tmp_path / "b", spec=plain()).folder)
    assert both[0] > 1.5 * alone[0]  # the sum of two losses
    assert both[1] < 1.5 * alone[1]


def test_numbers_are_learnt_by_squares(tmp_path: Path) -> None:
    import numpy

    numbers = numpy.random.default_rng(0)
    images = numbers.random((40, 8, 8), dtype=numpy.float32)
    numpy.savez(tmp_path / "data.npz", x_train=images, y_train=images.mean(axis=(1, 2)), x_test=images[:8],
                y_test=images[:8].mean(axis=(1, 2)))  # fmt: skip
    text = PLAIN.replace("units: 3", "units: 1")
    settings = [f"train.data={{type: arrays, path: {tmp_path / 'data.npz'}}}", "train.optimizer=adam"]
    outcome = run_in(tmp_path / "runs", spec=archspec.loads(text, settings=settings))
    assert outcome.results is not None
    test = outcome.results["test"]
    assert set(test) == {"examples", "loss", "mean_absolute_error", "root_mean_squared_error", "r2"}
    assert test["root_mean_squared_error"] == pytest.approx(test["loss"] ** 0.5, rel=1e-5)


def test_batch_auto_halves_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def limited(_: Learner, part: Any) -> None:
        tried.append(len(part[0]))
        if len(part[0]) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "try_part", limited)
    session = opened(plain("train.batch=auto", "train.data={type: random, count: 200}"))
    assert tried == [128, 64, 32]
    assert (session.division.batch, session.division.parts) == (128, 4)
    assert (session.keys.batch, session.keys.accumulate) == (128, 4)


def test_trying_a_part_leaves_no_trace() -> None:
    session = opened(graph())
    before = {name: value.clone() for name, value in session.learner.network.state_dict().items()}
    part = next(session.data.splits["train"].batches(torch.arange(8), 8, epoch=0, augment=False))
    session.learner.try_part(part)
    for name, value in session.learner.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(param.grad is None for param in session.learner.network.parameters())


def test_out_of_memory_says_what_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "step", full)
    with pytest.raises(SpecError) as error:
        run_in(tmp_path, spec=plain())
    code, said = code_of(error)
    assert code == "E913"
    assert "out of memory with 8 examples" in said
    assert "accumulate: 2" in said
    assert fit.is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"))
    assert not fit.is_out_of_memory(RuntimeError("shape mismatch"))


def test_dry_run_says_what_the_run_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = dry_run(graph(), base=tmp_path, listener=Silence(), machine=ONE_THREAD)
    assert "3 epochs of 6" in said
    assert "8 in 2 parts" in said
    assert not list(tmp_path.iterdir())


def test_batch_is_learnt_by_heart_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notes = Notes()
    learnt = overfit_batch(plain("train.optimizer={type: adam, rate: 0.01}"), base=tmp_path, listener=notes)
    assert learnt.learned
    assert "8 of 8 right" in learnt.text
    slow = overfit_batch(plain("train.optimizer={type: sgd, rate: 1.0e-9}"), base=tmp_path, listener=notes)
    assert not slow.learned
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_compiled_network_learns_the_same(tmp_path: Path) -> None:
    usual = losses(run_in(tmp_path / "a", spec=plain()).folder)
    compiled = run_in(tmp_path / "b", spec=plain("train.compile=true"))
    assert losses(compiled.folder) == pytest.approx(usual, abs=1e-4)


class Full:
    """A memory that is full at the first tries of steps, where more than so many examples are computed at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int, calls: range) -> None:
        self.most, self.calls, self.seen = most, calls, 0
        self.usual = learner_module.total_loss
        monkeypatch.setattr(learner_module, "total_loss", self)

    def __call__(self, criteria: Any, outputs: Any, targets: Any) -> torch.Tensor:
        self.seen += 1
        if self.seen in self.calls and len(outputs[0]) > self.most:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return self.usual(criteria, outputs, targets)


NORMED = PLAIN.replace("kernel: 3, activation: relu}\n  - {name: body", "kernel: 3, norm: batch}\n  - {name: body")


def test_memory_that_is_full_in_the_middle_of_a_run_halves_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was computed of the step is undone: the run ends as one that began with the smaller parts at that step."""
    data = "train.data={type: random, count: 256}"
    spec = archspec.loads(NORMED, settings=["train.batch=auto", data, "train.epochs=1"])
    notes, full = Notes(), Full(monkeypatch, 64, range(3, 100))  # call 1 tries, 2 is the first step, 3 the second
    outcome = train(spec, name="n", runs=tmp_path / "a", base=tmp_path, listener=notes, machine=ONE_THREAD)
    assert [each for each in notes.said if "step" in each] == [
        "out of memory in step 2 with 128 examples at a time: going on with 64"
    ]
    assert full.seen == 5
    monkeypatch.undo()
    usual = Loop._steps_of_epoch

    def halved(loop: Loop) -> bool:
        step = loop.learner.step

        def counted(parts: Any, number: int, at: int, *more: Any) -> Any:
            if at == 1:
                loop.division = replace(loop.division, parts=2)
                order = epoch_order(256, 0, 0)[128:]
                parts, number = loop.splits["train"].batches(order, 64, epoch=0, augment=True), 2
            return step(parts, number, at, *more)

        loop.learner.step = counted  # type: ignore[method-assign]
        return usual(loop)

    monkeypatch.setattr(Loop, "_steps_of_epoch", halved)
    other = run_in(tmp_path / "b", spec=archspec.loads(NORMED, settings=["train.batch=128", data, "train.epochs=1"]))
    wanted = load_file(other.folder / WEIGHTS)
    assert all(torch.equal(each, wanted[name]) for name, each in load_file(outcome.folder / WEIGHTS).items())


def test_a_resumed_run_halves_its_parts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["train.batch=auto", "train.data={type: random, count: 256}", "train.epochs=1"]
    spec = archspec.loads(NORMED, settings=settings)
    with monkeypatch.context() as patch:
        Full(patch, 64, range(3, 100))
        wanted = run_in(tmp_path / "a", spec=spec).folder
    with monkeypatch.context() as patch:
        stopping_at(patch, 1)
        stopped = run_in(tmp_path / "b", spec=spec).folder
    notes, _ = Notes(), Full(monkeypatch, 64, range(1, 100))
    resume(stopped, listener=notes, machine=ONE_THREAD)
    assert "out of memory in step 2 with 128 examples at a time: going on with 64" in notes.said
    assert leavings(stopped)["weights"] == leavings(wanted)["weights"]


def test_a_resumed_run_with_a_batch_of_its_own_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stopping_at(patch, 1)
        stopped = run_in(tmp_path, spec=plain()).folder
    Full(monkeypatch, 0, range(1, 100))
    with pytest.raises(SpecError, match="out of memory with 8 examples at a time"):
        go_on(stopped)


def test_memory_that_is_full_later_keeps_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["train.checkpoint={steps: 1}", "train.accumulate=2"]
    usual = leavings(run_in(tmp_path / "usual", spec=plain(*settings)).folder)
    Full(monkeypatch, 0, range(8, 9))  # in the second part of the fourth step
    with pytest.raises(SpecError, match="out of memory with 4 examples at a time") as error:
        run_in(tmp_path / "full", spec=plain(*settings))
    assert code_of(error)[0] == "E913"
    (folder,) = (tmp_path / "full").iterdir()
    assert checkpoint.found_in(folder / "checkpoints")[0].step == 3
    monkeypatch.undo()
    go_on(folder)
    assert leavings(folder) == usual
