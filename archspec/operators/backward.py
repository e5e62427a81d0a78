"""What torch runs for an operator in training, function by function, and what their gradients take.

A function is what autograd sees as one: its result, what it saves for its gradients, and what these allocate. From
this follow both what training keeps and the peak of a step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archspec.operators.workspace import Kernel

ElementType = Literal["activation", "lowered", "weight", "float32", "float64", "int64", "bool"]
"""`activation` is the type of what a function reads first; under autocast that may be the `lowered` one"""
Ref = int | str
"""a value: an input of the operator by its index, a parameter by its name, or what an earlier function made"""
OUTPUT = "output"
"""the result that is the operator's output"""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a tensor, for one image of the batch."""

    elements: int
    dtype: ElementType = "activation"
    per_batch: bool = False
    """the tensor is there once for the whole batch (the statistics of batch norm), not once an image"""


@dataclass(frozen=True, slots=True)
class Argument:
    """A value by which a function can be differentiated."""

    value: Ref
    gradient: Literal["new", "same", "view", "part", "summed"] = "new"
    """a tensor of its own; the result's gradient itself (of a sum); that gradient seen otherwise (of a reshape);
    some maps of it (of a concat); that gradient summed over what was broadcast"""
    saves: tuple[Ref, ...] = ()
    """what has to be saved for this gradient"""
    scratch: tuple[Size, ...] = ()
    """tensors that are made on the way to the gradient"""
    whole: Size | None = None
    """the gradient before it is summed over what was broadcast"""
    over_images: bool = False
    """that is the images alone: with one of them it is not summed"""
    contiguous: bool = False
    """a slice of a larger tensor is copied first, in the backward pass too"""


@dataclass(frozen=True, slots=True)
class Function:
    """One function that torch runs, and what autograd does for it."""

    arguments: tuple[Argument, ...]
    result: str = OUTPUT
    size: Size | None = None
    """the result's; None where it is the first argument's memory"""
    saves: tuple[Ref, ...] = ()
    """what has to be saved for any gradient"""
    fresh: tuple[tuple[str, Size], ...] = ()
    """tensors that are made besides the result, by name: indices, masks"""
    returns_fresh: bool = False
    """these come back with the result, and are there for a moment where nothing is saved too"""
    holds: tuple[str, ...] = ()
    """what has a name until here, though no function needs it any more"""
    together: bool = False
    """gradients are made by one kernel, which makes those too that nothing needs"""
    is_part: bool = False
    """a view of some maps: the images are not next to one another"""
    number: Literal["saved", "passing"] | None = None
    """an argument is a number, for which torch makes a tensor of 8 bytes, and perhaps saves it"""
    once: bool = False
    """it is left out where a block is computed again"""
    casts: tuple[Ref, ...] = ()
    """what autocast turns into another type before, each into a copy that this and later functions read; in the order
    of torch, which begins with the last argument"""
    to: Literal["lowered", "full", "widest"] = "lowered"
    """that type: autocast's, float32, or the widest of them"""
    kernel: Kernel | None = None
    """knows what it holds besides while it runs, where that is more than its result and its gradients"""
    promotes: bool = False
    """the result has the widest type of all arguments, not that of the first, and so have gradients at first"""
    inner: bool = False
    """one call of torch runs it with those that follow: nobody sees its result"""


def in_float32(functions: tuple[Function, ...], name: str = OUTPUT) -> tuple[Function, ...]:
    """The functions, of which autocast gives that of one result what it reads in float32."""
    return tuple(
        replace(each, casts=(each.arguments[0].value,), to="full") if each.result == name else each
        for each in functions
    )


def as_they_come(functions: tuple[Function, ...]) -> tuple[Function, ...]:
    """The functions, of which autocast turns nothing into another type."""
    return tuple(replace(each, casts=()) for each in functions)


def convolved(value: Ref, weights: Sequence[str], size: Size, kernel: Kernel, result: str = OUTPUT) -> Function:
    """A convolution, which saves its input and its weight."""
    arguments = (Argument(value), *map(Argument, weights))
    return Function(arguments, result, size, (value, weights[0]), casts=(*weights[::-1], value), kernel=kernel)


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor that autograd holds from the forward to the backward pass, for one image of the batch.

    `what` is `input` (that of `index`), `output`, or `new`: a tensor of its own with `elements` of `dtype`,
    an element of the activations' type unless it says otherwise. Two operators that keep one tensor share it.
    """

    what: Literal["input", "output", "new"]
    index: int = 0
    name: str = ""
    elements: int = 0
    dtype: ElementType = "activation"
    per_batch: bool = False
    """kept once for the whole batch (the statistics of batch norm), not once an image"""
    contiguous: bool = False
    """kept as a copy where the input is a slice of a larger tensor"""


def kept(functions: Sequence[Function], needs: Sequence[bool], parameters: Mapping[str, bool]) -> Iterator[Kept]:
    """What functions save, when the inputs and parameters that are marked need a gradient."""
    learns: dict[Ref, bool] = {**dict(enumerate(needs)), **parameters}
    owner: dict[Ref, Ref] = {}
    sizes: dict[Ref, Size] = {}
    copied: set[Ref] = set()
    saved: dict[Ref, None] = {}
    for function in functions:
        sizes.update(function.fresh)
        if function.size is None:
            owner[function.result] = owner.get(function.arguments[0].value, function.arguments[0].value)
        else:
            sizes[function.result] = function.size
        differentiated = [argument for argument in function.arguments if learns.get(argument.value)]
        learns[function.result] = bool(differentiated)
        if differentiated:
            copied.update(argument.value for argument in function.arguments if argument.contiguous)
            for ref in saved_by(function, differentiated):
                saved[owner.get(ref, ref)] = None
    for ref in saved:
        if isinstance(ref, int):
            yield Kept("input", ref, contiguous=ref in copied)
        elif ref == OUTPUT:
            yield Kept("output")
        elif ref not in parameters:
            size = sizes[ref]
            yield Kept("new", 0, ref, size.elements, size.dtype, size.per_batch)


def saved_by(function: Function, differentiated: Collection[Argument]) -> Iterator[Ref]:
    """What one function saves, when it is differentiated by some of its arguments."""
    yield from function.saves
    for argument in differentiated:
        yield from argument.saves
