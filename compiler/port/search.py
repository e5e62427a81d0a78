"""The search for an order of the source's modules in which they run through the spec.

The modules of a source are a tree, and what is inside one module runs together. So the search goes from the top
down: the children of a module are put in an order in which their shapes are the next ones of the spec. Several
orders may do; the names and the order of the file say which is meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from compiler.port.source import Key, Module, Unit
from compiler.port.target import Keys, Slot, Target
from compiler.port.words import common_names, family, numbers, succeeds, trait_score

_MOST_LOOKS = 500_000


class TooManyOrders(Exception):
    """The names leave more orders open than can be looked at."""


class Score(NamedTuple):
    """How well an order agrees with the names, the weightiest first."""

    traits: int = 0
    """names like `downsample` or `branch_pool` on the paths that they name, less those elsewhere"""
    successions: int = 0
    """names like `conv2`, `bn2`, `conv3` that follow one another"""
    order: int = 0
    """0 less the pairs that come against their numbers, or against the file"""
    names: int = 0
    """names that the source and the spec have in common"""

    def plus(self, other: Score) -> Score:
        return Score(*(one + more for one, more in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Found:
    """The best order of a module's units, and another one that is as good."""

    score: Score
    units: tuple[Unit, ...]
    """one for each slot from the first on"""
    rival: tuple[Unit, ...] | None = None


class Search:
    """One search: a target, and the units that are to fill it."""

    def __init__(
        self,
        target: Target,
        keys: Keys,
        units: Sequence[Unit],
        *,
        ordered: bool,
        is_allowed: Callable[[Unit, Slot], bool],
    ) -> None:
        self._target = target
        self._ordered = ordered
        self._is_allowed = is_allowed
        self.slot_keys = [keys.of(slot.shapes) for slot in target.slots]
        self._unit_keys = {unit: keys.of(unit.shapes) for unit in units}
        self._contents: dict[Module, Counter[Key]] = {}
        self._positions: dict[Module, int] = {}
        self._found: dict[tuple[Module, int], Found | None] = {}
        self._looks = 0

    def run(self, top: Module) -> Found | None:
        """The best order of the whole tree; None where none fits."""
        return self._solve(top, 0)

    def run_as_written(self, units: Sequence[Unit]) -> Found | None:
        """The order of the file, where it is the order of the spec."""
        if not self._ordered or [self._unit_keys[unit] for unit in units] != self.slot_keys:
            return None
        if not all(map(self._is_allowed, units, self._target.slots)):
            return None
        return Found(Score(), tuple(units))

    def _solve(self, module: Module, start: int) -> Found | None:
        place = (module, start)
        if place not in self._found:
            self._found[place] = self._solved(module, start)
        return self._found[place]

    def _solved(self, module: Module, start: int) -> Found | None:
        contents = self._contents_of(module)
        stop = start + contents.total()
        if contents != Counter(self.slot_keys[start:stop]):
            return None
        if module.unit is not None:
            slot = self._target.slots[start]
            if not self._is_allowed(module.unit, slot):
                return None
            return Found(self._leaf_score(module.unit, slot), (module.unit,))
        return self._best_order(module, start, strict=True) or self._best_order(module, start, strict=False)

    def _contents_of(self, module: Module) -> Counter[Key]:
        if module not in self._contents:
            self._contents[module] = Counter(self._unit_keys[unit] for unit in module.leaves())
            self._positions[module] = min((unit.position for unit in module.leaves()), default=0)
        return self._contents[module]

    def _leaf_score(self, unit: Unit, slot: Slot) -> Score:
        traits = trait_score(unit, self._target.traits[slot.index])
        return Score(traits, names=common_names(unit, slot))

    def _best_order(self, module: Module, start: int, *, strict: bool) -> Found | None:
        best: Found | None = None
        for order in self._orders(tuple(module.children.values()), start, [], strict):
            found = self._scored(order, start)
            if best is None or found.score > best.score:
                best = found
            elif found.score == best.score and found.units != best.units and best.rival is None:
                best = Found(best.score, best.units, found.units)
        return best

    def _orders(
        self, remaining: tuple[Module, ...], position: int, placed: list[Module], strict: bool
    ) -> Iterator[list[Module]]:
        """Every order that fits; `placed` holds the modules up to `position`."""
        mark = len(placed)
        options = self._options(remaining, position, placed, strict)
        while len(options) == 1:
            placed.append(options[0])
            remaining = tuple(child for child in remaining if child is not options[0])
            position += self._contents_of(options[0]).total()
            options = self._options(remaining, position, placed, strict)
        if not remaining:
            yield placed
        for option in options:
            placed.append(option)
            rest = tuple(child for child in remaining if child is not option)
            yield from self._orders(rest, position + self._contents_of(option).total(), placed, strict)
            placed.pop()
        del placed[mark:]

    def _options(
        self, remaining: tuple[Module, ...], position: int, placed: Sequence[Module], strict: bool
    ) -> list[Module]:
        """The modules that can come next; of those that differ in their numbers alone, the next by number."""
        self._looks += len(remaining)
        if self._looks > _MOST_LOOKS:
            raise TooManyOrders
        fitting = [child for child in remaining if self._solve(child, position) is not None]
        if not strict or len(fitting) < 2:
            return fitting
        families: dict[tuple[str, ...], list[Module]] = {}
        for child in fitting:
            families.setdefault(family(child.name), []).append(child)
        last = {family(child.name): numbers(child.name) for child in placed}
        return [_next(members, last.get(family, ())) for family, members in families.items()]

    def _scored(self, order: Sequence[Module], start: int) -> Found:
        found: list[Found] = []
        owners: list[Module] = []
        firsts: list[int] = []
        position = start
        for child in order:
            inner = self._solve(child, position)
            assert inner is not None
            found.append(inner)
            firsts.append(position)
            owners += [child] * len(inner.units)
            position += len(inner.units)
        score = Score(successions=self._successions(owners, start), order=-self._inversions(order, firsts))
        for inner in found:
            score = score.plus(inner.score)
        units = tuple(unit for inner in found for unit in inner.units)
        if all(inner.rival is None for inner in found):
            return Found(score, units)
        return Found(score, units, tuple(unit for inner in found for unit in inner.rival or inner.units))

    def _successions(self, owners: Sequence[Module], start: int) -> int:
        """Modules that come next by their names to the one whose results they get."""
        total = 0
        for offset, owner in enumerate(owners):
            nearest = max(self._target.slots[start + offset].producers, default=-1)
            if nearest >= start and owners[nearest - start] is not owner:
                total += succeeds(owners[nearest - start].name, owner.name)
        return total

    def _inversions(self, order: Sequence[Module], firsts: Sequence[int]) -> int:
        """Pairs of modules that come against their numbers, or against the file."""
        return sum(
            self._is_later(one, other) and not self._target.is_order_free(firsts[at], firsts[later])
            for at, one in enumerate(order)
            for later, other in enumerate(order[at + 1 :], at + 1)
        )

    def _is_later(self, one: Module, other: Module) -> bool:
        if family(one.name) == family(other.name):
            return numbers(one.name) > numbers(other.name)
        return self._ordered and self._positions[one] > self._positions[other]


def _next(members: list[Module], last: tuple[int, ...]) -> Module:
    members.sort(key=lambda child: numbers(child.name))
    return next((child for child in members if numbers(child.name) > last), members[0])
