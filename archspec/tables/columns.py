"""Which column of a table is which: by its heading, and where that says little, by its cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archspec.diagnostic import Findings, Related
from archspec.suggest import did_you_mean
from archspec.tables.cells import folded, is_nothing, numbers, read_size
from archspec.tables.grid import Cell, Grid
from archspec.tables.headings import HEADINGS, Column, meaning
from archspec.tables.layer_type import layer_type
from archspec.validation import shown


def read_columns(grid: Grid, findings: Findings) -> list[Column | None] | None:
    """What each column means, None for one that is not read; None, with a finding, where no types are there."""
    columns: list[Column | None] = [meaning(cell.text) for cell in grid.header]
    _name_the_nameless(grid, columns)
    _move_weak_headings(grid, columns)
    _tell_names_from_types(grid, columns)
    for cell, column in zip(grid.header, columns, strict=True):
        if column is None and cell.text:
            findings.add(
                "W501",
                f"the column {shown(cell.text)} is not read",
                cell.span,
                label="no heading that archspec knows",
                help=did_you_mean(cell.text, HEADINGS),
            )
    if not {"type", "layer(type)", "name"} & set(columns):
        findings.add(
            "E502",
            "the table has no column for the type of each layer",
            grid.header[0].span,
            label="headings",
            help="head a column `Type` (Convolution, Max pooling, Fully connected …)",
        )
        return None
    return columns if _are_distinct(grid, columns, findings) else None


def _filled(grid: Grid, index: int) -> list[str]:
    return [row[index].text for row in grid.rows if not is_nothing(row[index].text)]


def _are_types(texts: Sequence[str]) -> bool:
    return bool(texts) and sum(layer_type(text) is not None for text in texts) * 2 > len(texts)


def _name_the_nameless(grid: Grid, columns: list[Column | None]) -> None:
    """A heading left out stands over an index, over the types, or over the names."""
    for index, cell in enumerate(grid.header):
        if cell.text:
            continue
        texts = _filled(grid, index)
        if not texts or all(text.strip(".").isdigit() for text in texts):
            columns[index] = "index"
        elif "type" not in columns and ("name" in columns or _are_types(texts)):
            columns[index] = "type"
        elif "name" not in columns:
            columns[index] = "name"


def _move_weak_headings(grid: Grid, columns: list[Column | None]) -> None:
    """`Size` beside `Output` is the kernel's, `Filter` may be a size, and `Depth` beside 55x55x96 a count of layers."""
    for index, column in enumerate(columns):
        word = folded(grid.header[index].text)
        others = {other for place, other in enumerate(columns) if place != index}
        if column == "size" and word in ("size", "shape", "dimensions") and "size" in others and "kernel" not in others:
            columns[index] = "kernel"
        elif column == "maps" and _are_pairs(_filled(grid, index)):
            if re.search("filter|kernel", word):
                columns[index] = "kernel" if "kernel" not in others else column
            elif "size" not in others:
                columns[index] = "size"
        elif column == "maps" and word == "depth" and _says_maps(grid, columns):
            columns[index] = None


def _tell_names_from_types(grid: Grid, columns: list[Column | None]) -> None:
    """`Layer` beside `Name`: an index, or the types, which say more than names such as `conv1` do."""
    names = [index for index, column in enumerate(columns) if column == "name"]
    if len(names) < 2:
        return
    for index in names:
        if all(text.isdigit() for text in _filled(grid, index)):
            columns[index] = "index"
    names = [index for index in names if columns[index] == "name"]
    if len(names) > 1 and "type" not in columns:
        types = max(
            names, key=lambda index: (sum(layer_type(text) is not None for text in _filled(grid, index)), index)
        )
        columns[types] = "type"


def _are_pairs(texts: Sequence[str]) -> bool:
    return sum(len(numbers(text) or ()) > 1 for text in texts) * 2 > len(texts)


def _says_maps(grid: Grid, columns: list[Column | None]) -> bool:
    """Whether the sizes have three numbers, the maps among them."""
    if "size" not in columns:
        return False
    sizes = [read_size(text) for text in _filled(grid, columns.index("size"))]
    return any(size is not None and len(size.numbers) == 3 for size in sizes)


def _are_distinct(grid: Grid, columns: list[Column | None], findings: Findings) -> bool:
    """Whether no row has two things to say under one heading, as `Filters` and `Units` seldom do."""
    for index, column in enumerate(columns):
        first = columns.index(column)
        if column in (None, "index") or first == index:
            continue
        if any(_differ(row[first], row[index]) for row in grid.rows):
            findings.add(
                "E502",
                f"two columns mean {column}: {grid.header[first].text} and {grid.header[index].text}",
                grid.header[index].span,
                label="the second",
                help="remove or rename one of them",
                related=(Related(grid.header[first].span, "the first"),),
            )
            return False
    return True


def _differ(first: Cell, second: Cell) -> bool:
    return not is_nothing(first.text) and not is_nothing(second.text) and first.text != second.text
