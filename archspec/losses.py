"""Which loss an output has, and which ones go with what it learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from archspec.operators.operator import Gives
from archspec.training import MSE, BinaryCrossEntropy, CrossEntropy, RBFLoss, SmoothL1, type_of

Kind = Literal["classes", "flags", "numbers", "boxes"]
"""what is learnt: one of several classes; any number of them; numbers; one box"""
Loss = CrossEntropy | BinaryCrossEntropy | MSE | SmoothL1 | RBFLoss
_OF_KIND: Mapping[Kind, tuple[type[Loss], ...]] = {
    "classes": (CrossEntropy, BinaryCrossEntropy, MSE),
    "flags": (BinaryCrossEntropy, MSE),
    "numbers": (MSE, SmoothL1),
    "boxes": (MSE, SmoothL1),
}


def losses_for(kind: Kind, gives: Gives, units: int) -> tuple[type[Loss], ...]:
    """The losses that make sense for an output, the natural one first."""
    if kind == "classes" and gives == "distances":
        return (RBFLoss,)
    if kind == "classes" and units == 1:
        return (BinaryCrossEntropy, MSE)
    return _OF_KIND[kind]


def loss_of(own: str | None, recipe: Loss | None, suiting: tuple[type[Loss], ...]) -> Loss | None:
    """An output's own loss, else that of the recipe where it suits, else the natural one; None where its own does not.

    An output's own loss has the recipe's settings where both are of one type.
    """
    loss = recipe if recipe is not None and isinstance(recipe, suiting) else suiting[0]()
    if own is None or own == loss.type:
        return loss
    return next((kind() for kind in suiting if type_of(kind) == own), None)
