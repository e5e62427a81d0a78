"""A small recipe that has everything a run must remember, and ways to run it, for the tests of training."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.graph import Graph
from archspec.report.training import METRICS, WEIGHTS
from compiler.train import checkpoint
from compiler.train.loop import Loop, Silence
from compiler.train.run import Machine, Outcome, resume, train

SPEC = """
name: small
input: 1x8x8
layers:
  - {name: stem, type: conv, maps: 4, kernel: 3, norm: batch, activation: relu}
  - {name: pool, type: max_pool, kernel: 2}
  - {name: drop, type: dropout, rate: 0.3}
  - {name: fc, type: dense, units: 3}
train:
  data: {type: random, count: 44}
  augment: {shift: 1, horizontal_flip: true}
  epochs: 3
  batch: 8
  accumulate: 2
  optimizer: {type: adamw, rate: 0.01}
  schedule: one_cycle
  ema: 0.9
  clip: 1.0
"""
STEPS = 18
"""6 in each of its 3 epochs"""
ONE_THREAD = Machine("cpu", threads=1)


def graph(*settings: str) -> Graph:
    """The network of the recipe, with `--set`."""
    return archspec.loads(SPEC, settings=list(settings))


def run_in(folder: Path, *settings: str, spec: Graph | None = None) -> Outcome:
    """A run of the recipe."""
    return train(
        spec or graph(*settings), name="small", runs=folder, base=folder, listener=Silence(), machine=ONE_THREAD
    )


def go_on(folder: Path) -> Outcome:
    """The same run, gone on with."""
    return resume(folder, listener=Silence(), machine=ONE_THREAD)


def stopping_at(monkeypatch: pytest.MonkeyPatch, step: int | None) -> None:
    """Let runs stop behind a step, as a signal would make them."""
    monkeypatch.setattr(Loop, "_is_to_stop", lambda loop: loop.state.step == step)


def leavings(folder: Path) -> dict[str, Any]:
    """All that a run has come to: weights, the table of epochs without its times, and the last state."""
    with (folder / METRICS).open(newline="") as file:
        rows = [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    state = checkpoint.found_in(folder / "checkpoints")[0].load()
    learnt = {name: plain(state[name]) for name in ("network", "optimizer", "mean", "step", "losses")}
    return {"weights": (folder / WEIGHTS).read_bytes(), "rows": rows, "state": learnt}


def plain(value: Any) -> Any:
    """A state with the bytes of its tensors."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value.numpy().tobytes() if hasattr(value, "numpy") else value
