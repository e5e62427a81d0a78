"""Run folders that somebody changed or lost a part of, and recipes with nothing to do."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.cli.main import main
from archspec.diagnostic import SpecError
from compiler.prediction import Predictor
from compiler.train.run import evaluate
from tests.conftest import REPOSITORY
from tests.test_train_faults import code_of
from tests.training import SPEC, go_on, leavings, run_in


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that has reached its end."""
    return run_in(tmp_path_factory.mktemp("runs"), "train.epochs=1").folder


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["train.freeze=[stem, fc]"], "leaves nothing that learns"),
        (["train.freeze='*'", "train.unfreeze={epoch: 2}"], "leaves nothing that learns"),
    ],
)
def test_nothing_that_learns(tmp_path: Path, settings: list[str], said: str) -> None:
    with pytest.raises(SpecError, match=said) as error:
        run_in(tmp_path, *settings)
    assert code_of(error)[0] == "E911"
    assert not list(tmp_path.iterdir())


def test_early_stop_by_an_accuracy_that_there_is_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.random.default_rng(0).random((40, 3)))
    data = f"train.data={{type: arrays, path: {tmp_path / 'd.npz'}}}"
    with pytest.raises(SpecError, match="what is learnt are numbers"):
        run_in(tmp_path, data, "train.early_stop={metric: accuracy}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.py", None, "no such file"),
        ("model.py", "import nothing\n", "not the source that was trained"),
        ("model.py", "\udcff", "it is no text"),
        ("run.json", "{", "run.json is damaged"),
        ("run.json", "[]", "it holds no mapping"),
        ("run.json", '{"base": "."}', "it says nothing of `targets`"),
    ],
)
def test_damaged_file_of_a_run_is_named(finished: Path, tmp_path: Path, name: str, content: Any, said: str) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    (run / name).unlink()
    if content is not None:
        (run / name).write_bytes(content.encode(errors="surrogateescape"))
    for attempt in (evaluate, Predictor.of_run):
        with pytest.raises(SpecError, match=said) as error:
            attempt(run)
        assert code_of(error)[0] == "E906"


@pytest.mark.parametrize("name", ["results.json", "weights.safetensors"])
def test_lost_results_are_made_anew(finished: Path, tmp_path: Path, name: str) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    (run / name).unlink()
    assert go_on(run).results is not None
    assert (run / name).read_bytes() == (finished / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results.json", "{"),
        ("results.json", "[]"),
        ("metrics.csv", "a,b\nx,y\n"),
        ("run.json", ""),
        ("metrics.csv", "epoch\n1,2\n"),
    ],
)
def test_one_damaged_run_does_not_hide_the_others(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    for run in ("good", "bad"):
        shutil.copytree(finished, tmp_path / run)
    (tmp_path / "bad" / name).write_text(content)
    assert main(["runs", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"{name} is damaged" in said
    assert said.count("done") == 1


TOLD = """
import os, signal, sys
from archspec.cli.main import main
from compiler.train import checkpoint, run

module, name, number = {"checkpoint": checkpoint, "run": run}[sys.argv[1]], sys.argv[2], int(sys.argv[3])
usual = getattr(module, name)

def told(*given, **named):
    setattr(module, name, usual)
    os.kill(os.getpid(), number)
    return usual(*given, **named)

setattr(module, name, told)
raise SystemExit(main(["train", "small.yaml", "--threads", "1"]))
"""


@pytest.mark.parametrize(
    ("module", "name", "number"), [("checkpoint", "save", signal.SIGINT), ("run", "_judged_parts", signal.SIGTERM)]
)
def test_told_to_stop_while_saving_and_judging(tmp_path: Path, module: str, name: str, number: int) -> None:
    """At the first save of a run, and at its end: it says how to go on, and ends as it would have."""
    (tmp_path / "small.yaml").write_text(SPEC.replace("epochs: 3", "epochs: 1"))
    (tmp_path / "told.py").write_text(TOLD)
    command = [sys.executable, "told.py", module, name, str(int(number))]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True
    )
    assert done.returncode == 128 + number, done.stderr
    assert "go on with: archspec train --resume runs/" in done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert not (run / "weights.safetensors").exists()
    usual = run_in(tmp_path / "usual", "train.epochs=1").folder
    assert go_on(run).results is not None
    assert leavings(run)["weights"] == leavings(usual)["weights"]


def test_full_disk_under_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = pytest.importorskip("torch.utils.tensorboard.writer")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer.SummaryWriter, "flush", full)
    with pytest.raises(SpecError, match="no space left on device") as error:
        run_in(tmp_path)
    assert code_of(error)[0] == "E908"
