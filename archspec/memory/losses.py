"""The losses of a step as functions that torch runs."""

from __future__ import annotations

from archspec.operators.backward import OUTPUT, Argument, Function, Size
from archspec.shape import Shape

SCALAR = Size(1, "float32", per_batch=True)


def cross_entropy(output: Shape, *, lowered: bool = False) -> tuple[Function, ...]:
    """The cross entropy of scores, of each position where there are maps; in float32, whatever type scores have."""
    size = Size(output.elements, "float32")
    scores = (Function((Argument(0),), "scores", size),) if lowered else ()
    return (
        *scores,
        Function((Argument("scores" if lowered else 0),), "logarithms", size, saves=("logarithms",)),
        Function(
            (Argument("logarithms"),),
            size=SCALAR,
            saves=("logarithms", "total weight"),
            holds=("scores",),
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
