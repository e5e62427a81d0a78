"""A pasted table as the rows of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archspec.diagnostic import Findings
from archspec.document import Map, Seq
from archspec.operators.sliding import Sliding
from archspec.source import Source, Span
from archspec.table_rows import TableRow, read_claim
from archspec.tables.columns import read_columns
from archspec.tables.grid import Grid, lines_of_file, lines_of_scalar, read_grid
from archspec.tables.lines import Line, Total, read_lines
from archspec.tables.rows import RowReader
from archspec.tables.sizes import SizeReader
from archspec.tables.unreadable import UnreadableError, contradiction

TABLE_SUFFIXES = (".md", ".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Table:
    """What a table says: the rows from input to output, and the input where it has a row for it."""

    rows: Seq
    input: str | None
    input_span: Span


def table_root(source: Source, findings: Findings) -> Map | None:
    """The spec of a file that is a table."""
    whole = Span(source, 0, 0, 0, max(len(source.lines[0]), 1))
    grid = read_grid(lines_of_file(source), findings, whole)
    table = None if grid is None else _read(grid, findings, whole, None)
    if table is None:
        return None
    root = Map(whole)
    root.put("name", whole, Path(source.name).stem, whole)
    root.put("input", table.input_span, table.input, table.input_span)
    root.put("layers", whole, table.rows, whole)
    return root


def read_table(text: str, span: Span, findings: Findings, input: object = None) -> Table | None:
    """The table of a spec's `table: |`; `input` is what the spec itself says of it."""
    grid = read_grid(lines_of_scalar(text, span), findings, span)
    return None if grid is None else _read(grid, findings, span, input)


def _read(grid: Grid, findings: Findings, whole: Span, input: object) -> Table | None:
    columns = read_columns(grid, findings)
    lines = None if columns is None else read_lines(grid, columns, findings)
    if lines is None:
        return None
    sizes = SizeReader(lines.layers, findings)
    ordered = _from_input_to_output(lines.layers, findings)
    if ordered is None:
        return None
    source, layers = ordered
    shape, span = None, whole
    if source is not None:
        shape = sizes.input(source) if source.kind.is_input else sizes.first_taken(source)
        cell = source.cells.get("size" if source.kind.is_input else "input")
        span = cell.span if cell else source.span
    elif input is None:
        findings.add(
            "E505",
            "the table has no row for the input",
            whole,
            label="no input",
            help="add a row: In | Input | 3 | 227 x 227, or put the table into a spec with `input: 3x227x227`",
        )
    if shape is None and (source is not None or input is None):
        return None
    rows = _rows(layers, sizes, read_claim(input) if shape is None else shape, findings)
    if rows is None:
        return None
    _check_totals(lines.totals, rows, findings)
    listed = Seq(whole)
    for row in rows:
        listed.put(row, row.span)
    return Table(listed, None if shape is None else "x".join(map(str, shape)), span)


def _from_input_to_output(lines: list[Line], findings: Findings) -> tuple[Line | None, list[Line]] | None:
    """The row of the input, where there is one, and the layers in the order that data takes."""
    inputs = [index for index, line in enumerate(lines) if line.kind.is_input]
    if len(inputs) > 1 or (inputs and inputs[0] not in (0, len(lines) - 1)):
        findings.add(
            "E505",
            "the input is the first row of a table, or the last",
            lines[inputs[-1]].span,
            label="an input in between" if len(inputs) == 1 else "another input",
        )
        return None
    if inputs:
        rest = [line for line in lines if not line.kind.is_input]
        return lines[inputs[0]], rest if inputs[0] == 0 else rest[::-1]
    if _ends_at_the_top(lines):
        lines = lines[::-1]
    if lines and "input" in lines[0].cells:
        return lines[0], lines  # the first layer says what it takes
    return None, lines


def _ends_at_the_top(lines: Sequence[Line]) -> bool:
    """Without a row for the input: the dense layers of a network of convolutions stand at its end."""
    operators = [line.kind.operator for line in lines]
    dense = [index for index, each in enumerate(operators) if each is not None and each.flattens]
    windows = [index for index, each in enumerate(operators) if each is not None and issubclass(each, Sliding)]
    return bool(dense) and bool(windows) and dense[-1] < windows[0]


def _rows(
    lines: list[Line], sizes: SizeReader, shape: tuple[int, ...] | None, findings: Findings
) -> list[TableRow] | None:
    """The rows of the layers; None, with findings, where one can't be read."""
    reader = RowReader(sizes, shape, findings)
    rows: list[TableRow] = []
    complete = True
    for index, line in enumerate(lines):
        try:
            if index and "input" in line.cells:
                _claim_input(line, rows, sizes, findings)
            rows += reader.rows(line)
        except UnreadableError:
            complete = False
    return rows if complete else None


def _claim_input(line: Line, rows: list[TableRow], sizes: SizeReader, findings: Findings) -> None:
    """The size a row takes is the size that the row above gives."""
    sides = sizes.taken(line)
    if sides is None:
        raise UnreadableError
    if not rows:
        return
    cell, above, size = line.cells["input"], rows[-1], "x".join(map(str, sides))
    if "size" not in above:
        above.put("size", cell.span, size, cell.span)
    elif not f"x{above['size']}".endswith(f"x{size}") and not f"x{size}".endswith(f"x{above['size']}"):
        contradiction(f"the row takes {size}, and the row above gives {above['size']}", cell.span, findings)


def _check_totals(totals: list[Total], rows: list[TableRow], findings: Findings) -> None:
    """A total is checked against the rows, whose own counts are checked one by one."""
    counts = [row["parameters"] for row in rows if "parameters" in row]
    for total in totals:
        if total.parameters is None:
            continue
        if len(counts) < len(rows):
            findings.add(
                "N502",
                f"the total of {total.parameters:,} parameters is not checked: not every row says how many it has",
                total.cell.span,
                label="not checked",
            )
        elif sum(counts) != total.parameters:
            findings.add(
                "E507",
                f"the rows have {sum(counts):,} parameters, and the total says {total.parameters:,}",
                total.cell.span,
                label="does not agree",
                help="correct one of the two",
            )
