"""Runs killed at random moments lose at most the steps since the last checkpoint, and end with the same bytes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from archspec.report.training import RESULTS
from compiler.train import checkpoint, loop
from compiler.train.checkpoint import Checkpoint
from tests.training import go_on, graph, leavings, run_in

EACH_STEP = "train.checkpoint={steps: 1}"
SLOW = "train.epochs=40"


def in_child(work: Callable[[], Any], seconds: float | None) -> bool:
    """Do something in a process of its own, killed after a time; whether it came to its end by itself."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0


def disturbed(folder: Path, kills: int, seed: int) -> int:
    """Go on with a run under kills, until it ends; how many kills it took."""
    chance = random.Random(seed)
    for number in range(kills):
        before = checkpoint.found_in(folder / "checkpoints")
        in_child(lambda: go_on(folder), chance.uniform(0.0, 0.25))
        after = checkpoint.found_in(folder / "checkpoints")
        assert after, "every state is gone"
        assert not before or after[0].step >= before[0].step
        after[0].load()
        if (folder / RESULTS).exists():
            return number + 1
    return kills


def soak(tmp_path: Path, kills: int) -> None:
    torch.set_num_threads(1)
    whole = leavings(run_in(tmp_path / "whole", EACH_STEP, SLOW).folder)
    taken = 0
    while taken < kills:
        folder = begun(tmp_path / str(taken))
        taken += disturbed(folder, kills - taken, seed=taken)
        assert in_child(lambda folder=folder: go_on(folder), None)
        assert leavings(folder) == whole


def begun(runs: Path) -> Path:
    """The folder of a run that is killed as soon as it exists."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            run_in(runs, EACH_STEP, SLOW)
        os._exit(0)
    while not (found := list(runs.glob("*/checkpoints/step-*.pt"))):
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return found[0].parent.parent


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_a_few_times(tmp_path: Path) -> None:
    soak(tmp_path, 5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    soak(tmp_path, 200)


def overwritten(folder: Path, step: int, state: dict[str, Any], _: int) -> Checkpoint:
    """How a checkpoint must not be written: over the one before."""
    path = folder / f"step-00000000.{'0' * 64}.pt"
    torch.save({**state, "format": checkpoint.FORMAT, "ballast": torch.zeros(250_000)}, path)
    return Checkpoint(path, step, "0" * 64)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_overwriting_in_place_loses_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control arm: the same kills, with checkpoints written over one another, lose some."""
    monkeypatch.setattr(loop.checkpoint, "save", overwritten)
    chance, lost = random.Random(0), 0
    for number in range(200):
        folder = begun(tmp_path / str(number))
        in_child(lambda folder=folder: go_on(folder), chance.uniform(0.0, 0.1))
        path = next((folder / "checkpoints").glob("*.pt"))
        try:
            torch.load(path, weights_only=True)
        except Exception:
            lost += 1
    print(f"{lost} of 200 states lost")
    assert lost > 20
    assert graph()
