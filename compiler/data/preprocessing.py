"""From an example as it is stored to what the network sees, as plain data that a run keeps beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from archspec.frames import padded, resized
from archspec.shape import Shape
from archspec.training_data import PreprocessKeys, Statistics
from compiler.data.boxes import Window
from compiler.data.errors import DataError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Components:
    """The principal components of the colours of the training examples (Krizhevsky et al., 2012)."""

    variances: tuple[float, ...]
    """the eigenvalues, of colours from 0 to 1"""
    vectors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Preprocessing:
    """The steps, their numbers put in."""

    input: tuple[int, ...]
    maps: int
    resize: int | tuple[int, int] | None = None
    interpolation: str = "bilinear"
    center_crop: tuple[int, int] | None = None
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    fill: float = 0.0
    full: float = 255.0
    """the number that stands for white"""
    factor: float = 1 / 255
    """what pixels are multiplied by"""
    range: tuple[float, float] = (0.0, 1.0)
    """the smallest and the largest number that a pixel has then"""
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    components: Components | None = None
    has_white: bool = True
    """whether there is a number that stands for white, so that image files can be shown to the network"""
    stored: tuple[int, int] | None = None
    """the size that training examples had, before any step"""
    classes: tuple[str, ...] = field(default=())
    examples: tuple[tuple[str, int, int], ...] = field(default=())
    """for each part its name, its count, and a checksum of its targets: whether data are still those of a run"""

    @classmethod
    def of(cls, keys: PreprocessKeys, input: Shape, maps: int, full: float) -> Preprocessing:
        """The steps of a spec for examples in which `full` is white; statistics of their own are still to come."""
        resize = (input.height, input.width) if keys.resize == "input" and input.is_maps else keys.resize
        if resize == "input":
            raise DataError(
                "E730", f"`resize: input`, and the input, {input}, has no height and width", None,
                "write the size: resize: HxW",
            )  # fmt: skip
        factor = keys.rescale if not isinstance(keys.rescale, bool) else 1 / full if keys.rescale else 1.0
        mean, deviation = _given(keys, maps)
        return cls(
            tuple(input), maps, resize, keys.interpolation, keys.center_crop, keys.pad, keys.fill, full, factor,
            (0.0, full * factor), mean, deviation,
        )  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The steps that `as_dict` wrote."""
        found = {key: _frozen(value) for key, value in values.items() if key != "components"}
        components = values.get("components")
        if components is not None:
            components = Components(_frozen(components["variances"]), _frozen(components["vectors"]))
        return cls(**found, components=components)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: numbers, texts and lists."""
        return _plain(asdict(self))

    def for_full(self, full: float) -> Preprocessing:
        """The same for examples in which another number is white: images, where digits from 0 to 16 were trained.

        `DataError` where no number of the training's examples is white.
        """
        if not self.has_white:
            raise DataError(
                "E730", "the network learnt arrays of numbers that are not from 0 to 1: nobody can say what an image's "
                "white is among them", None, "train with arrays of uint8, uint16, or floats from 0 to 1",
            )  # fmt: skip
        return replace(self, full=full, factor=self.factor * self.full / full)

    # --- what is done to an example by itself

    def frame(self, examples: Tensor) -> Tensor:
        """Resize, crop and pad: (…, maps, height, width) to the same with other sides; `DataError` where it can't."""
        height, width = examples.shape[-2:]
        size = self._resized(height, width)
        if size != (height, width):
            examples = _resize(examples, size, self.interpolation)
        if self.center_crop is not None:
            examples = center(examples, self.center_crop)
        top, bottom, left, right = self.pad
        if any(self.pad):
            examples = F.pad(examples, (left, right, top, bottom), value=self._fill_of(examples))
        return examples

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of the frame of an example; `DataError` where it has none."""
        height, width = self._resized(height, width)
        if self.center_crop is not None:
            _check_large_enough((height, width), self.center_crop)
            height, width = self.center_crop
        return padded((height, width), self.pad)

    def window(self, height: Tensor, width: Tensor) -> Window:
        """The part of images of these sizes that their frames show."""
        rows, columns = height.double(), width.double()
        if isinstance(self.resize, int):
            shorter = torch.minimum(rows, columns)
            rows, columns = ((side * self.resize / shorter).round().clamp_min(1) for side in (rows, columns))
        elif self.resize is not None:
            rows, columns = (torch.full_like(rows, side) for side in self.resize)
        shown = (rows, columns) if self.center_crop is None else self.center_crop
        above, beside = (rows - shown[0]) // 2, (columns - shown[1]) // 2
        top, bottom, left, right = self.pad
        return Window(
            (above - top) / rows, (beside - left) / columns,
            (above + shown[0] + bottom) / rows, (beside + shown[1] + right) / columns,
        )  # fmt: skip

    def leaves(self, height: int, width: int) -> bool:
        """Whether examples of this size are frames as they are."""
        size = (height, width)
        return self._resized(height, width) == size and self.center_crop in (None, size) and not any(self.pad)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        return resized(self.resize, height, width)

    def _fill_of(self, examples: Tensor) -> float:
        fill = self.fill * self.full
        return fill if examples.is_floating_point() else round(fill)

    # --- what is done to a batch

    @cached_property
    def gain(self) -> Tensor:
        """What each map is multiplied by."""
        deviation = torch.tensor(self.deviation or (1.0,) * self.maps, dtype=torch.float64)
        return (self.factor / deviation).to(torch.float32).view(-1, 1, 1)

    @cached_property
    def offset(self) -> Tensor:
        """What is added then."""
        return self.normal_of(0.0).view(-1, 1, 1)

    def normal_of(self, level: float) -> Tensor:
        """A brightness as each map of the network's input has it."""
        mean = torch.tensor(self.mean or (0.0,) * self.maps, dtype=torch.float64)
        deviation = torch.tensor(self.deviation or (1.0,) * self.maps, dtype=torch.float64)
        return ((level - mean) / deviation).to(torch.float32)

    def normalised(self, frames: Tensor) -> Tensor:
        """Frames as the network sees them: 32-bit, rescaled, mean and deviation taken out."""
        gain, offset = self.gain.to(frames.device), self.offset.to(frames.device)
        return torch.addcmul(offset, frames.to(torch.float32), gain)

    def shown(self, batch: Tensor) -> Tensor:
        """Images of the network's input as a picture of them has them, from 0 to 1."""
        images = batch.cpu()
        deviation = torch.tensor(self.deviation or (1.0,) * self.maps).view(-1, 1, 1)
        mean = torch.tensor(self.mean or (0.0,) * self.maps).view(-1, 1, 1)
        least, most = self.range
        return ((images * deviation + mean - least) / ((most - least) or 1)).clamp(0, 1)


def _given(keys: PreprocessKeys, maps: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if keys.normalise == "imagenet":
        given = Statistics(mean=IMAGENET[0], deviation=IMAGENET[1])
    elif isinstance(keys.normalise, Statistics):
        given = keys.normalise
    else:
        return (), ()
    if len(given.mean) == 1:
        given = Statistics(mean=given.mean * maps, deviation=given.deviation * maps)
    if len(given.mean) != maps:
        raise DataError(
            "E730", f"means and deviations of {len(given.mean)} maps, and the input has {maps}", None,
            "preprocess: {normalise: own}, which computes them",
        )  # fmt: skip
    return given.mean, given.deviation


def center(examples: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle of images, which have to be large enough."""
    height, width = examples.shape[-2:]
    _check_large_enough((height, width), size)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    return examples[..., top : top + size[0], left : left + size[1]]


def _check_large_enough(image: tuple[int, int], piece: tuple[int, int]) -> None:
    if image[0] < piece[0] or image[1] < piece[1]:
        raise DataError(
            "E730", f"an image of {image[0]}x{image[1]}, and {piece[0]}x{piece[1]} are to be cut out of it", None,
            f"make it larger first: preprocess: {{resize: {max(piece)}}}",
        )  # fmt: skip


def _resize(examples: Tensor, size: tuple[int, int], interpolation: str) -> Tensor:
    mode = "nearest-exact" if interpolation == "nearest" else interpolation
    smooth = mode != "nearest-exact"
    batch = examples if examples.dim() == 4 else examples.unsqueeze(0)
    resized = F.interpolate(batch, size, mode=mode, antialias=smooth, align_corners=False if smooth else None)
    return resized if examples.dim() == 4 else resized.squeeze(0)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
