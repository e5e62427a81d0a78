"""Sizes of a table: where among three numbers the maps stand, and what the input is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from archspec.diagnostic import Findings
from archspec.source import Span
from archspec.tables.cells import Order, Size, numbers, read_size
from archspec.tables.grid import Cell
from archspec.tables.lines import Line
from archspec.validation import shown


def common_order(lines: Sequence[Line]) -> Order | None:
    """Where the maps stand in the sizes of this table: 55x55x96 and 96x55x55 tell, 64x64x64 and 3x48x64 do not."""
    told: set[Order] = set()
    for line in lines:
        cells = [line.cells[column] for column in ("size", "input") if column in line.cells]
        for cell in cells:
            size = read_size(cell.text)
            if size is None or len(size.numbers) < 3 or "@" in cell.text:
                continue
            order = size.maps or _order_by_maps(size, _maps(line))
            if order is not None:
                told.add(order)
    return told.pop() if len(told) == 1 else None


def _maps(line: Line) -> int | None:
    """The lone number in the Maps column."""
    found = numbers(line.cells["maps"].text) if "maps" in line.cells else None
    return found[0] if found is not None and len(found) == 1 else None


def _order_by_maps(size: Size, maps: int | None) -> Order | None:
    first, last = size.numbers[0] == maps, size.numbers[-1] == maps
    return None if first == last else "first" if first else "last"


class SizeReader:
    """Reads sizes with the order that the whole table has."""

    def __init__(self, lines: Sequence[Line], findings: Findings) -> None:
        self.findings = findings
        self.order: Order | None = common_order(lines)

    def claimed(self, line: Line) -> tuple[int, ...] | None:
        """The size of a layer, maps first; None, with a finding, where it can't be told."""
        return self._sides(line.cells["size"], _maps(line))

    def taken(self, line: Line) -> tuple[int, ...] | None:
        """What a layer takes, by its Input size column; None, with a finding, where that can't be told."""
        return self._sides(line.cells["input"], None)

    def first_taken(self, line: Line) -> tuple[int, ...] | None:
        """The network's input by the Input size of the first layer; None, with a finding, where that is not enough."""
        sides = self.taken(line)
        if sides is not None and len(sides) == 2:
            self._refuse("the input size of the first layer has no number of maps", line.cells["input"].span)
            return None
        return sides

    def input(self, line: Line) -> tuple[int, ...] | None:
        """The network's input by a row of its own; None, with a finding, where the row does not say it."""
        cell, maps = _input_cell(line), _maps(line)
        if cell is None:
            if maps is None:
                self._refuse("the input row has no size", line.span)
                return None
            return (maps,)
        sides = self._sides(cell, maps)
        if sides is None:
            return None
        if len(sides) == 2:
            if maps is None:
                self._refuse("the input row has no number of maps", cell.span)
                return None
            return (maps, *sides)
        if len(sides) == 1 and maps not in (None, 1, *sides):
            self._refuse("the input row has maps without a height and a width", cell.span)
            return None
        if len(sides) == 3 and maps not in (None, sides[0]):
            problem = f"the input is {'x'.join(map(str, sides))} by its size, and not of {maps} maps"
            self.findings.add("W502", problem, line.cells["maps"].span, label="not read")
        return sides

    def _sides(self, cell: Cell, maps: int | None) -> tuple[int, ...] | None:
        """One to three numbers, the maps first."""
        size = read_size(cell.text)
        if size is None:
            self.findings.add(
                "E503",
                f"a size has one to three numbers, not {shown(cell.text)}",
                cell.span,
                label="no size",
                help="write `28 x 28`, `6 x 28 x 28`, `84`, or `-` for none",
            )
            return None
        if len(size.numbers) < 3 or len(set(size.numbers)) == 1:
            return size.numbers
        order: Order | None = size.maps or _order_by_maps(size, maps) or self.order
        if order is None:
            self.findings.add(
                "E506",
                f"which of {cell.text} are the maps can't be told",
                cell.span,
                label="three numbers",
                help="write the maps into a column of their own, and HxW here",
            )
            return None
        return size.ordered(order)

    def _refuse(self, problem: str, span: Span) -> None:
        self.findings.add("E505", problem, span, label="the input", help="In | Input | 3 | 227 x 227")


def _input_cell(line: Line) -> Cell | None:
    """The cell of an input row that has its size; None where none has."""
    for column in ("size", "input"):
        if column in line.cells:
            return line.cells[column]
    maps = line.cells.get("maps")
    if maps is not None:
        return maps if _maps(line) is None else None
    inside = re.search(r"\d[\d\sx×*,@]*[x×*,@][\d\sx×*,@]*\d", line.kind_cell.text)  # Input (28 x 28 x 1)
    return replace(line.kind_cell, text=inside[0]) if inside else None
