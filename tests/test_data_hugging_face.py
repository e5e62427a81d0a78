"""Data sets of the library `datasets`, as it stores them on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
datasets = pytest.importorskip("datasets")

from archspec.training_data import AugmentKeys, HuggingFace, PreprocessKeys  # noqa: E402
from tests.data_files import COLOURED, GREY, failure, folders, image, prepared  # noqa: E402

PLAIN = PreprocessKeys(normalise="none")


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def table(first: int, count: int, **more: Any) -> Any:
    kinds = {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=["cat", "dog"]),
        **{name: kind for name, (kind, _) in more.items()},
    }
    rows = {
        "image": [Image.fromarray(image(first + each)) for each in range(count)],
        "label": [each % 2 for each in range(count)],
        **{name: values for name, (_, values) in more.items()},
    }
    return datasets.Dataset.from_dict(rows, features=datasets.Features(kinds))


def stored(path: Path, **parts: Any) -> Path:
    datasets.DatasetDict(parts).save_to_disk(str(path))
    return path


def test_parts_images_and_classes(tmp_path: Path) -> None:
    stored(tmp_path / "pets", train=table(0, 10), validation=table(10, 4), test=table(20, 6))
    data = prepared(HuggingFace(name="pets"), tmp_path, COLOURED, PLAIN)
    assert data.classes == ("cat", "dog")
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 10, "validation": 4, "test": 6}
    found = (data.splits["test"].images * 255).round().byte()
    wanted = np.stack([image(20 + each).transpose(2, 0, 1) for each in range(6)])
    assert torch.equal(found, torch.from_numpy(wanted))
    assert data.splits["test"].targets.tolist() == [0, 1] * 3
    grey = prepared(HuggingFace(name="pets"), tmp_path, GREY)
    assert grey.splits["train"].images.shape == (10, 1, 8, 8)


@pytest.mark.parametrize("workers", [0, 2])
def test_loading_changes_nothing(tmp_path: Path, workers: int) -> None:
    stored(tmp_path / "pets", train=table(0, 40))
    augment = AugmentKeys(shift=(1, 1), mixup=0.3)
    batches = []
    for resident in (True, False):
        keys = HuggingFace(name="pets", resident=resident, workers=workers, split=(3.0, 1.0))
        data = prepared(keys, tmp_path, COLOURED, augment=augment)
        assert {part: len(split) for part, split in data.splits.items()} == {"train": 30, "test": 10}
        batches.append(list(data.splits["train"].batches(torch.arange(30), 8, epoch=1, augment=True)))
    for held, loaded in zip(*batches, strict=True):
        assert torch.equal(held[0], loaded[0])
        assert torch.equal(held[1]["label"], loaded[1]["label"])


def test_a_folder_of_image_files(tmp_path: Path) -> None:
    folders(tmp_path / "pets", {"train/cat": 4, "train/dog": 4, "test/cat": 2, "test/dog": 2})
    data = prepared(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert data.classes == ("cat", "dog")
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 8, "test": 4}


def test_columns_are_chosen_where_there_are_several(tmp_path: Path) -> None:
    coarse = (datasets.ClassLabel(names=["pet"]), [0] * 8)
    stored(tmp_path / "pets", train=table(0, 8, coarse=coarse), test=table(9, 8, coarse=coarse))
    found = failure(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert (found.code, "label, coarse" in found.message) == ("E734", True)
    assert prepared(HuggingFace(name="pets", label="coarse"), tmp_path, COLOURED).classes == ("pet",)
    assert failure(HuggingFace(name="pets", label="colour"), tmp_path, COLOURED).code == "E734"
    assert failure(HuggingFace(name="pets", label="label", image="label"), tmp_path, COLOURED).code == "E734"


def test_labels_that_are_numbers(tmp_path: Path) -> None:
    number = (datasets.Value("int64"), [0, 1, 2, 3])
    parts = {part: table(0, 4, target=number).remove_columns("label") for part in ("train", "test")}
    stored(tmp_path / "pets", **parts)
    assert prepared(HuggingFace(name="pets"), tmp_path, COLOURED).classes == ("0", "1", "2", "3")
    parts["test"] = table(0, 4, target=(datasets.Value("int64"), [-1] * 4)).remove_columns("label")
    stored(tmp_path / "hidden", **parts)
    found = failure(HuggingFace(name="hidden"), tmp_path, COLOURED)
    assert (found.code, "label -1 of example 0" in found.message) == ("E726", True)


def test_damaged_image_is_named(tmp_path: Path) -> None:
    whole = table(0, 4).cast_column("image", datasets.Image(decode=False))
    rows = [dict(row) for row in whole]
    rows[2]["image"] = {"bytes": rows[2]["image"]["bytes"][:50], "path": None}
    damaged = datasets.Dataset.from_list(rows, features=table(0, 1).features)
    stored(tmp_path / "pets", train=damaged, test=table(0, 4))
    found = failure(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert (found.code, "pets, train, row 2" in found.message) == ("E722", True)


def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = failure(HuggingFace(name="nobody/nothing-of-this-name"), tmp_path, COLOURED)
    assert found.code in ("E720", "E732")
    stored(tmp_path / "pets", test=table(0, 4))
    found = failure(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert (found.code, "no train" in found.message) == ("E734", True)
    monkeypatch.setitem(sys.modules, "datasets", None)
    found = failure(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert (found.code, "archspec-nn[datasets]" in str(found.help)) == ("E733", True)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_one_file(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        table(0, 20).to_parquet(tmp_path / "pets.parquet")
        name = "pets.parquet"
    else:
        table(0, 20).save_to_disk(tmp_path / "saved")
        (file,) = (tmp_path / "saved").glob("*.arrow")
        name = f"./saved/{file.name}"
    data = prepared(HuggingFace(name=name, split=(3, 1)), tmp_path, COLOURED)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 15, "test": 5}


def test_a_folder_of_tables_and_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    for part, count in (("train", 8), ("test", 4)):
        table(count, count).to_parquet(tmp_path / "pets" / f"{part}-00000-of-00001.parquet")
    data = prepared(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 8, "test": 4}
    (tmp_path / "notes.txt").write_text("nothing")
    assert failure(HuggingFace(name="notes.txt"), tmp_path, COLOURED).code == "E734"
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "pets" / "test-00000-of-00001.parquet").read_bytes()[:500])
    assert failure(HuggingFace(name="cut.parquet"), tmp_path, COLOURED).code in ("E732", "E734")
    assert failure(HuggingFace(name="./nowhere"), tmp_path, COLOURED).code == "E720"


def test_boxes_of_a_column(tmp_path: Path) -> None:
    boxes = (datasets.Sequence(datasets.Value("float32")), [[0.1, 0.2, 0.5, 0.6]] * 8)
    stored(tmp_path / "pets", train=table(0, 8, boxes=boxes), test=table(9, 8, boxes=boxes))
    heads = {"label": 2, "boxes": 4}
    data = prepared(HuggingFace(name="pets"), tmp_path, COLOURED, heads=heads)
    _, targets = next(data.splits["test"].batches(torch.arange(3), 3, epoch=0, augment=False))
    assert torch.allclose(targets["boxes"], torch.tensor([0.1, 0.2, 0.5, 0.6]))


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            datasets.ClassLabel(names=["cat", "dog"]),
            [0, None, 1, None],
            "column mark is null there, and 1 more like it",
        ),
        (datasets.ClassLabel(names=["cat", "dog"]), [0, None, 1, 1], "no label: column mark is null there"),
        (datasets.Value("string"), ["cat", None, "dog", "dog"], "no label: column mark is null there"),
        (datasets.Value("float32"), [0.5, None, 1.5, 2.5], "no label: column mark is null there"),
    ],
)
def test_row_without_a_label_is_named(
    tmp_path: Path, streaming: bool, kind: Any, values: list[Any], message: str
) -> None:
    whole = table(0, 4, mark=(kind, [value if value is not None else values[0] for value in values]))
    lacking = table(0, 4, mark=(kind, values))
    stored(tmp_path / "pets", train=whole, test=lacking)
    keys = HuggingFace(name="pets", label="mark", streaming=streaming)
    found = failure(keys, tmp_path, COLOURED)
    assert (found.code, "pets, test, row 1: " in found.message, found.message.endswith(message)) == ("E740", True, True)
    assert "ds.filter(lambda row: row['mark'] is not None)" in str(found.help)
    left = stored(tmp_path / "left", train=whole, test=lacking.filter(lambda row: row["mark"] is not None))
    data = prepared(keys.model_copy(update={"name": left.name}), tmp_path, COLOURED)
    assert len(data.splits["test"]) == 4 - values.count(None)
