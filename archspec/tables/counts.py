"""The maps or units of a row, and the size that the table claims for it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from archspec.diagnostic import Findings, Related
from archspec.operators.operator import Operator
from archspec.source import Span
from archspec.table_rows import TableRow
from archspec.tables.lines import Line
from archspec.tables.sizes import SizeReader
from archspec.tables.unreadable import UnreadableError, contradiction, not_read, read_numbers
from archspec.tables.window import Above, Window
from archspec.validation import shown


@dataclass(frozen=True, slots=True)
class _Count:
    """A number of maps or units, and where it is said."""

    value: int
    span: Span


class CountReader:
    """Puts maps or units, and the claimed size, into rows."""

    def __init__(self, sizes: SizeReader, findings: Findings) -> None:
        self.sizes = sizes
        self.findings = findings

    def put(self, row: TableRow, line: Line, operator: type[Operator], window: Window, above: Above) -> None:
        """Maps or units, and the size."""
        sides = self._sides(line, operator)
        maps = self._count(line, operator, sides, window, above)
        if operator.size_attribute is not None and maps is not None:
            row.put(operator.size_attribute, maps.span, maps.value, maps.span)
        elif maps is not None and above.maps not in (None, maps.value) and (sides is None or len(sides) == 1):
            problem = f"{row.get('name', operator.type)} has {above.maps} maps by the rows above, and {maps.value} here"
            contradiction(problem, maps.span, self.findings)
        if sides is None or (operator.flattens and set(sides) == {1} and maps is not None):
            return
        if len(sides) == 2 and maps is not None and not operator.flattens and operator.size_attribute is None:
            sides = (maps.value, *sides)
        span = line.cells["size"].span
        if "to" in operator.model_fields and not {"kernel", "stride"} & line.cells.keys():
            target = _target(operator, sides)
            if target is not None:
                row.put("to", span, target, span)
        row.put("size", span, "x".join(map(str, sides)), span)

    def _sides(self, line: Line, operator: type[Operator]) -> tuple[int, ...] | None:
        if "size" not in line.cells:
            return None
        sides = self.sizes.claimed(line)
        if sides is None:
            raise UnreadableError
        if operator.flattens:
            return tuple(side for side in sides if side != 1) or (1,) * len(sides)  # 1x1x4096 is a vector
        return sides

    def _count(
        self,
        line: Line,
        operator: type[Operator],
        sides: tuple[int, ...] | None,
        window: Window,
        above: Above,
    ) -> _Count | None:
        """What the row says of its maps or units; what it says twice has to agree."""
        kind, kind_span = line.kind, line.kind_cell.span
        said = self._by_columns(line, operator, sides)
        if operator.size_attribute is not None:
            known = bool(said) or kind.maps is not None
            by_window = window.units(above) if operator.flattens else window.output_maps(above, known=known)
            if by_window is not None:
                said.append(_Count(by_window, line.cells["kernel"].span))
        if kind.maps is not None:
            said.append(_Count(kind.maps, kind_span))
        if not said and kind.trailing is not None and operator.flattens:
            said.append(_Count(kind.trailing, kind_span))
            self.findings.add(
                "N502",
                f"{kind.trailing} is read as the units of {shown(line.kind_cell.text)}: no column has them",
                kind_span,
                label="units",
            )
        for other in said[1:]:
            if other.value != said[0].value and operator.size_attribute is not None:
                contradiction(
                    f"{shown(line.kind_cell.text)} has {said[0].value} {operator.size_attribute} by one cell,"
                    f" and {other.value} by another",
                    other.span,
                    self.findings,
                    Related(said[0].span, f"{said[0].value} here"),
                )
        if window.others and above.maps not in (None, *window.others) and len(said) > 0:
            cell = line.cells["kernel"]
            problem = f"{window.others[0]} in {shown(cell.text)} is not read: the rows above give {above.maps} maps"
            not_read(problem, cell, self.findings)
        return said[0] if said else None

    def _by_columns(self, line: Line, operator: type[Operator], sides: tuple[int, ...] | None) -> list[_Count]:
        """What the Maps and Size columns say."""
        found = read_numbers(line, "maps", self.findings)
        by_maps = [_Count(found[0], line.cells["maps"].span)] if found is not None else []
        wanted = 1 if operator.flattens else 3
        if sides is None or len(sides) != wanted or sides == (1,):
            return by_maps
        by_size = _Count(sides[0], line.cells["size"].span)
        is_one_map = operator.flattens and found is not None and found[0] == 1
        return [by_size] if is_one_map else [*by_maps, by_size]


def _target(operator: type[Operator], sides: tuple[int, ...]) -> int | str | None:
    """A size as the operator's `to` takes it: with its maps, or without."""
    for target in (sides, sides[-2:]):
        value = target[0] if len(target) == 1 else "x".join(map(str, target))
        try:
            operator.model_validate({"to": value})
        except ValidationError:
            continue
        return value
    return None
