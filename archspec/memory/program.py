"""The order in which the compiled module runs a graph, and where it lets go of each tensor."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from archspec.graph import Graph, Node
from archspec.operators.backward import Function
from archspec.units import Item, Loop, Step, Unit, Units, Use

Run = tuple[Node, tuple[str, ...]]
"""a node that runs, with the tensors it reads; identities are left out"""


@dataclass(frozen=True, slots=True)
class Border:
    """The begin or the end of a unit that is computed again in the backward pass."""

    unit: Unit
    is_begin: bool


Statement = Run | Border | str
"""a string is a tensor that the last variable lets go of"""


class Program:
    """The module's statements, blocks entered and left."""

    def __init__(self, graph: Graph) -> None:
        self._units = Units(graph)
        self.root = self._units.root()
        self._functions: dict[str, tuple[Function, ...]] = {}

    def functions(self, node: Node) -> tuple[Function, ...]:
        """What torch runs for a node."""
        found = self._functions.get(node.name)
        if found is None:
            found = self._functions[node.name] = node.operator.functions(node.input_shapes, node.shape)
        return found

    def real(self, tensor: str) -> str:
        """The tensor itself, of one that is another under a second name."""
        return self._units.real(tensor)

    def statements(self, recomputed: Collection[str] = ()) -> Iterator[Statement]:
        """What runs, and what variables let go of; units of some names are computed again."""
        return self.inside(self.root, recomputed)

    def _unit(self, unit: Unit, recomputed: Collection[str]) -> Iterator[Statement]:
        if unit.name.removesuffix(".") not in recomputed:
            yield from self.inside(unit, recomputed)
            return
        yield Border(unit, is_begin=True)
        yield from self.inside(unit)
        yield Border(unit, is_begin=False)

    def inside(self, unit: Unit, recomputed: Collection[str] = ()) -> Iterator[Statement]:
        """The statements of a unit."""
        items = _needed(unit)
        last: dict[str, int] = {}
        for index, item in enumerate(items):
            for tensor in (*item.outputs, *item.inputs):
                last[tensor] = index
        # the caller holds what it gave, and takes what comes back
        for tensor in (*unit.inputs, *unit.outputs):
            last.pop(tensor, None)
        ending: dict[int, list[str]] = {}
        for tensor, index in last.items():
            ending.setdefault(index, []).append(tensor)
        for index, item in enumerate(items):
            dying = ending.get(index, [])
            if isinstance(item, Step):
                yield item.node, item.inputs
            elif isinstance(item, Use):
                yield from self._unit(item.unit, recomputed)
            else:
                (source,) = item.inputs
                yield from self._loop(item, source if source in dying else None, recomputed)
                dying = [tensor for tensor in dying if tensor != source]
            yield from dying

    def _loop(self, loop: Loop, before: str | None, recomputed: Collection[str]) -> Iterator[Statement]:
        """The turns, each of which takes the name of what the one before made, or of `before`."""
        for turn in loop.turns:
            if isinstance(turn, Unit):
                yield from self._unit(turn, recomputed)
                yield from (before,) if before is not None else ()
                (before,) = turn.outputs
                continue
            for step in turn:
                yield step.node, step.inputs
                yield from (before,) if before is not None else ()
                (before,) = step.outputs


def _needed(unit: Unit) -> Sequence[Item]:
    """The items that the unit's outputs need; rows that nothing uses never run."""
    needed = set(unit.outputs)
    found: list[Item] = []
    for item in reversed(unit.items):
        if not needed.isdisjoint(item.outputs):
            needed.update(item.inputs)
            found.append(item)
    return found[::-1]
