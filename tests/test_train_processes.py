"""Several processes learn what one does: the same examples, the same losses, from the same state."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archspec.report.training import METRICS, RESULTS
from compiler.data.order import epoch_order, mixed
from compiler.train.failure import TrainingError
from compiler.train.order import Division, share_of_test
from tests.conftest import REPOSITORY

SPEC = """
name: small
input: 1x8x8
layers:
  - {name: stem, type: conv, maps: 4, kernel: 3, activation: relu}
  - {name: pool, type: max_pool, kernel: 2}
  - {name: fc, type: dense, units: 3}
train:
  data: {type: random, count: 41}
  augment: {shift: 1, horizontal_flip: true}
  epochs: 3
  batch: 8
  ema: 0.9
  clip: 0.5
  optimizer: {type: adamw, rate: 0.01}
"""
STOPPING = """
import sys
from archspec.cli.main import main
from compiler.train.loop import Loop
Loop._is_to_stop = lambda loop: loop.state.step == int(sys.argv[1])
raise SystemExit(main(sys.argv[2:]))
"""


def launch(place: Path, processes: int, *arguments: str, stop: int = 0) -> int:
    """`archspec train` in so many processes, as `torchrun` starts them."""
    (place / "small.yaml").write_text(SPEC)
    (place / "stopping.py").write_text(STOPPING)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), "stopping.py", str(stop)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, "train", *arguments, "--threads", "1"], cwd=place, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr.split("torch.distributed")[0] or stop, done.stderr
    return done.returncode


def losses(folder: Path) -> list[float]:
    with (folder / METRICS).open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) for name in ("train_loss", "test_loss")]


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("alone")
    assert launch(place, 1, "small.yaml") == 0
    return only(place / "runs")


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_losses_are_those_of_one_process(parallel: str, alone: Path, tmp_path: Path) -> None:
    assert launch(tmp_path, 2, "small.yaml", "--set", f"train.parallel={parallel}") == 0
    folder = only(tmp_path / "runs")
    assert losses(folder) == pytest.approx(losses(alone), abs=1e-5)
    assert len(losses(folder)) == 6
    assert (folder / RESULTS).exists()


@pytest.mark.parametrize(("first", "then", "parallel"), [(2, 1, "ddp"), (1, 2, "ddp"), (2, 1, "fsdp"), (1, 2, "fsdp")])
def test_goes_on_with_another_number_of_processes(
    first: int, then: int, parallel: str, alone: Path, tmp_path: Path
) -> None:
    assert launch(tmp_path, first, "small.yaml", "--set", f"train.parallel={parallel}", stop=9) != 0
    folder = only(tmp_path / "runs")
    assert not (folder / RESULTS).exists()
    assert launch(tmp_path, then, "--resume", str(folder)) == 0
    assert losses(folder) == pytest.approx(losses(alone), abs=1e-5)


@pytest.mark.parametrize(("examples", "batch", "processes", "parts"), [
    (41, 8, 2, 1), (41, 8, 4, 2), (40, 8, 8, 1), (3, 8, 4, 1), (33, 8, 4, 1), (8, 8, 1, 4),
])  # fmt: skip
def test_each_example_once_an_epoch(examples: int, batch: int, processes: int, parts: int) -> None:
    division = Division(batch, processes, parts)
    order = epoch_order(examples, seed=3, epoch=5)
    assert sorted(order.tolist()) == list(range(examples))
    own = [division.of_process(order, rank) for rank in range(processes)]
    assert sorted(torch.cat(own).tolist()) == list(range(examples))
    share = batch // processes
    for step in range(-(-examples // batch)):  # each batch has the examples that it has with one process
        taken = torch.cat([each[step * share : (step + 1) * share] for each in own])
        assert sorted(taken.tolist()) == sorted(order[step * batch : (step + 1) * batch].tolist())
    tested = torch.cat([share_of_test(examples, rank, processes) for rank in range(processes)])
    assert tested.tolist() == list(range(examples))


def test_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"batch of 50 .* 4 processes\n.*use a batch of 48 or 52"):
        Division(50, 4, 1).check()
    with pytest.raises(TrainingError, match=r"3 parts in each of 2 processes\n.*use a batch of 6"):
        Division(5, 2, 3).check()


def test_orders_of_epochs_and_seeds_differ() -> None:
    orders = {tuple(epoch_order(20, seed, epoch).tolist()) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    seeds = {
        mixed(seed, step, part, rank)
        for seed in range(5)
        for step in range(5)
        for part in range(3)
        for rank in range(3)
    }
    assert len(seeds) == 225
