"""Boxes: read as data have them, and where the pixels are that they are around, whatever moves these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archspec.shape import Shape
from archspec.training_data import Arrays, AugmentKeys, BoxKeys, Folder, PreprocessKeys, Random
from compiler.data import DataError
from compiler.data.boxes import Window, corners, middle, overlap
from compiler.data.picture import draw_batch
from compiler.data.sources.box_table import read_boxes
from tests.data_files import failure, prepared

HEIGHT, WIDTH, COUNT = 20, 30, 40
HEADS = {"label": 2, "boxes": 4}
CORNERS = np.array([[3, 2, 12, 9], [0, 0, 30, 20]], float)


def scenes(count: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    """One bright rectangle in each image, and its left, top, right and bottom in pixels."""
    numbers = np.random.default_rng(0)
    images, boxes = np.zeros((count, HEIGHT, WIDTH), np.uint8), np.zeros((count, 4))
    for image, box in zip(images, boxes, strict=True):
        width, height = numbers.integers(5, 10, 2)
        left, top = numbers.integers(4, WIDTH - width - 3), numbers.integers(4, HEIGHT - height - 3)
        image[top : top + height, left : left + width] = 255
        box[:] = left, top, left + width, top + height
    return images, boxes


def stored(place: Path, **changed: Any) -> Path:
    images, boxes = scenes()
    labels = np.arange(COUNT) % 2
    found = {"x_train": images, "y_train": labels, "boxes_train": boxes}
    found |= {name.replace("train", "test"): array for name, array in found.items()} | changed
    np.savez(place / "d.npz", **{name: array for name, array in found.items() if array is not None})
    return place


def bright(image: torch.Tensor) -> torch.Tensor:
    """The box around what is bright in an image, by its pixels."""
    rows, columns = (image[0] > 0.5).nonzero().unbind(1)
    height, width = image.shape[1:]
    ends = [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    return torch.tensor(ends)


@pytest.mark.parametrize(
    ("preprocess", "augment", "size"),
    [
        ({}, {}, (20, 30)),
        ({"resize": (40, 30)}, {}, (40, 30)),
        ({"resize": 40}, {}, (40, 60)),
        ({"center_crop": (14, 25), "pad": (1, 2, 3, 4)}, {}, (17, 32)),
        ({"resize": (40, 60)}, {"crop": 0, "horizontal_flip": 0.5}, (36, 50)),
        ({}, {"shift": (3, 2), "vertical_flip": 0.5}, (20, 30)),
        ({"resize": (40, 60)}, {"shift": (3, 4), "zoom": (0.8, 1.2), "horizontal_flip": 0.5}, (40, 60)),
        ({"resize": (40, 60)}, {"resized_crop": (0.6, 1.0), "brightness": (0.9, 1.1)}, (36, 50)),
    ],
)
def test_boxes_go_where_their_pixels_go(
    tmp_path: Path, preprocess: dict[str, Any], augment: dict[str, Any], size: tuple[int, int]
) -> None:
    keys = Arrays(path=str(stored(tmp_path) / "d.npz"), boxes=BoxKeys(unit="pixel"))
    steps = PreprocessKeys(interpolation="nearest", **preprocess)
    data = prepared(keys, tmp_path, Shape.of(1, *size), steps, AugmentKeys(**augment), heads=HEADS)
    split = data.splits["train"]
    pixel = torch.tensor([1 / size[1], 1 / size[0]] * 2)
    for is_varied in (False, True):
        images, targets = next(split.batches(torch.arange(COUNT), COUNT, epoch=0, augment=is_varied))
        for image, box in zip(split.steps.shown(images), targets["boxes"], strict=True):
            assert bool(((bright(image) - box).abs() <= 1.01 * pixel).all()), (bright(image), box)


def test_a_turned_box_is_around_all_of_what_it_was_around(tmp_path: Path) -> None:
    keys = Arrays(path=str(stored(tmp_path) / "d.npz"), boxes=BoxKeys(unit="pixel"))
    data = prepared(keys, tmp_path, Shape.of(1, HEIGHT, WIDTH), augment=AugmentKeys(rotation=20.0), heads=HEADS)
    split = data.splits["train"]
    images, targets = next(split.batches(torch.arange(COUNT), COUNT, epoch=0, augment=True))
    slack = torch.tensor([1 / WIDTH, 1 / HEIGHT])
    for image, box in zip(split.steps.shown(images), targets["boxes"], strict=True):
        seen = bright(image)
        assert bool((seen[:2] >= box[:2] - slack).all())
        assert bool((seen[2:] <= box[2:] + slack).all())


def test_windows_of_windows() -> None:
    box = torch.tensor([[0.25, 0.5, 0.75, 1.0]])
    half = Window(0.0, 0.25, 1.0, 0.75)  # the middle half of the width
    assert half.seen(box).tolist() == [[0.0, 0.5, 1.0, 1.0]]
    assert half.whole(half.seen(box)).tolist() == box.tolist()
    both = half.part(Window(0.5, 0.0, 1.0, 0.5))
    assert (both.top, both.left, both.bottom, both.right) == (0.5, 0.25, 1.0, 0.5)
    assert middle((10, 10), (10, 10)) == Window()
    assert middle((12, 9), (8, 4)) == Window(2 / 12, 2 / 9, 10 / 12, 6 / 9)


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        (BoxKeys(unit="pixel"), CORNERS),
        (BoxKeys(), CORNERS / [30, 20, 30, 20]),
        (BoxKeys(format="xywh", unit="pixel"), np.array([[3, 2, 9, 7], [0, 0, 30, 20]])),
        (BoxKeys(format="cxcywh", unit="pixel"), np.array([[7.5, 5.5, 9, 7], [15, 10, 30, 20]])),
    ],
)
def test_ways_to_write_a_box(keys: BoxKeys, written: np.ndarray) -> None:
    sizes = torch.tensor([[HEIGHT, WIDTH]]).expand(2, 2)
    found = corners(torch.from_numpy(written.astype(np.float32)), keys, sizes, str)
    assert torch.allclose(found, torch.from_numpy((CORNERS / [30, 20, 30, 20]).astype(np.float32)))


def test_overlap_is_intersection_over_union() -> None:
    one = torch.tensor([[0.0, 0.0, 2.0, 2.0]]).repeat(4, 1)
    other = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [2.0, 2.0, 3.0, 3.0], [2.0, 0.0, 0.0, 2.0]])
    assert overlap(one, other).tolist() == pytest.approx([1.0, 2 / 6, 0.0, 0.0])


@pytest.mark.parametrize(
    ("changed", "keys", "code", "said"),
    [
        ({}, {}, "E739", "reaches out of 0 to 1"),
        ({}, {"unit": "pixel", "format": "cxcywh"}, "E739", "reaches out of its image, 30 wide and 20 high"),
        ({"boxes_train": np.full((COUNT, 4), 0.5)}, {}, "E739", "has no area"),
        ({"boxes_train": np.full((COUNT, 4), np.nan)}, {}, "E728", "NaN or infinity in box 0"),
        ({"boxes_train": np.zeros((COUNT, 5))}, {}, "E724", "boxes of type float64, 40x5"),
        ({"boxes_train": np.zeros((COUNT - 1, 4))}, {}, "E725", "40 examples and 39 of boxes"),
        ({"boxes_train": None}, {}, "E740", "no boxes, which an output learns"),
    ],
)
def test_boxes_that_can_not_be_used(
    tmp_path: Path, changed: dict[str, Any], keys: dict[str, Any], code: str, said: str
) -> None:
    stored(tmp_path, **changed)
    source = Arrays(path="d.npz", boxes=BoxKeys(**keys))
    found = failure(source, tmp_path, Shape.of(1, HEIGHT, WIDTH), heads=HEADS)
    assert (found.code, said in found.message) == (code, True), found.message


def test_what_has_no_boxes_and_what_can_not_have_them(tmp_path: Path) -> None:
    from archspec.training_data import Digits

    found = failure(Digits(), tmp_path, Shape.of(1, 8, 8), heads=HEADS)
    assert (found.code, "there are label" in found.message) == ("E740", True)
    keys = Arrays(path=str(stored(tmp_path) / "d.npz"), boxes=BoxKeys(unit="pixel"))
    with pytest.raises(DataError, match="no single box"):
        prepared(keys, tmp_path, Shape.of(1, HEIGHT, WIDTH), augment=AugmentKeys(mixup=0.2), heads=HEADS)


def photographs(root: Path) -> list[str]:
    """Images of several sizes, one of them turned by its EXIF, in folders of two classes; lines with their boxes."""
    images, boxes = scenes(12)
    lines: list[str] = []
    for number, (image, box) in enumerate(zip(images, boxes, strict=True)):
        name, factor = f"{'ab'[number % 2]}/{number}.png", 1 + number % 3
        picture = Image.fromarray(image).resize((WIDTH * factor, HEIGHT * factor), Image.Resampling.NEAREST)
        exif = Image.Exif()
        if number == 5:
            picture, exif[0x0112] = picture.transpose(Image.Transpose.ROTATE_90), 6
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(root / name, exif=exif)
        lines.append(",".join([name, *(str(each * factor) for each in box)]))
    return lines


def test_boxes_of_images_in_folders(tmp_path: Path) -> None:
    lines = photographs(tmp_path / "things")
    (tmp_path / "things" / "boxes.csv").write_text("\ufefffile,left,top,right,bottom\n" + "\n".join(lines[::-1]) + "\n")
    for resident in (True, False):
        keys = Folder(path="things", boxes=BoxKeys(unit="pixel"), split=(1, 1), resident=resident, workers=0)
        steps = PreprocessKeys(resize="input", interpolation="nearest")
        data = prepared(keys, tmp_path, Shape.of(1, HEIGHT, WIDTH), steps, heads=HEADS)
        assert not any("boxes.csv" in note for note in data.notes)
        split = data.splits["train"]
        ((images, targets),) = split.batches(torch.arange(len(split)), 100, epoch=0, augment=False)
        for image, box in zip(split.steps.shown(images), targets["boxes"], strict=True):
            assert bool(((bright(image) - box).abs() <= 1.01 / HEIGHT).all())
    draw_batch(split, torch.arange(4), tmp_path / "b.png", epoch=0, augment=False)
    assert (0xE0, 0x21, 0x8A) in {pixel for _, pixel in Image.open(tmp_path / "b.png").getcolors(2**24) or ()}


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, "E720", "boxes.csv"),
        ("", "E740", "no box of a/"),
        ("file,left\na/0.png,1,2\n", "E739", "line 2"),
        ("a/0.png,1,2,3,4\na/0.png,1,2,3,4\n", "E739", "line 2 is a second box of a/0.png"),
        ("a/0.png,1,2,nan,4\nb,1,nan,3,4", "E739", "line 2"),
    ],
)
def test_tables_of_boxes_that_can_not_be_used(tmp_path: Path, text: str | None, code: str, said: str) -> None:
    photographs(tmp_path / "things")
    if text is not None:
        (tmp_path / "things" / "boxes.csv").write_text(text)
    found = failure(Folder(path="things"), tmp_path, Shape.of(1, HEIGHT, WIDTH), heads=HEADS)
    assert (found.code, said in found.message) == (code, True), found.message


@pytest.mark.parametrize(
    ("header", "row", "format"),
    [
        ("file,top,left,bottom,right", "2,1,6,4", "xyxy"),
        ("file;Y Max;x-min;ymin;XMAX", "6,1,2,4", "xyxy"),
        ("image,x,y,w,h", "1,2,3,4", "xywh"),
        ("image,h,w,cy,cx", "4,3,4,2.5", "cxcywh"),
        ("image,x,y,w,h", "2.5,4,3,4", "cxcywh"),
        ("who,knows,what,these,are", "1,2,4,6", "xyxy"),
    ],
)
def test_columns_of_boxes_have_names(tmp_path: Path, header: str, row: str, format: Any) -> None:
    (tmp_path / "boxes.csv").write_text(f"{header.replace(';', ',')}\na.png,{row}\n")
    found = read_boxes(tmp_path, {"train": [str(tmp_path / "a.png")]}, format, [])["train"]
    corner = corners(found, BoxKeys(format=format, unit="pixel"), torch.tensor([[8, 8]]), str)
    assert corner.tolist() == [[1 / 8, 2 / 8, 4 / 8, 6 / 8]]


def test_columns_of_another_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("file,x,y,w,h\na.png,1,2,3,4\n")
    with pytest.raises(DataError, match="the columns are called x, y, w, h, and boxes are read as xyxy") as caught:
        read_boxes(tmp_path, {"train": [str(tmp_path / "a.png")]}, "xyxy", [])
    assert caught.value.diagnostic.help == "boxes: {format: xywh}"


def test_random_boxes_have_an_area() -> None:
    data = prepared(Random(count=50), Path(), Shape.of(1, 8, 8), heads=HEADS)
    _, targets = next(data.splits["train"].batches(torch.arange(50), 50, epoch=0, augment=False))
    boxes = targets["boxes"]
    assert bool(((boxes >= 0) & (boxes <= 1)).all())
    assert bool((boxes[:, 2:] - boxes[:, :2] >= 0.099).all())
