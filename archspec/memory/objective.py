"""What the outputs of a network learn, as far as a spec tells it before the data are read."""

from __future__ import annotations

from archspec.graph import Graph, Output
from archspec.losses import Kind, Loss, loss_of, losses_for
from archspec.memory.losses import Objective
from archspec.names import BOXES
from archspec.operators.operator import Gives
from archspec.training import CrossEntropy, TrainKeys
from archspec.training_data import MNIST, Digits, Folder, Random

_OF_CLASSES = (Digits, MNIST, Folder, Random)
"""data whose labels are classes"""
_SURE: dict[str, Kind] = {"cross_entropy": "classes", "rbf": "classes", "smooth_l1": "numbers"}
_LIKELY: dict[str, Kind] = {"mse": "numbers", "binary_cross_entropy": "flags"}


def objectives_of(graph: Graph, keys: TrainKeys | None) -> tuple[Objective, ...]:
    """The loss of each output of a graph, and what it is held against."""
    recipe = keys.loss if keys is not None else None
    is_mixed = keys is not None and (keys.augment.mixup is not None or keys.augment.cutmix is not None)
    kinds = _kinds(graph, keys)
    found: list[Objective] = []
    for output in graph.outputs:
        shape, gives, kind = graph.shape_of(output.node), _gives(graph, output), kinds[output.target]
        suiting = losses_for(kind, gives, shape.elements)
        # a loss that does not suit is refused when the data have been read
        loss: Loss = loss_of(output.loss, recipe, suiting) or suiting[0]()
        if shape.is_maps and kind == "classes":  # one at each position
            loss = loss if isinstance(loss, CrossEntropy) else CrossEntropy()
        found.append(Objective(output.name, shape, gives, loss, kind, output.target, output.weight, is_mixed))
    return tuple(found)


def _gives(graph: Graph, output: Output) -> Gives:
    return graph.by_name[output.node].operator.gives if output.node in graph.by_name else "scores"


def _kinds(graph: Graph, keys: TrainKeys | None) -> dict[str, Kind]:
    """What each target is: what is sure of any output that learns it, else what is likely, else classes."""
    sure: dict[str, Kind] = {BOXES: "boxes"}
    likely: dict[str, Kind] = {}
    for output in graph.outputs:
        gives, units = _gives(graph, output), graph.shape_of(output.node).elements
        named = output.loss or (keys.loss.type if keys is not None and keys.loss is not None else None)
        is_class = keys is not None and isinstance(keys.data, _OF_CLASSES)
        if is_class or gives == "distances":
            sure.setdefault(output.target, "classes")
        elif named in _SURE:
            sure.setdefault(output.target, _SURE[named])
        elif named in _LIKELY and not (named == "binary_cross_entropy" and units == 1):
            likely.setdefault(output.target, _LIKELY[named])
        elif gives == "chances" and units > 1:
            likely.setdefault(output.target, "flags")
    return {output.target: sure.get(output.target, likely.get(output.target, "classes")) for output in graph.outputs}
