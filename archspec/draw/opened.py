"""Which parts of a network a picture opens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from archspec.draw.figures import Figures, Unit
from archspec.draw.parts import Part, stack_of


@dataclass(frozen=True, slots=True)
class Node:
    """A closed part or the input; or a block with what is in it, which has one way in and one way out."""

    unit: Unit
    inner: tuple[Node, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        return (self.unit.start, self.unit.stop)


def opened(figures: Figures, depth: int | None = 1, expand: Collection[str] = ()) -> tuple[Node, ...]:
    """The input and the parts of a network: open where they are not `depth` deep (None: all), or in `expand`.

    A stack that opens is its instances; where only some of these are to open, the others stay stacked. A block with
    several ways in or out is its rows, for a frame around them would hide which is which.
    """

    def nodes(parts: Sequence[Part], level: int) -> list[Node]:
        found: list[Node] = []
        for part in parts:
            is_open = depth is None or level < depth or any(_leads_to(part, name) for name in expand)
            if part.kind == "row" or not is_open:
                found.append(Node(figures.unit(part)))
                continue
            if part.kind == "stack" and part.name not in expand and not (depth is None or level < depth):
                inner = nodes(_restacked(part, expand), level + 1)
            else:
                inner = nodes(part.parts, level + 1)
            if part.kind == "block" and len(inner) > 1 and has_one_way(figures, part):
                found.append(Node(figures.unit(part), tuple(inner)))
            else:
                found += inner
        return found

    return (Node(figures.input()), *nodes(figures.parts, 1))


def _restacked(stack: Part, expand: Collection[str]) -> list[Part]:
    """The instances of a stack, those beside one another that stay closed as stacks again."""
    parts: list[Part] = []
    run: list[Part] = []
    for instance in (*stack.parts, None):
        if instance is not None and not any(_leads_to(instance, name) for name in expand):
            run.append(instance)
            continue
        parts += [stack_of(run)] if len(run) > 1 else run
        run = []
        if instance is not None:
            parts.append(instance)
    return parts


def _leads_to(part: Part, name: str) -> bool:
    """Whether a part has to be open for `name` to be: it is the one, or the one is inside."""
    return part.name == name or any(_leads_to(each, name) for each in part.parts)


def names_to_open(figures: Figures) -> list[str]:
    """What `--expand` may name: blocks and stacks."""
    return list(dict.fromkeys(each.name for part in figures.parts for each in part if each.kind != "row"))


def has_one_way(figures: Figures, part: Part) -> bool:
    """Whether one tensor goes into a part, and one comes out."""
    return len(figures.sources(part.start, part.stop)) <= 1 and len(figures.exits(part.start, part.stop)) == 1


def closed(nodes: Sequence[Node]) -> list[Unit]:
    """The units of all that is not open."""
    return [unit for node in nodes for unit in (closed(node.inner) if node.inner else [node.unit])]
