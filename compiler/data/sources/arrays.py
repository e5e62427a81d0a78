"""NumPy arrays: an .npz file, a folder of .npy files, or a pair of .npy files."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archspec.names import LABEL
from archspec.shape import Shape
from archspec.training_data import Arrays
from compiler.data.errors import DataError, reading
from compiler.data.examples import WHOLE, Source, Stack
from compiler.data.sources.labels import Written, check_finite, read_targets
from compiler.data.targets import Target

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


@dataclass(frozen=True)
class _Part:
    """The arrays of one part."""

    images: np.ndarray
    targets: dict[str, np.ndarray]
    place: str


def arrays(keys: Arrays, base: Path, input: Shape, wanted: Collection[str]) -> Source:
    """The arrays of a file, a folder or a pair of files; `wanted` are the names of what is learnt."""
    found = _parts(keys, base, wanted)
    targets: dict[str, Target] = {}
    learnt: dict[str, dict[str, Tensor]] = {part: {} for part in found}
    notes: list[str] = []
    for name in wanted:
        written = {part: Written(each.targets[name], each.place) for part, each in found.items()}
        targets[name], tensors = read_targets(name, written, keys.classes if name == LABEL else None, notes)
        for part, tensor in tensors.items():
            learnt[part][name] = tensor
    parts: dict[str, Stack] = {}
    full: dict[str, float] = {}
    for part, each in found.items():
        stored, full[part] = _images(each.images, keys, input, each.place)
        for name, tensor in learnt[part].items():
            if len(stored) != len(tensor):
                what = "labels" if name == LABEL else f"of {name}"
                raise DataError(
                    "E725", f"{len(stored):,} examples and {len(tensor):,} {what}", each.place, "one for each example"
                )
        if not len(stored):
            raise DataError("E720", "no examples", each.place, "an array with some")
        parts[part] = Stack(stored, learnt[part], each.place)
    if len(set(full.values())) > 1:
        types = ", ".join(f"{part} up to {most:g}" for part, most in full.items())
        raise DataError("E724", f"arrays of several types: {types}", None, "make them of one type, such as uint8")
    white = next(iter(full.values()))
    has_white = white != 1.0 or all(each.images.min() >= 0.0 and each.images.max() <= 1.0 for each in parts.values())
    if not has_white and input.area > 1:
        notes.append("the numbers are not from 0 to 1: image files can't be shown to a network that learns them")
    return Source(targets, dict(parts), white, has_white, notes)


def _parts(keys: Arrays, base: Path, wanted: Collection[str]) -> dict[str, _Part]:
    """For each part its arrays, and what to call them."""
    if keys.images is not None and keys.labels is not None and keys.path is None:
        images, labels = (base / Path(each).expanduser() for each in (keys.images, keys.labels))
        more = [name for name in wanted if name != LABEL]
        if more:
            raise DataError(
                "E740", f"images and labels, and no {more[0]}, which an output learns", images,
                f"put all into one folder, and give it as `path`: x.npy, y.npy and {more[0]}.npy",
            )  # fmt: skip
        return {WHOLE: _Part(_npy(images), {LABEL: _npy(labels)}, str(images))}
    if keys.path is None or keys.images is not None or keys.labels is not None:
        raise DataError(
            "E724", "`data: {type: arrays}` wants a path, or images and labels", None,
            "path: digits.npz; or images: x.npy and labels: y.npy",
        )  # fmt: skip
    path = base / Path(keys.path).expanduser()
    there = _npz(path) if not path.is_dir() else {each.stem: each for each in sorted(path.glob("*.npy"))}
    found: dict[str, _Part] = {}
    for part, choices in NAMES.items():
        if part == WHOLE and "train" in found:
            break
        names = _chosen(choices, there, path, LABEL in wanted)
        if names is not None:
            arrays = {name: names[1] if name == LABEL else _other(name, part, there, path) for name in wanted}
            targets = {name: _member(there[array]) for name, array in arrays.items()}
            found[part] = _Part(_member(there[names[0]]), targets, f"{path}, {names[0]}")
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


def _chosen(
    choices: tuple[tuple[str, str], ...], there: Collection[str], path: Path, has_labels: bool
) -> tuple[str, str] | None:
    """The names of the arrays of a part; None where it has none."""
    for names in choices:
        if names[0] in there and (names[1] in there or not has_labels):
            return names
        lone = next((name for name in names if name in there), None)
        if (
            has_labels
            and lone is not None
            and all(lone not in other or not set(other) <= set(there) for other in choices)
        ):
            missing = next(name for name in names if name != lone)
            raise DataError("E724", f"{lone}, and no {missing}", path, f"an array {missing}")
    return None


def _other(name: str, part: str, there: Collection[str], path: Path) -> str:
    """The array of a target that is not the label."""
    words = {"train": ("train",), "validation": ("val", "validation"), "test": ("test",), WHOLE: ()}[part]
    names = [form for word in words for form in (f"{name}_{word}", f"{word}_{name}")] or [name]
    found = next((each for each in names if each in there), None)
    if found is None:
        raise DataError(
            "E740",
            f"no {name}, which an output learns: it has {', '.join(sorted(there))}",
            path,
            f"an array {names[0]}",
        )
    return found


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
        with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, which is reported
            numbers = torch.from_numpy(array.astype(np.float32, copy=False))
        check_finite(numbers, "example", place)
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
