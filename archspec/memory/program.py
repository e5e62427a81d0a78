"""The order in which the compiled module runs a graph, and where it lets go of each tensor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

from archspec.graph import Graph, Node
from archspec.memory.device import Device
from archspec.memory.garbage import uncollected
from archspec.memory.prepared import Prepared, prepared
from archspec.memory.sizes import module_tensors
from archspec.names import is_of
from archspec.operators.backward import Size
from archspec.operators.operator import Operator
from archspec.shape import Shape
from archspec.stretch import THROUGH, Stretches, methods
from archspec.units import Item, Loop, Step, Unit, Units, Use

Run = tuple[Node, tuple[str, ...]]
"""a node that runs, with the tensors it reads; identities are left out"""


@dataclass(frozen=True, slots=True)
class Segment:
    """Units that follow one another, of which each takes what the one before made; or one stretch of the network."""

    units: tuple[Unit, ...]
    is_stretch: bool = False
    """rows of the network, and perhaps blocks, that run in a method of their own"""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.units[0].inputs

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for unit in self.units for node in unit.nodes)

    @property
    def name(self) -> str:
        """The unit's name, or those of the first and the last."""
        return THROUGH.join(dict.fromkeys(unit.name.removesuffix(".") for unit in (self.units[0], self.units[-1])))


@dataclass(frozen=True, slots=True)
class Border:
    """The begin or the end of what is computed again in the backward pass."""

    segment: Segment
    is_begin: bool


Statement = Run | Border | str
"""a string is a tensor that the last variable lets go of"""


@dataclass(frozen=True, slots=True)
class _Borders:
    """Segments by the units that they begin and end with."""

    first: Mapping[Unit, Segment]
    last: Mapping[Unit, Segment]
    around: Collection[Unit] = ()
    """the units that have some of them inside"""


_NO_BORDERS = _Borders({}, {})


class Program:
    """The module's statements, blocks entered and left."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        with uncollected():
            self._units = Units(graph)
            self.root = self._units.root()
            self.parameters = {node.name: node.parameters() for node in graph.nodes}
            """the tensors that belong to each node"""
            self.outputs = {node.name: Size(node.shape.elements) for node in graph.nodes}
            """what each node makes"""
        self._functions: dict[tuple[str, bool, Device], tuple[Prepared, ...]] = {}
        self._alike = cache(_functions_of)  # deep networks repeat few rows many times
        self._plain: dict[Unit, list[Statement]] = {}
        """for each unit, its statements without borders"""

    @cached_property
    def module(self) -> tuple[int, ...]:
        """Bytes of each tensor that the module holds."""
        return tuple(module_tensors(self._graph))

    def functions(self, node: Node, *, still: bool = False, device: Device = "cpu") -> tuple[Prepared, ...]:
        """What torch runs for a node, which may be frozen."""
        key = (node.name, still, device)
        found = self._functions.get(key)
        if found is None:
            found = self._functions[key] = self._alike(node.operator, node.input_shapes, node.shape, still, device)
        return found

    def real(self, tensor: str) -> str:
        """The tensor itself, of one that is another under a second name."""
        return self._units.real(tensor)

    @cached_property
    def _following(self) -> dict[Unit, Unit]:
        """For each unit the one that takes what it makes, where nothing else does, and nothing runs between them."""
        found: dict[Unit, Unit] = {}
        waiting = [self.root]
        while waiting:
            sequence = [unit for item in waiting.pop().items for unit in _units(item)]
            waiting += [unit for unit in sequence if unit is not None]
            for one, other in pairwise(sequence):
                if one is not None and other is not None and self._leads_to(one, other):
                    found[one] = other
        return found

    def _leads_to(self, one: Unit, other: Unit) -> bool:
        if len(one.inputs) != 1 or len(one.outputs) != 1 or one.outputs != other.inputs or len(other.outputs) != 1:
            return False
        names = {node.name for node in other.nodes}
        (tensor,) = one.outputs
        return tensor not in self._units.results and names.issuperset(self._units.users[tensor])

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches(self._units, self.root)

    @cached_property
    def elements(self) -> list[Unit]:
        """What runs in the network itself: blocks, and rows that can run by themselves, in their order."""
        running = set(map(id, _needed(self.root, self.root.outputs)))
        elements = (each for each in self._stretches.elements if id(each.item) in running)
        found = (each.unit or self.stretch(each.name) for each in elements)
        return list(dict.fromkeys(unit for unit in found if unit is not None))

    def named(self, patterns: Collection[str]) -> list[str]:
        """What patterns mean: rows and stretches that are named, and the outermost blocks of patterns."""
        units: list[str] = []
        for name in self.units:
            if is_of(patterns, name) and not any(name.startswith(f"{outer}.") for outer in units):
                units.append(name)
        return [*(name for name in patterns if name not in self.units and self.segment(name) is not None), *units]

    def readers(self, unit: Unit) -> list[str]:
        """The nodes that read what a unit makes; nobody knows who reads what the network gives."""
        found = [node for tensor in unit.outputs for node in self._units.users.get(tensor, ())]
        return [] if not self._units.results.isdisjoint(unit.outputs) else found

    def stretch(self, name: str) -> Unit | None:
        """A row or block of the network, or `first..last`, as a unit; None where it can't run by itself."""
        return self._stretches.find(name)

    def segment(self, name: str) -> Segment | None:
        """What the name of a block or row means, or `first..last`; None where there is none, or they do not follow."""
        found = self._chain(name)
        if found is None and (stretch := self.stretch(name)) is not None:
            return Segment((stretch,), is_stretch=True)
        return found

    def _chain(self, name: str) -> Segment | None:
        """Blocks that follow one another."""
        first, _, last = name.partition(THROUGH)
        units = [self.units[first]] if first in self.units else []
        while units and last and units[-1].name.removesuffix(".") != last:
            following = self._following.get(units[-1])
            if following is None:
                return None
            units.append(following)
        return Segment(tuple(units)) if units else None

    @cached_property
    def units(self) -> dict[str, Unit]:
        """Units by their names, those around others first."""
        found: dict[str, Unit] = {}
        waiting = [self.root]
        while waiting:
            unit = waiting.pop()
            inside = [each for item in unit.items for each in _units(item) if each is not None]
            waiting += inside[::-1]
            found[unit.name.removesuffix(".")] = unit
        del found[""]
        return found

    @cached_property
    def _outer(self) -> dict[Unit, Unit]:
        """For each unit the one around it."""
        inside = (
            (each, unit) for unit in (self.root, *self.units.values()) for item in unit.items for each in _units(item)
        )
        return {each: unit for each, unit in inside if each is not None}

    def statements(self, recomputed: Collection[str] = ()) -> Iterable[Statement]:
        """What runs, and what variables let go of; some segments are computed again."""
        segments = [segment for name in recomputed if (segment := self.segment(name)) is not None]
        if not segments:
            return self._inside(self.root, _NO_BORDERS)
        stretches = [each.units[0] for each in segments if each.is_stretch]
        root = self._stretches.gathered(methods(stretches)) if stretches else self.root
        around = {root}
        for segment in segments:
            outer = self._outer.get(segment.units[0])
            while outer is not None and outer not in around:
                around.add(outer)
                outer = self._outer.get(outer)
        first, last = ({each.units[end]: each for each in segments} for end in (0, -1))
        return self._inside(root, _Borders(first, last, around))

    def inference(self) -> Iterable[Statement]:
        """What runs for the results that are there outside of training."""
        lasting = tuple(self.real(output.node) for output in self._graph.outputs if not output.train_only)
        return self._walked(self.root, _NO_BORDERS, lasting)

    def _unit(self, unit: Unit, borders: _Borders) -> Iterator[Statement]:
        begins, ends = borders.first.get(unit), borders.last.get(unit)
        if begins is not None:
            yield Border(begins, is_begin=True)
        yield from self._inside(unit, borders)
        if ends is not None:
            yield Border(ends, is_begin=False)

    def again(self, segment: Segment) -> Iterator[Statement]:
        """The statements of a segment, with what it makes on the way."""
        for index, unit in enumerate(segment.units):
            yield from self._inside(unit, _NO_BORDERS)
            if index:
                yield from unit.inputs

    def _inside(self, unit: Unit, borders: _Borders) -> Iterable[Statement]:
        """The statements of a unit; where there are no borders in it, they are always the same."""
        if unit in borders.around:
            return self._walked(unit, borders, unit.outputs)
        found = self._plain.get(unit)
        if found is None:
            found = self._plain[unit] = list(self._walked(unit, _NO_BORDERS, unit.outputs))
        return found

    def _walked(self, unit: Unit, borders: _Borders, outputs: tuple[str, ...]) -> Iterator[Statement]:
        """The statements that some outputs of a unit need."""
        items = _needed(unit, outputs)
        last: dict[str, int] = {}
        for index, item in enumerate(items):
            for tensor in (*item.outputs, *item.inputs):
                last[tensor] = index
        # the caller holds what it gave, and takes what comes back
        for tensor in (*unit.inputs, *outputs):
            last.pop(tensor, None)
        ending: dict[int, list[str]] = {}
        for tensor, index in last.items():
            ending.setdefault(index, []).append(tensor)
        for index, item in enumerate(items):
            dying = ending.get(index, [])
            if isinstance(item, Step):
                yield item.node, item.inputs
            elif isinstance(item, Use):
                yield from self._unit(item.unit, borders)
            else:
                (source,) = item.inputs
                yield from self._loop(item, source if source in dying else None, borders)
                dying = [tensor for tensor in dying if tensor != source]
            yield from dying

    def _loop(self, loop: Loop, before: str | None, borders: _Borders) -> Iterator[Statement]:
        """The turns, each of which takes the name of what the one before made, or of `before`."""
        for turn in loop.turns:
            if isinstance(turn, Unit):
                yield from self._unit(turn, borders)
                yield from (before,) if before is not None else ()
                (before,) = turn.outputs
                continue
            for step in turn:
                yield step.node, step.inputs
                yield from (before,) if before is not None else ()
                (before,) = step.outputs


def _functions_of(
    operator: Operator, inputs: tuple[Shape, ...], output: Shape, still: bool, device: Device
) -> tuple[Prepared, ...]:
    functions = (operator.still_functions if still else operator.functions)(inputs, output)
    return prepared(functions if device == "cpu" else operator.on_cuda(functions))


def _units(item: Item) -> Sequence[Unit | None]:
    """The units that an item runs, one after the other; None for what is no unit."""
    if isinstance(item, Use):
        return (item.unit,)
    return item.units if isinstance(item, Loop) and item.units else (None,)


def _needed(unit: Unit, outputs: tuple[str, ...]) -> Sequence[Item]:
    """The items that outputs of a unit need; rows that nothing uses never run."""
    needed = set(outputs)
    found: list[Item] = []
    for item in reversed(unit.items):
        if not needed.isdisjoint(item.outputs):
            needed.update(item.inputs)
            found.append(item)
    return found[::-1]
