"""A pasted table as the rows of a spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq
from archspec.names import identifier_from, name_problem
from archspec.operators import ACTIVATIONS, BY_ALIAS
from archspec.operators.operator import Operator
from archspec.source import Source, Span
from archspec.suggest import did_you_mean
from archspec.table_rows import TableRow
from archspec.tables.cells import HEADINGS, LayerType, heading, is_nothing, layer_type, numbers
from archspec.tables.grid import Cell, Grid, lines_of_file, lines_of_scalar, read_grid
from archspec.validation import shown

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
    table = None if grid is None else _TableReader(grid, findings, whole, has_input=False).read()
    if table is None:
        return None
    root = Map(whole)
    root.put("name", whole, Path(source.name).stem, whole)
    root.put("input", table.input_span, table.input, table.input_span)
    root.put("layers", whole, table.rows, whole)
    return root


def read_table(text: str, span: Span, findings: Findings, *, has_input: bool) -> Table | None:
    """The table of a spec's `table: |`."""
    grid = read_grid(lines_of_scalar(text, span), findings, span)
    return None if grid is None else _TableReader(grid, findings, span, has_input=has_input).read()


@dataclass(frozen=True, slots=True)
class _Line:
    """One layer of the table."""

    cells: dict[str, Cell]
    span: Span
    kind: LayerType


class _UnreadableError(Exception):
    """A line with a cell that means nothing; the findings say which."""


class _TableReader:
    """Reads one grid, with its columns and lines."""

    def __init__(self, grid: Grid, findings: Findings, whole: Span, *, has_input: bool) -> None:
        self.grid = grid
        self.findings = findings
        self.whole = whole
        self.has_input = has_input
        self._names: dict[str, int] = {}

    def read(self) -> Table | None:
        columns = self._columns()
        if columns is None:
            return None
        lines: list[_Line] = []
        complete = True
        for cells, span in zip(self.grid.rows, self.grid.spans, strict=True):
            by_column = {column: cell for column, cell in zip(columns, cells, strict=True) if column is not None}
            if all(is_nothing(cell.text) for cell in by_column.values()):
                continue
            line = self._line(by_column, span)
            complete = complete and line is not None
            if line is not None:
                lines.append(line)
        return self._table(lines) if complete else None

    # -- columns ------------------------------------------------------------------------------

    def _columns(self) -> list[str | None] | None:
        columns: list[str | None] = []
        for cell in self.grid.header:
            column = heading(cell.text)
            if column is not None and column in columns:
                first = self.grid.header[columns.index(column)]
                self.findings.add(
                    "E502",
                    f"two columns mean {column}: {first.text} and {cell.text}",
                    cell.span,
                    label="the second",
                    help="remove or rename one of them",
                    related=(Related(first.span, "the first"),),
                )
                return None
            columns.append(column)
        blank = [index for index, cell in enumerate(self.grid.header) if not cell.text]
        for index in blank:  # a heading left out stands over the names or the types
            for wanted in ("name", "type"):
                if wanted not in columns and columns[index] is None:
                    columns[index] = wanted
        for cell, column in zip(self.grid.header, columns, strict=True):
            if column is None and cell.text:
                self.findings.add(
                    "W501",
                    f"the column {shown(cell.text)} is not read",
                    cell.span,
                    label="no heading that archspec knows",
                    help=did_you_mean(cell.text, HEADINGS),
                )
        if "type" not in columns and "layer(type)" not in columns and "name" not in columns:
            self.findings.add(
                "E502",
                "the table has no column for the type of each layer",
                self.grid.header[0].span,
                label="headings",
                help="head a column `Type` (Convolution, Max pooling, Fully connected …)",
            )
            return None
        return columns

    # -- lines --------------------------------------------------------------------------------

    def _line(self, cells: dict[str, Cell], span: Span) -> _Line | None:
        cells = dict(cells)
        if both := cells.pop("layer(type)", None):
            name, _, kind = both.text.partition("(")
            cells["name"] = Cell(name.strip(), both.span)
            cells["type"] = Cell(kind.rstrip(") ") or name.strip(), both.span)
        cell = cells.get("type") or cells.get("name")
        assert cell is not None
        kind = layer_type(cell.text)
        if (kind is None or is_nothing(cell.text)) and "name" in cells:
            kind = layer_type(cells["name"].text) if is_nothing(cell.text) else kind
        if kind is None:
            self.findings.add(
                "E503",
                f"unknown type of layer {shown(cell.text)}",
                cell.span,
                label="no layer that archspec knows",
                help=did_you_mean(cell.text, BY_ALIAS),
            )
            return None
        return _Line({key: value for key, value in cells.items() if not is_nothing(value.text)}, span, kind)

    def _table(self, lines: list[_Line]) -> Table | None:
        inputs = [index for index, line in enumerate(lines) if line.kind.is_input]
        if len(inputs) > 1 or (inputs and inputs[0] not in (0, len(lines) - 1)):
            self.findings.add(
                "E505",
                "the input is the first row of a table, or the last",
                lines[inputs[-1]].span,
                label="an input in between" if len(inputs) == 1 else "another input",
            )
            return None
        if inputs:
            source = lines.pop(inputs[0])
            if inputs[0] != 0:
                lines.reverse()
            shape = self._input(source)
        elif self.has_input:
            source, shape = None, None
            if _ends_at_the_top(lines):
                lines.reverse()
        else:
            self.findings.add(
                "E505",
                "the table has no row for the input",
                self.whole,
                label="no input",
                help="add a row: In | Input | 3 | 227 x 227, or `input: 3x227x227` to the spec",
            )
            return None
        rows = Seq(self.whole)
        for line in lines:
            try:
                row = self._row(line)
            except _UnreadableError:
                continue
            rows.put(row, row.span)
        if (inputs and shape is None) or len(rows) < len(lines):
            return None
        return Table(rows, shape, source.cells["size"].span if source and "size" in source.cells else self.whole)

    def _input(self, line: _Line) -> str | None:
        maps, size = self._numbers(line, "maps"), self._numbers(line, "size")
        if size is None and maps is None:
            problem = "the input row has no size"
        elif size is None:
            return str(maps[0]) if maps and len(maps) == 1 else "x".join(map(str, maps or ()))
        elif len(size) == 1 and not maps:
            return str(size[0])
        elif len(size) == 2 and maps and len(maps) == 1:
            return f"{maps[0]}x{size[0]}x{size[1]}"
        elif len(size) == 2 and not maps:
            problem = "the input row has no number of maps"
        elif len(size) == 3:
            ordered = self._maps_first(size, maps[0] if maps else None, line)
            return None if ordered is None else "x".join(map(str, ordered))
        else:
            problem = f"the input row has a size that is none: {line.cells['size'].text}"
        cell = line.cells.get("size")
        self.findings.add(
            "E505", problem, cell.span if cell else line.span, label="the input", help="In | Input | 3 | 227 x 227"
        )
        return None

    def _maps_first(self, size: list[int], maps: int | None, line: _Line) -> tuple[int, int, int] | None:
        """Three numbers as maps x height x width, whichever way the table has them."""
        first, second, third = size
        if maps is not None and maps in (first, third):
            return (third, first, second) if maps == third else (first, second, third)
        if maps is None and (first == second or second == third):
            return (third, first, second) if first == second else (first, second, third)
        cell = line.cells["size"]
        self.findings.add(
            "E506",
            f"which of {cell.text} are the maps? the Maps column says {maps}"
            if maps is not None
            else f"which of {cell.text} are the maps can't be told",
            cell.span,
            label="three numbers",
            help="write the maps into a column of their own, and HxW here",
        )
        return None

    def _numbers(self, line: _Line, column: str) -> list[int] | None:
        cell = line.cells.get(column)
        return None if cell is None else numbers(cell.text)

    # -- rows ---------------------------------------------------------------------------------

    def _row(self, line: _Line) -> TableRow:
        row = TableRow(line.span)
        kind = line.kind
        operator = kind.operator
        assert operator is not None
        name = self._name(line)
        if name is not None:
            row.put("name", line.cells["name"].span, name, line.cells["name"].span)
        type_cell = line.cells.get("type") or line.cells["name"]
        activation = self._activation(line)
        if activation is not None:
            if activation.role == "activation":
                span = line.cells["activation"].span if "activation" in line.cells else type_cell.span
                row.put("activation", span, activation.type, span)
            else:
                operator = activation  # RBF is written as the activation of a fully connected layer
        row.put("type", type_cell.span, operator.type, type_cell.span)
        if kind.norm is not None:
            row.put("norm", type_cell.span, kind.norm, type_cell.span)
        self._size(line, row, operator)
        self._window(line, row, operator)
        row.open = frozenset(name for name in operator.adjustable if name not in row)
        return row

    def _name(self, line: _Line) -> str | None:
        cell = line.cells.get("name")
        if cell is None or numbers(cell.text) is not None:
            return None
        name = identifier_from(cell.text)
        if name_problem(name):
            name = f"{name}_"
        self._names[name] = self._names.get(name, 0) + 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"

    def _activation(self, line: _Line) -> type[Operator] | None:
        """The operator in the activation's cell; None for none."""
        cell = line.cells.get("activation")
        if cell is None:
            return ACTIVATIONS.get((line.kind.activation or "").replace("_", " "))
        word = " ".join(cell.text.lower().replace("_", " ").replace("-", " ").split())
        if word in ("linear", "identity"):
            return None
        operator = ACTIVATIONS.get(word) or BY_ALIAS.get(word)
        if operator is None or (operator.role != "activation" and not operator.flattens):
            self.findings.add(
                "E503",
                f"unknown activation {shown(cell.text)}",
                cell.span,
                label="no activation that archspec knows",
                help=did_you_mean(cell.text, ACTIVATIONS),
            )
            raise _UnreadableError
        return operator

    def _size(self, line: _Line, row: TableRow, operator: type[Operator]) -> None:
        """Maps, units and the claimed size, from the Maps and Size columns."""
        maps, size = self._cell(line, "maps"), self._cell(line, "size")
        count = maps[0] if maps else line.kind.maps
        place = line.cells.get("maps") or line.cells.get("size") or line.cells.get("type") or line.cells["name"]
        if size and len(size) == 3:
            ordered = self._maps_first(size, count, line)
            if ordered is None:
                raise _UnreadableError
            count, size = ordered[0], list(ordered[1:])
        attribute = operator.size_attribute
        if operator.flattens:
            if count is None and size and len(size) == 1:
                count, place = size[0], line.cells["size"]
            if size and len(size) == 2 and count is not None and size != [1, 1]:
                count = None  # reported below: a vector has no height and width
            size = None
        if attribute is not None and count is not None:
            row.put(attribute, place.span, count, place.span)
        if size and "size" in line.cells and len(size) <= 2:
            claim = size if len(size) == 2 else size * 2
            text = "x".join(map(str, claim if attribute is not None or count is None else [count, *claim]))
            row.put("size", line.cells["size"].span, text, line.cells["size"].span)
        parameters = self._cell(line, "parameters")
        if parameters:
            row.put("parameters", line.cells["parameters"].span, parameters[0], line.cells["parameters"].span)

    def _window(self, line: _Line, row: TableRow, operator: type[Operator]) -> None:
        """Kernel, stride, padding and the other numbers of the operator."""
        fields = operator.model_fields
        place = (line.cells.get("type") or line.cells["name"]).span
        for key, value in (("kernel", line.kind.kernel), ("stride", line.kind.stride), ("rate", line.kind.rate)):
            if value is not None and key in fields:
                row.put(key, place, [*value] if isinstance(value, tuple) else value, place)
        for key in ("kernel", "stride", "groups", "dilation"):
            if key in fields and key in line.cells:
                found = self._cell(line, key)
                if found is None:
                    continue
                if len(found) > 2:
                    self.findings.add(
                        "W502",
                        f"only height and width of {key} {line.cells[key].text} are read",
                        line.cells[key].span,
                        label=f"{len(found)} numbers",
                    )
                pair = found[:2] if len(set(found[:2])) == 2 else found[0]
                row.put(key, line.cells[key].span, pair, line.cells[key].span)
        if "padding" in fields and "padding" in line.cells:
            cell = line.cells["padding"]
            word = cell.text.lower().strip("'\"")
            found = numbers(word)
            value: Any = word if found is None else found if len(found) > 1 else found[0]
            row.put("padding", cell.span, value, cell.span)
        if "rate" in fields and "rate" in line.cells:
            cell = line.cells["rate"]
            text = cell.text.rstrip("% ")
            value = float(text) / (100 if "%" in cell.text else 1) if text.replace(".", "", 1).isdigit() else cell.text
            row.put("rate", cell.span, value, cell.span)

    def _cell(self, line: _Line, column: str) -> list[int] | None:
        """The numbers of a cell; None where it is empty."""
        cell = line.cells.get(column)
        if cell is None:
            return None
        found = numbers(cell.text)
        if found is None:
            self.findings.add(
                "E503", f"{column} wants numbers, not {shown(cell.text)}", cell.span, label="no number",
                help="write `5`, `5 x 5`, `1,000`, or `-` for none",
            )  # fmt: skip
            raise _UnreadableError
        return found


def _ends_at_the_top(lines: list[_Line]) -> bool:
    """Without a row for the input: the dense layers of a network stand at its end."""
    flat = [line.kind.operator is not None and line.kind.operator.flattens for line in lines]
    return bool(flat) and flat[0] and not flat[-1]
