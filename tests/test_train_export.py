"""Runs as files for other programs, with their preprocessing: they say of images what `archspec predict` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import archspec
from archspec.cli.main import main
from compiler.prediction import Predictor
from tests.data_files import folders
from tests.training import run_in

SPEC = """
name: pets
input: 3x8x8
layers:
  - {name: stem, type: conv, maps: 4, kernel: 3, norm: batch, activation: relu}
  - {name: fc, type: dense, units: UNITS}
train: {data: {type: folder, path: pets, split: [1, 1]}, epochs: 1, batch: 4}
"""
KINDS: dict[str, tuple[int, list[str]]] = {
    "own statistics": (2, []),
    "padded with grey": (2, ["train.preprocess={center_crop: 4x6, pad: [2, 2, 1, 1], fill: 0.4, normalise: imagenet}"]),
    "larger frames": (2, ["train.preprocess={resize: 12x11, rescale: false}", "train.augment={crop: 0}"]),
    "one unit": (1, ["train.loss=binary_cross_entropy"]),
}


def trained(place: Path, units: int, settings: list[str], spec: str = SPEC) -> Path:
    return run_in(place, spec=archspec.loads(spec.replace("UNITS", str(units)), settings=settings)).folder


def pixels(path: Path, size: tuple[int, int]) -> np.ndarray:
    """An image as Pillow reads it, brought to a size by whoever runs the file: here it has it, or is cut to it."""
    rows = np.asarray(Image.open(path).convert("RGB"))
    top, left = (rows.shape[0] - size[0]) // 2, (rows.shape[1] - size[1]) // 2
    return rows[top : top + size[0], left : left + size[1]].transpose(2, 0, 1)[None]


@pytest.mark.parametrize("kind", KINDS)
def test_exported_run_says_what_predict_says(tmp_path: Path, kind: str) -> None:
    folders(tmp_path / "pets", {"cat": 6, "dog": 6})
    run = trained(tmp_path, *KINDS[kind])
    file = tmp_path / "net.pt2"
    assert main(["compile", str(run), "-o", str(file), "--with-preprocessing", "--probabilities"]) == 0
    network = torch.export.load(file).module()
    predictor = Predictor.of_run(run)
    # images of the sizes that the file takes: what resizing gives of them is themselves
    size = {"padded with grey": (4, 6), "larger frames": (12, 11)}.get(kind, (8, 8))
    seen = (12, 11) if kind == "larger frames" else (8, 8)
    paths = []
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (*seen, 3), np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(noise).save(paths[-1])
    for path, said in zip(paths, predictor.predict(paths, 2), strict=True):
        (chances,) = network(torch.from_numpy(pixels(path, size).copy())).tolist()
        assert dict(said.outputs[0].classes) == pytest.approx({"cat": chances[0], "dog": chances[1]}, abs=1e-5)


def test_onnx_takes_grey_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Digits were trained on numbers from 0 to 16; the file takes those of images, as `predict` does."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    text = SPEC.replace("3x8x8", "1x8x8").replace("{type: folder, path: pets, split: [1, 1]}", "digits")
    run = trained(tmp_path, 10, ["train.preprocess={pad: 0}", "train.batch=256"], text)
    file = tmp_path / "digits.onnx"
    assert main(["compile", str(run), "-o", str(file), "--with-preprocessing", "--probabilities"]) == 0
    assert "takes uint8 images of 1x8x8, grey, 0 to 255, resized already" in capsys.readouterr().err
    session: Any = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(uint8)"
    assert '"9"' in session.get_modelmeta().custom_metadata_map["classes"]
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(noise).save(tmp_path / "one.png")
    (said,) = Predictor.of_run(run).predict([tmp_path / "one.png"], 10)
    (chances,) = session.run(None, {"in": noise[None, None]})[0].tolist()
    assert dict(said.outputs[0].classes) == pytest.approx(dict(zip("0123456789", chances, strict=True)), abs=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["lenet5", "-o", "a.pt2", "--with-preprocessing"], "lenet5 is no run"),
        (["RUN", "-o", "a.py", "--probabilities"], "files that run by themselves"),
        (["RUN", "--probabilities"], "files that run by themselves"),
        (["RUN", "-o", "a.pt2", "--probabilities", "--fully-convolutional"], "leave out --probabilities"),
    ],
)
def test_what_can_not_be_put_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RUN").mkdir()
    assert main(["compile", *options]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("a.*"))


def test_features_are_no_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((40, 4), np.float32), y=np.arange(40) % 2)
    text = (
        "name: n\ninput: 4\nlayers: [{name: fc, type: dense, units: 2}]\ntrain: {data: {type: arrays, path: d.npz}}\n"
    )
    run = trained(tmp_path, 2, ["train.epochs=1"], text)
    assert main(["compile", str(run), "-o", str(tmp_path / "a.pt2"), "--with-preprocessing"]) == 1
    assert "learnt from rows of features" in capsys.readouterr().err
    assert main(["compile", str(run), "-o", str(tmp_path / "a.pt2"), "--probabilities"]) == 0
    network = torch.export.load(tmp_path / "a.pt2").module()
    assert network(torch.randn(3, 4)).sum(1).tolist() == pytest.approx([1, 1, 1])
