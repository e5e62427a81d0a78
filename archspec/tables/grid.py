"""A pasted table as cells: Markdown, CSV, TSV, box drawing, or columns two spaces apart, each cell with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from archspec.diagnostic import Findings
from archspec.source import Source, Span
from archspec.tables.headings import meaning

_BARS = re.compile(r"(?<!\\)[|│┃║]")
_RULE = re.compile(r"[\s|:+=_\-–—\u2500-\u257f]*")
_QUOTED = r'[ ]*"(?:[^"]|"")*"[ ]*'
_LOOKED_AT = 40
"""lines that may stand above the headings"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, surrounding space and emphasis removed."""

    text: str
    span: Span
    start: int = 0
    stop: int = 0
    """its columns in the line, which headings of an aligned table are above"""


@dataclass(frozen=True, slots=True)
class Grid:
    """The headings, the rows of as many cells, and the lines that follow the table."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    spans: tuple[Span, ...]
    """of each row's line"""
    notes: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and where it stands."""

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

    def cell(self, start: int, stop: int) -> Cell:
        """The cell between two columns."""
        raw = self.text[start:stop]
        stripped = raw.strip()
        start += len(raw) - len(raw.lstrip()) if stripped else 0
        text = stripped
        if text[:1] == text[-1:] == '"' and len(text) > 1:
            text = text[1:-1].replace('""', '"')
        text = text.replace("\\|", "|").replace("\\*", "×").strip("*_` \t")
        return Cell(text, self.span(start, start + len(stripped)), start, start + len(stripped))

    @property
    def all(self) -> Cell:
        return self.cell(0, len(self.text))


def lines_of_file(source: Source) -> list[Line]:
    """The lines of a file that is a table."""
    return [
        Line(text, source, number, 0, Span(source, number, 0, number, max(len(text), 1)))
        for number, text in enumerate(source.lines)
    ]


def lines_of_scalar(text: str, span: Span) -> list[Line]:
    """The lines of a `table: |`, placed in the file around it; those of another scalar have the place of the whole."""
    written = span.source.lines
    is_block = written[span.line][span.column : span.column + 1] == "|" if span.line < len(written) else False
    lines: list[Line] = []
    for index, line in enumerate(text.split("\n")):
        number = span.line + 1 + index
        offset = written[number].find(line) if is_block and number < len(written) and line else -1
        lines.append(Line(line, span.source, number, offset if offset >= 0 else None, span))
    return lines


# -- layouts ------------------------------------------------------------------------------------------


def _bars(line: Line, *, bare: bool = False) -> list[Cell]:
    """The cells between bars; those on the outside enclose the line, unless it is `bare`."""
    marks = [match.start() for match in _BARS.finditer(line.text)]
    starts, stops = [0, *(mark + 1 for mark in marks)], [*marks, len(line.text)]
    cells = [line.cell(start, stop) for start, stop in zip(starts, stops, strict=True)]
    if marks and not bare:
        encloses_left, encloses_right = _encloses(line)
        cells = cells[encloses_left : len(cells) - encloses_right or None]
    return cells


def _encloses(line: Line) -> tuple[bool, bool]:
    """Whether a line begins with a bar, and whether it ends with one."""
    text = line.text.strip()
    return _BARS.match(text) is not None, len(text) > 1 and _BARS.match(text, len(text) - 1) is not None


def _separated(line: Line, cell: re.Pattern[str]) -> list[Cell]:
    return [line.cell(*match.span(1)) for match in cell.finditer(line.text)]


def _gaps(line: Line) -> list[Cell]:
    return [line.cell(*match.span()) for match in re.finditer(r"\S+(?: \S+)*", line.text)]


_Layout = Callable[[Line], list[Cell]]
_LAYOUTS: tuple[_Layout, ...] = (
    _bars,
    *(
        partial(_separated, cell=re.compile(rf"(?:^|(?<={mark}))({_QUOTED}(?={mark}|$)|[^{mark}]*)"))
        for mark in ("\t", ";", ",")
    ),
    _gaps,
)


def _find_header(lines: Sequence[Line]) -> tuple[_Layout, int] | None:
    """How the cells are separated, and which line has the headings: the first with two that are known."""
    for least_known in (2, 0):
        for layout in _LAYOUTS:
            for index, line in enumerate(islice(lines, _LOOKED_AT)):
                cells = layout(line)
                if len(cells) > 1 and sum(meaning(cell.text) is not None for cell in cells) >= least_known:
                    return layout, index
    return None


# -- the grid -----------------------------------------------------------------------------------------


def read_grid(lines: list[Line], findings: Findings, whole: Span) -> Grid | None:
    """The cells of a table; None, with a finding, where there is no table."""
    filled = [line for line in lines if not _RULE.fullmatch(line.text)]
    found = _find_header(filled)
    if found is None or len(filled) < found[1] + 2:
        is_narrow = found is None and len(filled) > 1
        findings.add(
            "E501",
            "the table has one column: its cells are separated by `|`, commas, tabs or two spaces"
            if is_narrow
            else "there is no table here: it takes a line of headings and a line for each layer",
            filled[0].all.span if is_narrow else whole,
            label="one column" if is_narrow else "no table",
            help="Layer | Type | Maps | Size | Kernel size | Stride | Padding | Activation",
        )
        return None
    layout, start = found
    header, body = filled[start], filled[start + 1 :]
    notes: list[Line] = []
    if layout is _bars:
        last = max((index for index, line in enumerate(body) if _BARS.search(line.text)), default=-1)
        body, notes = body[: last + 1], body[last + 1 :]
    headings = layout(header)
    is_bare = layout is _bars and not all(_encloses(line)[0] for line in [header, *body])
    if is_bare and _encloses(header) == (True, False):  # the first heading is empty
        headings = _bars(header, bare=True)
    rows: list[tuple[Cell, ...]] = []
    for line in body:
        row = _arranged(layout, headings, line, bare=is_bare)
        if row is None:
            _report_ragged(line, layout(line), len(headings), findings)
            return None
        rows.append(row)
    spans = tuple(line.span(0, len(line.text)) for line in body)
    return Grid(tuple(headings), tuple(rows), spans, tuple(line.all for line in notes))


def _arranged(layout: _Layout, headings: list[Cell], line: Line, *, bare: bool) -> tuple[Cell, ...] | None:
    """A cell for each heading; None where it can't be told which stands under which."""
    cells = layout(line)
    if bare and len(every := _bars(line, bare=True)) <= len(headings):
        cells = every  # a bar at the edge stands beside an empty cell
    missing = len(headings) - len(cells)
    empty = Cell("", line.span(0, len(line.text)))
    if missing < 0:
        return None if any(cell.text for cell in cells[len(headings) :]) else tuple(cells[: len(headings)])
    if layout is _bars and not _BARS.search(line.text):
        return None
    if layout is not _gaps or not missing or len(cells) == 1:
        return (*cells, *[empty] * missing)
    return _under(headings, _cut_at(headings, cells, line), empty)


def _cut_at(headings: list[Cell], cells: list[Cell], line: Line) -> Iterator[Cell]:
    """The cells, one that goes on below the next heading cut there: frameworks leave one space between long ones."""
    for cell in cells:
        start = cell.start
        for heading in headings:
            if start < heading.start < cell.stop and line.text[heading.start - 1] == " ":
                yield line.cell(start, heading.start)
                start = heading.start
        yield line.cell(start, cell.stop)


def _under(headings: list[Cell], cells: Iterator[Cell], empty: Cell) -> tuple[Cell, ...] | None:
    """The cells of an aligned line, each under the one heading that it overlaps."""
    arranged = [empty] * len(headings)
    for cell in cells:
        above = [index for index, each in enumerate(headings) if cell.start < each.stop and each.start < cell.stop]
        if len(above) != 1 or arranged[above[0]].text:
            return None
        arranged[above[0]] = cell
    return tuple(arranged)


def _report_ragged(line: Line, cells: list[Cell], headings: int, findings: Findings) -> None:
    surplus = len(cells) > headings
    place = cells[headings] if surplus else cells[0]
    findings.add(
        "E504",
        f"this line has {len(cells)} cell{'s' if len(cells) > 1 else ''}, and the headings are {headings}",
        place.span if surplus else line.all.span,
        label="one too many" if surplus else "under which headings?",
        help="quote a cell that has a comma, or put `|` between the cells"
        if surplus
        else "write `-` into the empty cells; a file has one table",
    )


def joined(first: Cell, second: Cell) -> Cell:
    """Two cells, one below the other, that are one text."""
    return replace(first, text=first.text + ("" if first.text.count("(") else " ") + second.text)
