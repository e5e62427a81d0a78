"""A pasted table as cells: Markdown, CSV, TSV, or columns two spaces apart, each cell with its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from archspec.diagnostic import Findings
from archspec.source import Source, Span

_RULE = re.compile(r"[\s|:+=\-–—─┼┬┴│]*")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, surrounding space and emphasis removed."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Grid:
    """The header and the rows of a table."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    spans: tuple[Span, ...]
    """of each row's line"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table and where it stands."""

    text: str
    source: Source
    number: int
    offset: int | None
    """the column its text begins at; None where that is not known"""
    whole: Span

    def span(self, start: int, stop: int) -> Span:
        if self.offset is None:
            return self.whole
        begin = self.offset + start
        return Span(self.source, self.number, begin, self.number, max(self.offset + stop, begin + 1))


def lines_of_file(source: Source) -> list[Line]:
    """The lines of a file that is a table."""
    return [
        Line(text, source, number, 0, Span(source, number, 0, number, max(len(text), 1)))
        for number, text in enumerate(source.lines)
    ]


def lines_of_scalar(text: str, span: Span) -> list[Line]:
    """The lines of a `table: |` block, placed in the file around it."""
    written = span.source.lines
    lines: list[Line] = []
    for index, line in enumerate(text.split("\n")):
        number = span.line + 1 + index
        offset = written[number].find(line) if number < len(written) and line else -1
        lines.append(Line(line, span.source, number, offset if offset >= 0 else None, span))
    return lines


def read_grid(lines: list[Line], findings: Findings, whole: Span) -> Grid | None:
    """The cells of a table; None, with a finding, where there is no table."""
    split, lines = _splitter(lines)
    filled = [line for line in lines if line.text.strip() and not _RULE.fullmatch(line.text)]
    if len(filled) < 2:
        findings.add(
            "E501",
            "there is no table here: it takes a line of headings and a line for each layer",
            whole,
            label="no table",
            help="Layer | Type | Maps | Size | Kernel size | Stride | Padding | Activation",
        )
        return None
    header, *body = (tuple(split(line)) for line in filled)
    if len(header) < 2:
        findings.add(
            "E501",
            "the table has one column: its cells are separated by `|`, commas, tabs or two spaces",
            filled[0].span(0, len(filled[0].text)),
            label="one column",
        )
        return None
    rows: list[tuple[Cell, ...]] = []
    for line, cells in zip(filled[1:], body, strict=True):
        if len(cells) > len(header) and any(cell.text for cell in cells[len(header) :]):
            findings.add(
                "E504",
                f"this line has {len(cells)} cells, and the headings are {len(header)}",
                cells[len(header)].span,
                label="one too many",
                help="quote a cell that has a comma, or put `|` between the cells",
            )
            return None
        here = line.span(0, len(line.text))
        rows.append((*cells[: len(header)], *(Cell("", here) for _ in range(len(header) - len(cells)))))
    return Grid(header, tuple(rows), tuple(line.span(0, len(line.text)) for line in filled[1:]))


def _splitter(lines: list[Line]) -> tuple[Callable[[Line], Iterator[Cell]], list[Line]]:
    """How this table's cells are separated, and the lines that belong to it."""
    for separator in ("|", "│", "\t"):
        tabled = [line for line in lines if separator in line.text]
        if len(tabled) >= 2:
            return partial(_bars, separator=separator), tabled if separator != "\t" else lines
    if sum("," in line.text for line in lines) >= 2 and not any(
        re.search(r"\S {2,}\S", line.text) for line in lines[:1]
    ):
        return _commas, lines
    return _gaps, lines


def _bars(line: Line, separator: str) -> Iterator[Cell]:
    text = line.text
    if separator != "\t":
        start = len(text) - len(text.lstrip())
        stop = len(text.rstrip())
        start += text[start:stop].startswith(separator)
        stop -= stop > start and text[stop - 1] == separator
    else:
        start, stop = 0, len(text)
    begin = start
    for position in range(start, stop + 1):
        if position == stop or (text[position] == separator and text[position - 1 : position] != "\\"):
            yield _cell(line, begin, position)
            begin = position + 1


def _commas(line: Line) -> Iterator[Cell]:
    cursor = 0
    cells: list[str] = next(csv.reader([line.text], skipinitialspace=True), list[str]())
    for text in cells:
        start = line.text.find(text, cursor)
        start = cursor if start < 0 else start
        cursor = start + len(text)
        yield _cell(line, start, cursor)


def _gaps(line: Line) -> Iterator[Cell]:
    for match in re.finditer(r"\S+(?: \S+)*", line.text):
        yield _cell(line, *match.span())


def _cell(line: Line, start: int, stop: int) -> Cell:
    raw = line.text[start:stop]
    stripped = raw.strip()
    start += len(raw) - len(raw.lstrip()) if stripped else 0
    text = stripped.replace("\\|", "|").strip("*_`").strip()
    return Cell(text, line.span(start, start + len(stripped)))
