"""NumPy arrays: an .npz file, a folder of .npy files, or a pair of .npy files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archspec.shape import Shape
from archspec.training_data import Arrays
from compiler.data.errors import DataError, reading
from compiler.data.examples import WHOLE, Examples, Source, Stack

NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("X_train", "y_train")),
    "validation": (
        ("x_val", "y_val"), ("x_validation", "y_validation"), ("val_images", "val_labels"), ("X_val", "y_val"),
        ("validation_images", "validation_labels"),
    ),
    "test": (("x_test", "y_test"), ("test_images", "test_labels"), ("X_test", "y_test")),
    WHOLE: (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"), ("data", "labels")),
}  # fmt: skip
"""What the arrays of examples and of labels may be called."""


def arrays(keys: Arrays, base: Path, input: Shape) -> Source:
    """The arrays of a file, a folder or a pair of files."""
    found = _pairs(keys, base)
    labels = {part: _labels(pair[1], place) for part, (pair, place) in found.items()}
    classes, targets = _targets(labels, keys.classes, {part: place for part, (_, place) in found.items()})
    parts: dict[str, Examples] = {}
    full: dict[str, float] = {}
    for part, ((images, _), place) in found.items():
        stored, full[part] = _images(images, keys, input, place)
        if len(stored) != len(targets[part]):
            raise DataError(
                "E725", f"{len(stored):,} examples and {len(targets[part]):,} labels", place, "one label each"
            )
        if not len(stored):
            raise DataError("E720", "no examples", place, "an array with some")
        parts[part] = Stack(stored, targets[part], place)
    if len(set(full.values())) > 1:
        types = ", ".join(f"{part} up to {most:g}" for part, most in full.items())
        raise DataError("E724", f"arrays of several types: {types}", None, "make them of one type, such as uint8")
    return Source(classes, parts, next(iter(full.values())))


_Pair = tuple[np.ndarray, np.ndarray]


def _pairs(keys: Arrays, base: Path) -> dict[str, tuple[_Pair, str]]:
    """For each part its arrays, and what to call them."""
    if keys.images is not None and keys.labels is not None and keys.path is None:
        images, labels = (base / Path(each).expanduser() for each in (keys.images, keys.labels))
        return {WHOLE: ((_npy(images), _npy(labels)), str(images))}
    if keys.path is None or keys.images is not None or keys.labels is not None:
        raise DataError(
            "E724", "`data: {type: arrays}` wants a path, or images and labels", None,
            "path: digits.npz; or images: x.npy and labels: y.npy",
        )  # fmt: skip
    path = base / Path(keys.path).expanduser()
    there = _npz(path) if not path.is_dir() else {each.stem: each for each in sorted(path.glob("*.npy"))}
    found: dict[str, tuple[_Pair, str]] = {}
    for part, choices in NAMES.items():
        if part == WHOLE and "train" in found:
            break
        for names in choices:
            if all(name in there for name in names):
                images, labels = (_member(there[name]) for name in names)
                found[part] = ((images, labels), f"{path}, {names[0]}")
                break
            lone = next((name for name in names if name in there), None)
            if lone is not None and all(lone not in other or not set(other) <= set(there) for other in choices):
                missing = next(name for name in names if name != lone)
                raise DataError("E724", f"{lone}, and no {missing}", path, f"an array {missing}")
    if "train" in found:
        if "test" not in found and "validation" in found:
            found["test"] = found.pop("validation")
        return found if "test" in found else {WHOLE: found["train"]}
    if WHOLE in found:
        return {WHOLE: found[WHOLE]}
    raise DataError(
        "E724", f"arrays {', '.join(sorted(there)) or 'there are none'}", path,
        "name them x_train, y_train, x_test and y_test; or x and y, which are divided",
    )  # fmt: skip


def _member(found: np.ndarray | Path) -> np.ndarray:
    return _npy(found) if isinstance(found, Path) else found


def _npy(path: Path) -> np.ndarray:
    with reading(path), _whole(path):
        found = np.load(path, mmap_mode="c", allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
    raise DataError("E724", "an .npz file, where one array is wanted", path, "give it as `path`")


def _npz(path: Path) -> Mapping[str, np.ndarray]:
    with reading(path), _whole(path), path.open("rb") as file:
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            with found:
                return {name: found[name] for name in found.files}
    raise DataError("E724", "one array, and no labels", path, "an .npz file; or images: and labels: in place of path:")


class _whole:
    """Says of a file that NumPy can't read that it is damaged, or holds Python objects."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError) and "allow_pickle" in str(error):
            raise DataError(
                "E724", "an array of Python objects", self.path, "save it as numbers: np.asarray(rows, np.float32)"
            ) from error
        if isinstance(error, ValueError | EOFError | zipfile.BadZipFile | zlib.error | KeyError):
            raise DataError("E724", f"a damaged file, or no array: {error}", self.path, "save it again") from error


def _labels(labels: np.ndarray, place: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1 and labels.dtype.kind in "iub":
        labels = labels[:, 0]  # a column, as CIFAR's and MedMNIST's are
    if labels.dtype.kind in "iubfUS" and labels.ndim in (1, 2) and (labels.dtype.kind == "f" or labels.ndim == 1):
        return labels
    shape = "x".join(map(str, labels.shape))
    raise DataError(
        "E724", f"labels of type {labels.dtype}, {shape}", place,
        "one whole number or one name for each example; numbers to learn as float32, a row each",
    )  # fmt: skip


def _targets(
    labels: dict[str, np.ndarray], chosen: tuple[str, ...] | None, places: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    """The classes, and the labels as numbers of them."""
    kinds = {each.dtype.kind for each in labels.values()}
    if kinds == {"f"}:
        return (), {part: _finite(each, places[part]) for part, each in labels.items()}
    if kinds <= {"U", "S"}:
        texts = {part: np.char.decode(each) if each.dtype.kind == "S" else each for part, each in labels.items()}
        return _named(texts, chosen, places)
    if not kinds <= {"i", "u", "b"}:
        raise DataError("E724", "labels of several kinds", ", ".join(places.values()), "one kind in all parts")
    count = len(chosen) if chosen else 1 + max((int(each.max()) for each in labels.values() if each.size), default=0)
    for part, each in labels.items():
        wrong = np.flatnonzero((each < 0) | (each >= count))
        if wrong.size:
            at = int(wrong[0])
            raise DataError(
                "E726", f"label {int(each[at])} of example {at}", places[part], f"labels from 0 to {count - 1}"
            )
    return chosen or tuple(map(str, range(count))), {
        part: torch.from_numpy(each.astype(np.int64)) for part, each in labels.items()
    }


def _named(
    labels: dict[str, np.ndarray], chosen: tuple[str, ...] | None, places: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    classes = chosen or tuple(sorted({str(name) for each in labels.values() for name in np.unique(each)}))
    numbers = {name: number for number, name in enumerate(classes)}
    for part, each in labels.items():
        wrong = next((at for at, name in enumerate(each) if str(name) not in numbers), None)
        if wrong is not None:
            raise DataError(
                "E726", f"label '{each[wrong]}' of example {wrong}", places[part], "classes: " + ", ".join(classes)
            )
    return classes, {
        part: torch.tensor([numbers[str(name)] for name in each], dtype=torch.int64) for part, each in labels.items()
    }


def _finite(array: np.ndarray, place: str) -> Tensor:
    numbers = torch.from_numpy(np.array(array, np.float32))
    _check_finite(numbers, "label", place)
    return numbers if numbers.dim() == 2 else numbers.unsqueeze(1)


def _check_finite(numbers: Tensor, what: str, place: str) -> None:
    fine = numbers.flatten(1).isfinite().all(1) if numbers.dim() > 1 else numbers.isfinite()
    if not bool(fine.all()):
        wrong = (~fine).nonzero()[:, 0]
        more = f", and {len(wrong) - 1:,} more like it" if len(wrong) > 1 else ""
        raise DataError(
            "E728", f"NaN or infinity in {what} {int(wrong[0])}{more}", place, "leave them out, or put numbers there"
        )


def _images(array: np.ndarray, keys: Arrays, input: Shape, place: str) -> tuple[Tensor, float]:
    """An array as (count, maps, height, width) of uint8 or float32, and the number that stands for white."""
    array = _laid_out(array.astype(array.dtype.newbyteorder("="), copy=False), keys, input, place)
    kind = array.dtype.kind
    if kind == "b":
        return torch.from_numpy(array.astype(np.uint8)), 1.0
    if array.dtype == np.uint8:
        return torch.from_numpy(array), 255.0
    if array.dtype == np.uint16:
        return torch.from_numpy(array.astype(np.float32)), 65535.0
    if kind == "f":
        numbers = torch.from_numpy(array.astype(np.float32, copy=False))
        _check_finite(numbers, "example", place)
        return numbers, 1.0
    if kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255:
        return torch.from_numpy(array.astype(np.uint8)), 255.0
    if kind in "iu":
        raise DataError(
            "E724", f"{array.dtype} from {array.min()} to {array.max()}, of which nobody can say what is white", place,
            "save uint8 from 0 to 255, uint16, or float32",
        )  # fmt: skip
    raise DataError("E724", f"examples of type {array.dtype}", place, "numbers: uint8 or float32")


def _laid_out(array: np.ndarray, keys: Arrays, input: Shape, place: str) -> np.ndarray:
    shape = "x".join(map(str, array.shape))
    if array.ndim == 2:
        return array[:, :, None, None]
    if array.ndim == 3:
        return array[:, None]
    if array.ndim != 4:
        raise DataError(
            "E724", f"an array of {shape}", place,
            "(count, height, width), with maps behind count or at the end; or (count, features)",
        )  # fmt: skip
    maps = {input.maps, 1, 3} if input.is_maps else {1, 3}
    first, last = array.shape[1] in maps, array.shape[3] in maps
    if keys.channels is None and first == last:
        raise DataError(
            "E724", f"an array of {shape}: where are the maps?", place, "channels: first, or channels: last"
        )
    is_last = keys.channels == "last" if keys.channels else last
    return array.transpose(0, 3, 1, 2) if is_last else array
