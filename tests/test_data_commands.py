"""`archspec data` and `archspec predict`: what they print, draw and refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
pytest.importorskip("safetensors")

from archspec.cli.main import main  # noqa: E402
from tests.data_files import small_mnist  # noqa: E402

SPEC = """\
name: pets
input: 3x16x16
layers:
  - {name: C1, type: conv, maps: 4, kernel: 3, stride: 2, activation: relu}
  - {name: fc, type: dense, units: 3}
train:
  data: {type: folder, path: pets}
  preprocess: {resize: 18, center_crop: 16}
  epochs: 4
  batch: 16
"""
COLOURS = {"blue": (20, 40, 220), "green": (30, 200, 40), "red": (230, 30, 20)}


def draw(path: Path, name: str, number: int) -> Path:
    """A noisy picture of a colour, of no particular size."""
    noise = np.random.default_rng(number)
    height, width = noise.integers(18, 40, 2)
    pixels = noise.normal(COLOURS[name], 40, (height, width, 3)).clip(0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "pets.yaml").write_text(SPEC)
    for part, count in (("train", 20), ("test", 8)):
        for first, name in enumerate(COLOURS):
            for number in range(count):
                draw(
                    root / "pets" / part / name / f"{number}.png", name, 1000 * first + number + 500 * (part == "test")
                )
    return root


@pytest.fixture(scope="module")
def run(here: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert main(["train", "pets.yaml", "--quiet", "--threads", "1"]) == 0
    (found,) = (here / "runs").iterdir()
    return found


# --- archspec data


def test_data_says_what_it_found(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    assert main(["data", "pets.yaml"]) == 0
    said = capsys.readouterr().out
    assert "train 60, test 24" in said
    assert "3 classes: blue, green, red" in said
    assert "held on cpu" in said


def test_picture_shows_a_batch_and_replaces_nothing(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    path = tmp_path / "batch.png"
    assert main(["data", "pets.yaml", "-o", str(path), "--count", "9", "--part", "test"]) == 0
    with Image.open(path) as found:
        pixels = np.asarray(found.convert("RGB")).reshape(-1, 3).astype(int)
    # colours as they are in the files, though the network sees them normalised
    for colour in COLOURS.values():
        assert (np.abs(pixels - colour).max(1) < 30).sum() > 100
    before = path.read_bytes()
    assert main(["data", "pets.yaml", "-o", str(path), "--count", "4"]) == 1
    assert path.read_bytes() == before
    assert main(["data", "pets.yaml", "-o", str(path), "--count", "4", "--force"]) == 0
    assert path.read_bytes() != before
    assert main(["data", "pets.yaml", "-o", str(tmp_path / "batch.jpg")]) == 1
    assert main(["data", "pets.yaml", "--part", "validation"]) == 1
    assert "there is no validation" in capsys.readouterr().err


def test_picture_of_grey_mixed_and_flat_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small_mnist(tmp_path / "mnist")
    Path("a.yaml").write_text(
        "input: 784\nlayers: [{type: dense, units: 10}]\n"
        "train: {data: {type: mnist, path: mnist}, augment: {mixup: 0.5, rotation: 10}}\n"
    )
    assert main(["data", "a.yaml", "-o", "a.png", "--count", "5"]) == 0
    assert main(["data", "a.yaml", "-o", "plain.png", "--count", "5", "--plain"]) == 0
    assert Path("a.png").read_bytes() != Path("plain.png").read_bytes()


def test_data_that_can_not_be_used_is_one_diagnostic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pets.yaml").write_text(SPEC)
    assert main(["data", "pets.yaml"]) == 1
    assert capsys.readouterr().err.startswith("error[E720]: pets: there is no such file or folder\n")
    Path("bare.yaml").write_text(SPEC[: SPEC.index("train:")])
    assert main(["data", "bare.yaml"]) == 1
    assert "error[" in capsys.readouterr().err
    Path("rows.yaml").write_text("input: 4\nlayers: [{type: dense, units: 2}]\ntrain: {data: random}\n")
    assert main(["data", "rows.yaml", "-o", "a.png"]) == 1
    assert "E737" in capsys.readouterr().err


# --- archspec predict


def predicted(run: Path, *arguments: str, capsys: pytest.CaptureFixture[str]) -> list[dict]:
    main(["predict", str(run), *arguments, "--json"])
    return json.loads(capsys.readouterr().out)["images"]


def test_predictions_are_those_that_the_run_was_judged_by(
    here: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted((here / "pets" / "test").rglob("*.png"))
    found = predicted(run, *map(str, files), capsys=capsys)
    right = [each["classes"][0]["class"] == Path(each["file"]).parent.name for each in found]
    judged = json.loads((run / "results.json").read_text())["test"]
    assert sum(right) / len(right) == pytest.approx(judged["accuracy"])
    assert judged["accuracy"] > 0.9
    chances = np.array([[each["probability"] for each in image["classes"]] for image in found])
    assert chances.sum(1) == pytest.approx(np.ones(24), abs=1e-5)
    assert (np.diff(chances) <= 0).all()


def test_predictions_need_nothing_but_the_run(
    here: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = here / "pets" / "test" / "red" / "3.png"
    wanted = predicted(run, str(file), capsys=capsys)
    shutil.copytree(run, tmp_path / "elsewhere")
    shutil.copy(file, tmp_path / "red.png")
    monkeypatch.chdir(tmp_path)
    (found,) = predicted(Path("elsewhere"), "red.png", capsys=capsys)
    assert found["classes"] == wanted[0]["classes"]


def test_images_are_brought_to_the_network_as_in_training(
    here: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(here / "pets" / "test" / "green" / "1.png") as image:
        exif = Image.Exif()
        exif[0x0112] = 6
        image.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
        image.save(tmp_path / "plain.png")
        image.convert("RGBA").save(tmp_path / "alpha.png")
        image.convert("L").save(tmp_path / "grey.png")
    names = ("plain", "turned", "alpha", "grey")
    plain, turned, alpha, grey = predicted(run, *(str(tmp_path / f"{name}.png") for name in names), capsys=capsys)
    assert plain["classes"] == turned["classes"] == alpha["classes"]
    assert plain["classes"] != grey["classes"]


def test_images_of_another_size_where_training_resized_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small_mnist(tmp_path / "mnist")
    Path("a.yaml").write_text(
        "input: 1x32x32\nlayers: [{name: fc, type: dense, units: 10}]\n"
        "train: {data: {type: mnist, path: mnist}, preprocess: {pad: 2}, epochs: 1}\n"
    )
    assert main(["train", "a.yaml", "--quiet", "--threads", "1"]) == 0
    run = Path(capsys.readouterr().out.strip())
    Image.new("RGB", (28, 28), (90, 90, 90)).save("own.png")
    Image.new("L", (56, 84), 90).save("large.png")
    assert main(["predict", str(run), "own.png", "large.png", "--top", "1"]) == 0
    said = capsys.readouterr()
    own, large = said.out.split("\n\n")
    assert own.split("\n")[1:] == large.strip().split("\n")[1:]
    assert said.err == "large.png: 84x56, resized to the 28x28 of the training images\n"


def test_what_can_not_be_predicted(here: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = here / "pets" / "test" / "red" / "1.png"
    (tmp_path / "bad.png").write_text("no image")
    assert main(["predict", str(run), str(tmp_path / "bad.png"), str(good), str(tmp_path / "none.png")]) == 1
    said = capsys.readouterr()
    assert str(good) in said.out
    assert said.err.count("error[") == 2
    assert main(["predict", str(tmp_path), str(good)]) == 1
    assert "is no run" in capsys.readouterr().err
    shutil.copytree(run, tmp_path / "unfinished")
    (tmp_path / "unfinished" / "weights.safetensors").unlink()
    assert main(["predict", str(tmp_path / "unfinished"), str(good)]) == 1
    assert "--resume" in capsys.readouterr().err


def test_numbers_where_numbers_were_learnt(tmp_path: Path) -> None:
    from archspec import loads
    from compiler.data import Preprocessing
    from compiler.data.targets import Target
    from compiler.prediction import Predictor
    from compiler.train.losses import criteria_of
    from compiler.train.session import recipe_of

    text = "input: 1x8x8\nlayers: [{type: dense, units: 2}]\ntrain: {data: {type: arrays, path: d.npz}, loss: mse}\n"
    graph = loads(text)
    network = graph.build()
    criteria = criteria_of(graph, recipe_of(graph), {"label": Target("numbers", width=2)})
    predictor = Predictor(network.eval(), criteria, Preprocessing((1, 8, 8), 1), torch.device("cpu"))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    (found,) = predictor.predict([tmp_path / "one.png"], 5)
    wanted = network(torch.from_numpy(pixels[None, None].copy()) / 255)[0].tolist()
    (said,) = found.outputs
    assert said.classes == ()
    assert said.numbers == pytest.approx(wanted, abs=1e-6)


def test_evaluate_says_that_the_data_have_changed(here: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run)]) == 0
    assert "have changed" not in capsys.readouterr().err
    new = here / "pets" / "test" / "red" / "another.png"
    shutil.copy(here / "pets" / "test" / "red" / "1.png", new)
    try:
        assert main(["evaluate", str(run)]) == 0
    finally:
        new.unlink()
    assert "the data have changed since the run began" in capsys.readouterr().err
