"""Pictures of what a run has learnt: its filters, and the maps that an image makes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import archspec
from archspec.cli.main import main
from archspec.draw.figures import Figures
from archspec.draw.learnt import Filters, Learnt, Tiles, learnt
from archspec.draw.render import units_with_maps
from archspec.draw.scene import Raster, Rect, Text, walk
from compiler.feature_maps import feature_maps, graph_of_run
from compiler.train.loop import Silence
from compiler.train.run import Machine, train
from compiler.weights import read_weights
from tests.picture import problems

SPEC = """
name: small
input: 3x12x10
layers:
  - {name: first, type: conv, maps: 5, kernel: 3, activation: relu}
  - {name: pool, type: max_pool, kernel: 2}
  - {name: second, type: conv, maps: 70, kernel: 2, activation: tanh}
  - {name: out, type: dense, units: 3}
train: {data: {type: random, count: 24}, epochs: 1, batch: 8, preprocess: {normalise: own, resize: input}}
"""
NODES = ["first.activation", "pool", "second.activation", "out"]


def trained(folder: Path, spec: str) -> Path:
    graph = archspec.loads(spec)
    machine = Machine("cpu", threads=1)
    return train(graph, name="run", runs=folder, base=folder, listener=Silence(), machine=machine).folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("runs"), SPEC)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "ramp.png"
    picture = Image.new("RGB", (10, 12))
    picture.putdata([(20 * x, 15 * y, 9 * (x + y)) for y in range(12) for x in range(10)])
    picture.save(path)
    return path


def pixels_of(path: Path) -> list[tuple[int, ...]]:
    with Image.open(path) as image:
        return list(image.get_flattened_data()) if hasattr(image, "get_flattened_data") else list(image.getdata())


def numbers(tiles: Tiles) -> Tensor:
    """The maps that tiles stand for."""
    values = torch.tensor([list(each) for each in tiles.maps], dtype=torch.float32)
    return (values.view(-1, tiles.rows, tiles.columns) - 128) / 127 * tiles.largest


def by_hand(run: Path, image: Path) -> dict[str, Tensor]:
    """What torch's own functions make of the image, with the weights of the run's file."""
    weights = read_weights(run / "weights.safetensors").tensors
    steps = graph_steps(run)
    pixels = torch.tensor(pixels_of(image), dtype=torch.float32).view(12, 10, 3).permute(2, 0, 1)
    mean, deviation = (torch.tensor(steps[key]).view(3, 1, 1) for key in ("mean", "deviation"))
    first = F.relu(F.conv2d((pixels / 255 - mean) / deviation, weights["first.weight"], weights["first.bias"]))
    pool = F.max_pool2d(first, 2)
    second = torch.tanh(F.conv2d(pool, weights["second.weight"], weights["second.bias"]))
    out = F.linear(second.flatten(), weights["out.weight"], weights["out.bias"])
    return dict(zip(NODES, (first, pool, second, out), strict=True))


def graph_steps(run: Path) -> dict[str, list[float]]:
    return json.loads((run / "run.json").read_text())["preprocessing"]


def test_maps_are_those_that_torch_computes(run: Path, image: Path) -> None:
    found = feature_maps(run, NODES, image)
    expected = by_hand(run, image)
    for node in NODES:
        tiles, values = found.layers[node], expected[node].reshape(expected[node].shape[0], -1)
        shown = numbers(tiles).flatten(1)
        assert tiles.count == len(values)
        assert tiles.largest == pytest.approx(float(values.abs().max()), rel=1e-4)
        assert torch.allclose(shown, values[: len(shown)], atol=0.51 / 127 * tiles.largest)
    chances = expected["out"].softmax(0)
    assert [int(name) for name, _ in found.said] == chances.argsort(descending=True).tolist()
    assert [chance for _, chance in found.said] == pytest.approx(sorted(chances.tolist(), reverse=True), abs=1e-5)
    assert found.image == bytes(value for pixel in pixels_of(image) for value in pixel)


def test_filters_are_the_weights(run: Path, image: Path) -> None:
    weight = read_weights(run / "weights.safetensors").tensors["first.weight"]
    filters = feature_maps(run, ["out"], image).filters
    assert (filters.row, filters.is_coloured, filters.tiles.count) == ("first", True, 5)
    for found, kernel in zip(filters.tiles.maps, weight, strict=True):
        shown = torch.tensor(list(found)).view(3, 3, 3).permute(2, 0, 1) / 127.5 - 1
        assert torch.allclose(shown, kernel / weight.abs().max(), atol=0.01)


def test_an_example_of_the_test_data_is_there_without_an_image(run: Path) -> None:
    found = feature_maps(run, ["out"], None)
    assert found.file == "example 1 of test"
    assert found.truth in ("0", "1", "2")


def test_the_same_bytes_every_time(run: Path, image: Path, tmp_path: Path) -> None:
    path = tmp_path / "maps.svg"
    written: set[bytes] = set()
    for threads in (1, 2, 1):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            assert main(["render", str(run), "-o", str(path), "--image", str(image)]) == 0
        finally:
            torch.set_num_threads(before)
        written.add(path.read_bytes())
    assert len(written) == 1


def test_a_file_of_each_format(run: Path, image: Path, tmp_path: Path) -> None:
    for suffix in ("svg", "pdf", "png"):
        if suffix == "png":
            pytest.importorskip("pypdfium2")
        path = tmp_path / f"maps.{suffix}"
        assert main(["render", str(run), "-o", str(path), "--image", str(image), "--columns", "1", "--title", "T"]) == 0
    text = (tmp_path / "maps.svg").read_text()
    root = ElementTree.fromstring(text)
    said = re.search(r"70 @ 4×3, (\d+) shown", text)
    assert said is not None
    images = [each.get("href", "") for each in root.iter("{http://www.w3.org/2000/svg}image")]
    assert len(images) == 1 + 5 + 5 + 5 + int(said[1]) + 1  # the image, filters, maps of three layers, and the vector
    first = base64.b64decode(images[0].removeprefix("data:image/png;base64,"))
    (tmp_path / "first.png").write_bytes(first)
    assert pixels_of(tmp_path / "first.png") == pixels_of(image)
    names = [each.get("data-name") for each in root.iter("{http://www.w3.org/2000/svg}g")]
    assert {"first", "pool", "second", "out", "first filters", "output"} <= set(names)
    assert (tmp_path / "maps.pdf").read_bytes().count(b"/Subtype /Image") == len(images)


def test_a_pdf_shows_the_pixels_upright(run: Path, image: Path, tmp_path: Path) -> None:
    pypdfium2 = pytest.importorskip("pypdfium2")
    assert main(["render", str(run), "-o", str(tmp_path / "maps.pdf"), "--image", str(image)]) == 0
    with pypdfium2.PdfDocument(tmp_path / "maps.pdf") as document:
        page = document[0].render(scale=4).to_pil()
    # the image begins at (6, 19), and is 60 points high and 50 wide: the middles of its first and its last pixel
    assert page.getpixel((4 * 8, 4 * 21)) == pytest.approx((0, 0, 0), abs=8)
    assert page.getpixel((4 * 54, 4 * 77)) == pytest.approx((180, 165, 180), abs=8)


def tiles(count: int, rows: int, columns: int) -> Tiles:
    return Tiles(count, rows, columns, tuple(bytes([200]) * (rows * columns) for _ in range(min(count, 48))), 1.5)


def pictures() -> Iterator[tuple[str, Learnt]]:
    for name in ("lenet5", "resnet/resnet50", "vgg/vgg16", "googlenet", "mobilenet_v3/large"):
        graph = archspec.load(name)
        figures = Figures(graph)
        layers = {
            graph.rows[unit.stop - 1].nodes[-1].name: tiles(
                unit.shape.maps,
                *((min(unit.shape.height, 64), min(unit.shape.width, 64)) if unit.shape.is_maps else (1, 1)),
            )
            for unit in units_with_maps(figures)
        }
        said = (("a class with a name of some length", 0.9), ("b", 0.1))
        first = next(row for row in graph.rows if row.main.operator.role == "conv")
        filters = Filters(first.name, tiles(64, 7, 7), False, 4)
        yield name, Learnt(bytes(300), 10, 10, "a_file_with_a_long_name_indeed.jpeg", filters, layers, said, "a label")


@pytest.mark.parametrize("page", [252.0, 516.0])
def test_nothing_overlaps(page: float) -> None:
    for name, found in pictures():
        figures = Figures(archspec.load(name))
        units = units_with_maps(figures)
        drawn = learnt(figures, units, found, "t", "n", page)
        assert problems(drawn) == []
        assert len(units) <= 24
        rasters = [item.box for item in walk(drawn.items) if isinstance(item, Raster)]
        texts = [item.box for item in walk(drawn.items) if isinstance(item, Text)]
        assert all(box.x >= 0 and box.right <= page + 0.01 and box.bottom <= drawn.height for box in rasters)
        assert not [box for box in rasters if any(box.meets(text) for text in texts)]
        for index, box in enumerate(rasters):
            assert not any(box.meets(other) for other in rasters[index + 1 :])


BOXES = """
name: place
input: 1x16x16
layers:
  - {name: conv, type: conv, maps: 3, kernel: 3, activation: relu}
  - {name: body, type: dense, units: 8}
  - {name: place, type: dense, units: 4, activation: sigmoid}
  - {name: shape, type: dense, from: body, units: 3}
  - {name: size, type: dense, from: body, units: 2}
outputs:
  place: {target: boxes, loss: smooth_l1}
  shape: {loss: cross_entropy}
  size: {target: size, loss: mse}
train: {data: {type: arrays, path: d.npz, boxes: {unit: pixel}}, epochs: 1, batch: 8, preprocess: {normalise: none}}
"""


def test_the_box_is_drawn_on_the_image(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.integers(0, 256, (24, 16, 16), np.uint8), np.arange(24) % 3
    boxes = np.sort(random.permuted(np.tile(np.arange(16.0), (24, 1)), axis=1)[:, :4], 1)
    sizes = random.random((24, 2), np.float32)
    parts = {f"{name}_{part}": each for part in ("train", "test")
             for name, each in (("x", x), ("y", y), ("boxes", boxes), ("size", sizes))}  # fmt: skip
    np.savez(tmp_path / "d.npz", **parts)
    folder = trained(tmp_path, BOXES)
    found = feature_maps(folder, ["conv.activation"], None)
    weights = read_weights(folder / "weights.safetensors").tensors
    seen = F.relu(
        F.conv2d(torch.from_numpy(x[:1, None] / np.float32(255)), weights["conv.weight"], weights["conv.bias"])
    )
    body = F.linear(seen.flatten(1), weights["body.weight"], weights["body.bias"])
    wanted = F.linear(body, weights["place.weight"], weights["place.bias"]).sigmoid()[0].tolist()
    assert found.box == pytest.approx(wanted, abs=1e-5)
    assert found.true_box == pytest.approx((boxes[0] / 16).tolist())
    assert (found.truth, [name for name, _ in sorted(found.said)], found.unshown) == ("0", ["0", "1", "2"], ("size",))

    figures = Figures(archspec.loads(BOXES))
    units = [unit for unit in units_with_maps(figures) if unit.name == "conv"]
    drawn = learnt(figures, units, found, "t", "n", 516.0)
    assert problems(drawn) == []
    image = next(item.box for item in walk(drawn.items) if isinstance(item, Raster))
    outlines = [item for item in walk(drawn.items) if isinstance(item, Rect) and item.edge == "output.edge"]
    assert [each.dashed for each in outlines] == [True, False]
    for outline, sides in zip(outlines, (found.true_box, found.box), strict=True):
        at = outline.box
        corners = (at.x - image.x) / image.width, (at.y - image.y) / image.height
        corners += (at.right - image.x) / image.width, (at.bottom - image.y) / image.height
        assert sides is not None
        left, top, right, bottom = sides
        assert corners == pytest.approx((left, top, max(left, right), max(top, bottom)))
    said = " ".join(item.text for item in walk(drawn.items) if isinstance(item, Text))
    assert "dashed: labelled solid: the box it sees" in said
    assert "size nothing is shown" in said


def test_a_run_is_drawn_in_the_styles_of_a_spec_too(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.svg"
    assert main(["render", str(run), "-o", str(path), "--style", "table"]) == 0
    assert re.search(r">first</text>", path.read_text())


def test_a_folder_does_not_hide_a_member_of_the_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lenet5").mkdir()
    assert main(["render", "lenet5", "-o", "net.svg"]) == 0


def test_what_stops_it(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, mine = tmp_path / "maps.svg", tmp_path / "mine.svg"
    mine.write_text("<svg/>")
    text = tmp_path / "text.png"
    text.write_text("no image")
    cases = [
        ([str(tmp_path), "-o", str(path)], 1, "E906"),
        ([str(tmp_path / "gone"), "-o", str(path), "--style", "maps"], 2, "the folder of one"),
        ([str(run), "-o", str(path), "--image", str(text)], 1, "E722"),
        ([str(run), "-o", str(path), "--image", str(tmp_path / "gone.png")], 1, "E720"),
        ([str(run), "-o", str(tmp_path / "maps.html")], 2, "draw into .svg"),
        ([str(run), "-o", str(tmp_path / "maps.tex")], 2, "draw into .svg"),
        ([str(run), "-o", str(path), "--expand", "first"], 2, "leave out --depth and --expand"),
        ([str(run), "-o", str(path), "--set", "a=1"], 2, "leave out --set"),
        (["lenet5", "-o", str(path), "--image", str(text)], 2, "--image is for the maps of a run"),
        ([str(run), "-o", str(mine)], 1, "choose another name"),
    ]
    for arguments, code, said in cases:
        assert main(["render", *arguments]) == code, arguments
        assert said in capsys.readouterr().err
        assert not path.exists()
    assert mine.read_text() == "<svg/>"


def test_a_network_without_convolutions_has_no_filters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = (
        "input: 1x8x8\nlayers: [{name: out, type: dense, units: 2}]\ntrain: {data: {type: random, count: 8}, epochs: 1}"
    )
    folder = trained(tmp_path, spec)
    assert main(["render", str(folder), "-o", str(tmp_path / "maps.svg")]) == 1
    assert "E227" in (said := capsys.readouterr().err)
    assert "--style table" in said
    assert graph_of_run(folder).rows[0].name == "out"
