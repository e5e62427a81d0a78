"""The parts of a data set as a run reads them: batches of examples, in the order that it asks for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from archspec.names import BOXES
from compiler.data.augmentation import Augmentation
from compiler.data.boxes import middle
from compiler.data.errors import DataError
from compiler.data.examples import Examples
from compiler.data.keyed import Keyed
from compiler.data.loading import Frames
from compiler.data.order import epoch_order, neighbours
from compiler.data.preprocessing import Preprocessing, center
from compiler.data.targets import Target, Targets

Batch = tuple[Tensor, dict[str, Tensor]]
"""Images, and for each name what outputs learn of them."""


@dataclass
class Split(ABC):
    """One part: train, validation or test."""

    name: str
    examples: Examples
    steps: Preprocessing
    augmentation: Augmentation
    learnt: Mapping[str, Target]
    """what outputs learn, that of the main one first"""
    seed: int
    device: torch.device

    def __post_init__(self) -> None:
        self._targets = {name: self.examples.targets[name].to(self.device) for name in self.learnt}
        self._plain_targets = dict(self._targets)
        if BOXES in self.learnt and self.augmentation.mixes:
            raise DataError(
                "E737", "`mixup` and `cutmix` make one image of two, which has no single box", self.examples.origin,
                "leave them out of `augment`",
            )  # fmt: skip
        if BOXES in self.learnt:  # seen from the middle of frames that are larger than the input
            seen = middle(self.augmentation.frame, self.augmentation.size).seen(self._targets[BOXES])
            self._plain_targets[BOXES] = seen.clamp(0, 1).float()

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def targets(self) -> Tensor:
        """What the main output learns: the number of each example's class, or a row of float32 for each."""
        return self.examples.targets[next(iter(self.learnt))]

    def place(self, number: int) -> str:
        """What to call an example: its file, or its number."""
        return self.examples.place(number)

    def order(self, epoch: int) -> Tensor:
        """All examples once, in the order in which an epoch takes them."""
        return epoch_order(len(self), self.seed, epoch, self.examples.windows)

    def batches(self, order: Tensor, batch: int, *, epoch: int, augment: bool, start: int = 0) -> Iterator[Batch]:
        """Images and targets on the device, `batch` examples of `order` at a time, the first `start` batches left out.

        Targets are shares of the classes where images are mixed.
        """
        order = order[start * batch :]
        if not len(order):
            return iter(())
        if augment and not self.augmentation.does_nothing:
            return self._augmented(order, batch, epoch)
        return self._plain(order, batch)

    @abstractmethod
    def frames(self, order: Tensor, batch: int) -> Iterator[Tensor]:
        """The normalised frames of the examples, in batches, on the device."""

    def _plain(self, order: Tensor, batch: int) -> Iterator[Batch]:
        # `map` holds on to nothing that it has given, where the variables of a loop would for a whole step
        return map(self._as_it_is, order.to(self.device).split(batch), self.frames(order, batch))

    def _as_it_is(self, numbers: Tensor, frames: Tensor) -> Batch:
        size = self.augmentation.size
        images = frames if frames.shape[-2:] == size else center(frames, size).contiguous()
        return self._as_input(images), _selected(self._plain_targets, numbers)

    def _augmented(self, order: Tensor, batch: int, epoch: int) -> Iterator[Batch]:
        order = order.to(self.device)
        if not self.augmentation.mixes:
            return map(partial(self._varied, epoch), order.split(batch), self.frames(order, batch))
        partners = self._partners(Keyed(self.seed, epoch, order), epoch)
        pairs = [torch.cat(pair) for pair in zip(order.split(batch), partners.split(batch), strict=True)]
        return map(partial(self._mixed, epoch), pairs, self.frames(torch.cat(pairs), 2 * batch))

    def _partners(self, keyed: Keyed, epoch: int) -> Tensor:
        """For each example the one that it is mixed with: any, or of a stream one that comes in about the same time."""
        windows = self.examples.windows
        if windows is None or windows.is_whole:
            return self.augmentation.partners(keyed, len(self))
        reach = min(len(self), max(2, windows.window // 2))
        distances = self.augmentation.partners(keyed, reach)
        return neighbours(self.order(epoch).to(distances.device), keyed.examples, distances, reach)

    def _varied(self, epoch: int, numbers: Tensor, frames: Tensor) -> Batch:
        keyed = Keyed(self.seed, epoch, numbers)
        targets = _selected(self._targets, numbers)
        if BOXES in targets:
            targets[BOXES] = self.augmentation.moved(targets[BOXES], keyed)
        return self._as_input(self.augmentation(frames, keyed)), targets

    def _mixed(self, epoch: int, pair: Tensor, frames: Tensor) -> Batch:
        images, others = self.augmentation(frames, Keyed(self.seed, epoch, pair)).chunk(2)
        own = Keyed(self.seed, epoch, pair[: len(images)])
        mixed, share = self.augmentation.mixed(images, others, own)
        return self._as_input(mixed), self._mixed_targets(pair, share)

    def _mixed_targets(self, pair: Tensor, share: Tensor) -> dict[str, Tensor]:
        mixed: dict[str, Tensor] = {}
        for name, targets in _selected(self._targets, pair).items():
            first, second = self.learnt[name].shares(targets).chunk(2)
            mixed[name] = second + (first - second) * share.to(torch.float32)[:, None]
        return mixed

    def _as_input(self, images: Tensor) -> Tensor:
        return images if images.dim() == len(self.steps.input) + 1 else images.reshape(len(images), *self.steps.input)


def _selected(targets: Targets, numbers: Tensor) -> dict[str, Tensor]:
    return {name: each.index_select(0, numbers) for name, each in targets.items()}


@dataclass
class Resident(Split):
    """All frames in one tensor on the device, as the network sees them, or as they are stored where that is smaller."""

    images: Tensor

    def frames(self, order: Tensor, batch: int) -> Iterator[Tensor]:
        return map(self._taken, order.to(self.device).split(batch))

    def _taken(self, numbers: Tensor) -> Tensor:
        found = self.images.index_select(0, numbers)
        return found if found.is_floating_point() else self.steps.normalised(found)


@dataclass
class Streamed(Split):
    """Examples read, decoded and brought to size ahead; normalised and augmented on the device."""

    loader: Frames

    def frames(self, order: Tensor, batch: int) -> Iterator[Tensor]:
        return map(self._moved, self.loader.frames(order, batch))

    def _moved(self, frames: Tensor) -> Tensor:
        return self.steps.normalised(frames.to(self.device, non_blocking=True))
