"""What a picture says of a part: how much it costs, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeGuard

from archspec.costs import Cost, cost
from archspec.document import is_list
from archspec.draw.parts import Part, parts_of
from archspec.graph import INPUT, Graph, GraphRow
from archspec.operators.operator import Operator
from archspec.report.units import count_text
from archspec.shape import Shape

DASH, TIMES, DOT = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}", "\N{MIDDLE DOT}"
_UNSAID = {"padding", "bias", "init", "eps", "momentum", "affine", "connections", "ceil"}
"""attributes that a card leaves out, or says in its own way"""
_SPELLED = {
    "relu": "ReLU", "relu6": "ReLU6", "leaky_relu": "leaky ReLU", "prelu": "PReLU", "elu": "ELU", "gelu": "GELU",
    "silu": "SiLU", "rbf": "RBF",
}  # fmt: skip
"""types that papers do not write in lower case"""


@dataclass(frozen=True, slots=True)
class Unit:
    """A card's content: a part that is shown closed, or the input."""

    name: str
    start: int
    stop: int
    kind: str
    """the role of its operator, `block` or `input`: what its colours are called"""
    title: str
    detail: str
    shape: Shape
    times: int = 1
    trainable: int = 0
    other: int = 0
    macs: int = 0
    window: str = ""
    """kernel and stride of a row, or of all rows of a stack, as in `3x3 /2`"""
    operator: Operator | None = None
    """of a row"""
    part: Part | None = None


class Figures:
    """The numbers and words of a network's parts."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parts = parts_of(graph)
        self.cost: Cost = cost(graph)
        rows = [[self.cost.nodes[node.name] for node in row.nodes] for row in graph.rows]
        self._trainable = _sums(sum(each.trainable for each in nodes) for nodes in rows)
        self._other = _sums(sum(each.other for each in nodes) for nodes in rows)
        self._macs = _sums(sum(each.macs for each in nodes) for nodes in rows)
        self._row_of = {node.name: index for index, row in enumerate(graph.rows) for node in row.nodes}
        self._role_of = {row.name: row.main.operator.role for row in graph.rows}
        self._last_use = dict.fromkeys(range(-1, len(rows)), -1)
        for index in range(len(rows)):
            for source in self.sources(index, index + 1):
                self._last_use[source] = index
        for output in graph.outputs:
            self._last_use[self.producer(output.node)] = len(rows)

    def input(self) -> Unit:
        """The network's input."""
        return Unit(INPUT, -1, 0, "input", "input", "", self.graph.input)

    def unit(self, part: Part) -> Unit:
        """A part as one card."""
        title, detail = self._words(part)
        rows = slice(part.start, part.stop)
        row = self.graph.rows[part.start] if part.kind == "row" else None
        kind = self.graph.rows[part.start].main.operator.role if is_of_rows(part) else "block"
        return Unit(
            part.name, part.start, part.stop, kind, title, detail, self.graph.rows[part.stop - 1].shape, part.times,
            self._trainable[rows.stop] - self._trainable[rows.start], self._other[rows.stop] - self._other[rows.start],
            self._macs[rows.stop] - self._macs[rows.start],
            self._window(part), None if row is None else row.main.operator, part,
        )  # fmt: skip

    def _window(self, part: Part) -> str:
        """Kernel and stride of a row, or of rows in a stack where all have the same."""
        found = {row_window(row) for row in self.graph.rows[part.start : part.stop]} if is_of_rows(part) else set[str]()
        return found.pop() if len(found) == 1 else ""

    def role_of(self, row: str) -> str:
        """The role of a row's operator."""
        return self._role_of[row]

    def producer(self, tensor: str) -> int:
        """The row that makes a tensor; -1 for the input."""
        return -1 if tensor == INPUT else self._row_of[tensor]

    def sources(self, start: int, stop: int) -> tuple[int, ...]:
        """The rows outside that some rows take from, in the order of use."""
        found: dict[int, None] = {}
        for row in self.graph.rows[start:stop]:
            for node in row.nodes:
                for tensor in node.inputs:
                    producer = self.producer(tensor)
                    if not start <= producer < stop:
                        found[producer] = None
        return tuple(found)

    def exits(self, start: int, stop: int) -> tuple[int, ...]:
        """The rows among some that others take from, or that give an output."""
        return tuple(row for row in range(start, stop) if self._last_use[row] >= stop)

    def edges(self, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Which of some spans of rows take from which, by their positions; -1 is what lies outside of all."""
        at = {row: index for index, (start, stop) in enumerate(spans) for row in range(start, stop)}
        return [(at.get(row, -1), index) for index, span in enumerate(spans) for row in _first(self.sources(*span), at)]

    def _words(self, part: Part) -> tuple[str, str]:
        if part.kind == "stack":
            typical = part.parts[-1]
            return self._words(typical)[0], self._inside(typical, part.parts[0])
        if part.kind == "row":
            return row_title(self.graph.rows[part.start]), row_detail(self.graph.rows[part.start])
        chain = self.chain(part)
        maps = [
            str(self.graph.rows[each.start].shape.maps)
            for each in chain
            if each.kind == "row" and self.graph.rows[each.start].main.operator.role in ("conv", "dense")
        ]
        word = spelled(part.word)
        plain = all(each.kind == "row" for each in chain) and 1 < len(maps) <= 3 and not self._branches(part)
        return (f"{word} {f' {DASH} '.join(maps)}" if plain else word), self._inside(part, part)

    def _inside(self, part: Part, first: Part) -> str:
        """What a block does one after the other: `1x1, 3x3 (first /2), 1x1`."""
        if part.kind == "row":
            detail = row_detail(self.graph.rows[part.start])
            steps = _stride(self.graph.rows[first.start])
            begins = f"first {steps}" if steps != _stride(self.graph.rows[part.start]) else ""
            return f" {DOT} ".join(filter(None, (detail, begins)))
        chain = self.chain(part)
        if branches := self._branches(part):
            rows = self.graph.rows[part.start : part.stop]
            roles = [row.main.operator.role for row in rows if row.main.operator.role in ("conv", "dense")]
            return f"{branches} branches {DOT} {len(roles)} {'conv' if set(roles) <= {'conv'} else 'layers'}"
        if len(chain) == 1 and chain[0].kind == "block":
            return self._inside(chain[0], chain[0])
        begin = {each.name.removeprefix(first.name): each for each in first.parts}
        said = [self._step(each, begin.get(each.name.removeprefix(part.name), each)) for each in chain]
        said = [each for each in said if each]
        return f" {DOT} ".join(said if len(said) <= 5 else [*said[:2], "...", said[-1]])

    def _step(self, part: Part, first: Part) -> str:
        if part.kind != "row":
            word = spelled(part.word) if part.word != "layers" else f"({self._inside(part.parts[-1], part.parts[0])})"
            return f"{part.times} {TIMES} {word}" if part.times > 1 else word
        row = self.graph.rows[part.start]
        kernel = pair_of(row.main.operator, "kernel")
        if kernel is None:
            return row.main.operator.type if row.main.operator.role == "dense" else ""
        first_row = self.graph.rows[first.start]
        stride, at_first = _stride(row), _stride(first_row)
        pool = " pool" if row.main.operator.role == "pool" else ""
        begins = f" (first {at_first})" if at_first and not stride else ""
        return f"{_sides(kernel)}{pool}{f' {stride}' if stride else ''}{begins}"

    def _weight(self, part: Part) -> int:
        rows = self.graph.rows[part.start : part.stop]
        return sum(row.main.operator.role in ("conv", "dense") for row in rows)

    def _branches(self, part: Part) -> int:
        """How many branches a block joins at its end; 0 where it is a chain with a shortcut at most."""
        last = self.graph.rows[part.stop - 1]
        count = len(last.nodes[0].inputs)
        return count if count > 2 or (count == 2 and part.word == last.main.operator.type) else 0

    def chain(self, part: Part) -> list[Part]:
        """The parts of a block on its path with the most layers that have weights."""
        spans = [(each.start, each.stop) for each in part.parts]
        best: list[tuple[int, int]] = [(self._weight(each), -1) for each in part.parts]
        for source, target in self.edges(spans):
            if source >= 0:
                best[target] = max(best[target], (best[source][0] + self._weight(part.parts[target]), source),
                                   key=lambda each: each[0])  # fmt: skip
        chain: list[Part] = []
        at = len(part.parts) - 1
        while at >= 0:
            chain.append(part.parts[at])
            at = best[at][1]
        return chain[::-1]


def is_of_rows(part: Part) -> bool:
    """Whether a part is a row, or a stack of rows."""
    return part.kind == "row" or (part.kind == "stack" and part.parts[0].kind == "row")


def _sums(values: Any) -> list[int]:
    return list(accumulate(values, initial=0))


def _first(rows: Sequence[int], at: dict[int, int]) -> list[int]:
    """One row for each span that some rows lie in."""
    return list({at.get(row, -1): row for row in reversed(rows)}.values())[::-1]


def row_title(row: GraphRow) -> str:
    """`7x7 conv, 64, /2`."""
    operator = row.main.operator
    kernel, size = pair_of(operator, "kernel"), operator.size_attribute
    word = spelled(operator.type)
    amount = getattr(operator, size, None) if size else None
    begin = f"{_sides(kernel)} {word}" if kernel is not None else word
    rest = [str(amount)] if amount is not None else []
    if kernel is None and rest:
        begin, rest = f"{begin} {rest[0]}", []
    return ", ".join([begin, *rest, *([_stride(row)] if _stride(row) else [])])


def row_window(row: GraphRow) -> str:
    """`3x3 /2`."""
    kernel = pair_of(row.main.operator, "kernel")
    return " ".join(filter(None, ("" if kernel is None else _sides(kernel), _stride(row))))


def row_detail(row: GraphRow) -> str:
    """What a row's card says below its title: unusual attributes, the norm and the activation."""
    operator = row.main.operator
    said: list[str] = []
    for name, field in type(operator).model_fields.items():
        value = getattr(operator, name)
        usual = value == field.default and operator.role != "noise"
        is_said = name == operator.size_attribute or (name in ("kernel", "stride") and pair_of(operator, name))
        if is_said or name in _UNSAID or usual or value is None or is_list(value):
            continue
        said.append(f"{name.replace('_', ' ')} {operator.written(name)}")
    padding: object = getattr(operator, "padding", None)
    if operator.role == "pool" and is_sides(padding) and any(padding):
        said.append(f"pad {_sides(padding) if len(set(padding)) > 1 else padding[0]}")
    main = row.nodes.index(row.main)
    said += [spelled(node.operator.type) for node in row.nodes[main + 1 :]]
    return f" {DOT} ".join(said)


def is_sides(value: object) -> TypeGuard[tuple[int, ...]]:
    """Whether a padding is given in numbers."""
    return isinstance(value, tuple)


def pair_of(operator: Operator, attribute: str) -> tuple[int, int] | None:
    """A kernel or a stride down and across, where the operator has one."""
    value = getattr(operator, attribute, None)
    return (value[0], value[1]) if is_sides(value) and len(value) == 2 else None


def spelled(word: str) -> str:
    """A type or the name of a block as a figure writes it."""
    return _SPELLED.get(word, word.replace("_", " "))


def local_name(name: str) -> str:
    """The last part of a name, and of a repetition's instance the part before as well."""
    *_, before, last = ("", *name.split("."))
    return f"{before}.{last}" if before and last.isdigit() else last


def _stride(row: GraphRow) -> str:
    """`/2`, `/2x1`, or nothing for a step of 1."""
    operator = row.main.operator
    stride = pair_of(operator, "stride") or pair_of(operator, "kernel")
    if stride is None or set(stride) == {1}:
        return ""
    return f"/{stride[0]}" if len(set(stride)) == 1 else f"/{_sides(stride)}"


def _sides(pair: Any) -> str:
    """`3x3`, with the sign for times."""
    return TIMES.join(map(str, pair))


def shape_text(shape: Shape) -> str:
    """`64 @ 56x56`, or the length of a vector."""
    return f"{shape.maps} @ {shape.height}{TIMES}{shape.width}" if shape.is_maps else str(shape[0])


def short_count(count: int) -> str:
    """`25.6 M`; a dash for nothing."""
    return count_text(count) if count else DASH
