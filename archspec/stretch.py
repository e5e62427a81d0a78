"""Stretches of a network's own rows and blocks, which can run in a method of their own.

Rows that stand in no block have no module around them. Where some of them are to run together, and perhaps a second
time, the network's `forward` calls a method for them; the modules stay where they are, and so do the names of weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archspec.graph import Node
from archspec.units import Item, Loop, Step, Unit, Units, Use

THROUGH = ".."
"""between the names of the first and the last row or block of a stretch"""


@dataclass(frozen=True, slots=True)
class Element:
    """What the network runs at once: the steps of a row, a block, or a turn of a loop."""

    name: str
    item: Item
    turn: int | None = None
    """which one, of a loop"""

    @property
    def unit(self) -> Unit | None:
        """The block, where it is one."""
        if isinstance(self.item, Use):
            return self.item.unit
        return self.item.units[self.turn or 0] if isinstance(self.item, Loop) and self.item.units else None


class Stretches:
    """The elements of a network in the order in which they run, and what can be made of some of them."""

    def __init__(self, units: Units, root: Unit) -> None:
        self._units = units
        self._root = root
        row_of = units.graph.row_of
        self.elements: list[Element] = []
        for item in root.items:
            if isinstance(item, Step):
                self.elements.append(Element(row_of[item.node.name].name, item))
            elif isinstance(item, Use):
                self.elements.append(Element(_bare(item.unit), item))
            else:
                names = map(_bare, item.units) if item.units else (row_of[row[0].node.name].name for row in item.rows)
                self.elements += [Element(name, item, turn) for turn, name in enumerate(names)]
        self._places: dict[str, tuple[int, int]] = {}
        for place, element in enumerate(self.elements):
            self._places[element.name] = (self._places.get(element.name, (place,))[0], place)
        self._found: dict[str, Unit | None] = {}

    def find(self, name: str) -> Unit | None:
        """A row or block, or all `first..last`, as a unit; None where it can't run by itself, with one result."""
        if name not in self._found:
            first, last = _ends(name)
            is_there = first in self._places and last in self._places
            self._found[name] = self._unit(first, last) if is_there else None
        return self._found[name]

    def _unit(self, first: str, last: str) -> Unit | None:
        items = list(_items(self.elements[self._places[first][0] : self._places[last][1] + 1]))
        nodes = [node for item in items for node in item.nodes]
        names = {node.name for node in nodes}
        units = self._units
        if len({name in units.in_inference for name in names}) != 1:
            return None
        outputs = [
            node.name
            for node in nodes
            if node.name in units.results or not names.issuperset(units.users.get(node.name, ()))
        ]
        if len(outputs) != 1:
            return None
        return Unit(f"{through(first, last)}.", "", {}, items, _sources(units, nodes, names), tuple(outputs))

    def gathered(self, stretches: Mapping[str, Unit]) -> Unit:
        """The network with stretches, by the names of their methods, that were found here."""
        starts = {self._places[_ends(_bare(unit))[0]][0]: name for name, unit in stretches.items()}
        found = replace(self._root, items=[])
        waiting: list[Element] = []
        place = 0
        while place < len(self.elements):
            name = starts.get(place)
            if name is None:
                waiting.append(self.elements[place])
                place += 1
                continue
            found.items += [*_items(waiting), Use(name, stretches[name], is_method=True)]
            waiting = []
            place = self._places[_ends(_bare(stretches[name]))[1]][1] + 1
        found.items += _items(waiting)
        return found


def methods(stretches: Iterable[Unit], taken: Iterable[str] = ()) -> dict[str, Unit]:
    """A name for the method of each stretch."""
    found: dict[str, Unit] = {}
    reserved = set(taken)
    for unit in stretches:
        name = "part_" + "_to_".join(dict.fromkeys(end.replace(".", "_") for end in _ends(_bare(unit))))
        while name in reserved:
            name += "_"
        reserved.add(name)
        found[name] = unit
    return found


def through(first: str, last: str) -> str:
    """The name of all from one row, block or stretch to another."""
    return THROUGH.join(dict.fromkeys((_ends(first)[0], _ends(last)[1])))


def _bare(unit: Unit) -> str:
    return unit.name.removesuffix(".")


def _ends(name: str) -> tuple[str, str]:
    first, _, last = name.partition(THROUGH)
    return first, last or first


def _sources(units: Units, nodes: Sequence[Node], names: set[str]) -> tuple[str, ...]:
    tensors = (units.real(tensor) for node in nodes for tensor in node.inputs)
    return tuple(dict.fromkeys(tensor for tensor in tensors if tensor not in names))


def _items(elements: Sequence[Element]) -> Iterator[Item]:
    """The items that elements are, turns of one loop together."""
    for _, group in groupby(elements, key=lambda element: id(element.item)):
        turns = list(group)
        item = turns[0].item
        if isinstance(item, Loop) and len(turns) < len(item.turns):
            yield from _piece(item, turns[0].turn or 0, len(turns))
        else:
            yield item


def _piece(loop: Loop, start: int, count: int) -> Iterator[Item]:
    """Some turns of a loop; one of them needs no loop."""
    stop = start + count
    if count > 1:
        taken = f"[{start or ''}:{stop if stop < len(loop.turns) else ''}]"
        units, rows = loop.units[start:stop], loop.rows[start:stop]
        inputs, outputs = (units[0].inputs, units[-1].outputs) if units else (rows[0][0].inputs, rows[-1][-1].outputs)
        yield Loop(loop.name + taken, units or rows, inputs, outputs, loop.branch, taken)
        return
    for unit in loop.units[start:stop]:
        yield Use(f"{loop.name}[{start}]", unit, loop.branch)
    for row in loop.rows[start:stop]:
        yield from (replace(step, name=f"{step.name}[{start}]", branch=loop.branch) for step in row)
