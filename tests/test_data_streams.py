"""Data sets that are streamed: in an order that is known beforehand, held no longer than needed, taken up anywhere."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

from archspec.names import LABEL  # noqa: E402
from compiler.data import DataError, stream  # noqa: E402
from compiler.data.ahead import Ahead  # noqa: E402
from compiler.data.keyed import Choice, Keyed  # noqa: E402
from compiler.data.order import Windows, epoch_order, neighbours  # noqa: E402
from compiler.data.stream import Pieces, Stream  # noqa: E402
from compiler.train.order import Division  # noqa: E402
from tests.conftest import REPOSITORY  # noqa: E402

COUNTS = (40, 1, 0, 25, 100, 7, 60, 60, 60)
COUNT = sum(COUNTS)


class Cell:
    """An image that a test counts."""

    def __init__(self, row: int) -> None:
        self.row = row


class Counted(Pieces):
    """Pieces of numbers, which count what is alive of them, and break where they are told to."""

    def __init__(self, counts: tuple[int, ...] = COUNTS) -> None:
        self.counts = counts
        self.begun: list[tuple[int, int]] = []
        self.given = 0
        self.alive: weakref.WeakSet[Cell] = weakref.WeakSet()
        self.breaks: list[int] = []
        """rows before which the stream breaks, once for each time that they stand here"""
        self.has = list(counts)
        """how many rows there really are"""

    def read(self, piece: int, first: int) -> Iterator[Cell]:
        self.begun.append((piece, first))
        start = sum(self.counts[:piece])
        for row in range(start + first, start + self.has[piece]):
            if row in self.breaks:
                self.breaks.remove(row)
                raise ConnectionError("the cable is out\nTraceback of a library")
            cell = Cell(row)
            self.given += 1
            self.alive.add(cell)
            yield cell

    def size(self, image: Cell) -> int:
        return 1000 + image.row

    def content(self, image: Cell, place: str) -> bytes:
        raise NotImplementedError


def streamed(pieces: Pieces, window: int = 50, rows: Any = None, labels: Any = None) -> Stream:
    count = sum(pieces.counts) if rows is None else len(rows)
    targets = {LABEL: torch.zeros(count, dtype=torch.int64) if labels is None else labels}
    return Stream(pieces, targets, "pets, train", window, rows=rows)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WAITS", (0.0, 0.0, 0.0))


# --- the order


@pytest.mark.parametrize("window", [1, 30, 200, COUNT - 1])
def test_order_is_of_all_examples_and_needs_a_window_of_them_at_most(window: int) -> None:
    windows, seen = Windows(COUNTS, window), set()
    for epoch in range(3):
        order = epoch_order(COUNT, 7, epoch, windows)
        assert sorted(order.tolist()) == list(range(COUNT))
        seen.add(tuple(order.tolist()))
        # read the pieces in the order in which the epoch wants them, as far as each example needs
        ends = list(accumulate(COUNTS))
        piece = [next(at for at, end in enumerate(ends) if number < end) for number in range(COUNT)]
        first: dict[int, int] = {}
        for at, number in enumerate(order.tolist()):
            first.setdefault(piece[number], at)
        reading = [number for each in first for number in range(COUNT) if piece[number] == each]
        place = {number: at for at, number in enumerate(reading)}
        read, most = 0, 0
        for done, number in enumerate(order.tolist()):
            read = max(read, place[number] + 1)
            most = max(most, read - done)
        assert most <= window + max(COUNTS)
    assert len(seen) == 3


def test_pieces_come_in_another_order_in_each_epoch_and_examples_are_mixed() -> None:
    windows = Windows((100,) * 20, 300)
    firsts = [int(epoch_order(2000, 0, epoch, windows)[0]) // 100 for epoch in range(12)]
    assert len(set(firsts)) > 6
    order = epoch_order(2000, 0, 0, windows)
    # a hundred examples in the middle are of more than three pieces, and of fewer than they would be of all
    assert 3 <= len(set((order[1000:1100] // 100).tolist())) <= 6


@pytest.mark.parametrize("window", [COUNT, 10 * COUNT])
def test_window_of_all_is_the_order_of_data_that_are_not_streamed(window: int) -> None:
    assert torch.equal(epoch_order(COUNT, 1, 2, Windows(COUNTS, window)), epoch_order(COUNT, 1, 2))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_take_each_example_once(processes: int) -> None:
    whole = streamed(Counted())
    order, division = epoch_order(COUNT, 0, 0, whole.windows), Division(12, processes, 1)
    for rank in range(processes):
        own = division.of_process(order, rank)
        assert [image.row for image in whole.images(own.tolist())] == own.tolist()
    taken = torch.cat([division.of_process(order, rank) for rank in range(processes)])
    assert sorted(taken.tolist()) == list(range(COUNT))


def test_neighbours_are_near_and_any_of_those_near() -> None:
    order = epoch_order(500, 3, 0)
    place = {number: at for at, number in enumerate(order.tolist())}
    keyed = Keyed(0, 0, torch.arange(500))
    distances = keyed.below(Choice.PARTNER, (40,))[:, 0]
    found = neighbours(order, torch.arange(500), distances, 40).tolist()
    apart = [place[other] - place[number] for number, other in enumerate(found)]
    inner = [each for number, each in enumerate(apart) if 20 <= place[number] < 480]
    assert set(inner) == set(range(-20, 20))
    assert all(-40 < each < 40 for each in apart)
    # an example has the same partner whatever part of the order is asked for
    assert neighbours(order, torch.tensor([7]), distances[7:8], 40).tolist() == found[7:8]


# --- reading


@pytest.mark.parametrize("window", [20, 100, COUNT])
def test_images_come_as_asked_for_and_few_are_held(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "READERS", 2)
    monkeypatch.setattr(stream, "_AHEAD", 1)
    pieces = Counted()
    whole = streamed(pieces, window)
    order = epoch_order(COUNT, 5, 1, whole.windows).tolist()
    most = 0
    for number, image in zip(order, whole.images(order), strict=True):
        assert image.row == number
        most = max(most, len(pieces.alive))
    assert most <= min(window + max(COUNTS), COUNT) + 2 * 3  # and what the readers have in hand
    assert sorted(piece for piece, _ in pieces.begun) == [0, 1, 3, 4, 5, 6, 7, 8]
    del image
    gc.collect()
    assert not pieces.alive


def test_window_bounds_what_is_held_of_one_long_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_AHEAD", 1)
    pieces = Counted((5000,))
    whole = streamed(pieces, 200)
    most = 0
    for _ in whole.images(epoch_order(5000, 0, 0, whole.windows).tolist()):
        most = max(most, len(pieces.alive))
    assert 100 <= most <= 205


def test_any_order_with_repeats() -> None:
    numbers = [300, 2, 2, 299, 0, 300, 41, 2]
    assert [image.row for image in streamed(Counted()).images(numbers)] == numbers


def test_rows_of_a_part_alone_are_read() -> None:
    pieces = Counted()
    part = streamed(pieces, rows=torch.tensor([3, 70, 71, 350]))
    assert part.windows.pieces == [1, 0, 0, 0, 2, 0, 0, 0, 1]
    assert [image.row for image in part.images([3, 0, 2, 1])] == [350, 3, 71, 70]
    assert sorted(pieces.begun) == [(0, 3), (4, 4), (8, 57)]
    assert part.place(1) == "pets, train, row 70"
    assert [image.row for image in part.only(torch.tensor([1, 3])).images([0, 1])] == [70, 350]


def test_begins_in_the_middle_of_a_piece_and_ends_there() -> None:
    pieces = Counted((1000,))
    list(streamed(pieces).images([600, 601, 605]))
    assert pieces.begun == [(0, 600)]
    assert pieces.given == 6


def test_sample_is_of_few_pieces() -> None:
    whole = streamed(Counted((10,) * 50))
    sample = whole.sample(95).tolist()
    assert len(set(sample)) == 95
    assert sample == sorted(sample)
    assert len({number // 10 for number in sample}) == 10
    assert whole.sample(1000).tolist() == list(range(500))


def test_stream_that_breaks_is_taken_up_where_it_broke() -> None:
    pieces = Counted()
    pieces.breaks = [0, 90, 90, 90, 95, 95]
    assert [image.row for image in streamed(pieces).images(range(COUNT))] == list(range(COUNT))
    assert pieces.begun.count((4, 24)) == 3  # row 90
    assert pieces.begun.count((4, 29)) == 2  # row 95


def test_stream_that_stays_broken_is_said_to_be() -> None:
    pieces = Counted()
    pieces.breaks = [90] * 4
    images = streamed(pieces).images(range(COUNT))
    with pytest.raises(DataError) as caught:
        list(images)
    assert caught.value.diagnostic.code == "E741"
    assert caught.value.diagnostic.message == "pets, train, row 90: the stream breaks: the cable is out"
    assert "archspec train --resume" in str(caught.value.diagnostic.help)


@pytest.mark.parametrize(("has", "message"), [
    (30, "piece 4 ends after 20 of its 25 rows"), (26, "piece 4 goes on behind its 25 rows"),
])  # fmt: skip
def test_stream_that_has_changed_is_noticed(has: int, message: str) -> None:
    pieces = Counted()
    pieces.has[3] = has - 10 if has > 26 else has
    with pytest.raises(DataError, match=message):
        list(streamed(pieces).images(range(COUNT)))


def test_threads_end_where_nobody_wants_more() -> None:
    before = threading.active_count()
    images = streamed(Counted()).images(range(COUNT))
    next(images)
    assert threading.active_count() > before
    images.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_error_of_a_thread_comes_out_in_its_place() -> None:
    def numbers() -> Any:
        yield 1
        yield 2
        raise ZeroDivisionError

    ahead = Ahead(numbers(), 5)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        next(ahead)


_ENDS_WITH_AN_ERROR = """
import sys, time
from compiler.data.ahead import Ahead

def numbers():
    try:
        while True:
            yield 1
            time.sleep(0.3)  # stands in a read when the error leaves
    finally:
        print("ended", flush=True)

def batches(numbers):
    try:
        yield from numbers
    finally:
        numbers.close()
        print("ended too", flush=True)

kept = Ahead(batches(Ahead(numbers(), 1)), 2)
next(kept)
raise SystemExit(3)
"""


def test_process_that_ends_waits_for_its_threads() -> None:
    # whoever would close the outer one never does: an error's traceback can keep it so
    done = subprocess.run(
        [sys.executable, "-c", _ENDS_WITH_AN_ERROR], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert (sorted(done.stdout.split("\n")), done.stderr, done.returncode) == (["", "ended", "ended too"], "", 3)


# --- what is said


def test_stream_sorted_by_class_is_said_to_be() -> None:
    counts = (100,) * 40
    by_class = torch.arange(10).repeat_interleave(400)
    (order, is_sorted) = streamed(Counted(counts), 50, labels=by_class).said_of_order()
    assert order == "each epoch takes its 40 pieces in any order, and examples mixed within a window of 50"
    assert "sorted by class" in is_sorted
    assert len(streamed(Counted(counts), 50, labels=torch.arange(4000) % 10).said_of_order()) == 1
    assert "any order" in streamed(Counted(counts), 4000, labels=by_class).said_of_order()[0]


def test_room_is_that_of_half_a_window_or_of_all() -> None:
    assert streamed(Counted(), 50).said_of_reading("train", 25_000) == [
        "25 images are held at a time, as they are stored: about 25.0 kB"
    ]
    (said,) = streamed(Counted(), 500).said_of_reading("train", 10**6)
    assert said.startswith(f"{COUNT} images are held")
    with pytest.raises(DataError) as caught:
        streamed(Counted(), 50).said_of_reading("train", 24_999)
    assert (caught.value.diagnostic.code, caught.value.diagnostic.help) == ("E738", "window: 24")


def test_part_that_is_spread_is_said_to_be() -> None:
    few = torch.arange(0, COUNT, 10)
    (said,) = streamed(Counted(), rows=few).said_of_reading("test", 10**9)
    assert said.startswith(f"test is spread over {COUNT} rows")
    assert f"{len(few)} examples" in said
    assert streamed(Counted()).said_of_reading("test", 10**9) == []
