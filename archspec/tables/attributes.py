"""Kernel, stride, padding and the other numbers of a row."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.operators.operator import Operator
from archspec.source import Span
from archspec.table_rows import TableRow
from archspec.tables.cells import read_count, read_padding, read_rate
from archspec.tables.grid import Cell
from archspec.tables.headings import Column
from archspec.tables.lines import Line
from archspec.tables.unreadable import contradiction, no_number, not_read, read_numbers
from archspec.tables.window import Window, read_window
from archspec.validation import shown

_NUMERIC: tuple[Column, ...] = ("stride", "groups", "dilation")
_COLUMNS: tuple[Column, ...] = ("kernel", "stride", "padding", "groups", "dilation")
_Stated = list[tuple[str, Any, Span]]
"""attributes, their values, and where they are said"""


def kernel_cell(line: Line, operator: type[Operator], findings: Findings) -> Window:
    """What the Kernel column says; nothing where it is empty, or has words for an operator without a window."""
    cell = line.cells.get("kernel")
    if cell is None:
        return Window()
    window = read_window(cell.text)
    if window is None and _reads(operator, "kernel"):
        no_number("kernel", cell, findings)
    return window or Window()


def put_window(row: TableRow, line: Line, operator: type[Operator], window: Window, findings: Findings) -> None:
    """Put what the cells say of the window; what two of them say has to agree."""
    fields = operator.model_fields
    stated = _stated(line, operator, window, findings)
    if "scale" in fields and not fields["scale"].is_required() and "to" not in row:
        by_stride = any(name == "stride" for name, _, _ in stated)
        stated += [
            ("scale", value, span) for name, value, span in stated if name == ("stride" if by_stride else "kernel")
        ]
    for name, value, span in stated:
        if name not in fields:
            continue
        if name in row and row[name] != value:
            problem = f"{name} is {row[name]} by one cell, and {value} by another"
            contradiction(problem, span, findings, Related(row.value_spans[name], f"{row[name]} here"))
        row.put(name, span, value, span)
    _warn_unread(row, line, operator, window, findings)


def _stated(line: Line, operator: type[Operator], window: Window, findings: Findings) -> _Stated:
    """Everything that the type, the Kernel column and the other columns say."""
    kind, by_type = line.kind, line.kind_cell.span
    by_kernel = line.cells.get("kernel", line.kind_cell).span
    stated: _Stated = [
        ("kernel", shortest_pair(kind.kernel), by_type),
        ("stride", kind.stride, by_type),
        ("padding", kind.padding, by_type),
        ("kernel", shortest_pair(window.kernel), by_kernel),
        ("stride", window.stride, by_kernel),
        ("padding", window.padding, by_kernel),
    ]
    for column in _NUMERIC:
        if _reads(operator, column) and (found := read_numbers(line, column, findings)) is not None:
            stated.append((column, shortest_pair(found[:2]), line.cells[column].span))
    if (cell := line.cells.get("padding")) is not None:
        stated.append(("padding", read_padding(cell.text), cell.span))
    return [each for each in stated if each[1] is not None]


def _reads(operator: type[Operator], column: Column) -> bool:
    """Whether an operator has a use for a column; a Kernel column may also say maps, and how much to enlarge."""
    fields = operator.model_fields
    if column in fields:
        return True
    return (column == "kernel" and operator.size_attribute is not None) or (
        column in ("kernel", "stride") and "scale" in fields
    )


def _warn_unread(row: TableRow, line: Line, operator: type[Operator], window: Window, findings: Findings) -> None:
    """W502 for what this type of layer has no use for."""
    kind = line.kind
    beside: dict[Column, object] = {
        "kernel": kind.kernel,
        "stride": None if kind.stride == 1 else kind.stride,  # papers write `FC / s1`
        "padding": kind.padding,
    }
    # a dense layer is a 1x1 convolution, or its Kernel column says `1024 x 1000`
    units = row.get(operator.size_attribute or "")
    is_useless = operator.flattens and window.kernel not in (None, (1, 1)) and (window.kernel or ())[-1:] != (units,)
    for column in _COLUMNS:
        if _reads(operator, column) and not (column == "kernel" and is_useless):
            continue
        if (cell := line.cells.get(column)) is not None:
            not_read(f"{column} {shown(cell.text)} is not read: {operator.type} has none", cell, findings)
        if beside.get(column) is not None:
            cell = line.kind_cell
            not_read(f"the {column} in {shown(cell.text)} is not read: {operator.type} has none", cell, findings)


def put_rate(row: TableRow, line: Line, operator: type[Operator], number: float | None, findings: Findings) -> None:
    """The rate of a dropout, or the slope of an activation: from the type, or from a column."""
    attribute = lone_number(operator)
    if attribute is not None and number is not None:
        row.put(attribute, line.kind_cell.span, number, line.kind_cell.span)
    if "rate" in operator.model_fields and (cell := line.cells.get("rate")) is not None:
        row.put("rate", cell.span, rate_of(cell, findings), cell.span)


def rate_of(cell: Cell, findings: Findings) -> float:
    """The rate in a cell."""
    rate = read_rate(cell.text)
    return no_number("rate", cell, findings) if rate is None else rate


def put_parameters(row: TableRow, line: Line, findings: Findings) -> None:
    """The claim of the Parameters column, where it is exact."""
    cell = line.cells.get("parameters")
    if cell is None:
        return
    count = read_count(cell.text)
    if count is None:
        problem = f"parameters {shown(cell.text)} are not checked: they are no whole number"
        not_read(problem, cell, findings, "not checked")
    else:
        row.put("parameters", cell.span, count, cell.span)


def lone_number(operator: type[Operator]) -> str | None:
    """The attribute that a lone fraction means: a dropout's rate, a leaky relu's slope."""
    fields = operator.model_fields
    if "rate" in fields:
        return "rate"
    return next(iter(fields)) if len(fields) == 1 and next(iter(fields.values())).annotation is float else None


def shortest_pair(pair: tuple[int, ...] | None) -> int | list[int] | None:
    """Height and width as a spec writes them: one number where they are equal."""
    if pair is None:
        return None
    return pair[0] if len(set(pair)) == 1 else list(pair)
