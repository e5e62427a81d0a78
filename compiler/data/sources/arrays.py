"""NumPy arrays: an .npz file, a folder of .npy files, or a pair of .npy files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archspec.names import LABEL
from archspec.shape import Shape
from archspec.training_data import Arrays
from compiler.data.errors import DataError
from compiler.data.examples import WHOLE, Source, Stack
from compiler.data.sources.array_files import Stored, stored_in
from compiler.data.sources.array_names import PARTS, called, pair_of
from compiler.data.sources.labels import Written, check_finite, read_targets
from compiler.data.targets import Target


@dataclass(frozen=True)
class _Part:
    """The arrays of one part."""

    images: np.ndarray
    targets: dict[str, Written]
    place: str


def arrays(keys: Arrays, base: Path, input: Shape, wanted: Collection[str]) -> Source:
    """The arrays of a file, a folder or a pair of files; `wanted` are the names of what is learnt."""
    notes: list[str] = []
    found = _parts(keys, base, wanted, notes)
    targets: dict[str, Target] = {}
    learnt: dict[str, dict[str, Tensor]] = {part: {} for part in found}
    for name in wanted:
        written = {part: each.targets[name] for part, each in found.items()}
        targets[name], tensors = read_targets(name, written, keys.classes if name == LABEL else None, notes)
        for part, tensor in tensors.items():
            learnt[part][name] = tensor
    for part, each in found.items():
        _check_counts(each, learnt[part])
    parts: dict[str, Stack] = {}
    full: dict[str, float] = {}
    for part, each in found.items():
        stored, full[part] = _images(each.images, keys, input, each.place)
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


def _check_counts(part: _Part, learnt: Mapping[str, Tensor]) -> None:
    """As many examples as labels."""
    shape = part.images.shape
    for name, tensor in learnt.items():
        if not shape or shape[0] != len(tensor):
            examples, count = shape[0] if shape else 1, len(tensor)
            help = "one for each example"
            if shape.count(count) == 1:
                help = f"examples are counted along the first side: np.moveaxis(examples, {shape.index(count)}, 0)"
            one_or_more = f"{examples:,} example{'s' if examples != 1 else ''}"
            what = f"of {name}" if name != LABEL else "labels" if count != 1 else "label"
            raise DataError("E725", f"{one_or_more} and {count:,} {what}", part.place, help)


def _parts(keys: Arrays, base: Path, wanted: Collection[str], notes: list[str]) -> dict[str, _Part]:
    """For each part its arrays, and what to call them."""
    if keys.images is not None and keys.labels is not None and keys.path is None:
        images, labels = (base / Path(each).expanduser() for each in (keys.images, keys.labels))
        more = [name for name in wanted if name != LABEL]
        if more:
            raise DataError(
                "E740", f"images and labels, and no {more[0]}, which an output learns", images,
                f"put all into one folder, and give it as `path`: x.npy, y.npy and {more[0]}.npy",
            )  # fmt: skip
        return {WHOLE: _part(Stored(images, images.stem), {LABEL: Stored(labels, labels.stem)})}
    if keys.path is None or keys.images is not None or keys.labels is not None:
        raise DataError(
            "E724", "`data: {type: arrays}` wants a path, or images and labels", None,
            "path: digits.npz; or images: x.npy and labels: y.npy",
        )  # fmt: skip
    path = base / Path(keys.path).expanduser()
    there = stored_in(path)
    found: dict[str, _Part] = {}
    for part in PARTS:
        if part == WHOLE and "train" in found:
            break
        others = {array for name in wanted if name != LABEL for array in called(name, part, there)}
        pair = pair_of(part, [name for name in there if name not in others], str(path), has_label=LABEL in wanted)
        if pair is not None:
            names = {name: pair.label or "" if name == LABEL else _other(name, part, there, path) for name in wanted}
            found[part] = _part(there[pair.examples], {name: there[array] for name, array in names.items()})
    if WHOLE in found and len(found) > 1:
        found = {"train": found.pop(WHOLE), **found}
        notes.append(f"what is learnt from is {found['train'].place}, beside the other parts")
    if "train" in found:
        if "test" not in found and "validation" in found:
            found["test"] = found.pop("validation")
            notes.append(f"there is no test: it is {found['test'].place}, and there is no validation")
        return found if "test" in found else {WHOLE: found["train"]}
    if WHOLE in found:
        return found
    if found:
        part = next(iter(found.values()))
        raise DataError("E724", "examples to be judged by, and none to learn from", part.place, "an array x_train")
    named = f"arrays {', '.join(sorted(there))}, and none" if there else "no arrays, none"
    raise DataError(
        "E724", f"{named} named as examples to learn from", path,
        "name them x_train, y_train, x_test and y_test; or x and y, which are divided: np.savez(FILE, x=…, y=…)",
    )  # fmt: skip


def _part(examples: Stored, targets: Mapping[str, Stored]) -> _Part:
    images = examples.read(f"save it as numbers of one type and size: np.stack({examples.name}).astype(np.float32)")
    learnt = {
        name: Written(
            each.read(f"save it as names: {each.name}.astype(str); or as numbers: {each.name}.astype(int)"), each.place
        )
        for name, each in targets.items()
    }
    return _Part(images, learnt, examples.place)


def _other(name: str, part: str, there: Collection[str], path: Path) -> str:
    """The array of a target that is not the label."""
    found = called(name, part, there)
    if len(found) != 1:
        word = PARTS[part][0]
        why = f"{' and '.join(found)} may both be {name}" if found else f"no {name}, which an output learns"
        raise DataError(
            "E740",
            f"{why}: it has {', '.join(sorted(there))}",
            path,
            f"an array {name}_{word}" if word else f"an array {name}",
        )
    return found[0]


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
