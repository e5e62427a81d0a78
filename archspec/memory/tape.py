"""What autograd writes down of a forward pass: values, the functions that made them, and where gradients go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from archspec.memory.ledger import Demand, Ledger
from archspec.operators.backward import Argument, Function, Ref, Size
from archspec.operators.workspace import Wanted

NUMBER = Size(1, "float64", per_batch=True)
CONSTANT = -1
"""the record of what has no gradient"""
REPEATED = -2
"""the record of what runs a second time, and has one from the first"""


@dataclass(slots=True)
class Value:
    """A tensor as a name holds it."""

    storage: int
    size: Size
    record: int = CONSTANT
    """the function that made it"""
    is_part: bool = False
    """its images are not next to one another"""

    @property
    def is_lowered(self) -> bool:
        """Whether it has autocast's type."""
        return self.size.dtype == "lowered"


@dataclass(slots=True)
class Edge:
    """Where a gradient goes, how it is made, and its size."""

    target: int
    argument: Argument
    size: Size
    scratch: tuple[Size, ...] = ()
    """what is made on the way to it"""
    first: Size | None = None
    """its size when it is made, where that is another"""
    fitted: tuple[Size, ...] = ()
    """what it becomes then: summed over what was broadcast, and turned into the type of what it is the gradient of"""


@dataclass(slots=True)
class Record:
    """A function that was run, as the engine finds it."""

    label: str
    edges: list[Edge]
    """records that gradients go to"""
    saved: list[int]
    wasted: tuple[Size, ...] = ()
    """gradients that are made and not needed"""
    size: Size = NUMBER
    """its result's"""
    is_contiguous: bool = False
    """whether it copies a gradient that is a part of another"""
    demand: Demand | None = None
    """what its kernel held when it made the result"""
    main: Argument | None = None
    """the argument whose gradient is the data's, not that of weights"""
    frame: Frame | None = None
    """where what it would have saved is computed again"""
    is_weight: bool = False
    """a weight, at which gradients end"""
    gradient: int | None = None
    """the gradient that it has already"""

    def demand_again(self, ledger: Ledger, gradient: Gradient) -> None:
        """Note that its kernel makes gradients, where that holds more than them."""
        if self.demand is not None:
            kernel, lowered, is_part, *_ = self.demand
            of_data = any(edge.argument is self.main for edge in self.edges)
            ledger.demand(kernel, lowered, is_part, Wanted(of_data, len(self.edges) > of_data, gradient.is_part))


@dataclass(slots=True)
class Frame:
    """A part of the network that saves its inputs alone, and runs again when gradients want its inside."""

    label: str
    again: Callable[[], None]
    """runs it"""
    inputs: list[int]
    """what it saves"""
    records: list[Record] = field(default_factory=list[Record])
    """its functions that save something, in order"""
    waiting: int = 0
    """how many of them gradients have not yet passed"""
    is_done: bool = False
    """whether it has run again"""


@dataclass(slots=True)
class Gradient:
    storage: int
    is_view: bool = False
    is_part: bool = False


def makes_lowered(function: Function, values: Mapping[Ref, Value]) -> bool:
    """Whether autocast's type is that of what a function makes."""
    read = [values[argument.value] for argument in function.arguments]
    if function.promotes:
        return all(value.is_lowered for value in read)
    return (read[0] if read else values[0]).is_lowered


def typed(size: Size, lowered: bool) -> Size:
    """The size of what a function makes, in the type that it makes it in."""
    return Size(size.elements, "lowered", size.per_batch) if lowered and size.dtype == "activation" else size


def edge_to(value: Value, argument: Argument, function: Function, *, lowered: bool, single: bool) -> Edge:
    """Where the gradient of an argument goes."""
    edge = Edge(value.record, argument, value.size)
    is_cast = function.promotes and value.is_lowered != lowered
    whole = None if argument.over_images and single else argument.whole
    if not (whole or argument.scratch or argument.gradient == "summed" or is_cast):
        return edge
    edge.scratch = tuple(typed(each, lowered) for each in argument.scratch)
    if whole is not None or argument.gradient == "summed":
        edge.fitted = (Size(value.size.elements, "float32", value.size.per_batch) if is_cast else value.size,)
    if whole is not None:
        edge.first = typed(whole, lowered)
    elif is_cast and argument.gradient == "new":
        edge.first = Size(value.size.elements, "float32", value.size.per_batch)
    if is_cast:
        edge.fitted = (*edge.fitted, value.size)
    return edge
