"""Pictures of examples: those of a batch, as the network sees them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from archspec.names import BOXES
from compiler.atomic import whole_file
from compiler.data.errors import DataError
from compiler.data.splits import Split
from compiler.data.targets import Target, Targets

_LEAST_SIDE = 84
"""pixels of a tile, so that names of classes have room below it"""
_GAP = 6
_LINE = 14
_LETTERS = 11
_BOX = "#e0218a"
Boxes = Sequence[Sequence[float]]


def draw_batch(split: Split, order: Tensor, path: Path, *, epoch: int, augment: bool, replace: bool = False) -> None:
    """Draw examples of a split into a PNG file, under each its class."""
    height, width = split.augmentation.size
    if (height, width) == (1, 1):
        raise DataError("E737", "the examples are lists of features, and no images", split.examples.origin,
                        "leave out -o to see how many there are")  # fmt: skip
    ((images, targets),) = split.batches(order, len(order), epoch=epoch, augment=augment)
    images = split.steps.shown(images.reshape(len(images), split.steps.maps, height, width))
    boxes = targets.pop(BOXES).tolist() if BOXES in targets else None
    captions = [_caption(each, split.learnt) for each in _rows(targets)] if targets else [""] * len(images)
    draw(images, captions, path, boxes=boxes, replace=replace)


def _rows(targets: Targets) -> Iterator[dict[str, Tensor]]:
    for number in range(len(next(iter(targets.values())))):
        yield {name: each[number].cpu() for name, each in targets.items()}


def _caption(row: Targets, learnt: Mapping[str, Target]) -> str:
    return "; ".join(_said(target, learnt[name].classes) for name, target in row.items())


def _said(target: Tensor, classes: Sequence[str]) -> str:
    if not target.is_floating_point():
        return classes[int(target)]
    if not classes:
        return ", ".join(f"{number:.3g}" for number in target.tolist())
    shares, found = target.topk(min(2, len(classes)))
    return ", ".join(
        f"{classes[each]} {share:.0%}"
        for each, share in zip(found.tolist(), shares.tolist(), strict=True)
        if share >= 0.005
    )


def draw(
    images: Tensor, captions: Sequence[str], path: Path, *, boxes: Boxes | None = None, replace: bool = False
) -> None:
    """Draw images, (count, maps, height, width) from 0 to 1, with a caption each, into a PNG file.

    `boxes` are left, top, right and bottom in parts of an image.
    """
    if path.suffix.lower() != ".png":
        raise DataError("E737", "pictures of batches are PNG files", path, f"name it {path.stem or 'batch'}.png")
    sheet = _sheet(images, captions, boxes or [[]] * len(images))
    with whole_file(path, replace=replace) as written:
        sheet.save(written)


def _sheet(images: Tensor, captions: Sequence[str], boxes: Boxes) -> Image.Image:
    _, _, height, width = images.shape
    factor = max(1, math.ceil(_LEAST_SIDE / max(height, width)))
    tile_width, tile_height = max(width * factor, _LEAST_SIDE), height * factor + _LINE
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    sheet = Image.new("RGB", (columns * (tile_width + _GAP) + _GAP, rows * (tile_height + _GAP) + _GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LETTERS)
    for number, (image, caption, box) in enumerate(zip(images, captions, boxes, strict=True)):
        left = _GAP + number % columns * (tile_width + _GAP)
        top = _GAP + number // columns * (tile_height + _GAP)
        tile = _tile(image).resize((width * factor, height * factor), Image.Resampling.NEAREST)
        corner = left + (tile_width - tile.width) // 2
        sheet.paste(tile, (corner, top))
        if box:
            across, down = (tile.width - 1), (tile.height - 1)
            ends = (corner + box[0] * across, top + box[1] * down, corner + box[2] * across, top + box[3] * down)
            pen.rectangle(ends, outline=_BOX, width=2)
        pen.text((left + tile_width // 2, top + tile.height), _fitted(caption, tile_width, font), "black", font, "ma")
    return sheet


def _tile(image: Tensor) -> Image.Image:
    """An image of 3 maps in colours; of any other number the first map."""
    levels = (image * 255).round().to(torch.uint8).numpy()
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)) if len(levels) == 3 else levels[0])


def _fitted(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
