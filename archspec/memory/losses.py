"""The losses of a step as functions that torch runs."""

from __future__ import annotations

from archspec.operators.backward import OUTPUT, Argument, Function, Size
from archspec.shape import Shape

SCALAR = Size(1, "float32", per_batch=True)


def cross_entropy(output: Shape) -> tuple[Function, ...]:
    """The cross entropy of scores, of each position where there are maps."""
    size = Size(output.elements)
    return (
        Function((Argument(0),), "logarithms", size, saves=("logarithms",)),
        Function(
            (Argument("logarithms"),),
            size=SCALAR,
            saves=("logarithms", "total weight"),
            fresh=(("total weight", SCALAR),),
        ),
    )


def targets(output: Shape) -> Size:
    """The number of the right class, of each position where there are maps."""
    return Size(output.area, "int64")


def weighted_sum(count: int) -> tuple[Function, ...]:
    """The losses of several outputs, each times its weight, in one."""
    weighted = tuple(
        Function((Argument(index),), f"weighted {index}", SCALAR, number="saved") for index in range(count)
    )
    together = tuple(Argument(f"weighted {index}", "view") for index in range(count))
    return (
        *weighted,
        Function(together, "stacked", Size(count, "float32", per_batch=True)),
        Function((Argument("stacked", "view"),), OUTPUT, SCALAR),
    )
