"""Images varied by the batch, on the device: what happens to an example follows from (seed, epoch, example).

All of it is done to images that are normalised already. Moving pixels and normalising them can change places; colours
are changed by the numbers that give the same result as before normalising.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from archspec.training_data import AugmentKeys
from compiler.data.errors import DataError
from compiler.data.keyed import Choice, Keyed, real_numbers
from compiler.data.preprocessing import Preprocessing

_ASPECT = math.log(4 / 3)
_ERASED_AREA = (0.02, 0.33)
_ERASED_ASPECT = math.log(10 / 3)
Row = tuple[Tensor, Tensor, Tensor]
"""of a map for each image: the factors of columns and of rows, and what is added"""


class Augmentation:
    """What a spec's `augment` does to frames of one size."""

    def __init__(self, keys: AugmentKeys, steps: Preprocessing, frame: tuple[int, int], size: tuple[int, int]) -> None:
        self.keys = keys
        self.frame = frame
        self.size = size
        self._check(steps)
        self._fill = steps.normal_of(steps.fill * steps.full * steps.factor).view(1, -1, 1, 1)
        self._has_fill = bool(self._fill.any())
        self._border = float(self._fill.flatten()[0])
        self._least = steps.normal_of(steps.range[0]).view(1, -1, 1, 1)
        self._most = steps.normal_of(steps.range[1]).view(1, -1, 1, 1)
        self._mean = torch.tensor(steps.mean or (0.0,) * steps.maps).view(1, -1, 1, 1)
        self._deviation = torch.tensor(steps.deviation or (1.0,) * steps.maps).view(1, -1, 1, 1)
        found = steps.components
        self._components = None
        if keys.pca_jitter is not None and found is not None:
            vectors, variances = torch.tensor(found.vectors), torch.tensor(found.variances)
            # of colours from 0 to 1, brought to the range that the pixels have
            self._components = vectors * variances * keys.pca_jitter * (steps.full * steps.factor)
        self._most_shift = torch.tensor(keys.shift or (0, 0))
        self._on: torch.device | None = None

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with others, and targets become shares of classes."""
        return self.keys.mixup is not None or self.keys.cutmix is not None

    @property
    def does_nothing(self) -> bool:
        """Whether the spec asks for nothing."""
        return self.keys == AugmentKeys()

    def _check(self, steps: Preprocessing) -> None:
        keys = self.keys
        if keys.crop is not None and keys.resized_crop is not None:
            raise DataError("E737", "`crop` and `resized_crop` both cut a piece out", None, "leave one of them out")
        if keys.pca_jitter is not None and steps.maps != 3:
            raise DataError(
                "E737", f"`pca_jitter` changes colours, and these images have {steps.maps} maps", None,
                "leave it out, or use brightness",
            )  # fmt: skip
        if keys.crop is not None and keys.crop >= max(self.size):
            height, width = self.size
            raise DataError(
                "E737", f"a crop out of {keys.crop} pixels around {height}x{width} images shows none of most", None,
                f"a crop of some pixels, such as {max(1, min(self.size) // 8)}",
            )  # fmt: skip
        if keys.shift is not None and (keys.shift[0] >= self.size[0] or keys.shift[1] >= self.size[1]):
            height, width = self.size
            raise DataError(
                "E737", f"a shift of {keys.shift[0]}x{keys.shift[1]} moves {height}x{width} images out of sight", None,
                f"a shift of some pixels, such as {max(1, min(self.size) // 10)}",
            )  # fmt: skip

    def __call__(self, frames: Tensor, keyed: Keyed) -> Tensor:
        """The images that the network sees of these frames."""
        self._move_to(frames.device)
        keys = self.keys
        if keys.rotation is not None or keys.zoom is not None or keys.resized_crop is not None:
            images = self._sampled(frames, keyed)
        else:
            images = self._flipped(self._cut(frames, keyed), keyed)
        if keys.brightness is not None or keys.contrast is not None or self._components is not None:
            images = self._coloured(images, keyed)
        if keys.erasing:
            images = self._erased(images, keyed)
        return images

    def _move_to(self, device: torch.device) -> None:
        if self._on == device:
            return
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        self._on = device

    # --- moving pixels

    def _corner(self, keyed: Keyed) -> Tensor | None:
        """Where the piece begins in the frame, (examples, 2), rows and columns; None for the middle of all."""
        keys, (height, width) = self.keys, self.size
        slack = (self.frame[0] - height, self.frame[1] - width)
        corner = None
        if keys.crop is not None:
            pad = keys.crop
            corner = keyed.below(Choice.CROP, (slack[0] + 2 * pad + 1, slack[1] + 2 * pad + 1)) - pad
        if keys.shift is not None:
            down, right = keys.shift
            moved = keyed.below(Choice.SHIFT, (2 * down + 1, 2 * right + 1))
            moved = moved - self._most_shift
            corner = moved if corner is None else corner + moved
        return corner

    def _cut(self, frames: Tensor, keyed: Keyed) -> Tensor:
        corner = self._corner(keyed)
        if corner is None:
            return frames
        keys = self.keys
        down, right = keys.shift or (0, 0)
        down, right = down + (keys.crop or 0), right + (keys.crop or 0)
        frames = self._padded(frames, down, right)
        windows = frames.unfold(2, self.size[0], 1).unfold(3, self.size[1], 1)
        every = torch.arange(len(frames), device=frames.device)
        return windows[every, :, corner[:, 0] + down, corner[:, 1] + right]

    def _padded(self, frames: Tensor, down: int, right: int) -> Tensor:
        sides = (right, right, down, down)
        if frames.shape[1] == 1 or not self._has_fill:
            return F.pad(frames, sides, value=self._border)
        return F.pad(frames - self._fill, sides) + self._fill

    def _flipped(self, images: Tensor, keyed: Keyed) -> Tensor:
        for choice, chance, side in (
            (Choice.HORIZONTAL_FLIP, self.keys.horizontal_flip, 3),
            (Choice.VERTICAL_FLIP, self.keys.vertical_flip, 2),
        ):
            if chance:
                turned = keyed.uniform(choice) < chance
                images = torch.where(turned.view(-1, 1, 1, 1), images.flip(side), images)
        return images

    def _map(self, keyed: Keyed) -> tuple[Row, Row]:
        """Where pixels, seen from the middle of an image, come from: x and y of the frame, from -1 to 1."""
        keys, (height, width) = self.keys, self.size
        device = keyed.examples.device
        one = torch.ones(len(keyed.examples), device=device, dtype=real_numbers(device))
        angle = one * 0 if keys.rotation is None else self._angle(keyed, keys.rotation)
        scale = one if keys.zoom is None else 1 / keyed.between(Choice.ZOOM, *keys.zoom)
        flip_x = self._sign(keyed, Choice.HORIZONTAL_FLIP, keys.horizontal_flip, one)
        flip_y = self._sign(keyed, Choice.VERTICAL_FLIP, keys.vertical_flip, one)
        center = self._corner(keyed)
        slack = (self.frame[0] - height, self.frame[1] - width)
        if center is None:
            center_y, center_x = one * 0, one * 0
        else:
            in_middle = keys.crop is None
            center_y, center_x = center.to(one.dtype).unbind(1)
            center_y = center_y - (0 if in_middle else slack[0] / 2)
            center_x = center_x - (0 if in_middle else slack[1] / 2)
        scale_y, scale_x = scale, scale
        if keys.resized_crop is not None:
            piece_y, piece_x, middle_y, middle_x = self._piece(keyed, keys.resized_crop)
            scale_y, scale_x = scale * piece_y / height, scale * piece_x / width
            center_y, center_x = center_y + middle_y, center_x + middle_x
        cos, sin = angle.cos(), angle.sin()
        to_x, to_y = 2 / self.frame[1], 2 / self.frame[0]
        x = (to_x * scale_x * flip_x * cos, to_x * scale_x * flip_x * sin, to_x * center_x)
        y = (-to_y * scale_y * flip_y * sin, to_y * scale_y * flip_y * cos, to_y * center_y)
        return x, y

    def moved(self, boxes: Tensor, keyed: Keyed) -> Tensor:
        """Boxes of frames, in parts of them, as the images show them; of a turned one the box around it."""
        self._move_to(boxes.device)
        (a, b, right), (c, d, down) = self._map(keyed)
        x, y = 2 * boxes[:, [0, 2, 0, 2]] - 1 - right[:, None], 2 * boxes[:, [1, 1, 3, 3]] - 1 - down[:, None]
        area = (a * d - b * c)[:, None]
        columns = (d[:, None] * x - b[:, None] * y) / area / self.size[1] + 0.5
        rows = (a[:, None] * y - c[:, None] * x) / area / self.size[0] + 0.5
        ends = (columns.amin(1), rows.amin(1), columns.amax(1), rows.amax(1))
        return torch.stack(ends, 1).clamp(0, 1).float()

    def _sampled(self, frames: Tensor, keyed: Keyed) -> Tensor:
        """Rotation, zoom, flips, shift and cut at once: each pixel looks up where it comes from."""
        (height, width), count = self.size, len(frames)
        rows = torch.arange(height, device=frames.device) - (height - 1) / 2
        columns = torch.arange(width, device=frames.device) - (width - 1) / 2
        grid = torch.empty(count, height, width, 2, device=frames.device)
        for place, numbers in enumerate(self._map(keyed)):
            by_column, by_row, start = (each.to(torch.float32) for each in numbers)
            torch.add(
                (by_column[:, None] * columns)[:, None, :],
                (by_row[:, None] * rows + start[:, None])[:, :, None],
                out=grid[..., place],
            )
        if not self._has_fill:
            return F.grid_sample(frames, grid, align_corners=False)
        return F.grid_sample(frames - self._fill, grid, align_corners=False) + self._fill

    def _angle(self, keyed: Keyed, most: float) -> Tensor:
        return keyed.between(Choice.ROTATION, -math.radians(most), math.radians(most))

    def _sign(self, keyed: Keyed, choice: Choice, chance: float, one: Tensor) -> Tensor:
        return 1 - 2 * (keyed.uniform(choice)[:, 0] < chance).to(one.dtype) if chance else one

    def _piece(self, keyed: Keyed, area: tuple[float, float]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The height and width of a piece of the frame, and its middle seen from the frame's."""
        part, aspect, across, along = keyed.uniform(Choice.RESIZED_CROP, 4).unbind(1)
        height, width = self.frame
        root = ((part * (area[1] - area[0]) + area[0]) * (height * width)).sqrt()
        stretch = ((aspect - 0.5) * _ASPECT).exp()
        piece_y, piece_x = (root / stretch).clamp(max=height), (root * stretch).clamp(max=width)
        return piece_y, piece_x, (across - 0.5) * (height - piece_y), (along - 0.5) * (width - piece_x)

    # --- changing them

    def _coloured(self, images: Tensor, keyed: Keyed) -> Tensor:
        # in terms of brightness v = deviation * y + mean: v becomes gain * v + base
        real = real_numbers(images.device)
        mean, deviation = self._mean.to(real), self._deviation.to(real)
        gain = torch.ones(len(images), 1, 1, 1, device=images.device, dtype=real)
        base = torch.zeros_like(gain)
        if self.keys.brightness is not None:
            gain = keyed.between(Choice.BRIGHTNESS, *self.keys.brightness).view(-1, 1, 1, 1)
        if self.keys.contrast is not None:
            factor = keyed.between(Choice.CONTRAST, *self.keys.contrast).view(-1, 1, 1, 1)
            level = images.mean((2, 3), keepdim=True, dtype=real) * deviation + mean
            base = (1 - factor) * gain * level.mean(1, keepdim=True)
            gain = gain * factor
        if self._components is not None:
            amounts = keyed.normal(Choice.PCA_JITTER, 3)
            base = base + (amounts[:, None] * self._components.to(real)).sum(2).view(-1, 3, 1, 1)
        offset = ((gain - 1) * mean + base) / deviation
        changed = torch.addcmul(offset.to(torch.float32), images, gain.to(torch.float32))
        return changed.clamp(self._least, self._most)

    def _erased(self, images: Tensor, keyed: Keyed) -> Tensor:
        chance, area, aspect, across, along = keyed.uniform(Choice.ERASING, 5).unbind(1)
        height, width = self.size
        least, most = _ERASED_AREA
        root = ((area * (most - least) + least) * (height * width)).sqrt()
        stretch = ((2 * aspect - 1) * (_ERASED_ASPECT / 2)).exp()
        rows, columns = (root / stretch).round().clamp(1, height), (root * stretch).round().clamp(1, width)
        top, left = (across * (height - rows + 1)).floor(), (along * (width - columns + 1)).floor()
        hidden = _inside(images, top, left, top + rows, left + columns)
        return images.masked_fill(hidden & (chance < self.keys.erasing).view(-1, 1, 1, 1), 0.0)

    # --- mixing images

    def partners(self, keyed: Keyed, count: int) -> Tensor:
        """For each example the one that it is mixed with, out of so many."""
        return keyed.below(Choice.PARTNER, (count,))[:, 0]

    def mixed(self, images: Tensor, others: Tensor, keyed: Keyed) -> tuple[Tensor, Tensor]:
        """Images with parts of others, and the share that is left of each."""
        keys = self.keys
        if keys.cutmix is None:
            assert keys.mixup is not None
            share = keyed.beta(Choice.MIXTURE, keys.mixup)
            return self._blended(images, others, share), share
        share = keyed.beta(Choice.MIXTURE, keys.cutmix)
        which, across, along = keyed.uniform(Choice.PARTNER, 4)[:, 1:].unbind(1)
        pasted, left = self._pasted(images, others, share, across, along)
        if keys.mixup is None:
            return pasted, left
        blend = keyed.beta(Choice.MIXTURE, keys.mixup)
        cut = which < 0.5
        images = torch.where(cut.view(-1, 1, 1, 1), pasted, self._blended(images, others, blend))
        return images, torch.where(cut, left, blend)

    def _blended(self, images: Tensor, others: Tensor, share: Tensor) -> Tensor:
        return others + (images - others) * share.to(torch.float32).view(-1, 1, 1, 1)

    def _pasted(
        self, images: Tensor, others: Tensor, share: Tensor, across: Tensor, along: Tensor
    ) -> tuple[Tensor, Tensor]:
        height, width = self.size
        side = (1 - share).sqrt() / 2
        middle_y, middle_x = across * height, along * width
        top, bottom = (middle_y - side * height).round().clamp(0), (middle_y + side * height).round().clamp(max=height)
        left, right = (middle_x - side * width).round().clamp(0), (middle_x + side * width).round().clamp(max=width)
        pasted = torch.where(_inside(images, top, left, bottom, right), others, images)
        return pasted, 1 - (bottom - top) * (right - left) / (height * width)


def _inside(images: Tensor, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """Which pixels lie in a rectangle of each image: (images, 1, height, width)."""
    rows = torch.arange(images.shape[2], device=images.device)
    columns = torch.arange(images.shape[3], device=images.device)
    in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
    in_columns = (columns >= left[:, None]) & (columns < right[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
