"""Examples divided into train, validation and test: every class in every part, and the same whenever it is done."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from compiler.data.errors import DataError
from compiler.data.keyed import Choice, Keyed

PARTS = ("train", "validation", "test")


def divide(
    labels: Tensor, shares: Sequence[float], seed: int, classes: Sequence[str], origin: str
) -> dict[str, Tensor]:
    """The numbers of the examples of each part, in their order; two shares are train and test."""
    names = PARTS if len(shares) == 3 else ("train", "test")
    _check_enough(labels, len(names), classes, origin)
    order = Keyed(seed, 0, torch.arange(len(labels))).bits(Choice.SPLIT, 1)[:, 0].argsort()
    left, parts = order, dict[str, Tensor]()
    for spare, (name, share) in reversed(list(enumerate(zip(names, shares, strict=True)))):
        wanted = round(len(labels) * share / sum(shares))
        taken = left[_stratified(labels[left], wanted, spare)] if spare else left
        parts[name] = taken.sort().values
        left = left[~torch.isin(left, taken)]
    return {name: parts[name] for name in names}


def set_aside(labels: Tensor, wanted: int, seed: int, classes: Sequence[str], origin: str) -> dict[str, Tensor]:
    """Train and validation out of what was train."""
    if wanted >= len(labels):
        raise DataError(
            "E736", f"{wanted:,} examples for validation, out of {len(labels):,}", origin, "set fewer aside"
        )
    found = divide(labels, (len(labels) - wanted, wanted), seed, classes, origin)
    return {"train": found["train"], "validation": found["test"]}


def _check_enough(labels: Tensor, parts: int, classes: Sequence[str], origin: str) -> None:
    counts = torch.bincount(labels, minlength=len(classes)) if len(labels) else torch.zeros(1, dtype=torch.int64)
    least = int(counts.argmin())
    if int(counts[least]) < parts:
        few = int(counts[least])
        of_class = f" of class {classes[least]}" if classes else ""
        raise DataError(
            "E736", f"{few or 'no'} {'example' if few == 1 else 'examples'}{of_class}, to divide into {parts} parts",
            origin, f"at least {parts} of each class, or parts that are divided already",
        )  # fmt: skip


def _stratified(labels: Tensor, wanted: int, spare: int) -> Tensor:
    """Positions of so many examples: of each class its share, rounded so that the sum is right.

    At least one of each class, and so many left of it that the parts still to come can have one.
    """
    counts = torch.bincount(labels).tolist()
    quotas = [count * wanted / len(labels) for count in counts]
    taken = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(counts)), key=lambda each: (taken[each] - quotas[each], each))
    for each in by_remainder[: max(0, wanted - sum(taken))]:
        taken[each] += 1
    taken = [min(max(number, 1), max(count - spare, 0)) for number, count in zip(taken, counts, strict=True)]
    return torch.cat([(labels == each).nonzero()[:number, 0] for each, number in enumerate(taken)])
