"""Noise with targets by chance."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from archspec.memory.held import random_counts
from archspec.names import BOXES
from archspec.shape import Shape
from archspec.training_data import Random
from compiler.data.examples import Source, Stack
from compiler.data.keyed import Choice, Keyed
from compiler.data.targets import Target

_CLASSES = 10


def noise(keys: Random, input: Shape, heads: Mapping[str, int | None]) -> Source:
    """Examples of the input's size, 8 bits a pixel; every class about as often."""
    targets = {name: _target(name, keys, units) for name, units in heads.items()}
    least = max(each.units for each in targets.values())  # one example for every class
    parts: dict[str, Stack] = {}
    for epoch, (part, count) in enumerate(random_counts(keys, least).items()):
        keyed = Keyed(0, epoch, torch.arange(count))
        elements = input.elements
        images = torch.stack([  # one by one: the numbers behind them take eight times as much memory
            (Keyed(0, epoch, each).bits(Choice.NOISE, elements) >> 55).to(torch.uint8)[0]
            for each in keyed.examples.split(1)
        ])  # fmt: skip
        learnt = {
            name: _boxes(keyed) if each.kind == "boxes" else keyed.examples % len(each.classes)
            for name, each in targets.items()
        }
        parts[part] = Stack(images.view(count, *_stored(input)), learnt, f"random, {part}")
    return Source(targets, dict(parts))


def _target(name: str, keys: Random, units: int | None) -> Target:
    if name == BOXES:
        return Target("boxes", width=4)
    count = keys.classes or (2 if units == 1 else units) or _CLASSES
    return Target("classes", tuple(map(str, range(count))))


def _boxes(keyed: Keyed) -> Tensor:
    """Rectangles anywhere, at least a tenth of the sides wide and high."""
    ends = keyed.uniform(Choice.BOX, 4).view(-1, 2, 2).sort(1).values * 0.9
    return (ends + torch.tensor([0.0, 0.1]).view(1, 2, 1)).flatten(1).float()


def _stored(input: Shape) -> tuple[int, int, int]:
    return (input.maps, input.height, input.width) if input.is_maps else (input.elements, 1, 1)
