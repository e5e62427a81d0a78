"""Who holds which memory, from the first allocation to the last release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from archspec.operators.backward import Size

Kind = Literal["input", "kept", "temporary", "gradient", "optimizer"]
UNTRACKED = -1
"""the storage of what is there before and after: weights, statistics"""


class Ledger:
    """Storages with their owners, and the order in which they came and went. Sizes are not yet bytes."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.sizes: list[Size] = []
        self.kinds: list[Kind] = []
        self.events: list[int] = []
        """a storage that is allocated, or the complement of one that is freed"""
        self.marks: list[tuple[int, str]] = []
        """the events at which something new begins, and what that is"""
        self._owners: list[int] = []

    def mark(self, moment: str) -> None:
        """What happens from here on."""
        self.marks.append((len(self.events), moment))

    def allocate(self, name: str, size: Size, kind: Kind = "temporary") -> int:
        """A new storage with one owner."""
        storage = len(self.sizes)
        self.names.append(name)
        self.sizes.append(size)
        self.kinds.append(kind)
        self._owners.append(1)
        self.events.append(storage)
        return storage

    def hold(self, storage: int) -> int:
        """One more owner."""
        if storage != UNTRACKED:
            self._owners[storage] += 1
        return storage

    def drop(self, storage: int) -> None:
        """One owner less; memory that nobody owns is freed."""
        if storage == UNTRACKED:
            return
        self._owners[storage] -= 1
        if self._owners[storage] == 0:
            self.events.append(~storage)

    def owners(self) -> list[int]:
        """How many owners each storage has."""
        return list(self._owners)

    def settle(self, before: list[int], held: Counter[int]) -> None:
        """Drop all owners that came since `before`, but those of `held`."""
        for storage, owners in enumerate(self._owners):
            left = held[storage] + (before[storage] if storage < len(before) else 0)
            self._owners[storage] = left
            if owners and not left:
                self.events.append(~storage)

    def is_alone(self, storage: int) -> bool:
        """Whether there is one owner."""
        return self._owners[storage] == 1

    def alive(self, until: int) -> Iterator[int]:
        """The storages that are there after so many events."""
        there: dict[int, None] = {}
        for event in self.events[:until]:
            if event >= 0:
                there[event] = None
            else:
                del there[~event]
        return iter(there)
