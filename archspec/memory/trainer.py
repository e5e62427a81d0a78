"""What `archspec train` does in a step besides the forward and the backward pass and its optimizer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from archspec.memory.ledger import UNTRACKED, Ledger
from archspec.memory.losses import SCALAR, Objective
from archspec.memory.tape import NUMBER
from archspec.operators.backward import Size
from archspec.training import Precision, TrainKeys

_COUNT = Size(1, "int64", per_batch=True)
_RIGHT = "examples that are right"
_INFINITIES = "whether a gradient is infinite"


@dataclass(frozen=True, slots=True)
class Trainer:
    """The trainer's own numbers: of a loss for each part of a batch, its scaling, and the norm of all gradients."""

    scales: bool = False
    """losses are multiplied by a number that keeps small gradients from becoming 0, as fp16 wants it"""
    clips: bool = False
    """gradients are made smaller where they are large together"""

    @classmethod
    def of(cls, keys: TrainKeys, precision: Precision) -> Trainer:
        """What a recipe makes it do."""
        return cls(precision == "fp16", keys.clip is not None)

    @property
    def kept(self) -> tuple[int, ...]:
        """Bytes of what it keeps from step to step: the scale, and for how many steps it was right."""
        return (4, 4) if self.scales else ()

    def judge(self, ledger: Ledger, objective: Objective) -> int:
        """Count the examples of a part that are right; the storage of that number."""
        if objective.kind != "classes":
            return ledger.allocate(_RIGHT, _COUNT)
        classes = Size(objective.shape.area, "int64")
        is_mixed = objective.target.dtype == "float32"
        wanted = ledger.allocate("classes that are right", classes) if is_mixed else UNTRACKED
        is_positive = objective.shape.elements == 1
        positive = ledger.allocate("examples of the class", Size(1, "bool")) if is_positive else UNTRACKED
        predicted = ledger.allocate("classes as they are predicted", classes)
        ledger.drop(positive)
        equal = ledger.allocate("where they are right", Size(classes.elements, "bool"))
        ledger.drop(predicted)
        count = ledger.allocate(_RIGHT, _COUNT)
        ledger.drop(equal)
        ledger.drop(wanted)
        return count

    def figures(self, ledger: Ledger) -> tuple[int, int]:
        """What is left of a part: its share of the loss, and how many examples were right."""
        return ledger.allocate("share of the loss", SCALAR), ledger.allocate(_RIGHT, _COUNT)

    def add_up(self, ledger: Ledger, parts: int) -> None:
        """The figures of all parts together."""
        for size in (SCALAR, _COUNT):
            stacked = ledger.allocate("figures of all parts", Size(parts, size.dtype, per_batch=True))
            ledger.allocate("figure of the batch", size)
            ledger.drop(stacked)

    def unscale(self, ledger: Ledger) -> int:
        """Bring gradients back to their size; the storage that stays until the step has been taken."""
        if not self.scales:
            return UNTRACKED
        double = ledger.allocate("scale", NUMBER)
        inverse = ledger.allocate("inverse of the scale", NUMBER)
        ledger.drop(double)
        single = ledger.allocate("inverse of the scale", SCALAR)
        ledger.drop(inverse)
        there, found, copy = (
            ledger.allocate(name, SCALAR) for name in (_INFINITIES, _INFINITIES, "inverse of the scale")
        )
        for storage in (single, there, copy):
            ledger.drop(storage)
        return found

    def clip(self, ledger: Ledger, weights: Collection[str]) -> None:
        """The norm of all gradients, and what they are multiplied by."""
        if not self.clips:
            return
        norms = [ledger.allocate(f"norm of the gradient of {name}", SCALAR) for name in weights]
        stacked = ledger.allocate("norms", Size(len(weights), "float32", per_batch=True))
        total = ledger.allocate("norm of all gradients", SCALAR)
        for storage in (stacked, *norms):
            ledger.drop(storage)
        above = _with_number(ledger)
        inverse = ledger.allocate("number", SCALAR)
        factor = _with_number(ledger)
        for storage in (inverse, above):
            ledger.drop(storage)
        clamped = ledger.allocate("factor of gradients", SCALAR)
        for storage in (total, factor, clamped):
            ledger.drop(storage)


def _with_number(ledger: Ledger) -> int:
    number = ledger.allocate("number", NUMBER)
    made = ledger.allocate("number", SCALAR)
    ledger.drop(number)
    return made
