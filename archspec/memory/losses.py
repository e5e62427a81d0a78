"""The losses of a step as functions that torch runs. Input 0 is the output, input 1 its target."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archspec.losses import Kind, Loss
from archspec.operators.backward import OUTPUT, Argument, Function, Ref, Size
from archspec.operators.operator import Gives
from archspec.shape import Shape
from archspec.training import MSE, BinaryCrossEntropy, CrossEntropy, RBFLoss, SmoothL1

SCALAR = Size(1, "float32", per_batch=True)
_TARGET = 1
_BOX = 4


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss of an output, and what it is held against."""

    output: str
    shape: Shape
    gives: Gives
    loss: Loss
    kind: Kind = "classes"
    learns: str = "label"
    """the name of its target"""
    weight: float = 1.0
    is_mixed: bool = False
    """images are mixed, and classes with them: targets are shares of all classes"""

    @property
    def target(self) -> Size:
        """What an example is learnt for: a number of a class, of each position where there are maps, or floats."""
        if self.kind == "classes" and not self.is_mixed:
            return Size(self.shape.area, "int64")
        return Size(_BOX if self.kind == "boxes" else self.shape.elements, "float32")

    @property
    def target_name(self) -> str:
        """What stands for its target; outputs with other positions learn another one."""
        return f"{self.learns}: {self.target.elements}"

    def functions(self, *, lowered: bool = False) -> tuple[Function, ...]:
        """What torch runs; in float32, whatever type the output has."""
        size = Size(self.shape.elements, "float32")
        if not lowered:
            return self._of(0)
        *others, last = self._of("plain")
        plain = Function((Argument(0),), "plain", size)
        return (plain, *others, _holding(last, "plain"))

    def _of(self, scores: Ref) -> tuple[Function, ...]:
        loss, shape = self.loss, self.shape
        if isinstance(loss, RBFLoss):
            return _rbf(scores, shape, in_shares=self.target.dtype == "float32")
        if isinstance(loss, CrossEntropy):
            return self._cross_entropy(scores, loss.label_smoothing)
        wanted = () if self.target.dtype == "float32" else _as_units(shape)
        saves = (scores, "wanted") if wanted else (scores,)
        functions = _mean(scores, shape, saves, in_place=not self._has_logits)
        return (*wanted, *functions[:-1], _holding(functions[-1], "wanted")) if wanted else functions

    @property
    def _has_logits(self) -> bool:
        assert isinstance(self.loss, BinaryCrossEntropy | MSE | SmoothL1)
        return self.loss.type == "binary_cross_entropy" and self.gives not in ("chances", "probabilities")

    def _cross_entropy(self, scores: Ref, smoothing: float) -> tuple[Function, ...]:
        size = Size(self.shape.elements, "float32")
        first: tuple[Function, ...] = ()
        if self.gives == "probabilities":
            # what is below the least is found by a mask, with the number 0 in its place
            below = (SCALAR, Size(self.shape.elements, "bool"))
            first = (
                Function((Argument(scores, scratch=below),), "clamped", size, saves=(scores,)),
                Function((Argument("clamped"),), "scores", size, saves=("clamped",)),
            )
            scores = "scores"
        if self.target.dtype == "float32":
            functions = _entropy_of_shares(scores, size, smoothing)
        else:
            functions = _entropy_of_classes(scores, self.shape, smoothing)
        return (*first, *functions[:-1], _holding(functions[-1], "scores")) if first else functions


def _holding(function: Function, name: str) -> Function:
    """A function that runs while a variable still has a name."""
    return replace(function, holds=(*function.holds, name))


def _entropy_of_classes(scores: Ref, shape: Shape, smoothing: float) -> tuple[Function, ...]:
    size, positions = Size(shape.elements, "float32"), Size(shape.area, "float32")
    logarithms = Function((Argument(scores),), "logarithms", size, saves=("logarithms",))
    saves, weight = ("logarithms", "total weight"), (("total weight", SCALAR),)
    if not smoothing:
        return (logarithms, Function((Argument("logarithms"),), OUTPUT, SCALAR, saves=saves, fresh=weight))
    ignored = ("ignored", Size(shape.area, "bool"))
    counted = ("counted", Size(1, "int64", per_batch=True))
    return (
        logarithms,
        Function((Argument("logarithms"),), "right", SCALAR, saves=saves, fresh=weight, inner=True),
        Function((Argument("logarithms", "view"),), "sums", positions, inner=True),
        Function((Argument("sums"),), "all", positions, inner=True),
        Function((Argument("all"),), "all that count", positions, saves=("ignored",), fresh=(ignored,), inner=True),
        Function((Argument("all that count", "view"),), "sum", SCALAR, inner=True),
        Function((Argument("sum"),), "mean", SCALAR, saves=("counted",), fresh=(counted,), inner=True),
        Function((Argument("right"),), "part of the right", SCALAR, inner=True),
        Function((Argument("mean"),), "part of all", SCALAR, inner=True),
        Function((Argument("part of the right", "same"), Argument("part of all", "same")), OUTPUT, SCALAR),
    )


def _entropy_of_shares(scores: Ref, size: Size, smoothing: float) -> tuple[Function, ...]:
    smooth = (("smooth", size),) if smoothing else ()
    return (
        Function((Argument(scores),), "logarithms", size, saves=("logarithms",)),
        Function(
            (Argument("logarithms"),), "weighted", size,
            saves=tuple(name for name, _ in smooth), fresh=smooth, inner=True,
        ),
        Function((Argument("weighted", "view"),), "sum", SCALAR, inner=True),
        Function((Argument("sum"),), "negative", SCALAR, inner=True),
        Function((Argument("negative"),), OUTPUT, SCALAR),
    )  # fmt: skip


def _as_units(shape: Shape) -> tuple[Function, ...]:
    """Numbers of classes as units are to be: 0 and 1."""
    if shape.elements == 1:
        return (Function((Argument(_TARGET),), "wanted", Size(1, "float32")),)
    return (
        Function((Argument(_TARGET),), "marked", Size(shape.elements, "int64")),
        Function((Argument("marked"),), "wanted", Size(shape.elements, "float32")),
    )


def _mean(scores: Ref, shape: Shape, saves: tuple[Ref, ...], *, in_place: bool) -> tuple[Function, ...]:
    """A mean of errors; some kernels make them all in the memory of their result, which stays as large."""
    if not in_place:
        return (Function((Argument(scores),), OUTPUT, SCALAR, saves=saves),)
    return (
        Function((Argument(scores),), "errors", Size(shape.elements, "float32"), saves=saves),
        Function((Argument("errors", "view"),)),
    )


def _rbf(scores: Ref, shape: Shape, *, in_shares: bool) -> tuple[Function, ...]:
    size, one, more = (Size(each, "float32") for each in (shape.elements, 1, shape.elements + 1))
    right = (Function((Argument(scores),), "right", one),)
    if in_shares:
        right = (
            Function((Argument(scores),), "shared", size),
            Function((Argument("shared", "view"),), "right", one),
        )
    return (
        *right,
        Function((Argument(_TARGET),), "floor", one),
        Function((Argument(scores),), "near", size),
        Function((Argument("near", "part"), Argument("floor")), "rivals", more),
        Function((Argument("rivals", scratch=(more, more)),), "penalty", one, saves=("rivals", "penalty")),
        Function((Argument("right", "view"), Argument("penalty", "same")), "each", one),
        Function((Argument("each"),), OUTPUT, SCALAR, holds=("right", "floor")),
    )


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


def share_of_a_part() -> tuple[Function, ...]:
    """The loss of a part times its share of the batch."""
    return (Function((Argument(0),), OUTPUT, SCALAR, number="saved"),)


def scaled_up() -> tuple[Function, ...]:
    """A loss times the scale that keeps small gradients from becoming 0."""
    return (Function((Argument(0),), OUTPUT, SCALAR),)
