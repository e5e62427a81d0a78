"""Memory over time: what a forward pass and a training step have alive, moment by moment."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.graph import INPUT, Graph
from archspec.memory import DTYPE_BYTES, Dtype
from archspec.memory.inference import lives
from archspec.memory.training import StepCourse
from archspec.training import Precision

_BACK = "backward of "


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that runs, and the most that is alive meanwhile."""

    name: str
    row: str | None
    """the row that it belongs to; None for the loss and the optimizer"""
    bytes: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that is alive at the peak, with the moments that begin and end its life where these are known."""

    name: str
    bytes: int
    kind: str
    """what it is coloured by"""
    life: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """The moments of a pass, in order, and what is alive at the peak, the largest first."""

    moments: tuple[Moment, ...]
    peak: int
    """the position of the moment with the most memory"""
    tensors: tuple[Tensor, ...]
    resident: int = 0
    """what is there all the time: weights, running statistics"""


def inference(graph: Graph, batch: int, dtype: Dtype) -> Course:
    """A forward pass that frees each tensor after its last use."""
    nodes = graph.inference_nodes
    unit = batch * DTYPE_BYTES[dtype]
    change = [0] * (len(nodes) + 1)
    found: list[Tensor] = []
    for name, (first, last) in lives(graph).items():
        size = graph.shape_of(name).elements * unit
        # the input is there before the first node runs, and results are there after the last
        life = (max(first, 0), min(last, len(nodes) - 1))
        if life[1] >= life[0]:
            change[life[0]] += size
            change[life[1] + 1] -= size
            found.append(Tensor(name, size, _kind(graph, name), life))
    totals: list[int] = []
    for each in change[:-1]:
        totals.append((totals[-1] if totals else 0) + each)
    moments = tuple(
        Moment(node.name, graph.row_of[node.name].name, total) for node, total in zip(nodes, totals, strict=True)
    )
    peak = totals.index(max(totals)) if totals else 0
    alive = [each for each in found if each.life is not None and each.life[0] <= peak <= each.life[1]]
    return Course(moments, peak, tuple(sorted(alive, key=lambda each: -each.bytes)))


def training(graph: Graph, batch: int, precision: Precision) -> Course:
    """A step of plain SGD: forward, loss, backward and the new weights."""
    memory = StepCourse(graph, precision=precision).memory(batch)
    moments = tuple(Moment(what, _row(graph, what), most) for what, most in memory.course)
    totals = [moment.bytes for moment in moments]
    tensors = tuple(Tensor(each.name, each.bytes, _kind(graph, each.name)) for each in memory.alive)
    return Course(moments, totals.index(max(totals)), tensors, memory.resident)


def _row(graph: Graph, what: str) -> str | None:
    """The row of the node that a moment names."""
    node = what.removeprefix(_BACK).partition(":")[0]
    return graph.row_of[node].name if node in graph.row_of else None


def _kind(graph: Graph, tensor: str) -> str:
    """What a tensor is coloured by: its row."""
    if tensor == INPUT:
        return "input"
    node = tensor.removeprefix("gradient of ").partition(":")[0]
    while node and node not in graph.row_of:
        node = node.rpartition(".")[0]
    return graph.row_of[node].main.operator.role if node else "noise"
