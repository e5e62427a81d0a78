"""What a picture shows and opens: rows, blocks and repetitions as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from archspec.graph import Graph, Group
from archspec.shape import Shape

_TRANSPARENT = ("layers", "branch")
"""the kinds of groups that only list rows: they are shown as these rows"""
_BRANCHES = "branches"
_REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Part:
    """A row, a block of rows, or a stack of alike instances that follow one another."""

    name: str
    kind: Literal["row", "block", "stack"]
    word: str
    """the type of a row, the name of a block; of a stack, that of its instances"""
    start: int
    stop: int
    """its rows are `graph.rows[start:stop]`"""
    parts: tuple[Part, ...] = ()

    def __iter__(self) -> Iterator[Part]:
        """This part and all that are in it."""
        yield self
        for each in self.parts:
            yield from each

    @property
    def times(self) -> int:
        """How many instances a stack has; 1 for everything else."""
        return len(self.parts) if self.kind == "stack" else 1


def stack_of(run: Sequence[Part], name: str | None = None) -> Part:
    """Instances that follow one another as a stack; without a name of its own it is called `units.1-3`."""
    name = name or f"{run[0].name}\N{EN DASH}{run[-1].name.rpartition('.')[2]}"
    return Part(name, "stack", run[0].word, run[0].start, run[-1].stop, tuple(run))


def parts_of(graph: Graph) -> tuple[Part, ...]:
    """The parts of a network, outermost first."""
    return _Builder(graph).parts(0, len(graph.rows), graph.groups)


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def parts(self, start: int, stop: int, groups: Sequence[Group]) -> tuple[Part, ...]:
        """The parts of some rows; groups stand in the order in which they end, inner ones first."""
        found: list[Part] = []
        position = start
        for group, within in _outermost(groups):
            found += map(self._row, range(position, group.start))
            found += (_plain(part) for part in self._group(group, within))
            position = group.stop
        return (*found, *map(self._row, range(position, stop)))

    def _row(self, index: int) -> Part:
        row = self.graph.rows[index]
        return Part(row.name, "row", row.main.operator.type, index, index + 1)

    def _group(self, group: Group, within: Sequence[Group]) -> Iterable[Part]:
        inner = self.parts(group.start, group.stop, within)
        if group.kind == _REPEAT:
            return self._runs(group, within)
        if group.kind in _TRANSPARENT:
            return inner
        if group.kind == _BRANCHES:
            word = self.graph.rows[group.stop - 1].main.operator.type
            return (Part(group.name, "block", word, group.start, group.stop, inner),)
        if len(inner) == 1 and inner[0].kind == "block":  # a block that is one row with branches
            inner = inner[0].parts
        return (Part(group.name, "block", group.kind, group.start, group.stop, inner),)

    def _runs(self, group: Group, within: Sequence[Group]) -> Iterable[Part]:
        """The instances of a repetition, those that are alike as stacks."""
        instances = list(self._instances(group, within))
        runs: list[list[Part]] = []
        for instance in instances:
            if runs and self._are_alike(runs[-1][-1], instance):
                runs[-1].append(instance)
            else:
                runs.append([instance])
        for run in runs:
            if len(run) > 1:
                yield stack_of(run, group.name if len(runs) == 1 else None)
            elif run[0].word in _TRANSPARENT:
                yield from run[0].parts
            else:
                yield run[0]

    def _instances(self, group: Group, within: Sequence[Group]) -> Iterator[Part]:
        position = group.start
        for instance, inside in _outermost(within):
            yield from map(self._row, range(position, instance.start))
            position = instance.stop
            if instance.kind in _TRANSPARENT:
                inner = self.parts(instance.start, instance.stop, inside)
                yield Part(instance.name, "block", instance.kind, instance.start, instance.stop, inner)
            else:
                yield from self._group(instance, inside)
        yield from map(self._row, range(position, group.stop))

    def _are_alike(self, first: Part, second: Part) -> bool:
        """Whether two instances are of a kind: the same output, or the same maps everywhere inside."""
        if (first.kind, first.word) != (second.kind, second.word):
            return False
        ends = [self.graph.rows[part.stop - 1].shape for part in (first, second)]
        return ends[0] == ends[1] or (first.word not in _TRANSPARENT and self._inside(first) == self._inside(second))

    def _inside(self, part: Part) -> list[tuple[str, Shape]]:
        rows = self.graph.rows[part.start : part.stop]
        weighted = [row for row in rows if row.main.operator.role in ("conv", "dense")]
        return [(row.name.removeprefix(part.name), row.shape) for row in weighted] or [("", Shape())] * len(rows)


def _plain(part: Part) -> Part:
    """A block of a single row as that row: there is nothing to open."""
    return part.parts[0] if part.kind == "block" and len(part.parts) == 1 and part.parts[0].kind == "row" else part


def _outermost(groups: Sequence[Group]) -> Iterator[tuple[Group, Sequence[Group]]]:
    """The groups that are in no other and have rows, each with those that are in it."""
    stack: list[tuple[int, int]] = []
    for index, group in enumerate(groups):
        if group.start == group.stop:
            continue
        first = index
        while stack and groups[stack[-1][1]].start >= group.start:
            first = stack.pop()[0]
        stack.append((first, index))
    for first, index in stack:
        yield groups[index], groups[first:index]
