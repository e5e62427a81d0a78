"""Items made in a thread of their own, ahead of whoever wants them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar, cast

T = TypeVar("T")
_LOOK = 0.1
"""seconds between two looks whether the items are still wanted"""
_PATIENCE = 2.0
"""seconds to wait for the end of a thread, which may stand in the middle of a read"""
_END = object()


class Ahead(Generic[T]):
    """The items of a generator, taken from it by a thread, some before they are wanted; its errors come out too."""

    def __init__(self, items: Generator[T, None, None], most: int) -> None:
        self._items = items
        self._made: Queue[object] = Queue(most)
        self._closed = Event()
        self._thread = Thread(target=self._make, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        found = self._made.get()
        if found is _END:
            raise StopIteration
        if isinstance(found, _Failure):
            raise found.error
        return cast(T, found)

    def close(self) -> None:
        """Let the thread end where its items are no longer wanted."""
        self._closed.set()
        with suppress(Empty):  # it may wait for room
            while True:
                self._made.get_nowait()
        self._thread.join(_PATIENCE)

    def _make(self) -> None:
        last: object = _END
        try:
            for item in self._items:
                if not self._put(item):
                    break
        except Exception as error:
            last = _Failure(error)
        finally:
            self._items.close()
        self._put(last)

    def _put(self, item: object) -> bool:
        while not self._closed.is_set():
            with suppress(Full):
                self._made.put(item, timeout=_LOOK)
                return True
        return False


class _Failure:
    def __init__(self, error: Exception) -> None:
        self.error = error
