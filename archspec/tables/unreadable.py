"""Cells that mean nothing, or something else than another cell."""

from __future__ import annotations

from typing import NoReturn

from archspec.diagnostic import Findings, Related
from archspec.source import Span
from archspec.tables.cells import numbers
from archspec.tables.grid import Cell
from archspec.tables.headings import Column
from archspec.tables.lines import Line
from archspec.validation import shown


class UnreadableError(Exception):
    """A line with a cell that means nothing; the findings say which."""


def no_number(column: Column, cell: Cell, findings: Findings) -> NoReturn:
    """E503 for a cell that wants numbers."""
    findings.add(
        "E503",
        f"{column} wants numbers, not {shown(cell.text)}",
        cell.span,
        label="no number",
        help="write `5`, `5 x 5`, `1,000`, or `-` for none",
    )
    raise UnreadableError


def unknown_word(what: str, problem: str, cell: Cell, help: str | None, findings: Findings) -> NoReturn:
    """E503 for a word that means nothing in its column."""
    findings.add("E503", problem, cell.span, label=f"no {what} that archspec knows", help=help)
    raise UnreadableError


def contradiction(problem: str, span: Span, findings: Findings, *related: Related) -> NoReturn:
    """E507 for two cells that do not agree."""
    findings.add("E507", problem, span, label="does not agree", help="correct one of the two", related=related)
    raise UnreadableError


def not_read(problem: str, cell: Cell, findings: Findings, label: str = "not read") -> None:
    """W502 for a cell that is passed over."""
    findings.add("W502", problem, cell.span, label=label)


def read_numbers(line: Line, column: Column, findings: Findings) -> tuple[int, ...] | None:
    """The numbers of a cell; None where it is empty."""
    cell = line.cells.get(column)
    if cell is None:
        return None
    found = numbers(cell.text)
    if found is None:
        no_number(column, cell, findings)
    return found
