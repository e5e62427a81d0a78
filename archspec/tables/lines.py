"""The lines of a table as layers: the cells of each by what they mean, and the totals below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from archspec.diagnostic import Findings
from archspec.source import Span
from archspec.tables.cells import is_nothing, numbers, read_count, read_rate
from archspec.tables.grid import Cell, Grid, joined
from archspec.tables.headings import Column, meaning
from archspec.tables.layer_type import LayerType, layer_type, type_help
from archspec.validation import shown

Cells = dict[Column, Cell]

_TOTAL = re.compile(r"(?:grand |estimated )?total\b|(?:non-?)?trainable\b|optimizer params", re.IGNORECASE)
_ALL_PARAMETERS = re.compile(r"(?:grand )?total(?: (?:number of )?(?:params|parameters))?\W*", re.IGNORECASE)
_MOST_HELPED = 100
"""findings, before lines of unknown types get no help any more: looking for the right word takes its time"""
_TAGGED = re.compile(r"(\w[\w .-]*?)\s*(?::|\(|–|—|\s-\s)\s*(.+?)\)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One layer of the table."""

    cells: Cells
    """by column, without the empty ones"""
    span: Span
    kind: LayerType
    kind_cell: Cell


@dataclass(frozen=True, slots=True)
class Total:
    """A line that sums the others up; `parameters` where it says how many there are in all."""

    cell: Cell
    parameters: int | None


@dataclass(slots=True)
class Lines:
    """What stands in a table, in its own order."""

    layers: list[Line] = field(default_factory=list[Line])
    totals: list[Total] = field(default_factory=list[Total])


def read_lines(grid: Grid, columns: Sequence[Column | None], findings: Findings) -> Lines | None:
    """The layers of a table; None, with findings, where one has no type."""
    body = list(_wrapped(_by_column(grid, columns)))
    notes = [*_cut_notes(body), *grid.notes]
    lines = Lines(totals=[_note_total(note) for note in notes if _TOTAL.match(note.text)])
    complete = True
    for cells, span in body:
        first = next(iter(cells.values()))
        if _TOTAL.match(first.text):
            lines.totals.append(_total(cells, first))
            continue
        if all(meaning(cell.text) == column for column, cell in cells.items()) and len(cells) > 1:
            findings.add("E504", "another line of headings", span, label="again", help="a file has one table")
            return None
        line = _line(cells, span)
        if line is not None:
            lines.layers.append(line)
        else:
            _report_type(cells, findings)
            complete = False
    return lines if complete else None


def _cut_notes(body: list[tuple[Cells, Span]]) -> list[Cell]:
    """The sentences below a table, which have one cell and no layer; cut from its lines."""
    notes: list[Cell] = []
    while len(body) > 1 and len(body[-1][0]) == 1:
        note = next(iter(body[-1][0].values()))
        if " " not in note.text or layer_type(note.text) is not None:
            break
        notes.append(note)
        body.pop()
    return notes


def _by_column(grid: Grid, columns: Sequence[Column | None]) -> Iterator[tuple[Cells, Span]]:
    for row, span in zip(grid.rows, grid.spans, strict=True):
        cells: Cells = {}
        for column, cell in zip(columns, row, strict=True):
            if column is not None and not is_nothing(cell.text):
                cells.setdefault(column, cell)
        if cells.keys() - {"index"}:
            yield cells, span


def _wrapped(lines: Iterator[tuple[Cells, Span]]) -> Iterator[tuple[Cells, Span]]:
    """The lines, with what frameworks wrap put together: `batch_normalization (BatchNo` and below it `rmalization)`."""
    held: tuple[Cells, Span] | None = None
    for cells, span in lines:
        only = cells.get("layer(type)") if len(cells) == 1 else None
        above = held[0].get("layer(type)") if held else None
        if held and above and only and only.text.endswith(")") and not above.text.endswith(")"):
            held = ({**held[0], "layer(type)": joined(above, only)}, held[1])
            continue
        if held is not None:
            yield held
        held = (cells, span)
    if held is not None:
        yield held


def _line(cells: Cells, span: Span) -> Line | None:
    """The layer of a line; None where its type can't be told."""
    if both := cells.pop("layer(type)", None):
        name, _, kind = both.text.partition("(")
        cells["name"] = Cell(name.strip(), both.span)
        cells["type"] = Cell(kind.rstrip(") ") or name.strip(), both.span)
    cell = cells.get("type") or cells.get("name")
    if cell is None:
        return None
    if kind := layer_type(cell.text):
        if kind.operator is not None and "rate" in kind.operator.model_fields and "rate" not in cells:
            _find_rate(cells)
        return Line(cells, span, kind, cell)
    if cell is cells.get("name") and (tagged := _TAGGED.fullmatch(cell.text)):  # C1: Convolution
        for tag, text in (tagged.groups(), tagged.groups()[::-1]):
            if kind := layer_type(text):
                cells["name"] = Cell(tag, cell.span)
                return Line(cells, span, kind, cell)
    return None


def _find_rate(cells: Cells) -> None:
    """The rate of a dropout may stand in a column of other things: `rate = 0.5` below `Filters`."""
    for column in ("maps", "kernel", "activation"):
        if column in cells and numbers(cells[column].text) is None and read_rate(cells[column].text) is not None:
            cells["rate"] = cells.pop(column)
            return


def _report_type(cells: Cells, findings: Findings) -> None:
    cell = cells.get("type") or cells.get("name") or next(iter(cells.values()))
    is_typeless = "type" not in cells and "name" not in cells
    findings.add(
        "E503",
        "this line has no type of layer" if is_typeless else f"unknown type of layer {shown(cell.text)}",
        cell.span,
        label="no layer that archspec knows",
        help=type_help("" if is_typeless else cell.text) if len(findings) < _MOST_HELPED else None,
    )


def _total(cells: Cells, first: Cell) -> Total:
    count = cells.get("parameters")
    is_all = _ALL_PARAMETERS.fullmatch(first.text) is not None
    if count is None or not is_all:
        return _note_total(first)
    return Total(count, read_count(count.text))


def _note_total(note: Cell) -> Total:
    """`Total params: 61,706 (241.04 KB)`."""
    said, separator, rest = note.text.partition(":" if ":" in note.text else "=")
    is_all = bool(separator) and "param" in said.lower() and _ALL_PARAMETERS.fullmatch(said) is not None
    found = numbers(rest) if is_all else None
    return Total(note, found[0] if found is not None and len(found) == 1 else None)
