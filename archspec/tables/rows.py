"""The lines of a table as the rows of a spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archspec.diagnostic import Findings
from archspec.document import Map
from archspec.names import identifier_from, name_problem
from archspec.operators import ACTIVATIONS, BY_ALIAS
from archspec.operators.operator import Operator
from archspec.suggest import did_you_mean
from archspec.table_rows import TableRow, read_claim
from archspec.tables.attributes import kernel_cell, lone_number, put_parameters, put_rate, put_window, rate_of
from archspec.tables.counts import CountReader
from archspec.tables.implied import put_implied_kernel
from archspec.tables.layer_type import activation_type
from archspec.tables.lines import Line
from archspec.tables.sizes import SizeReader
from archspec.tables.unreadable import unknown_word
from archspec.tables.window import Above
from archspec.validation import shown

_INFERRED = frozenset({"padding", "stride"})
"""what a size may imply where a table leaves it out"""
_YES = frozenset({"yes", "y", "true", "✓", "✔", "x", "1"})

_Operators = tuple[type[Operator], type[Operator] | None, float | None]


class RowReader:
    """Makes rows of lines, from the input to the output, and remembers what the rows above say."""

    def __init__(self, sizes: SizeReader, input: tuple[int, ...] | None, findings: Findings) -> None:
        self.findings = findings
        self.counts = CountReader(sizes, findings)
        self.above = Above.of(input)
        self._names: dict[str, int] = {}
        """with how often each has been there"""

    def rows(self, line: Line) -> Iterator[TableRow]:
        """The row of a line, and the dropout that its Dropout column puts behind it."""
        operator, activation, number = self._operators(line)
        row = TableRow(line.span)
        self._put_name(row, line)
        row.put("type", line.kind_cell.span, operator.type, line.kind_cell.span)
        self._put_norm(row, line)
        if activation is not None:
            self._put_activation(row, line, activation, number)
            number = None
        window = kernel_cell(line, operator, self.findings)
        self.counts.put(row, line, operator, window, self.above)
        put_window(row, line, operator, window, self.findings)
        put_rate(row, line, operator, number, self.findings)
        put_parameters(row, line, self.findings)
        put_implied_kernel(row, operator, self.above, self.findings)
        self._remember(row, operator)
        row.open = _INFERRED.intersection(operator.adjustable)
        yield row
        if "rate" in line.cells and "rate" not in operator.model_fields:
            yield self._dropout(line)

    def _dropout(self, line: Line) -> TableRow:
        cell = line.cells["rate"]
        row = TableRow(line.span)
        row.put("type", cell.span, BY_ALIAS["dropout"].type, cell.span)
        row.put("rate", cell.span, rate_of(cell, self.findings), cell.span)
        return row

    def _put_name(self, row: TableRow, line: Line) -> None:
        cell = line.cells.get("name")
        if cell is None or cell.text.strip(".").isdigit():
            return
        name = identifier_from(cell.text)
        if name_problem(name):
            name = f"{name}_"
        unique = name
        while unique in self._names:
            self._names[name] += 1
            unique = f"{name}_{self._names[name]}"
        self._names[unique] = 1
        row.put("name", cell.span, unique, cell.span)

    def _operators(self, line: Line) -> _Operators:
        """The operator, the activation behind it, and the number that belongs to the last of them."""
        operator, activation, number = line.kind.operator, line.kind.activation, line.kind.number
        assert operator is not None
        cell = line.cells.get("activation")
        if cell is None:
            return operator, activation, number
        found = activation_type(cell.text)
        if found is None or not (found[0] is None or found[0].role == "activation" or _may_replace(operator, found[0])):
            problem, help = f"unknown activation {shown(cell.text)}", did_you_mean(cell.text, ACTIVATIONS)
            unknown_word("activation", problem, cell, help, self.findings)
        given, own_number = found
        if activation is not None and given is not activation:
            problem = f"the type says {activation.type}, and the activation {shown(cell.text)}"
            unknown_word("such activation", problem, cell, "leave one of them out", self.findings)
        if given is not None and given.role != "activation":
            return given, None, number
        return operator, given, number if own_number is None else own_number

    def _put_norm(self, row: TableRow, line: Line) -> None:
        norm, place = line.kind.norm, line.kind_cell
        if (cell := line.cells.get("norm")) is not None:
            word = cell.text.lower().replace("-", " ")
            norm, place = BY_ALIAS.get("batch norm" if word in _YES else word), cell
            if norm is None or norm.role != "norm":
                problem = f"unknown norm {shown(cell.text)}"
                unknown_word("norm", problem, cell, "write `BN`, or `-` for none", self.findings)
        if norm is not None:
            row.put("norm", place.span, norm.type, place.span)

    def _put_activation(self, row: TableRow, line: Line, activation: type[Operator], number: float | None) -> None:
        span = line.cells.get("activation", line.kind_cell).span
        value: Any = activation.type
        attribute = lone_number(activation)
        if number is not None and attribute is not None:
            value = Map(span)
            value.put("type", span, activation.type, span)
            value.put(attribute, span, number, span)
        row.put("activation", span, value, span)

    def _remember(self, row: TableRow, operator: type[Operator]) -> None:
        claim = read_claim(row.get("size")) or ()
        maps = row.get(operator.size_attribute) if operator.size_attribute is not None else None
        if operator.flattens:
            self.above = Above(maps, (1, 1))
        elif len(claim) == 3 or (len(claim) == 1 and operator.role == "arrange"):
            self.above = Above.of(claim)
        elif operator.role in ("activation", "norm", "noise"):
            return
        else:
            kept = self.above.maps if operator.role == "pool" else None
            self.above = Above(maps or kept, ((claim * 2)[-2], claim[-1]) if claim else None)


def _may_replace(operator: type[Operator], given: type[Operator]) -> bool:
    """Whether the activation's cell names the layer itself: RBF stands as the activation of a fully connected one."""
    return operator.flattens and given.flattens
