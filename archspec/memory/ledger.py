"""Who holds which memory, from the first allocation to the last release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from archspec.operators.backward import Size
from archspec.operators.workspace import Kernel, Plain, Wanted

Kind = Literal["input", "kept", "temporary", "gradient", "optimizer"]
LOSS = "loss"
BACKWARD = "backward of "
UNTRACKED = -1
"""the storage of what is there before and after: weights, statistics"""
_WITHOUT = Plain(0, 0)
"""a kernel that holds nothing but what it was given"""


class Demand(NamedTuple):
    """A kernel that holds more than tensors while it runs."""

    kernel: Kernel
    lowered: bool
    """whether it computes in autocast's type"""
    is_part: bool
    """whether its input is a part of a larger tensor"""
    wanted: Wanted | None = None
    """the gradients that it makes; None where it goes forward"""
    event: int = 0
    """the one that comes next"""
    within: tuple[int, ...] = ()
    """storages that only it has seen"""


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
        self.passes: list[int] = []
        """the events at which a forward pass begins"""
        self.savers: list[tuple[str, tuple[int, ...]]] = []
        """what saves something from the forward to the backward pass, and what that is; of the first loss"""
        self.frames: list[tuple[str, tuple[int, ...], bool]] = []
        """of what is computed again, what it saves for that, and whether it has to"""
        self.demands: list[Demand] = []
        """the kernels that hold more than tensors"""
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

    def drop_within(self, storage: int) -> None:
        """One owner less of what a kernel made before its result; what only it has seen was never there."""
        if self._owners[storage] > 1:
            self.drop(storage)
            return
        self._owners[storage] = 0
        position = len(self.events) - 1
        while self.events[position] != storage:
            position -= 1
        del self.events[position]
        if not self.demands or self.demands[-1].event <= position:
            self.demand(_WITHOUT, False, False)
            self.demands[-1] = self.demands[-1]._replace(within=(storage,))
            return
        for index in range(len(self.demands) - 1, -1, -1):
            demand = self.demands[index]
            if demand.event <= position:
                break
            self.demands[index] = demand._replace(event=demand.event - 1, within=(*demand.within, storage))

    def demand(self, kernel: Kernel, lowered: bool, is_part: bool, wanted: Wanted | None = None) -> Demand:
        """A kernel runs, forward or for some gradients."""
        found = Demand(kernel, lowered, is_part, wanted, len(self.events))
        self.demands.append(found)
        return found

    def snapshot(self, storages: Iterable[int]) -> tuple[int, dict[int, int]]:
        """How many storages there are, and how many owners some of them have."""
        return len(self.sizes), {storage: self._owners[storage] for storage in storages if storage != UNTRACKED}

    def settle(self, before: tuple[int, dict[int, int]], held: Counter[int]) -> None:
        """Drop all owners that newer storages, and those that were asked about, got since, but those of `held`."""
        count, older = before
        for storage in (*older, *range(count, len(self.sizes))):
            owners, left = self._owners[storage], held[storage] + older.get(storage, 0)
            self._owners[storage] = left
            if owners and not left:
                self.events.append(~storage)

    def is_alone(self, storage: int) -> bool:
        """Whether there is one owner."""
        return self._owners[storage] == 1

    @property
    def loss(self) -> int:
        """The event at which the first loss begins."""
        return next(start for start, what in self.marks if what == LOSS)

    def alive(self, until: int) -> Iterator[int]:
        """The storages that are there after so many events."""
        there: dict[int, None] = {}
        for event in self.events[:until]:
            if event >= 0:
                there[event] = None
            else:
                del there[~event]
        return iter(there)
