"""The boxes of images in folders: a table beside them, a line for each image."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from compiler.data.errors import DataError, reading

BOX_TABLE = "boxes.csv"
_NUMBERS = 4
_LEFT, _TOP = {"left", "x", "x1", "xmin"}, {"top", "y", "y1", "ymin"}
_WIDTH, _HEIGHT = {"width", "w"}, {"height", "h"}
_COLUMNS = {
    "xyxy": (_LEFT, _TOP, {"right", "x2", "xmax"}, {"bottom", "y2", "ymax"}),
    "xywh": (_LEFT, _TOP, _WIDTH, _HEIGHT),
    "cxcywh": ({"x", "cx", "xc", "xcenter", "centerx"}, {"y", "cy", "yc", "ycenter", "centery"}, _WIDTH, _HEIGHT),
}
"""what people call the columns of each format"""
_FORM = "a line for each image: cats/001.jpg,0.1,0.2,0.8,0.9"


def read_boxes(root: Path, paths: Mapping[str, Sequence[str]], format: str, notes: list[str]) -> dict[str, Tensor]:
    """For each part the boxes of its images, out of `boxes.csv` in the folder of all of them."""
    table = root / BOX_TABLE
    known = _lines(table, format)
    names = {part: [Path(os.path.relpath(each, root)).as_posix() for each in some] for part, some in paths.items()}
    missing = [name for some in names.values() for name in some if name not in known]
    if missing:
        more = f", nor of {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise DataError("E740", f"no box of {missing[0]}{more}", table, _FORM)
    found = {part: torch.tensor([known.pop(name) for name in some]) for part, some in names.items()}
    if known:
        notes.append(f"{table} has boxes of {len(known):,} more files, such as {next(iter(known))}")
    return found


def _lines(table: Path, format: str) -> dict[str, tuple[float, ...]]:
    """The numbers of each file, in the order of the format."""
    with reading(table, f"put {BOX_TABLE} there, {_FORM}"):
        content = table.read_bytes()
    try:
        lines = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError("E739", f"no table: {error}", table, _FORM) from error
    found: dict[str, tuple[float, ...]] = {}
    order = _order(lines[0], format, table) if lines and _read(lines[0]) is None else range(_NUMBERS)
    for number, line in enumerate(lines, 1):
        numbers = _read(line)
        if numbers is None and (number == 1 or not line):
            continue  # what the columns are called
        if numbers is None:
            raise DataError("E739", f"line {number} is not a file and {_NUMBERS} numbers", table, _FORM)
        name = line[0].strip().replace("\\", "/").removeprefix("./")
        if name in found:
            raise DataError("E739", f"line {number} is a second box of {name}", table, "one box for each image")
        found[name] = tuple(numbers[at] for at in order)
    return found


def _order(header: Sequence[str], format: str, table: Path) -> Sequence[int]:
    """Where the numbers of a format stand, by what the columns are called; as they are where that says nothing."""
    names = [re.sub(r"[^a-z0-9]", "", each.lower()) for each in header[1:]]
    orders = {
        each: [next((at for at, name in enumerate(names) if name in called), -1) for called in columns]
        for each, columns in _COLUMNS.items()
    }
    meant = [each for each, order in orders.items() if sorted(order) == list(range(len(names)))]
    if not meant:
        return range(_NUMBERS)
    if format not in meant:
        message = f"the columns are called {', '.join(header[1:])}, and boxes are read as {format}"
        raise DataError("E739", message, table, f"boxes: {{format: {meant[0]}}}")
    return orders[format]


def _read(line: list[str]) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(each) for each in line[1:])
    except ValueError:
        return None
    return numbers if len(numbers) == _NUMBERS and all(abs(each) < float("inf") for each in numbers) else None
