"""Units of one kind become one class, if what tells them apart can be arguments of its constructor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from archspec.units import Item, Loop, Step, Unit, Use
from compiler.source.repeats import One, Turn, elements
from compiler.source.signatures import Signature, general, turns_of_units
from compiler.source.values import Name, Vector, is_constant

Ref = tuple[str, int]
"""A tensor of a class: the name of the item that makes it, and which of its outputs; `in` for the inputs"""
IN = "in"


@dataclass(eq=False, slots=True)
class Slot:
    """An item of a class, as each instance has it."""

    name: str
    items: list[Item | None]
    inputs: tuple[Ref, ...]
    """the first stands for its output where it is left out"""

    @property
    def example(self) -> Item:
        return next(item for item in self.items if item is not None)

    @property
    def presence(self) -> Vector:
        return tuple(item is not None for item in self.items)

    @property
    def is_optional(self) -> bool:
        return None in self.items

    @property
    def outputs(self) -> tuple[Ref, ...]:
        return tuple((self.name, index) for index in range(len(self.example.outputs)))


@dataclass(eq=False, slots=True)
class Class:
    """One class of the file, and every unit that is an instance of it."""

    kind: str
    units: list[Unit]
    slots: list[Slot]
    inputs: int
    outputs: tuple[Ref, ...]
    arguments: dict[Unit, dict[str, Any]] = field(default_factory=dict[Unit, dict[str, Any]])
    """for each unit, what its constructor gets"""
    name: str = ""
    signature: Signature | None = None


def outline(unit: Unit) -> Class:
    """A unit by itself, as what its `forward` is written from."""
    refs = _refs(unit)
    slots = [Slot(item.name, [item], tuple(refs[tensor] for tensor in item.inputs)) for item in unit.items]
    return Class(unit.kind, [unit], slots, len(unit.inputs), tuple(refs[tensor] for tensor in unit.outputs))


def _refs(unit: Unit) -> dict[str, Ref]:
    """The tensors of a unit as its class calls them."""
    refs = {tensor: (IN, index) for index, tensor in enumerate(unit.inputs)}
    for item in unit.items:
        for index, tensor in enumerate(item.outputs):
            refs[tensor] = (item.name, index)
    return refs


class Classes:
    """The classes of a network, those first that others use.

    `settle` names a class and works out its constructor, before the classes that use it are made.
    """

    def __init__(self, root: Unit, settle: Callable[[Class, Classes], None]) -> None:
        self.of: dict[Unit, Class] = {}
        self._forms: dict[int, Any] = {}
        self._structures: dict[Unit, Any] = {}
        self._known_refs: dict[Unit, dict[str, Ref]] = {}
        self.ordered: list[Class] = []
        self.named: dict[str, Class] = {}
        by_kind: dict[str, list[Unit]] = {}
        for unit in _depth_first(root):
            by_kind.setdefault(unit.kind if unit is not root else "", []).append(unit)
        for kind in _inner_first(by_kind):
            for each in self._classes(by_kind[kind]):
                self.ordered.append(each)
                self.of.update(dict.fromkeys(each.units, each))
                settle(each, self)
                self.named[each.name] = each

    def _classes(self, units: Sequence[Unit]) -> list[Class]:
        """As few classes as their structures allow."""
        alike: dict[Any, list[Unit]] = {}
        for unit in units:
            alike.setdefault(self._structure(unit), []).append(unit)
        found: list[Class] = []
        for same in alike.values():
            whole = self._merged(same)
            if whole is not None:
                self._join(whole, found)
                continue
            for unit in same:
                alone = self._merged([unit])
                assert alone is not None, "a unit is an instance of the class made for it"
                self._join(alone, found)
        return found

    def _join(self, new: Class, found: list[Class]) -> None:
        """Put a class's units into an earlier class that can have them; keep it where there is none."""
        for index, other in enumerate(found):
            merged = self._merged([*other.units, *new.units])
            if merged is not None:
                found[index] = merged
                return
        found.append(new)

    def _structure(self, unit: Unit) -> Any:
        """Everything of a unit but the numbers."""
        known = self._structures.get(unit)
        if known is None:
            refs = self._refs(unit)
            items = ((item.name, self.form(item), *(refs[tensor] for tensor in item.inputs)) for item in unit.items)
            known = self._structures[unit] = (*items, len(unit.inputs), *(refs[tensor] for tensor in unit.outputs))
        return known

    def _refs(self, unit: Unit) -> dict[str, Ref]:
        refs = self._known_refs.get(unit)
        if refs is None:
            refs = self._known_refs[unit] = _refs(unit)
        return refs

    def form(self, item: Item) -> Any:
        """Everything of an item but the numbers."""
        known = self._forms.get(id(item))
        if known is None:
            known = self._forms[id(item)] = self._form(item)
        return known

    def _form(self, item: Item) -> Any:
        if isinstance(item, Step):
            call = item.call
            function = not (call.is_module or call.is_folded or call.packed) and len(item.inputs) == 1
            target = "a function" if function and not call.arguments else general(call.target)
            initial = tuple((name, each.target, *each.arguments.items()) for name, each in item.initial.items())
            return ("step", target, tuple(call.arguments), initial, item.shared, item.is_tied, len(item.inputs))
        if isinstance(item, Use):
            return ("use", id(self.of[item.unit]))
        if item.units:
            return ("loop", tuple(dict.fromkeys(id(self.of[unit]) for unit in item.units)))
        return ("loop", *((step.name, "a module" if step.call.is_module else self.form(step)) for step in item.rows[0]))

    def _merged(self, units: list[Unit]) -> Class | None:
        """One class for all the units; None where their structures do not allow it."""
        examples = list({self._structure(unit): index for index, unit in reversed(list(enumerate(units)))}.values())
        first = units[0]
        if len({(len(units[index].inputs), len(units[index].outputs)) for index in examples}) > 1:
            return None
        names = _union([[item.name for item in units[index].items] for index in examples])
        if names is None:
            return None
        place = {name: index for index, name in enumerate(names)} | {IN: -1}
        refs = {index: self._refs(units[index]) for index in examples}
        by_name = [{item.name: item for item in unit.items} for unit in units]
        slots: list[Slot] = []
        for name in names:
            items = [each.get(name) for each in by_name]
            shown = [(index, item) for index in examples if (item := items[index])]
            own = [tuple(refs[index][tensor] for tensor in item.inputs) for index, item in shown]
            if len({self.form(item) for _, item in shown}) != 1 or len(set(map(len, own))) != 1:
                return None
            slot = Slot(name, items, _latest(own, place))
            if not self._loops_align(items) or (slot.is_optional and len(slot.outputs) != 1):
                return None
            slots.append(slot)
        outputs = _latest([tuple(refs[index][tensor] for tensor in units[index].outputs) for index in examples], place)
        fits = all(_is_instance(units[index], slots, index, refs[index], outputs) for index in examples)
        return Class(first.kind, units, slots, len(first.inputs), outputs) if fits else None

    def _loops_align(self, items: Sequence[Item | None]) -> bool:
        """Whether one list in the constructor, and one body in `forward`, serve the loop of every unit."""
        loops = [item if isinstance(item, Loop) else None for item in items]
        there = [loop for loop in loops if loop is not None]
        if not there:
            return True
        if there[0].units:
            turns = [None if loop is None else [self.turn(unit) for unit in loop.units] for loop in loops]
            return _is_one_list(turns)
        for place, step in enumerate(there[0].rows[0]):
            turns = turns_of_units([None if loop is None else [row[place] for row in loop.rows] for loop in loops])
            if step.call.is_module and not _is_one_list(turns):
                return False
        return True

    def turn(self, unit: Unit) -> Turn:
        """What a unit's constructor gets, and under `""` its class."""
        owner = self.of[unit]
        return {"": Name(owner.name)} | owner.arguments[unit]


def _is_one_list(turns: Sequence[list[Turn] | None]) -> bool:
    """Whether one list serves, in which every place has one class."""
    found = elements(turns)
    if found is None:
        return False
    places = (each.arguments if isinstance(each, One) else each.first for each in found)
    return all(is_constant(arguments[""]) for arguments in places)


def _latest(choices: Sequence[tuple[Ref, ...]], place: Mapping[str, int]) -> tuple[Ref, ...]:
    """Where tensors come from in a unit that leaves out nothing on the way to them."""
    return tuple(max(refs, key=lambda ref: place[ref[0]]) for refs in zip(*choices, strict=True))


def _is_instance(
    unit: Unit, slots: Sequence[Slot], index: int, refs: Mapping[str, Ref], outputs: tuple[Ref, ...]
) -> bool:
    """Whether the slots, those that a unit lacks passed by, are that unit."""
    instead: dict[Ref, Ref] = {}
    for slot in slots:
        item = slot.items[index]
        through = tuple(instead.get(ref, ref) for ref in slot.inputs)
        if item is None:
            instead[slot.name, 0] = through[0]
        elif through != tuple(refs[tensor] for tensor in item.inputs):
            return False
    return tuple(instead.get(ref, ref) for ref in outputs) == tuple(refs[tensor] for tensor in unit.outputs)


def _union(sequences: list[list[str]]) -> list[str] | None:
    """The names of all, in an order that agrees with each; None where there is none."""
    different = [list(names) for names in dict.fromkeys(map(tuple, sequences))]
    if len(different) == 1:
        return different[0]
    import networkx

    order: networkx.DiGraph[str] = networkx.DiGraph()
    places: dict[str, int] = {}
    for names in different:
        networkx.add_path(order, names)
        for index, name in enumerate(names):
            places[name] = max(places.get(name, 0), index)
    try:
        return list(networkx.lexicographical_topological_sort(order, places.get))
    except networkx.NetworkXUnfeasible:
        return None


def _depth_first(unit: Unit) -> Iterable[Unit]:
    for item in unit.items:
        for inner in _inner(item):
            yield from _depth_first(inner)
    yield unit


def _inner(item: Item) -> tuple[Unit, ...]:
    if isinstance(item, Use):
        return (item.unit,)
    return item.units if isinstance(item, Loop) else ()


def _inner_first(by_kind: Mapping[str, Sequence[Unit]]) -> list[str]:
    """The kinds in an order in which each comes after those it contains."""
    order: dict[str, None] = {}

    def visit(kind: str) -> None:
        if kind not in order:
            for other in dict.fromkeys(
                inner.kind for unit in by_kind[kind] for item in unit.items for inner in _inner(item)
            ):
                visit(other)
            order[kind] = None

    visit("")
    return list(order)
