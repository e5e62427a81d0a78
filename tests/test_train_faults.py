"""What goes wrong in runs: one clear error for each, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

import archspec
from archspec.cli.main import main
from archspec.diagnostic import SpecError
from archspec.report.training import CURVE, ENVIRONMENT, METRICS, MODEL, RESULTS, RUN, SPEC, WEIGHTS
from compiler import atomic
from compiler.train import checkpoint
from compiler.train import folder as folder_module
from compiler.train.loop import Loop, Silence
from compiler.train.run import Machine, evaluate, resume, train
from compiler.weights import files
from tests.conftest import REPOSITORY
from tests.training import SPEC as TEXT
from tests.training import go_on, graph, leavings, run_in, stopping_at


class Notes(Silence):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run with two checkpoints, stopped at step 9."""
    stopping_at(monkeypatch, 9)
    folder = run_in(tmp_path, "train.checkpoint={steps: 1}").folder
    stopping_at(monkeypatch, None)
    assert [each.step for each in checkpoint.found_in(folder / "checkpoints")] == [9, 8]
    return folder


def code_of(error: pytest.ExceptionInfo[SpecError]) -> tuple[str, str]:
    (found,) = error.value.diagnostics
    return found.code, f"{found.message}; {found.help}"


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flipped, truncated, emptied])
def test_damaged_newest_falls_back(damage: Any, stopped: Path, tmp_path: Path) -> None:
    whole = leavings(run_in(tmp_path / "whole", "train.checkpoint={steps: 1}").folder)
    newest = checkpoint.found_in(stopped / "checkpoints")[0]
    damage(newest.path)
    notes = Notes()
    resume(stopped, listener=notes, machine=Machine("cpu", threads=1))
    assert any(newest.path.name in note and "step 8" in note for note in notes.said)
    assert leavings(stopped) == whole
    assert not newest.path.exists() or newest.load()


def test_every_single_bit_counts(stopped: Path) -> None:
    newest = checkpoint.found_in(stopped / "checkpoints")[0]
    data = newest.path.read_bytes()
    for position in range(0, len(data), len(data) // 50):
        changed = bytearray(data)
        changed[position] ^= 4
        newest.path.write_bytes(changed)
        with pytest.raises(ValueError, match="not those that were written"):
            newest.load()


def test_all_damaged_is_said(stopped: Path) -> None:
    for each in checkpoint.found_in(stopped / "checkpoints"):
        truncated(each.path)
    with pytest.raises(SpecError) as error:
        go_on(stopped)
    code, said = code_of(error)
    assert code == "E909"
    assert said.count("is damaged") == 2


def test_checkpoints_are_plain_data(stopped: Path) -> None:
    state = torch.load(checkpoint.found_in(stopped / "checkpoints")[0].path, weights_only=True)
    assert state["step"] == 9
    assert set(state["network"]) == set(graph_state())


def graph_state() -> dict[str, Any]:
    from compiler.module import build

    return build(graph()).state_dict()


def test_what_a_killed_process_left_is_removed(stopped: Path) -> None:
    part = stopped / "checkpoints" / ".step-00000010.123.part"
    part.write_bytes(b"half")
    go_on(stopped)
    assert not part.exists()


def test_files_that_a_killed_process_had_begun_are_removed(stopped: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with subprocess.Popen(["sleep", "60"]) as alive:
        begun = [
            stopped / f".{Path(name).stem}.{process}{Path(name).suffix}"
            for name in (WEIGHTS, CURVE, RESULTS, METRICS)
            for process in (gone.pid, os.getpid())  # that of a container may be ours again
        ]
        others = [
            stopped / each
            for each in (
                f".weights.{alive.pid}.safetensors", f"weights.{gone.pid}.safetensors", f".weights.{gone.pid}.pt",
                f".weights.0{gone.pid}.safetensors", ".weights.mine.safetensors", f".notes.{gone.pid}.csv",
            )
        ]  # fmt: skip
        for each in (*begun, *others):
            each.write_bytes(b"half")
        try:
            go_on(stopped)
        finally:
            alive.kill()
    assert [each.name for each in begun if each.exists()] == []
    assert [each.read_bytes() for each in others] == [b"half"] * len(others)


def test_second_process_is_refused(stopped: Path) -> None:
    code = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'r+'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(stopped / "lock")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(SpecError) as error:
                go_on(stopped)
        finally:
            holder.kill()
    assert code_of(error)[0] == "E907"
    assert go_on(stopped).results is not None  # the lock went with the process


def test_changed_spec_is_refused(stopped: Path) -> None:
    spec = stopped / SPEC
    spec.write_text(spec.read_text().replace("rate: 0.01", "rate: 0.02"))
    with pytest.raises(SpecError) as error:
        go_on(stopped)
    assert code_of(error)[0] == "E912"


def test_broken_spec_is_named(stopped: Path) -> None:
    (stopped / SPEC).write_text("input: 1x8x8\nlayers: [{type: conf}]\n")
    with pytest.raises(SpecError) as error:
        go_on(stopped)
    assert code_of(error)[0] == "E906"


@pytest.mark.parametrize("step", [5, 9])
def test_loss_that_is_no_number(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from compiler.train.learner import Learner

    before = Learner.step

    def broken(self: Learner, parts: Any, number: int, at: int, *rest: Any) -> Any:
        loss, right = before(self, parts, number, at, *rest)
        return (loss * float("nan") if at == step - 1 else loss), right

    monkeypatch.setattr(Learner, "step", broken)
    with pytest.raises(SpecError) as error:
        run_in(tmp_path)
    code, said = code_of(error)
    assert code == "E910"
    assert f"in step {step} (epoch {1 if step <= 6 else 2})" in said
    (folder,) = tmp_path.iterdir()
    kept = checkpoint.found_in(folder / "checkpoints")[0]
    assert kept.step == (0 if step <= 6 else 6)
    assert f"the state of step {kept.step} is kept" in said
    kept.load()


def test_numbers_that_overflow_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        run_in(tmp_path, "train.optimizer={type: sgd, rate: 1.0e+30}", "train.clip=null")
    code, said = code_of(error)
    assert code == "E910"
    assert "lower learning rate than 1e+30" in said


def test_damaged_weights_are_written_anew(tmp_path: Path) -> None:
    folder = run_in(tmp_path, "train.epochs=1").folder
    whole = leavings(folder)["weights"]
    truncated(folder / WEIGHTS)
    with pytest.raises(SpecError) as error:
        evaluate(folder)
    code, said = code_of(error)
    assert (code, said.endswith(f"remove it, and it is written anew: archspec train --resume {folder}")) == (
        "E906",
        True,
    )
    (folder / WEIGHTS).unlink()
    go_on(folder)
    assert leavings(folder)["weights"] == whole


def test_a_run_whose_checkpoints_were_removed_begins_again(stopped: Path, tmp_path: Path) -> None:
    whole = leavings(run_in(tmp_path / "whole", "train.checkpoint={steps: 1}").folder)
    shutil.rmtree(stopped / "checkpoints")
    notes = Notes()
    resume(stopped, listener=notes, machine=Machine("cpu", threads=1))
    assert "there is no checkpoint: the run begins at its first step" in notes.said
    assert leavings(stopped) == whole


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping_at(monkeypatch, 9)
    folder = run_in(tmp_path).folder
    stopping_at(monkeypatch, None)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(SpecError) as error:
        go_on(folder)
    monkeypatch.undo()
    assert code_of(error) in (("E908", code_of(error)[1]), ("E806", code_of(error)[1]))
    assert "no space left" in code_of(error)[1]
    assert not list(folder.rglob(".*part"))
    assert not (folder / RESULTS).exists()
    assert go_on(folder).results is not None


def no_room(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_room_for_weights(*_: Any) -> None:
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("name", [SPEC, MODEL, ENVIRONMENT, RUN, METRICS, WEIGHTS, CURVE, RESULTS])
def test_full_disk_under_each_file_of_a_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = atomic._rename

    def renamed(written: Path, path: Path, *, replace: bool) -> None:
        if path.name == name:
            no_room()
        usual(written, path, replace=replace)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_rename", renamed)
        with pytest.raises(SpecError) as error:
            run_in(tmp_path, "train.epochs=1")
    code, said = code_of(error)
    (folder,) = tmp_path.iterdir()
    assert (code, f"{folder} can't be written: no space left on device; make room" in said) == ("E908", True), said
    assert not [path for path in folder.rglob("*") if path.name == name or path.name.startswith(".")]
    if name in (METRICS, WEIGHTS, CURVE, RESULTS):
        assert said.endswith(f"then go on with: archspec train --resume {folder}")
        assert go_on(folder).results is not None
    else:
        assert said.endswith("or choose another place: --runs FOLDER")


def test_full_disk_as_safetensors_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(files, "save_file", no_room_for_weights)
        with pytest.raises(SpecError) as error:
            run_in(tmp_path, "train.epochs=1")
        with pytest.raises(SpecError) as other:
            files.save({}, tmp_path / "a.safetensors")
    assert code_of(error)[0] == "E908"
    assert "no space left on device; make room on the disk of" in code_of(error)[1]
    (folder,) = tmp_path.iterdir()
    assert go_on(folder).results is not None
    assert code_of(other)[0] == "E806"
    assert f"make room on the disk of {tmp_path}" in code_of(other)[1]


def test_full_disk_where_torch_does_not_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def writes(text: str) -> None:
        with atomic.whole_file(tmp_path / "a"):
            raise RuntimeError(text)

    with pytest.raises(RuntimeError, match="unexpected pos"):
        writes("unexpected pos 576 vs 534")
    monkeypatch.setattr(atomic.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(SpecError) as error:
        writes("unexpected pos 576 vs 534")
    assert code_of(error)[0] == "E806"


def test_full_disk_under_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(folder_module.os, "ftruncate", no_room)
        with pytest.raises(SpecError) as error:
            run_in(tmp_path)
    assert code_of(error)[0] == "E908"


def test_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError) as error:
        train(graph(), name="small", runs=tmp_path / "file", base=tmp_path, listener=Silence())
    assert code_of(error)[0] == "E908"


def test_two_runs_of_one_second_have_two_folders(tmp_path: Path) -> None:
    first, second = run_in(tmp_path, "train.epochs=1"), run_in(tmp_path, "train.epochs=1")
    assert first.folder != second.folder
    assert (first.folder / WEIGHTS).read_bytes() == (second.folder / WEIGHTS).read_bytes()


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        go_on(tmp_path / "nothing")
    assert code_of(error)[0] == "E906"
    with pytest.raises(SpecError) as error:
        go_on(tmp_path)
    assert code_of(error)[0] == "E906"


def test_unfinished_run_has_no_figures(stopped: Path) -> None:
    with pytest.raises(SpecError) as error:
        evaluate(stopped)
    code, said = code_of(error)
    assert code == "E906"
    assert "--resume" in said


def test_finished_run_is_left_alone(tmp_path: Path) -> None:
    folder = run_in(tmp_path, "train.epochs=1").folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    notes = Notes()
    assert resume(folder, listener=notes).results is not None
    assert "its end already" in notes.said[0]
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_other_threads_are_said(stopped: Path) -> None:
    notes = Notes()
    resume(stopped, listener=notes, machine=Machine("cpu", threads=2))
    assert any("--threads 1" in note for note in notes.said)


UNFIT = [
    ("train.data={type: random, count: 40, classes: 4}", "4 classes"),
    ("train.early_stop={patience: 1}", "validation"),
    ("train.batch=9", "9"),
]


@pytest.mark.parametrize(("setting", "said"), UNFIT)
def test_recipe_that_does_not_go_with_its_data(setting: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=said):
        run_in(tmp_path, setting)
    assert not list(tmp_path.iterdir())


def test_output_of_maps(tmp_path: Path) -> None:
    text = TEXT.replace("  - {name: fc, type: dense, units: 3}\n", "")
    with pytest.raises(Exception, match=r"global_avg_pool|units"):
        run_in(tmp_path, spec=archspec.loads(text))


def test_evaluate_repeats_the_figures(tmp_path: Path) -> None:
    outcome = run_in(tmp_path)
    assert outcome.results is not None
    _, figures = evaluate(outcome.folder, machine=Machine("cpu", threads=1))
    assert figures["test"] == outcome.results["test"]
    assert figures["test"] == json.loads((outcome.folder / RESULTS).read_text())["test"]


def test_source_in_the_folder_holds_the_weights(tmp_path: Path) -> None:
    """The file of the run needs nothing but torch, and takes the weights as they are."""
    folder = run_in(tmp_path, "train.epochs=1").folder
    code = (
        "import sys, torch; from safetensors.torch import load_file; sys.path.insert(0, '.'); import model;"
        "network = model.Small(); network.load_state_dict(load_file('weights.safetensors'));"
        "network.eval(); print(tuple(network(torch.zeros(2, 1, 8, 8)).shape), 'archspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(2, 3) False", done.stderr
    assert (folder / MODEL).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_saves_and_says_how_to_go_on(number: int, tmp_path: Path) -> None:
    spec = tmp_path / "small.yaml"
    spec.write_text(TEXT.replace("epochs: 3", "epochs: 100000"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "archspec", "train", str(spec), "--threads", "1"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        while not list(tmp_path.glob("runs/*/checkpoints/step-0000001*.pt")):
            time.sleep(0.02)
            assert run.poll() is None
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    (folder,) = (tmp_path / "runs").iterdir()
    assert run.returncode == 128 + number
    assert said.rstrip().endswith(f"archspec train --resume runs/{folder.name}")
    assert "Traceback" not in said
    checkpoint.found_in(folder / "checkpoints")[0].load()


def test_commands_say_errors_without_tracebacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(tmp_path / "none")]) == 1
    assert "error[E906]" in capsys.readouterr().err
    assert main(["train"]) == 2
    assert main(["train", "lenet5", "--resume", "x"]) == 2
    assert main(["train", "resnet18"]) == 1
    assert "error[E911]" in capsys.readouterr().err
    assert main(["train", "lenet5", "--device", "abacus"]) == 1
    assert "error[E904]" in capsys.readouterr().err
    assert main(["train", "lenet5", "--device", "cpu", "--set", "train.epochs=many"]) == 1
    assert "error[E104]" in capsys.readouterr().err
    assert main(["runs", str(tmp_path)]) == 1


def test_loop_stands_still_when_told_at_an_epochs_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "_is_to_stop", lambda loop: loop.state.step == 6)
    assert run_in(tmp_path).results is None
