"""The longest way through a network as a row of units, with what leaves it: skips that come back, and heads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from archspec.draw.figures import DASH, DOT, Figures, Unit, local_name, shape_text, spelled

_UNSEEN = ("noise", "activation", "norm", "arrange")
"""kinds that have no place of their own where they leave the shape as it is"""


@dataclass(frozen=True, slots=True)
class Skip:
    """A way from one unit of the spine to another that passes those between them by, and what lies on it."""

    source: int
    target: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A result that the spine does not end in: where it leaves, and what it is."""

    source: int
    words: str


@dataclass(frozen=True, slots=True)
class Spine:
    """Units one after the other; skips and heads say by their positions where they leave and come back."""

    units: tuple[Unit, ...]
    skips: tuple[Skip, ...] = ()
    heads: tuple[Head, ...] = ()


def spine(figures: Figures, units: Sequence[Unit]) -> Spine:
    """The longest way from the input to a result of inference, without the units that leave no trace in shapes."""
    return _Finding(figures, units).done()


class _Finding:
    def __init__(self, figures: Figures, units: Sequence[Unit]) -> None:
        self.figures = figures
        self.units = units
        self.into: list[list[int]] = [[] for _ in units]
        self.out: list[list[int]] = [[] for _ in units]
        for source, target in figures.edges([(unit.start, unit.stop) for unit in units]):
            if source >= 0:
                self.into[target].append(source)
                self.out[source].append(target)
        self.main = self._main()
        self.position: dict[int, int] = {}
        """of each unit on the way; one that is not shown has the place of what is shown before it"""
        self.shown: list[Unit] = []
        for index in self.main:
            if not self.shown or _is_seen(units[index], self.shown[-1]):
                self.shown.append(units[index])
            self.position[index] = len(self.shown) - 1

    def _main(self) -> list[int]:
        """The units on the longest way; of two that are equally long, the one that the file has first."""
        best: list[tuple[int, int]] = [(0, -1)] * len(self.units)
        for target, sources in enumerate(self.into):
            for source in sources:
                if best[source][0] + 1 > best[target][0]:
                    best[target] = (best[source][0] + 1, source)
        graph = self.figures.graph
        outputs = [output for output in graph.outputs if not output.train_only] or list(graph.outputs)
        at = max((self._unit_of(output.node) for output in outputs), key=lambda index: best[index][0])
        found: list[int] = []
        while at >= 0:
            found.append(at)
            at = best[at][1]
        return found[::-1]

    def _unit_of(self, tensor: str) -> int:
        row = self.figures.producer(tensor)
        return next(index for index, unit in enumerate(self.units) if unit.start <= row < unit.stop)

    def done(self) -> Spine:
        """The way, what leads around parts of it, and what leaves it for good."""
        skips: list[Skip] = []
        for before, index in itertools.pairwise(self.main):
            for source, aside in self._detours(index, before).items():
                words = self._said(sorted(aside), index)
                skips.append(Skip(self.position[source], self.position[index], words))
        return Spine(tuple(self.shown), tuple(skips), tuple(self._heads()))

    def _detours(self, target: int, before: int) -> dict[int, set[int]]:
        """From which units of the way others lead to `target`, and the units aside of it that lie between."""
        found: dict[int, set[int]] = {}
        for source in self.into[target]:
            if source in self.position:
                if source != before:
                    found.setdefault(source, set())
                continue
            aside = self._aside(source)
            for each in sorted({up for one in aside for up in self.into[one] if up in self.position}):
                found.setdefault(each, set()).update(aside & self._below(each))
        return found

    def _aside(self, end: int) -> set[int]:
        """The units aside of the way that lead to one of them, and itself."""
        found = {end}
        for index in range(end, -1, -1):
            if index in found:
                found.update(each for each in self.into[index] if each not in self.position)
        return found

    def _below(self, start: int) -> set[int]:
        """The units that something leads to."""
        found = {start}
        for index in range(start, len(self.units)):
            if index in found:
                found.update(self.out[index])
        return found

    def _said(self, aside: Sequence[int], target: int) -> str:
        """What lies on a way around: a few words for one or two layers, the number of branches or of more layers."""
        branches = len(set(aside) & set(self.into[target]))
        if branches > 1:
            return f"{branches} branches"
        if len(aside) > 2:
            return f"{len(aside)} layers"
        units = [self.units[index] for index in aside]
        return f" {DOT} ".join(
            f"{spelled(unit.part.word)} {unit.window}".strip() for unit in units if unit.part is not None
        )

    def _begin(self, end: int) -> int:
        """The last place on the way that leads to a unit aside of it."""
        return max(self.position[each] for one in self._aside(end) for each in self.into[one] if each in self.position)

    def _heads(self) -> list[Head]:
        """Ends aside of the way, and results that are taken from its middle."""
        found = [
            Head(self._begin(index), f"{local_name(unit.name)} {DOT} {shape_text(unit.shape)}")
            for index, unit in enumerate(self.units)
            if not self.out[index] and index not in self.position
        ]
        taken = {self._unit_of(output.node) for output in self.figures.graph.outputs}
        found += [Head(self.position[index], "output") for index in sorted(taken & set(self.main[:-1]))]
        return found


def _is_seen(unit: Unit, before: Unit) -> bool:
    return unit.kind not in _UNSEEN or unit.shape.elements != before.shape.elements or bool(unit.trainable)


def folded(whole: Spine, are_alike: Callable[[Unit, Unit], bool]) -> Spine:
    """Rows that follow one another and are alike as one unit, where nothing leaves or comes in between."""
    busy = {each.source for each in whole.heads}
    busy |= {skip.source for skip in whole.skips}
    targets = {skip.target for skip in whole.skips}
    runs: list[list[int]] = []
    for index, unit in enumerate(whole.units):
        before = runs[-1][-1] if runs else None
        joins = before is not None and before not in busy and index not in targets
        if joins and before is not None and _is_row(unit) and are_alike(whole.units[before], unit):
            runs[-1].append(index)
        else:
            runs.append([index])
    place = {index: number for number, run in enumerate(runs) for index in run}
    return Spine(
        tuple(_as_one([whole.units[index] for index in run]) for run in runs),
        tuple(replace(skip, source=place[skip.source], target=place[skip.target]) for skip in whole.skips),
        tuple(replace(head, source=place[head.source]) for head in whole.heads),
    )


def _is_row(unit: Unit) -> bool:
    return unit.operator is not None


def _as_one(units: Sequence[Unit]) -> Unit:
    if len(units) == 1:
        return units[0]
    first, last = units[0], units[-1]
    return replace(
        last, name=_span(first.name, last.name), start=first.start, times=len(units),
        trainable=sum(unit.trainable for unit in units), other=sum(unit.other for unit in units),
        macs=sum(unit.macs for unit in units),
    )  # fmt: skip


def _span(first: str, last: str) -> str:
    """`conv1_1-2` for conv1_1 to conv1_2: what both begin with stands once, and no number is cut."""
    common = next((index for index, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), 0)
    if last[common : common + 1].isdigit() or first[common : common + 1].isdigit():
        common = len(last[:common].rstrip("0123456789"))
    return f"{first}{DASH}{last[common:]}"


def same_maps(first: Unit, second: Unit) -> bool:
    """Whether two rows do the same and give as many maps, as those between two pools of VGG."""
    return (
        first.operator is not None and second.operator is not None and first.operator.type == second.operator.type
        and first.shape.is_maps and first.shape.area > 1 and second.shape.maps == first.shape.maps
        and first.window == second.window
    )  # fmt: skip


def same_type(first: Unit, second: Unit) -> bool:
    """Whether two rows are of a type and change the size of no map."""
    return (
        first.operator is not None and second.operator is not None and first.operator.type == second.operator.type
        and first.shape.area == second.shape.area
    )  # fmt: skip
