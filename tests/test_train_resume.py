"""Stop and go on, at any step, in any recipe: the same bytes as never having stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.train import checkpoint
from tests.training import STEPS, go_on, leavings, run_in, stopping_at

RECIPES = {
    "everything": (),
    "plateau": ("train.schedule={type: plateau, patience: 1, factor: 0.5}", "train.optimizer=sgd"),
    "nesterov": ("train.optimizer={type: sgd, nesterov: true, weight_decay: 0.01}", "train.ema=null"),
    "rmsprop": ("train.optimizer={type: rmsprop, momentum: 0.5}", "train.schedule={type: step, every: 1}"),
    "two phases": ("train.freeze=stem", "train.unfreeze={epoch: 2}", "train.schedule={type: cosine, warmup: 0.5}"),
    "mixed": ("train.augment={mixup: 0.2}", "train.precision=bf16", "train.channels_last=true"),
    "early stop": ("train.data={type: arrays, path: ., validation: 8}", "train.early_stop={patience: 1}"),
}


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """What each recipe comes to without a stop; made when first asked for."""
    return {}


def of_recipe(name: str, place: Path, made: dict[str, Any]) -> Any:
    if name not in made:
        made[name] = leavings(run_in(place / "whole", *RECIPES[name]).folder)
    return made[name]


@pytest.fixture(autouse=True)
def arrays(tmp_path: Path) -> None:
    """Examples in files, of which some can be set aside."""
    import numpy

    for folder in (tmp_path, tmp_path / "whole"):
        folder.mkdir(exist_ok=True)
        numbers = numpy.random.default_rng(0)
        for part, count in (("train", 52), ("test", 9)):
            numpy.save(folder / f"x_{part}.npy", numbers.integers(0, 255, (count, 8, 8), dtype=numpy.uint8))
            numpy.save(folder / f"y_{part}.npy", numpy.arange(count) % 3)


@pytest.mark.parametrize("step", range(1, STEPS))
def test_stopped_anywhere(step: int, tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: Any) -> None:
    whole = of_recipe("everything", tmp_path, undisturbed)
    stopping_at(monkeypatch, step)
    stopped = run_in(tmp_path)
    assert stopped.results is None
    assert checkpoint.found_in(stopped.folder / "checkpoints")[0].step == step
    stopping_at(monkeypatch, None)
    torch.manual_seed(step)  # whatever happened in between
    assert go_on(stopped.folder).results is not None
    assert leavings(stopped.folder) == whole


@pytest.mark.parametrize("name", RECIPES)
def test_stopped_twice(name: str, tmp_path: Path, undisturbed: dict[str, Any], monkeypatch: Any) -> None:
    whole = of_recipe(name, tmp_path, undisturbed)
    stopping_at(monkeypatch, 4)
    stopped = run_in(tmp_path, *RECIPES[name])
    stopping_at(monkeypatch, 9)
    assert go_on(stopped.folder).results is None
    stopping_at(monkeypatch, None)
    assert go_on(stopped.folder).results is not None
    assert leavings(stopped.folder) == whole


def test_a_state_between_steps_is_not_the_end(tmp_path: Path) -> None:
    """The comparison above can fail: another seed gives other bytes."""
    first = leavings(run_in(tmp_path).folder)
    second = leavings(run_in(tmp_path, "train.seed=1").folder)
    assert first["weights"] != second["weights"]
    assert first["rows"] != second["rows"]
