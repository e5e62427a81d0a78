"""Examples that come in a stream: read in pieces when they are wanted, and held no longer than that."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from archspec.names import LABEL
from archspec.report.units import bytes_text
from compiler.data.ahead import Ahead
from compiler.data.errors import DataError
from compiler.data.examples import Examples, unlike_images
from compiler.data.images import MAPS, decode_bytes, size_of_bytes
from compiler.data.keyed import Choice, Keyed
from compiler.data.order import Windows, epoch_order
from compiler.data.targets import Targets, only

READERS = 4
"""pieces that are read at the same time"""
WAITS = (1.0, 4.0, 16.0)
"""seconds before a stream that broke is tried again; the libraries below have tried for themselves already"""
_ROW = 100
_AHEAD = 64
"""images of a piece that are read before they are wanted"""


class Pieces(ABC):
    """A stream in pieces, each of which can be begun by itself."""

    counts: Sequence[int]
    """how many rows each piece has"""
    typical: int | None = None
    """the bytes of an image, as soon as somebody has looked"""

    @abstractmethod
    def read(self, piece: int, first: int) -> Iterator[Any]:
        """The images of a piece, from a row on, as they are stored; `OSError` where the stream breaks."""

    @abstractmethod
    def size(self, image: Any) -> int:
        """The bytes of memory that such an image takes."""

    @abstractmethod
    def content(self, image: Any, place: str) -> bytes:
        """The bytes of such an image."""


class Stream(Examples):
    """Rows of a stream, in their order, each with an image."""

    def __init__(
        self, pieces: Pieces, targets: Targets, origin: str, window: int, maps: int = 3, rows: Tensor | None = None
    ) -> None:
        self.pieces = pieces
        self.targets = targets
        self.origin = origin
        self.window = window
        self.maps = maps
        self.rows = torch.arange(len(self)) if rows is None else rows
        self._ends = torch.tensor(pieces.counts).cumsum(0)
        used = torch.bincount(self._piece_of(self.rows), minlength=len(pieces.counts))
        self._windows = Windows(used.tolist(), window)

    @property
    def windows(self) -> Windows:
        return self._windows

    def _piece_of(self, rows: Tensor) -> Tensor:
        return torch.searchsorted(self._ends, rows, right=True)

    def place(self, number: int) -> str:
        return f"{self.origin}, row {int(self.rows[number])}"

    def stored(self, number: int) -> Tensor:
        (image,) = self.images([number])
        return self.decoded(number, image)

    def decoded(self, number: int, image: Any) -> Tensor:
        """An example, (maps, height, width), of what the stream has."""
        place = self.place(number)
        return decode_bytes(self.pieces.content(image, place), self.maps, place)

    def size(self, number: int) -> tuple[int, int]:
        (image,) = self.images([number])
        return self._size(number, image)

    def _size(self, number: int, image: Any) -> tuple[int, int]:
        place = self.place(number)
        return size_of_bytes(self.pieces.content(image, place), place)

    def sizes(self) -> Tensor:
        numbers = range(len(self))
        return torch.tensor([self._size(*each) for each in zip(numbers, self.images(numbers), strict=True)])

    def sample(self, count: int) -> Tensor:
        """Whole pieces but for the last of them, so that few have to be read."""
        pieces = torch.arange(len(self.pieces.counts))
        ranks = Keyed(0, 0, pieces).bits(Choice.SAMPLE, 1)[:, 0].argsort().argsort()
        return ranks[self._piece_of(self.rows)].argsort(stable=True)[:count].sort().values

    def with_targets(self, targets: Targets) -> Stream:
        return Stream(self.pieces, targets, self.origin, self.window, self.maps, self.rows)

    def only(self, numbers: Tensor) -> Stream:
        targets = only(self.targets, numbers)
        return Stream(self.pieces, targets, self.origin, self.window, self.maps, self.rows[numbers])

    def in_maps(self, maps: int) -> Stream:
        if maps not in MAPS:
            raise unlike_images(maps)
        return Stream(self.pieces, self.targets, self.origin, self.window, maps, self.rows)

    def said_of_order(self) -> list[str]:
        """How far epochs are mixed."""
        if self.windows.is_whole:
            return ["the window takes in the whole stream: each epoch has any order"]
        count = sum(map(bool, self.windows.pieces))
        pieces = f"its {count:,} pieces in any order, and " if count > 1 else ""
        said = [f"each epoch takes {pieces}examples mixed within a window of {self.window:,}"]
        label = self.targets.get(LABEL)
        if label is not None and not label.is_floating_point():
            met, wanted = (_classes_met(label[order]) for order in (epoch_order(len(self), 0, 0, self.windows),
                                                                    epoch_order(len(self), 0, 0)))  # fmt: skip
            if met < wanted / 2:
                said.append(
                    f"the stream is sorted by class: of {_ROW} examples in a row {met:.0f} classes are met, and "
                    f"{wanted:.0f} where all are mixed; a larger `window` mixes more"
                )
        return said

    def said_of_reading(self, part: str, free: int) -> list[str]:
        """What is held at a time, and where much is read that is not used; `DataError` where memory is too small."""
        read = sum(count for count, used in zip(self.pieces.counts, self.windows.pieces, strict=True) if used)
        is_spread = read >= 2 * len(self)
        size = self._size_of_first() if is_spread or part == "train" else 0
        if not size:  # the stream may have the names of files, which are read one by one
            return []
        said: list[str] = []
        if part == "train":
            count = len(self) if self.windows.is_whole else self.window // 2
            taken, room = bytes_text(size * count), bytes_text(free)
            if size * count > free:
                raise DataError(
                    "E738", f"{count:,} images like the first are held at a time, which takes {taken}, and {room} are "
                    "free", self.origin, f"window: {max(1, free // size)}",
                )  # fmt: skip
            said.append(f"{count:,} images are held at a time, as they are stored: about {taken}")
        if is_spread:
            said.append(f"{part} is spread over {read:,} rows, all of which are read for its {len(self):,} examples")
        return said

    def _size_of_first(self) -> int:
        if self.pieces.typical is None:
            (image,) = self.images([0])
            self.pieces.typical = self.pieces.size(image)
        return self.pieces.typical

    def images(self, numbers: Sequence[int]) -> Generator[Any, None, None]:
        """The images of these examples, in this order, as they are stored.

        Every piece that has some of them is read once, in the order in which they are first wanted, up to the last one
        that is; an image is held from there until it is wanted for the last time.
        """
        rows = self.rows[torch.as_tensor(numbers, dtype=torch.int64)]
        uses = Counter(rows.tolist())
        wanted: dict[int, list[int]] = {}
        for row, piece in zip(rows.tolist(), self._piece_of(rows).tolist(), strict=True):
            wanted.setdefault(piece, []).append(row)
        coming = iter(wanted.items())
        reading: deque[Ahead[tuple[int, Any]]] = deque()
        held: dict[int, Any] = {}
        try:
            for row in rows.tolist():
                while row not in held:
                    while len(reading) < READERS and (piece := next(coming, None)) is not None:
                        reading.append(Ahead(self._read(piece[0], sorted(set(piece[1]))), _AHEAD))
                    for number, image in reading[0]:
                        held[number] = image
                        break
                    else:
                        reading.popleft()
                uses[row] -= 1
                yield held[row] if uses[row] else held.pop(row)
        finally:
            for each in reading:
                each.close()

    def _read(self, piece: int, rows: Sequence[int]) -> Generator[tuple[int, Any], None, None]:
        """Rows of a piece, in their order, with their images; where the stream breaks it is taken up again there."""
        count = self.pieces.counts[piece]
        end = int(self._ends[piece])
        left, waits = deque(rows), iter(WAITS)
        while left:
            row = left[0] - 1
            try:
                for row, image in enumerate(self.pieces.read(piece, left[0] - end + count), left[0]):
                    if row == end:
                        raise self._changed(f"piece {piece + 1} goes on behind its {count:,} rows")
                    if left and row == left[0]:
                        left.popleft()
                        waits = iter(WAITS)
                        yield row, image
                    if not left and row < end - 1:
                        return
            except OSError as error:
                wait = next(waits, None)
                if wait is None:
                    raise DataError(
                        "E741", f"the stream breaks: {said(error)}", f"{self.origin}, row {row + 1}",
                        "when the network is back, go on with: archspec train --resume RUN",
                    ) from error  # fmt: skip
                time.sleep(wait)
                continue
            if left:
                raise self._changed(f"piece {piece + 1} ends after {row + 1 - end + count:,} of its {count:,} rows")

    def _changed(self, what: str) -> DataError:
        return DataError(
            "E741", f"the stream is another than it was when its labels were read: {what}", self.origin,
            "`revision` with a commit, which stays as it is; and begin anew: archspec train SPEC",
        )  # fmt: skip


def _classes_met(labels: Tensor) -> float:
    """How many classes examples in a row have, on average."""
    rows = labels[: len(labels) // _ROW * _ROW].view(-1, _ROW).sort(dim=1).values
    return 1 + float((rows.diff(dim=1) != 0).sum(1).double().mean())


def said(error: Exception) -> str:
    """What a library's error says, in a line."""
    return (str(error) or type(error).__name__).strip().split("\n")[0]
