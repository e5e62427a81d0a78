"""Sizes of a table: where among three numbers the maps stand, and what the input is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from archspec.diagnostic import Findings
from archspec.tables.cells import Order, Size, numbers, read_size
from archspec.tables.grid import Cell
from archspec.tables.lines import Line
from archspec.validation import shown


def common_order(lines: Sequence[Line]) -> Order | None:
    """Where the maps stand in the sizes of this table: 55x55x96 and 96x55x55 tell, 64x64x64 and 3x48x64 do not."""
    told: set[Order] = set()
    for line in lines:
        for column in ("size", "input"):
            size = read_size(line.cells[column].text) if column in line.cells else None
            if size is None or len(size.numbers) < 3 or "@" in line.cells[column].text:
                continue
            order = size.maps or _order_by_maps(size, _maps(line))
            if order is not None and max(size.numbers) > 1:
                told.add(order)
    return told.pop() if len(told) == 1 else None


def _maps(line: Line) -> int | None:
    found = numbers(line.cells["maps"].text) if "maps" in line.cells else None
    return found[0] if found else None


def _order_by_maps(size: Size, maps: int | None) -> Order | None:
    first, last = size.numbers[0] == maps, size.numbers[-1] == maps
    return None if first == last else "first" if first else "last"


class SizeReader:
    """Reads sizes with the order that the whole table has."""

    def __init__(self, lines: Sequence[Line], findings: Findings) -> None:
        self.findings = findings
        self.order: Order | None = common_order(lines)

    def sides(self, line: Line, column: Literal["size", "input"] = "size") -> tuple[int, ...] | None:
        """One to three numbers, maps first; None, with a finding, where they can't be told."""
        cell = line.cells[column]
        size = read_size(cell.text)
        if size is None:
            self.findings.add(
                "E503",
                f"{column} wants one to three numbers, not {shown(cell.text)}",
                cell.span,
                label="no size",
                help="write `28 x 28`, `6 x 28 x 28`, `84`, or `-` for none",
            )
            return None
        if len(size.numbers) < 3 or len(set(size.numbers)) == 1:
            return size.numbers
        order: Order | None = size.maps or _order_by_maps(size, _maps(line)) or self.order
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

    def taken(self, line: Line) -> str | None:
        """What a layer takes, from its Input size column; None, with a finding, where the column does not say it."""
        sides = self.sides(line, "input")
        if sides is not None and len(sides) == 2:
            self._refuse("the input size of the first layer has no number of maps", line.cells["input"])
            return None
        return None if sides is None else "x".join(map(str, sides))

    def input(self, line: Line) -> str | None:
        """The network's input, as a spec writes it; None, with a finding, where the row does not say it."""
        maps_cell, size_cell = line.cells.get("maps"), line.cells.get("size") or line.cells.get("input")
        maps = _maps(line)
        if maps_cell is not None and maps is None:
            self._refuse(f"maps wants a number, not {shown(maps_cell.text)}", maps_cell)
            return None
        if size_cell is None:
            if maps_cell is not None:
                return "x".join(map(str, numbers(maps_cell.text) or ()))
            self._refuse("the input row has no size", Cell("", line.span))
            return None
        sides = self.sides(line, "size" if "size" in line.cells else "input")
        if sides is None:
            return None
        if len(sides) == 3 and maps_cell is not None and maps != sides[0]:
            self.findings.add(
                "W502",
                f"the input is {'x'.join(map(str, sides))} by its size, and not of {maps} maps",
                maps_cell.span,
                label="not read",
            )
        if len(sides) == 2:
            if maps is None:
                self._refuse("the input row has no number of maps", size_cell)
                return None
            return f"{maps}x{sides[0]}x{sides[1]}"
        if len(sides) == 1 and maps not in (None, 1):
            self._refuse("the input row has maps without a height and a width", size_cell)
            return None
        return "x".join(map(str, sides))

    def _refuse(self, problem: str, cell: Cell) -> None:
        self.findings.add("E505", problem, cell.span, label="the input", help="In | Input | 3 | 227 x 227")
