"""Noise with classes by chance."""

from __future__ import annotations

import math

import torch

from archspec.shape import Shape
from archspec.training_data import Random
from compiler.data.examples import Source, Stack
from compiler.data.keyed import Choice, Keyed

_CLASSES = 10


def noise(keys: Random, input: Shape, units: int | None) -> Source:
    """Examples of the input's size, 8 bits a pixel; every class about as often."""
    classes = keys.classes or units or _CLASSES
    least = classes  # one example for every class
    counts = {"train": max(keys.count, least), "test": max(math.ceil(keys.count / 4), least)}
    parts: dict[str, Stack] = {}
    for epoch, (part, count) in enumerate(counts.items()):
        keyed = Keyed(0, epoch, torch.arange(count))
        elements = input.elements
        images = torch.stack([  # one by one: the numbers behind them take eight times as much memory
            (Keyed(0, epoch, each).bits(Choice.NOISE, elements) >> 55).to(torch.uint8)[0]
            for each in keyed.examples.split(1)
        ])  # fmt: skip
        targets = keyed.examples % classes
        parts[part] = Stack(images.view(count, *_stored(input)), targets, f"random, {part}")
    return Source(tuple(str(each) for each in range(classes)), dict(parts))


def _stored(input: Shape) -> tuple[int, int, int]:
    return (input.maps, input.height, input.width) if input.is_maps else (input.elements, 1, 1)
