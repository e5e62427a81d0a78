"""Boxes around what images show: read as data have them, and carried along wherever pixels are moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from archspec.training_data import BoxKeys
from compiler.data.errors import DataError

_SLACK = 1e-3
"""how far a box may reach out of its image, as numbers that were rounded do"""


@dataclass(frozen=True)
class Window:
    """The part of an image that another one shows, in parts of its height and width; padding lies outside of 0 to 1."""

    top: float | Tensor = 0.0
    left: float | Tensor = 0.0
    bottom: float | Tensor = 1.0
    right: float | Tensor = 1.0

    def seen(self, boxes: Tensor) -> Tensor:
        """Boxes of the whole image as parts of the window."""
        left, top, right, bottom = boxes.unbind(-1)
        height, width = self.bottom - self.top, self.right - self.left
        seen = ((left - self.left) / width, (top - self.top) / height,
                (right - self.left) / width, (bottom - self.top) / height)  # fmt: skip
        return torch.stack(seen, -1)

    def whole(self, boxes: Tensor) -> Tensor:
        """Boxes of the window as parts of the whole image."""
        left, top, right, bottom = boxes.unbind(-1)
        height, width = self.bottom - self.top, self.right - self.left
        found = (self.left + left * width, self.top + top * height,
                 self.left + right * width, self.top + bottom * height)  # fmt: skip
        return torch.stack(found, -1)

    def part(self, other: Window) -> Window:
        """The part of the image that a window of this window shows."""
        height, width = self.bottom - self.top, self.right - self.left
        return Window(
            self.top + other.top * height, self.left + other.left * width,
            self.top + other.bottom * height, self.left + other.right * width,
        )  # fmt: skip


def middle(frame: tuple[int, int], size: tuple[int, int]) -> Window:
    """The middle of a frame, as `center` cuts it out."""
    (height, width), (rows, columns) = frame, size
    top, left = (height - rows) // 2, (width - columns) // 2
    return Window(top / height, left / width, (top + rows) / height, (left + columns) / width)


def corners(written: Tensor, keys: BoxKeys, sizes: Tensor, place: Callable[[int], str]) -> Tensor:
    """Boxes as left, top, right and bottom, in parts of their images; `DataError` names one that is none.

    `sizes` are the height and width of each image, `place` says what to call it.
    """
    numbers = written.double()
    if keys.format == "xywh":
        numbers = torch.cat([numbers[:, :2], numbers[:, :2] + numbers[:, 2:]], 1)
    elif keys.format == "cxcywh":
        numbers = torch.cat([numbers[:, :2] - numbers[:, 2:] / 2, numbers[:, :2] + numbers[:, 2:] / 2], 1)
    if keys.unit == "pixel":
        numbers = numbers / sizes.flip(1).repeat(1, 2)
    outside = ((numbers < -_SLACK) | (numbers > 1 + _SLACK)).any(1)
    empty = (numbers[:, 2:] <= numbers[:, :2]).any(1)
    if not bool((outside | empty).any()):
        return numbers.clamp(0, 1).float()
    at = int((outside | empty).nonzero()[0])
    said = f"the box {', '.join(f'{number:g}' for number in written[at].tolist())}"
    as_read = f"boxes are read as {{format: {keys.format}, unit: {keys.unit}}}; set `boxes` of data to what they are"
    if bool(outside[at]):
        height, width = sizes[at].tolist()
        limit = f"its image, {width:g} wide and {height:g} high" if keys.unit == "pixel" else "0 to 1"
        raise DataError("E739", f"{said} reaches out of {limit}", place(at), as_read)
    raise DataError("E739", f"{said} has no area", place(at), as_read)


def overlap(found: Tensor, wanted: Tensor) -> Tensor:
    """The intersection over union of pairs of boxes; 0 for one whose right is left of its left."""
    sides = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp_min(0)
    both = sides.prod(1)
    areas = [(each[:, 2:] - each[:, :2]).clamp_min(0).prod(1) for each in (found, wanted)]
    return both / (areas[0] + areas[1] - both).clamp_min(1e-12)
