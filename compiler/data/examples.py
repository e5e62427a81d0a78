"""Examples as a source has them: one at a time, or all in one tensor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from archspec.names import LABEL
from compiler.data.errors import DataError
from compiler.data.images import MAPS, decode, size_of
from compiler.data.keyed import Choice, Keyed
from compiler.data.order import Windows
from compiler.data.targets import Target, Targets, only


class Examples(ABC):
    """Some examples with their targets."""

    targets: Targets
    origin: str
    """the file or folder that they come from"""

    def __len__(self) -> int:
        return len(next(iter(self.targets.values())))

    @property
    def windows(self) -> Windows | None:
        """How far they can be mixed where they come in a stream; None where each is within reach at any time."""
        return None

    @abstractmethod
    def stored(self, number: int) -> Tensor:
        """One example, (maps, height, width), as it is stored; `DataError` names it where it can't be read."""

    @abstractmethod
    def place(self, number: int) -> str:
        """What to call an example."""

    @abstractmethod
    def size(self, number: int) -> tuple[int, int]:
        """The height and width of an example as it is stored; `DataError` names it where it can't be read."""

    def sizes(self) -> Tensor:
        """The heights and widths of all of them."""
        return torch.tensor([self.size(number) for number in range(len(self))])

    def sample(self, count: int) -> Tensor:
        """The numbers of some of them, always the same ones, of all parts of the set."""
        chosen = Keyed(0, 0, torch.arange(len(self))).bits(Choice.SAMPLE, 1)[:, 0].argsort()[:count]
        return chosen.sort().values

    @abstractmethod
    def with_targets(self, targets: Targets) -> Examples:
        """The same examples, learnt for something else."""

    @abstractmethod
    def only(self, numbers: Tensor) -> Examples:
        """These of the examples, in this order."""

    @abstractmethod
    def in_maps(self, maps: int) -> Examples:
        """The same as a network with so many maps takes them; `DataError` where there is no way."""


class Stack(Examples):
    """Examples of one size in one tensor, (count, maps, height, width), which several parts may share."""

    def __init__(self, images: Tensor, targets: Targets, origin: str, rows: Tensor | None = None) -> None:
        self.images = images
        self.targets = targets
        self.origin = origin
        self.rows = rows
        """where in the tensor each example stands; None for all, in their order"""

    def _row(self, number: int) -> int:
        return number if self.rows is None else int(self.rows[number])

    def stored(self, number: int) -> Tensor:
        return self.images[self._row(number)]

    def place(self, number: int) -> str:
        return f"{self.origin}, example {self._row(number)}"

    def size(self, number: int) -> tuple[int, int]:
        return (self.images.shape[2], self.images.shape[3])

    def sizes(self) -> Tensor:
        return torch.tensor([self.size(0)]).expand(len(self), 2)

    def with_targets(self, targets: Targets) -> Stack:
        return Stack(self.images, targets, self.origin, self.rows)

    def only(self, numbers: Tensor) -> Stack:
        rows = numbers if self.rows is None else self.rows[numbers]
        return Stack(self.images, only(self.targets, numbers), self.origin, rows)

    def in_maps(self, maps: int) -> Stack:
        return Stack(with_maps(self.images, maps, self.origin), self.targets, self.origin, self.rows)

    def chunks(self, size: int) -> Iterator[Tensor]:
        """The examples, some at a time."""
        if self.rows is None:
            yield from self.images.split(size)
        else:
            for rows in self.rows.split(size):
                yield self.images[rows]


class Files(Examples):
    """Images in files."""

    def __init__(self, paths: Sequence[str], targets: Targets, origin: str, maps: int = 3) -> None:
        self.paths = list(paths)
        self.targets = targets
        self.origin = origin
        self.maps = maps

    def stored(self, number: int) -> Tensor:
        return decode(Path(self.paths[number]), self.maps)

    def place(self, number: int) -> str:
        return self.paths[number]

    def size(self, number: int) -> tuple[int, int]:
        return size_of(Path(self.paths[number]))

    def with_targets(self, targets: Targets) -> Files:
        return Files(self.paths, targets, self.origin, self.maps)

    def only(self, numbers: Tensor) -> Files:
        paths = [self.paths[number] for number in numbers.tolist()]
        return Files(paths, only(self.targets, numbers), self.origin, self.maps)

    def in_maps(self, maps: int) -> Files:
        if maps not in MAPS:
            raise unlike_images(maps)
        return Files(self.paths, self.targets, self.origin, maps)


def unlike_images(maps: int) -> DataError:
    """The error for an input with maps that no image file has."""
    return DataError(
        "E730", f"images have 1 map (grey) or 3 (red, green, blue), and the input has {maps}", None,
        "a spec with input: 3xHxW or 1xHxW; or `data: {type: arrays}`, which may have any",
    )  # fmt: skip


@dataclass
class Source:
    """What a source gives: parts by name, or one part to be divided."""

    targets: dict[str, Target]
    parts: dict[str, Examples]
    full: float = 255.0
    """the number that stands for white"""
    has_white: bool = True
    """whether there is such a number: in arrays of any numbers nobody can say which"""
    notes: list[str] = field(default_factory=list[str])

    @property
    def strata(self) -> tuple[str, ...]:
        """The classes of the label, by which examples are divided; empty where it has none."""
        label = self.targets.get(LABEL)
        return label.classes if label is not None and label.kind == "classes" else ()


WHOLE = "all"
"""The name of a part that is still to be divided."""


def with_maps(images: Tensor, maps: int, place: str) -> Tensor:
    """Images of a tensor, (…, maps, height, width), as a network with so many maps takes them."""
    has = images.shape[-3]
    if has == maps:
        return images
    if has == 1 and maps == 3:
        return images.expand(*images.shape[:-3], 3, *images.shape[-2:])
    if has == 3 and maps == 1:
        return grey(images)
    raise DataError(
        "E730", f"images of {has} {'map' if has == 1 else 'maps'}, and the input has {maps}", place,
        f"a spec with input: {has}xHxW, or other images",
    )  # fmt: skip


def grey(images: Tensor) -> Tensor:
    """The brightness of red-green-blue images, the weights those of ITU-R 601, as Pillow rounds them."""
    red, green, blue = images.unbind(-3)
    if images.is_floating_point():
        return (red * 0.299 + green * 0.587 + blue * 0.114).unsqueeze(-3)
    weighted = red.int() * 19595 + green.int() * 38470 + blue.int() * 7471 + 0x8000
    return (weighted >> 16).to(images.dtype).unsqueeze(-3)
