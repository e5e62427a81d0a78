"""What arrays say of examples, as targets: classes by number, by name or one-hot, flags, numbers and boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from archspec.names import BOXES
from compiler.data.errors import DataError
from compiler.data.targets import Target

Classes = tuple[str, ...] | None
_MOST_LISTED = 8


@dataclass(frozen=True)
class Written:
    """The array of a part, and what to call it."""

    array: np.ndarray
    place: str


def read_targets(
    name: str, parts: Mapping[str, Written], chosen: Classes, notes: list[str]
) -> tuple[Target, dict[str, Tensor]]:
    """What the arrays of all parts say; `chosen` are the classes that the spec names."""
    rows = {part: Written(_rows(each, name), each.place) for part, each in parts.items()}
    if name == BOXES:
        return Target("boxes", width=4), {part: _numbers(each, "box") for part, each in rows.items()}
    kinds = {each.array.dtype.kind for each in rows.values()}
    if kinds <= {"U", "S"}:
        return _named(rows, chosen)
    if kinds != {"f"} and not kinds <= {"i", "u", "b"}:
        places = ", ".join(each.place for each in rows.values())
        raise DataError("E724", "labels of several kinds", places, "one kind in all parts")
    if all(_is_one_hot(each.array) for each in rows.values()):
        notes.append(f"{name} is one-hot: each row is the class where its 1 stands")
        rows = {part: Written(each.array.argmax(1), each.place) for part, each in rows.items()}
        count = next(iter(parts.values())).array.shape[1]
        return _counted(rows, chosen or tuple(map(str, range(count))))
    if kinds == {"f"}:
        numbers = {part: _numbers(each) for part, each in rows.items()}
        return Target("numbers", width=_width(rows)), numbers
    if any(each.array.ndim == 2 for each in rows.values()):
        return _flags(rows, chosen)
    count = 1 + max((int(each.array.max()) for each in rows.values() if each.array.size), default=0)
    if chosen is None:
        _check_numbered(rows)
    return _counted(rows, chosen or tuple(map(str, range(count))))


def _rows(written: Written, name: str) -> np.ndarray:
    """One number or name, or one row of numbers, for each example."""
    array = written.array
    if name == BOXES:
        if array.ndim == 3 and array.shape[1] == 1:
            array = array[:, 0]
        if array.dtype.kind in "iuf" and array.ndim == 2 and array.shape[1] == 4:
            return array
        wanted = "one box for each example: 4 numbers"
    else:
        if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind in "iubUS":
            array = array[:, 0]  # a column, as CIFAR's and MedMNIST's are
        if array.dtype.kind in "iubfUS" and (array.ndim == 1 or (array.ndim == 2 and array.dtype.kind in "iubf")):
            return array
        wanted = "one whole number or one name for each example; numbers to learn as float32, a row each"
        if array.ndim > 2:
            wanted += "; or examples and labels have changed places"
    what = "labels" if name != BOXES else BOXES
    shape = "x".join(map(str, array.shape))
    raise DataError("E724", f"{what} of type {array.dtype}, {shape}", written.place, wanted)


def _is_one_hot(array: np.ndarray) -> bool:
    if array.ndim != 2 or array.shape[1] < 2:
        return False
    return bool(((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all())


def _width(rows: Mapping[str, Written]) -> int:
    widths = {each.place: 1 if each.array.ndim == 1 else each.array.shape[1] for each in rows.values()}
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{width} in {place}" for place, width in widths.items())
        raise DataError("E724", f"rows of several lengths: {said}", None, "as many numbers in all parts")
    return next(iter(widths.values()))


def _check_numbered(rows: Mapping[str, Written]) -> None:
    """Classes are numbered from 0 on, and none is left out."""
    there = np.unique(np.concatenate([np.unique(each.array) for each in rows.values()])).astype(np.int64)
    if not len(there) or np.array_equal(there, np.arange(len(there))):
        return
    help = "classes are numbered from 0 on: "
    if np.array_equal(there, np.arange(1, len(there) + 1)):
        help += "labels - 1"
    else:
        help += "np.unique(labels, return_inverse=True)[1] does so; numbers to learn are labels.astype(np.float32)"
    listed = ", ".join(map(str, there[:_MOST_LISTED])) + (", …" if len(there) > _MOST_LISTED else "")
    first = next(iter(rows.values()))
    if there[0] < 0:
        wrong = next(each for each in rows.values() if (each.array < 0).any())
        at = int(np.flatnonzero(wrong.array < 0)[0])
        raise DataError("E726", f"label {int(wrong.array[at])} of example {at}", wrong.place, help)
    lacking = int(np.flatnonzero(there != np.arange(len(there)))[0])
    raise DataError("E727", f"no example of class {lacking}: labels are {listed}", first.place, help)


def _counted(rows: Mapping[str, Written], classes: tuple[str, ...]) -> tuple[Target, dict[str, Tensor]]:
    for each in rows.values():
        wrong = np.flatnonzero((each.array < 0) | (each.array >= len(classes)))
        if wrong.size:
            at = int(wrong[0])
            raise DataError(
                "E726",
                f"label {int(each.array[at])} of example {at}",
                each.place,
                "classes are numbered from 0 on" if each.array[at] < 0 else f"labels from 0 to {len(classes) - 1}",
            )
    numbers = {part: torch.from_numpy(each.array.astype(np.int64)) for part, each in rows.items()}
    return Target("classes", classes), numbers


def _named(rows: Mapping[str, Written], chosen: Classes) -> tuple[Target, dict[str, Tensor]]:
    texts = {part: _texts(each.array) for part, each in rows.items()}
    _check_spaces(texts, rows)
    classes = chosen or tuple(sorted({str(name) for each in texts.values() for name in np.unique(each)}))
    numbers = {name: number for number, name in enumerate(classes)}
    for part, each in texts.items():
        wrong = next((at for at, name in enumerate(each) if str(name) not in numbers), None)
        if wrong is not None:
            raise DataError(
                "E726", f"label '{each[wrong]}' of example {wrong}", rows[part].place, "classes: " + ", ".join(classes)
            )
    found = {
        part: torch.tensor([numbers[str(name)] for name in each], dtype=torch.int64) for part, each in texts.items()
    }
    return Target("classes", classes), found


def _check_spaces(texts: Mapping[str, np.ndarray], rows: Mapping[str, Written]) -> None:
    """No two names differ in the spaces around them alone."""
    seen: dict[str, str] = {}
    for part, each in texts.items():
        for name in map(str, np.unique(each)):
            before = seen.setdefault(name.strip(), name)
            if before != name:
                message = f"labels '{before}' and '{name}' differ in spaces alone"
                raise DataError("E735", message, rows[part].place, "np.char.strip(labels) takes them off")


def _texts(array: np.ndarray) -> np.ndarray:
    return np.char.decode(array) if array.dtype.kind == "S" else array


def _flags(rows: Mapping[str, Written], chosen: Classes) -> tuple[Target, dict[str, Tensor]]:
    """A 1 for each class that an example has, a 0 for each that it has not."""
    width = _width(rows)
    for each in rows.values():
        wrong = np.argwhere((each.array != 0) & (each.array != 1))
        if len(wrong):
            at, column = (int(number) for number in wrong[0])
            raise DataError(
                "E726", f"{int(each.array[at, column])} in row {at} of labels", each.place,
                "0 and 1 for each class; numbers to learn as float32",
            )  # fmt: skip
    if chosen is not None and len(chosen) != width:
        place = next(iter(rows.values())).place
        raise DataError("E726", f"labels of {width} classes, and {len(chosen)} names", place, "one name for each")
    found = {part: torch.from_numpy(each.array.astype(np.float32)) for part, each in rows.items()}
    return Target("flags", chosen or tuple(map(str, range(width))), width), found


def _numbers(written: Written, what: str = "label") -> Tensor:
    with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, which is reported
        numbers = torch.from_numpy(np.array(written.array, np.float32))
    check_finite(numbers, what, written.place)
    return numbers if numbers.dim() == 2 else numbers.unsqueeze(1)


def check_finite(numbers: Tensor, what: str, place: str) -> None:
    """`DataError` names the first row that has a number which is none."""
    fine = numbers.flatten(1).isfinite().all(1) if numbers.dim() > 1 else numbers.isfinite()
    if not bool(fine.all()):
        wrong = (~fine).nonzero()[:, 0]
        more = f", and {len(wrong) - 1:,} more like it" if len(wrong) > 1 else ""
        raise DataError(
            "E728", f"NaN or infinity in {what} {int(wrong[0])}{more}", place, "leave them out, or put numbers there"
        )
