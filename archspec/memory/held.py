"""The examples that a run holds on its device, where the spec alone tells how many there are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from archspec.frames import padded, resized
from archspec.graph import Graph
from archspec.names import BOXES
from archspec.shape import Shape
from archspec.training import TrainKeys
from archspec.training_data import MNIST, Digits, Random

MOST_FLOAT = 4 * 2**30
"""what frames may take as 32-bit numbers; above it those of 8 bits stay so, and each batch is converted"""
_BOX = 4
_IMAGE_MAPS = (1, 3)


@dataclass(frozen=True, slots=True)
class Held:
    """Examples of all parts, as the network sees them."""

    examples: int
    shape: Shape
    bytes: int


@dataclass(frozen=True, slots=True)
class _Stored:
    """Examples as their source has them."""

    count: int
    maps: int
    height: int
    width: int
    bytes: int
    """of one number"""


def random_counts(keys: Random, units: int) -> dict[str, int]:
    """How many examples of noise there are, at least one for each of so many units or classes."""
    return {"train": max(keys.count, units), "test": max(math.ceil(keys.count / 4), units)}


def held_examples(graph: Graph, keys: TrainKeys) -> Held | None:
    """What all examples take on the device; None where that is known only when they have been read."""
    if keys.data.resident is False:
        return Held(0, graph.input, 0)
    stored, input = _stored(graph, keys), graph.input
    if stored is None or (input.is_maps and input.maps not in _IMAGE_MAPS and not isinstance(keys.data, Random)):
        return None
    frame = _frame(keys, input, stored)
    if frame is None:
        return None
    shape = Shape.of(input.maps if input.is_maps else stored.maps, *frame)
    numbers = stored.count * shape.elements
    return Held(stored.count, shape, numbers * (4 if 4 * numbers <= MOST_FLOAT else stored.bytes))


def _stored(graph: Graph, keys: TrainKeys) -> _Stored | None:
    data, input = keys.data, graph.input
    if isinstance(data, Digits):
        return _Stored(1797, 1, 8, 8, 4)
    if isinstance(data, MNIST) and data.path is None:
        return _Stored(70_000, 1, 28, 28, 1)
    if isinstance(data, Random):
        height, width = (input.height, input.width) if input.is_maps else (1, 1)
        count = sum(random_counts(data, _units(graph, data)).values())
        return _Stored(count, input.elements // (height * width), height, width, 1)
    return None


def _units(graph: Graph, data: Random) -> int:
    """The most that an output has to tell apart."""
    found: list[int] = []
    for output in graph.outputs:
        units = graph.shape_of(output.node).elements
        found.append(_BOX if output.target == BOXES else data.classes or (2 if units == 1 else units))
    return max(found)


def _frame(keys: TrainKeys, input: Shape, stored: _Stored) -> tuple[int, int] | None:
    """The height and width of an example after `preprocess`; None where it says nothing of them."""
    steps = keys.preprocess
    resize = "input" if isinstance(keys.data, Digits) and steps.resize is None else steps.resize
    if resize == "input":
        if not input.is_maps:
            return None
        resize = (input.height, input.width)
    size = resized(resize, stored.height, stored.width)
    return padded(steps.center_crop or size, steps.pad)
