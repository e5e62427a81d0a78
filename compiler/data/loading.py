"""Frames of examples, loaded by other processes ahead of whoever wants them."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from compiler.data.ahead import Ahead
from compiler.data.errors import DataError
from compiler.data.examples import Examples
from compiler.data.images import quietly, silence
from compiler.data.preprocessing import Preprocessing
from compiler.data.stream import Stream

_BATCHES_AHEAD = 2
_MOST_WORKERS = 16
_MOST_NAMED = 5


class FrameReader:
    """Reads examples and brings them to frames of one size."""

    def __init__(self, examples: Examples, steps: Preprocessing, shape: Sequence[int]) -> None:
        self.examples = examples
        self.steps = steps
        self.shape = tuple(shape)
        """what every frame has to be"""

    def read(self, number: int) -> Tensor:
        """The frame of one example; `DataError` names the example that has none."""
        return self.frame(number, self.examples.stored(number))

    def frame(self, number: int, stored: Tensor) -> Tensor:
        """The same of what it is stored as."""
        height, width = stored.shape[-2:]
        try:
            size = self.steps.size_of(height, width)
        except DataError as error:
            raise error.of(self.examples.place(number)) from error
        if size != self.shape[1:]:
            becomes = f", which become {size[0]}x{size[1]}" if size != (height, width) else ""
            raise DataError(
                "E729",
                f"{height}x{width}{becomes}, and others {self.shape[1]}x{self.shape[2]}",
                self.examples.place(number),
                "bring all to one size: preprocess: {resize: input}; {resize: N, center_crop: N} keeps their shapes",
            )
        return self.steps.frame(stored).contiguous()

    def __len__(self) -> int:
        return len(self.examples)


class _Batches(Dataset[Tensor | list[DataError]]):
    """Whole batches as items, so that a worker makes one tensor of each."""

    def __init__(self, reader: FrameReader) -> None:
        self.reader = reader

    def __getitem__(self, numbers: list[int]) -> Tensor | list[DataError]:
        frames: list[Tensor] = []
        errors: list[DataError] = []  # raised in a worker they would come out as texts with tracebacks
        for number in numbers:
            try:
                frames.append(self.reader.read(number))
            except DataError as error:
                errors.append(error)
        return errors or torch.stack(frames)


class _Plan:
    """The batches to load next; the workers stay from one epoch to the next, and are given them anew."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class Frames(ABC):
    """Frames by the batch, in any order."""

    @abstractmethod
    def batches(self, order: Tensor, batch: int) -> Iterator[Tensor | list[DataError]]:
        """The frames of the examples; of a batch with examples that can't be read, what is wrong with them."""

    def frames(self, order: Tensor, batch: int) -> Iterator[Tensor]:
        """The frames of the examples; `DataError` at the first that can't be read."""
        return map(_sound, self.batches(order, batch))


class Loader(Frames):
    """Frames from processes that stay between epochs."""

    def __init__(self, reader: FrameReader, workers: int, *, pinned: bool = False) -> None:
        self._plan = _Plan()
        self._loader = DataLoader(
            _Batches(reader),
            sampler=self._plan,
            batch_size=None,
            num_workers=workers,
            pin_memory=pinned,
            prefetch_factor=2 if workers else None,
            persistent_workers=workers > 0,
            worker_init_fn=_start_worker,
        )

    def batches(self, order: Tensor, batch: int) -> Iterator[Tensor | list[DataError]]:
        self._plan.batches = [numbers.tolist() for numbers in order.cpu().split(batch)]
        with quietly():
            loading = iter(self._loader)
        for _ in self._plan.batches:
            yield self._next(loading)
        with quietly(), _workers_alive():
            next(loading, None)  # the end, behind which the workers rest

    def _next(self, loading: Iterator[Tensor | list[DataError]]) -> Tensor | list[DataError]:
        with quietly(), _workers_alive():  # without workers it is read here and now
            return next(loading)


class StreamLoader(Frames):
    """Frames of a stream, which one thread follows and others decode, ahead of whoever wants them."""

    def __init__(self, reader: FrameReader, stream: Stream, threads: int, *, pinned: bool) -> None:
        self.reader = reader
        self.stream = stream
        self.threads = threads
        self.pinned = pinned

    def batches(self, order: Tensor, batch: int) -> Iterator[Tensor | list[DataError]]:
        numbers = [each.tolist() for each in order.cpu().split(batch)]
        with ThreadPoolExecutor(self.threads) as pool:
            begun = Ahead(self._begun(numbers, pool), _BATCHES_AHEAD)
            try:
                for frames in begun:
                    yield self._finished(frames)
            finally:
                begun.close()
                pool.shutdown(cancel_futures=True)

    def _begun(self, batches: list[list[int]], pool: Executor) -> Generator[list[Future[Tensor]], None, None]:
        images = self.stream.images([number for numbers in batches for number in numbers])
        try:
            for numbers in batches:
                yield [pool.submit(self._frame, number, next(images)) for number in numbers]
        finally:
            images.close()

    def _frame(self, number: int, image: Any) -> Tensor:
        return self.reader.frame(number, self.stream.decoded(number, image))

    def _finished(self, begun: list[Future[Tensor]]) -> Tensor | list[DataError]:
        errors = [error for each in begun if isinstance(error := each.exception(), DataError)]
        if errors:
            return errors
        frames = torch.stack([each.result() for each in begun])
        return frames.pin_memory() if self.pinned else frames


def loader_of(reader: FrameReader, workers: int, *, pinned: bool = False) -> Frames:
    """What loads examples: of a stream threads of this process, else so many processes."""
    if isinstance(reader.examples, Stream):
        return StreamLoader(reader, reader.examples, max(workers, 1), pinned=pinned)
    return Loader(reader, workers, pinned=pinned)


def _sound(found: Tensor | list[DataError]) -> Tensor:
    if isinstance(found, list):
        raise found[0]
    return found


@contextmanager
def _workers_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            "E738", "a process that loads examples was ended by the system, which is short of memory, or of /dev/shm",
            None, "fewer of them: data: {type: …, workers: 1}, or 0 for none",
        ) from error  # fmt: skip


def read_all(reader: FrameReader, workers: int, out: Tensor) -> list[DataError]:
    """Put the frame of every example into `out`; what is wrong with those that can't be read."""
    batch, at = 64, 0
    few = len(reader) < 4 * batch  # not worth the start of processes
    errors: list[DataError] = []
    for found in loader_of(reader, 0 if few else workers).batches(torch.arange(len(reader)), batch):
        if isinstance(found, list):
            errors += found
        else:
            out[at : at + len(found)] = found
        at += batch
    return errors


def together(errors: list[DataError]) -> DataError:
    """One error for several examples: the first in full, the others by name."""
    first, *others = errors
    if not others:
        return first
    code, message, place, help = first.given
    named = ", ".join(str(each.given[2]) for each in others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
    return DataError(code, f"{message}\nothers that can't be used: {named}{more}", place, help)


def _start_worker(_: int) -> None:
    # to stop, and how, is for the process that trains to say
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    silence()


def worker_count(asked: int | None) -> int:
    """How many processes load examples, for each process that trains."""
    if asked is not None:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
