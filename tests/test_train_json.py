"""What the commands around training print for programs has the keys of docs/json.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archspec.cli.main import main
from tests.json_keys import agree
from tests.training import stopping_at

SPEC = """
name: several
input: 1x8x8
layers:
  - {name: body, type: dense, units: 8, activation: relu}
  - {name: kind, type: dense, units: 6}
  - {name: marks, type: dense, from: body, units: 3}
  - {name: size, type: dense, from: body, units: 2}
  - {name: place, type: dense, from: body, units: 4, activation: sigmoid}
outputs:
  kind: {loss: cross_entropy}
  marks: {target: marks, loss: binary_cross_entropy}
  size: {target: size, loss: mse}
  place: {target: boxes, loss: smooth_l1}
train: {data: {type: arrays, path: d.npz}, epochs: 1, batch: 16}
"""
_FIGURES = ("", "NAME.classes", "NAME.outputs", "NAME.outputs.NAME.classes")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a run that learnt everything there is to learn, and one that was stopped."""
    place = tmp_path_factory.mktemp("json")
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 48), ("val", 12), ("test", 12)):
        corners = np.sort(random.random((count, 2, 2)), axis=1)
        arrays |= {
            f"x_{part}": random.integers(0, 256, (count, 8, 8), np.uint8),
            f"y_{part}": np.arange(count) % 6,
            f"marks_{part}": random.integers(0, 2, (count, 3)),
            f"size_{part}": random.random((count, 2), np.float32),
            f"boxes_{part}": corners.reshape(count, 4),
        }
    np.savez(place / "d.npz", **arrays)
    (place / "several.yaml").write_text(SPEC)
    Image.new("L", (8, 8), 99).save(place / "grey.png")
    Image.new("L", (9, 8), 99).save(place / "other.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["train", "several.yaml", "--quiet", "--threads", "1", "--name", "done"]) == 0
        stopping_at(patch, 0)
        main(["train", "several.yaml", "--quiet", "--threads", "1", "--name", "begun", "--set", "train.epochs=2"])
    for run in (place / "runs").iterdir():
        run.rename(run.with_name(run.name.partition("-")[0]))
    return place


@pytest.fixture
def printed(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(place)

    def of(line: str) -> Any:
        main([*line.split(), "--format", "json"])
        return json.loads(capsys.readouterr().out)

    return of


def test_bench(printed: Any) -> None:
    alone = printed("bench several.yaml --repeats 1 --device cpu --threads 1 --forward-only")
    agree(
        "bench", printed("bench several.yaml --repeats 1 --device cpu --threads 1"), alone,
        free=("networks[].times", "networks[].times.NAME"),
    )  # fmt: skip


def test_data(printed: Any, tmp_path: Path) -> None:
    found = [printed(f"data {name}") for name in ("several.yaml", "runs/done")]
    drawn = printed(f"data several.yaml -o {tmp_path / 'a.png'} --count 4")
    plain = printed("data several.yaml --set train.preprocess.normalise=none")
    agree("data", *found, drawn, plain, free=("parts", "targets"))
    assert found[0]["parts"] == {"train": 48, "validation": 12, "test": 12}
    assert [each["kind"] for each in found[0]["targets"].values()] == ["classes", "flags", "numbers", "boxes"]
    assert found[0]["mean"] == found[1]["mean"]


def test_evaluate(printed: Any) -> None:
    agree("evaluate", printed("evaluate runs/done --threads 1"), free=_FIGURES)


def test_predict(printed: Any) -> None:
    agree("predict", printed("predict runs/done grey.png other.png none.png"), free=("images[].outputs",))


def test_runs(printed: Any) -> None:
    agree("runs", printed("runs"), printed("runs runs/done runs/begun"))


def test_weights(printed: Any) -> None:
    file = "runs/done/weights.safetensors"
    agree("weights show", printed(f"weights show {file}"), free=("metadata", "tensors"))
    ported = printed(f"weights port {file} several.yaml --leave-out kind --fresh kind")
    agree("weights port", ported, free=("placed[].entries",))
