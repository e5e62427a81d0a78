"""A second look at an order: layers of one shape on paths that only meet again, where order says nothing.

The shortcut of a residual block and the last convolution beside it can have the same shape, and so can the heads
of a network. Which is which, only names can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from compiler.port.source import Key, Unit
from compiler.port.target import Slot, Target
from compiler.port.words import common_names, succeeds, trait_score

Evidence = tuple[int, int, int, int]
"""What names say for an order: of traits, of neighbours in the tree, of successions, of names in common."""


class Refinement:
    """The exchanges that an order allows, and what speaks for them."""

    def __init__(
        self,
        target: Target,
        keys: Sequence[Key],
        is_allowed: Callable[[Unit, Slot], bool],
        parts: Callable[[Unit], list[str]],
    ) -> None:
        self._target = target
        self._keys = keys
        self._is_allowed = is_allowed
        self._parts = parts
        self._nearest = [max(slot.producers, default=None) for slot in target.slots]
        self._readers: list[list[int]] = [[] for _ in target.slots]
        for slot, nearest in enumerate(self._nearest):
            if nearest is not None:
                self._readers[nearest].append(slot)

    def run(self, units: tuple[Unit, ...]) -> tuple[tuple[Unit, ...], tuple[Unit, ...] | None]:
        """The units with every exchange made that the names ask for, and a rival where they are silent."""
        rival: tuple[Unit, ...] | None = None
        for exchange in self._exchanges():
            other = list(units)
            for one, another in exchange:
                other[one], other[another] = units[another], units[one]
            if not all(self._is_allowed(other[at], self._target.slots[at]) for pair in exchange for at in pair):
                continue
            touched = {at for pair in exchange for slot in pair for at in (slot, *self._readers[slot])}
            kept, changed = self._evidence(units, touched), self._evidence(other, touched)
            if changed > kept:
                units = tuple(other)
            elif changed == kept and rival is None:
                rival = tuple(other)
        return units, rival

    def _exchanges(self) -> Iterator[list[tuple[int, int]]]:
        """Pairs of slots alike on paths that only meet again: each alone, and with those alike that follow them."""
        by_key: dict[Key, list[int]] = {}
        for slot, key in enumerate(self._keys):
            for other in by_key.setdefault(key, []):
                if self._target.is_order_free(other, slot):
                    yield from self._from(other, slot)
            by_key[key].append(slot)

    def _from(self, one: int, other: int) -> Iterator[list[tuple[int, int]]]:
        pairs = [(one, other)]
        yield pairs
        while True:
            one, other = one + 1, other + 1
            if other >= len(self._keys) or self._keys[one] != self._keys[other] or one == pairs[0][1]:
                return
            if self._nearest[one] != one - 1 or self._nearest[other] != other - 1:
                return
            pairs = [*pairs, (one, other)]
            yield pairs

    def _evidence(self, units: Sequence[Unit], slots: set[int]) -> Evidence:
        traits = neighbours = successions = names = 0
        for at in slots:
            unit, slot = units[at], self._target.slots[at]
            traits += trait_score(unit, self._target.traits[at])
            names += common_names(unit, slot)
            nearest = self._nearest[at]
            if nearest is not None:
                mine, before = self._parts(unit), self._parts(units[nearest])
                shared = next((n for n, (a, b) in enumerate(zip(mine, before, strict=False)) if a != b), None)
                if shared is not None:
                    neighbours += shared
                    successions += succeeds(before[shared], mine[shared])
        return traits, neighbours, successions, names
