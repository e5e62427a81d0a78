"""What outputs may learn besides one class: boxes, several classes at once, numbers; several outputs together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import archspec
from archspec.cli.main import main
from archspec.diagnostic import SpecError
from archspec.training import MSE, BinaryCrossEntropy, CrossEntropy, SmoothL1
from compiler.data.targets import Kind, Target
from compiler.train.loop import Silence
from compiler.train.losses import Criterion, criteria_of
from compiler.train.metrics import Sums
from compiler.train.run import Machine, train

ONE_THREAD = Machine("cpu", threads=1)
LOCALISATION = """
name: shapes
input: 1x16x16
layers:
  - {name: body, type: dense, units: 64, activation: relu}
  - {name: shape, type: dense, units: 3}
  - {name: place, type: dense, from: body, units: 4, activation: sigmoid}
outputs:
  shape: {loss: cross_entropy}
  place: {target: boxes, loss: smooth_l1, weight: 10}
train:
  data: {type: arrays, path: shapes.npz, classes: [low, square, high], boxes: {unit: pixel}}
  epochs: 15
  batch: 32
  optimizer: {type: adam, rate: 0.005}
"""
TARGETS = {"label": Target("classes", ("a", "b", "c")), "boxes": Target("boxes", width=4)}
PLAIN = """
input: 4
layers:
  - {name: body, type: dense, units: 16, activation: relu}
  - {name: out, type: dense, units: UNITS}
train: {data: {type: arrays, path: d.npz}, epochs: 2, batch: 16, optimizer: {type: adam, rate: 0.01}}
"""


def shapes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bright rectangles of three forms somewhere in dark images, and their corners in pixels."""
    numbers = np.random.default_rng(seed)
    images, labels, boxes = np.zeros((count, 16, 16), np.uint8), np.arange(count) % 3, np.zeros((count, 4))
    for at, (width, height) in enumerate([(9, 4), (7, 7), (4, 9)][label] for label in labels):
        left, top = numbers.integers(0, 16 - width), numbers.integers(0, 16 - height)
        images[at, top : top + height, left : left + width] = 255
        boxes[at] = left, top, left + width, top + height
    return images, labels, boxes


@pytest.fixture(scope="module")
def localised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a trained network that says what is where."""
    place = tmp_path_factory.mktemp("shapes")
    parts = {"train": shapes(600, 0), "test": shapes(60, 1)}
    named: dict[str, Any] = {
        f"{name}_{part}": each for part, all in parts.items() for name, each in zip("xyb", all, strict=True)
    }
    np.savez(place / "shapes.npz", **{name.replace("b_", "boxes_"): each for name, each in named.items()})
    (place / "shapes.yaml").write_text(LOCALISATION)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["train", "shapes.yaml", "--quiet", "--threads", "1"]) == 0
    return place


def test_class_and_box_are_learnt_together(localised: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = (localised / "runs").iterdir()
    test = json.loads((run / "results.json").read_text())["test"]
    assert test["accuracy"] > 0.95
    assert test["outputs"]["place"]["mean_iou"] > 0.6
    assert test["outputs"]["place"]["found"] > 0.8
    losses = [each["loss"] for each in test["outputs"].values()]
    assert test["loss"] == pytest.approx(losses[0] + 10 * losses[1], rel=1e-5)
    assert "test_iou" in (run / "metrics.csv").read_text().split("\n")[0]
    assert main(["evaluate", str(run)]) == 0
    said = capsys.readouterr().out
    assert f"place: mean IoU {test['outputs']['place']['mean_iou']:.4f}" in said
    assert "square" in said
    assert main(["evaluate", str(run), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"] == test


def test_predicted_boxes_are_pixels_of_the_image(localised: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = (localised / "runs").iterdir()
    images, labels, boxes = shapes(6, 2)
    for number, image in enumerate(images):  # three times as wide as in training, and twice as high
        Image.fromarray(image).resize((48, 32), Image.Resampling.NEAREST).save(localised / f"{number}.png")
    names = [str(localised / f"{number}.png") for number in range(6)]
    assert main(["predict", str(run), *names, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["images"]
    for each, label, box in zip(said, labels, boxes, strict=True):
        assert each["classes"][0]["class"] == ("low", "square", "high")[label]
        assert each["outputs"]["place"]["box"] == pytest.approx(box * [3, 2, 3, 2], abs=6)
    assert main(["predict", str(run), names[0]]) == 0
    assert "place\nbox left " in capsys.readouterr().out


def judged(kind: Kind, outputs: torch.Tensor, targets: torch.Tensor, loss: Any, **more: Any) -> dict[str, Any]:
    """The figures of outputs, taken in a few at a time."""
    target = Target(kind, width=targets.shape[1], **more)
    sums = Sums([Criterion("out", loss, 1.0, "scores", train_only=False, target=target)], torch.device("cpu"))
    for start in range(0, len(outputs), 30):
        sums.add([outputs[start : start + 30]], {"label": targets[start : start + 30]})
    return sums.figures()


def test_figures_of_flags_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(0)
    scores, flags = torch.randn(100, 3), (torch.rand(100, 3) < 0.4).float()
    found = judged("flags", scores, flags, BinaryCrossEntropy(), classes=("a", "b", "c"))
    predicted, are = (scores > 0).numpy(), flags.bool().numpy()
    assert found["loss"] == pytest.approx(F.binary_cross_entropy_with_logits(scores, flags).item(), rel=1e-6)
    assert found["exact"] == pytest.approx(metrics.accuracy_score(are, predicted))
    assert found["accuracy"] == pytest.approx((are == predicted).mean())
    assert found["mean_f1"] == pytest.approx(metrics.f1_score(are, predicted, average="macro"))
    for figure, theirs in (("precision", metrics.precision_score), ("recall", metrics.recall_score)):
        ours = [each[figure] for each in found["classes"].values()]
        assert ours == pytest.approx(theirs(are, predicted, average=None).tolist())
    halves = judged("flags", scores, flags, MSE(), classes=("a", "b", "c"))
    assert halves["exact"] == pytest.approx(metrics.accuracy_score(are, (scores > 0.5).numpy()))


def test_figures_of_numbers_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(0)
    wanted = torch.randn(100, 2) * torch.tensor([1.0, 30.0]) + 1900
    outputs = wanted + torch.randn(100, 2)
    found = judged("numbers", outputs, wanted, SmoothL1(beta=0.5))
    assert found["loss"] == pytest.approx(F.smooth_l1_loss(outputs, wanted, beta=0.5).item(), rel=1e-5)
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(wanted, outputs), rel=1e-5)
    assert found["root_mean_squared_error"] == pytest.approx(
        metrics.mean_squared_error(wanted, outputs) ** 0.5, rel=1e-5
    )
    assert found["r2"] == pytest.approx(metrics.r2_score(wanted, outputs), rel=1e-5)
    assert "r2" not in judged("numbers", outputs, torch.full((100, 2), 7.0), MSE())


def test_figures_of_boxes() -> None:
    wanted = torch.tensor([[0.0, 0.0, 0.5, 0.5]] * 4)
    outputs = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.25], [0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.24]])
    found = judged("boxes", outputs, wanted, MSE())
    assert found["mean_iou"] == pytest.approx((1 + 0.5 + 0 + 0.48) / 4)
    assert found["found"] == 0.5


def trained(place: Path, units: int, labels: np.ndarray, *settings: str) -> dict[str, Any]:
    """The figures of a network on numbers of four features."""
    features = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    np.savez(place / "d.npz", x_train=features, y_train=labels, x_test=features, y_test=labels)
    graph = archspec.loads(PLAIN.replace("UNITS", str(units)), settings=list(settings))
    outcome = train(graph, name="n", runs=place / "runs", base=place, listener=Silence(), machine=ONE_THREAD)
    assert outcome.results is not None
    return outcome.results["test"]


def test_flags_are_learnt_as_such(tmp_path: Path) -> None:
    flags = np.random.default_rng(1).integers(0, 2, (40, 3))
    test = trained(tmp_path, 3, flags, "train.data.classes=[cat, dog, car]")
    assert {"accuracy", "exact", "mean_f1"} <= set(test)
    assert [each["examples"] for each in test["classes"].values()] == flags.sum(0).tolist()
    assert set(test["classes"]) == {"cat", "dog", "car"}


@pytest.mark.parametrize("type", [np.int64, np.float32, bool])
def test_one_hot_labels_are_classes(tmp_path: Path, type: Any) -> None:
    test = trained(tmp_path, 3, np.eye(3)[np.arange(40) % 3].astype(type))
    assert [sum(row) for row in test["confusion"]] == [14, 13, 13]


def test_one_unit_tells_two_classes_apart(tmp_path: Path) -> None:
    assert trained(tmp_path, 1, np.arange(40) % 2)["loss"] == pytest.approx(0.7, abs=0.2)
    with pytest.raises(SpecError, match="the loss is cross_entropy, and what is learnt are classes with one unit"):
        trained(tmp_path, 1, np.arange(40) % 2, "train.loss=cross_entropy")


@pytest.mark.parametrize(
    ("labels", "units", "setting", "said"),
    [
        (np.random.default_rng(0).random(40), 1, "train.loss=cross_entropy", "what is learnt are numbers"),
        (np.random.default_rng(0).random(40), 3, "train.loss=mse", "1 number, and the output has 3 units"),
        (np.eye(4)[np.arange(40) % 3] + 1, 3, "train.loss=mse", "4 numbers, and the output has 3 units"),
        (np.random.default_rng(0).integers(0, 2, (40, 3)), 2, "train.epochs=1", "3 classes, and the output has 2"),
        (np.random.default_rng(0).integers(0, 3, (40, 3)), 3, "train.epochs=1", "in row 0 of labels"),
        (np.arange(40) % 2, 2, "train.loss=smooth_l1", "what is learnt are classes"),
    ],
)
def test_labels_that_do_not_go_with_the_network(
    tmp_path: Path, labels: np.ndarray, units: int, setting: str, said: str
) -> None:
    with pytest.raises(SpecError, match=said) as error:
        trained(tmp_path, units, labels, setting)
    assert error.value.diagnostics[0].help


def test_loss_of_an_output_that_does_not_suit_it() -> None:
    graph = archspec.loads(LOCALISATION.replace("smooth_l1", "cross_entropy"))
    assert graph.train is not None
    with pytest.raises(SpecError, match="place learns boxes, and its loss is cross_entropy"):
        criteria_of(graph, graph.train, TARGETS)


def test_loss_of_the_recipe_is_for_outputs_that_it_suits() -> None:
    text = LOCALISATION.replace("{loss: cross_entropy}", "{}").replace(", loss: smooth_l1", "")
    graph = archspec.loads(text, settings=["train.loss={type: cross_entropy, label_smoothing: 0.1}"])
    assert graph.train is not None
    shape, place = criteria_of(graph, graph.train, TARGETS)
    assert shape.loss == CrossEntropy(label_smoothing=0.1)
    assert place.loss == MSE()
