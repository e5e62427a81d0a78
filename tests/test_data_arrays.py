"""Arrays as people save them: under other names, with Python objects in them, or some of them missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.training_data import Arrays
from compiler.data.sources.arrays import arrays
from tests.data_files import GREY, failure, prepared

X = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
Y = np.arange(20) % 2
NAMES = np.array(["cat", "dog"] * 10, object)


def saved(place: Path, **arrays: Any) -> Arrays:
    np.savez(place / "d.npz", **arrays)
    return Arrays(path="d.npz")


@pytest.mark.parametrize(
    "names",
    [("X", "Y"), ("X", "y"), ("Images", "Labels"), ("data", "targets"), ("inputs", "label"), ("features", "target")],
)
def test_arrays_in_one_piece_go_by_many_names(tmp_path: Path, names: tuple[str, str]) -> None:
    data = prepared(saved(tmp_path, **{names[0]: X, names[1]: Y}), tmp_path, GREY)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 15, "validation": 3, "test": 2}


@pytest.mark.parametrize(
    "form", ["X_{}", "x_{}", "{}_X", "{}X", "X{}", "x-{}", "{}_images", "images_{}", "{}_data", "{}Images"]
)
@pytest.mark.parametrize("words", [("train", "val", "test"), ("Train", "Valid", "Test"), ("tr", "dev", "te")])
def test_parts_go_by_many_names(tmp_path: Path, form: str, words: tuple[str, str, str]) -> None:
    label = {"images": "labels", "Images": "Labels", "data": "labels"}
    said = next((word for word in label if word in form), "X" if "X" in form else "x")
    other = form.replace(said, label.get(said, "Y"))
    found = {form.format(word): X[:size] for word, size in zip(words, (20, 6, 8), strict=True)}
    found |= {other.format(word): Y[:size] for word, size in zip(words, (20, 6, 8), strict=True)}
    data = prepared(saved(tmp_path, **found), tmp_path, GREY)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 20, "validation": 6, "test": 8}


def test_one_piece_beside_a_test_is_what_is_learnt_from(tmp_path: Path) -> None:
    data = prepared(saved(tmp_path, x=X, y=Y, x_test=X[:8], y_test=Y[:8]), tmp_path, GREY)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 20, "test": 8}
    assert any("d.npz, x, beside the other parts" in note for note in data.notes)


def test_validation_in_the_place_of_a_test_is_said(tmp_path: Path) -> None:
    data = prepared(saved(tmp_path, x_train=X, y_train=Y, x_val=X[:8], y_val=Y[:8]), tmp_path, GREY)
    assert list(data.splits) == ["train", "test"]
    assert any("there is no test: it is" in note and "x_val" in note for note in data.notes)


@pytest.mark.parametrize(
    ("arrays", "said", "helped"),
    [
        ({"arr_0": X, "arr_1": Y}, "arrays arr_0, arr_1", "np.savez(FILE, x=…, y=…)"),
        ({"x": X, "images": X, "y": Y, "labels": Y}, "x and images may both be the examples", "leave one of them out"),
        ({"X": X, "x": X, "y": Y}, "X and x may both be the examples", "rename"),
        ({"data": X, "target": Y, "labels": Y}, "labels and target may both be the labels", "leave one of them out"),
        (
            {"X_train": X, "train_images": X, "y_train": Y, "x_test": X, "y_test": Y},
            "X_train and train_images may both be the examples",
            "leave one of them out",
        ),
        ({"x": X, "y": Y, "target": Y}, "y and target may both be the labels", "leave one of them out"),
        ({"X_train": X, "Y_train": Y, "X_test": X}, "X_test, and no y_test", "an array y_test"),
        ({"trainImages": X, "testImages": X}, "trainImages, and no trainlabels", "an array trainlabels"),
        ({"train_labels": Y}, "train_labels, and no train_images", "an array train_images"),
    ],
)
def test_arrays_that_may_be_several_things_or_none(
    tmp_path: Path, arrays: dict[str, Any], said: str, helped: str
) -> None:
    found = failure(saved(tmp_path, **arrays), tmp_path, GREY)
    assert (found.code, said in found.message, helped in str(found.help)) == ("E724", True, True), found


def test_array_that_another_output_learns_is_no_label(tmp_path: Path) -> None:
    ages = np.arange(20, dtype=np.float32)
    np.savez(tmp_path / "d.npz", x=X, y=Y, target=ages)
    found = arrays(Arrays(path="d.npz"), tmp_path, GREY, ["label", "target"])
    (whole,) = found.parts.values()
    assert whole.targets["label"].tolist() == Y.tolist()
    assert whole.targets["target"].flatten().tolist() == ages.tolist()


def test_labels_of_python_objects(tmp_path: Path) -> None:
    found = failure(saved(tmp_path, x=X, y=NAMES), tmp_path, GREY)
    assert (found.code, "d.npz, y: Python objects" in found.message) == ("E724", True)
    assert "y.astype(str)" in str(found.help)
    data = prepared(saved(tmp_path, x=X, y=NAMES.astype(str)), tmp_path, GREY)  # as the help says
    assert data.classes == ("cat", "dog")
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "names.npy", NAMES)
    found = failure(Arrays(images="x.npy", labels="names.npy"), tmp_path, GREY)
    assert (f"{tmp_path / 'names.npy'}: " in found.message, "names.astype(str)" in str(found.help)) == (True, True)


def test_examples_of_python_objects(tmp_path: Path) -> None:
    pictures = np.empty(20, object)
    pictures[:] = [picture.tolist() for picture in X]
    found = failure(saved(tmp_path, x_train=pictures, y_train=Y), tmp_path, GREY)
    assert (found.code, "d.npz, x_train: " in found.message) == ("E724", True)
    assert "np.stack(x_train)" in str(found.help)


def test_what_is_not_learnt_is_not_read(tmp_path: Path) -> None:
    data = prepared(saved(tmp_path, x=X, y=Y, about=np.array([{"made": "by hand"}], object)), tmp_path, GREY)
    assert len(data.splits["train"]) == 15


def test_errors_name_the_array_that_is_wrong(tmp_path: Path) -> None:
    found = failure(saved(tmp_path, x_train=X, y_train=Y - 1, x_test=X, y_test=Y), tmp_path, GREY)
    assert "d.npz, y_train: label -1 of example 0" in found.message


@pytest.mark.parametrize(
    ("changed", "code", "said", "helped"),
    [
        ({"y": Y + 1}, "E727", "no example of class 0: labels are 1, 2", "labels - 1"),
        ({"y": 5 * Y}, "E727", "no example of class 1: labels are 0, 5", "np.unique(labels, return_inverse=True)[1]"),
        ({"y": 2 * Y - 1}, "E726", "label -1 of example 0", "np.unique(labels, return_inverse=True)[1]"),
        (
            {"y": 18 + np.arange(20)},
            "E727",
            "labels are 18, 19, 20, 21, 22, 23, 24, 25, …",
            "labels.astype(np.float32)",
        ),
        ({"y": np.array(["cat", "cat "] * 10)}, "E735", "'cat' and 'cat ' differ in spaces", "np.char.strip(labels)"),
        ({"x": X.transpose(1, 2, 0)}, "E725", "8 examples and 20 labels", "np.moveaxis(examples, 2, 0)"),
        ({"x": np.stack([X] * 3, 2).transpose(1, 3, 2, 0)}, "E725", "8 examples", "np.moveaxis(examples, 3, 0)"),
        ({"x": X[0], "y": Y[:1]}, "E725", "8 examples and 1 label", "one for each example"),
        ({"x": Y, "y": X}, "E724", "labels of type uint8, 20x8x8", "examples and labels have changed places"),
        ({"x": X.reshape(20, 64)}, "E730", "64 features", "examples.reshape(-1, 1, 8, 8)"),
    ],
)
def test_help_that_can_be_typed(tmp_path: Path, changed: dict[str, Any], code: str, said: str, helped: str) -> None:
    found = failure(saved(tmp_path, **{"x": X, "y": Y, **changed}), tmp_path, GREY)
    assert (found.code, said in found.message, helped in str(found.help)) == (code, True, True), found


def test_arrays_to_be_judged_by_alone(tmp_path: Path) -> None:
    found = failure(saved(tmp_path, x_test=X, y_test=Y), tmp_path, GREY)
    assert (found.code, "none to learn from" in found.message, found.help) == ("E724", True, "an array x_train")


def test_names_in_a_column(tmp_path: Path) -> None:
    data = prepared(saved(tmp_path, x=X, y=np.array(["cat", "dog"] * 10)[:, None]), tmp_path, GREY)
    assert data.classes == ("cat", "dog")


def test_letters_that_differ_in_case_are_classes(tmp_path: Path) -> None:
    assert prepared(saved(tmp_path, x=X, y=np.array(["A", "a"] * 10)), tmp_path, GREY).classes == ("A", "a")


def test_tables_are_no_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "y.csv").write_text("0\n1\n")
    for keys in (Arrays(images="x.npy", labels="y.csv"), Arrays(path="y.csv")):
        found = failure(keys, tmp_path, GREY)
        assert (found.code, "y.csv: no file of NumPy" in found.message) == ("E724", True)
        assert "np.savez" in str(found.help)
