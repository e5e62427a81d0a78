"""Items made in a thread of their own, ahead of whoever wants them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread, main_thread
from typing import Generic, TypeVar, cast

T = TypeVar("T")
_LOOK = 0.1
"""seconds between two looks whether the items are still wanted"""
_PATIENCE = 2.0
"""seconds to wait for the end of a thread, which may stand in the middle of a read"""
_END = object()


class Ahead(Generic[T]):
    """The items of a generator, taken from it by a thread, some before they are wanted; its errors come out too.

    An error keeps whoever would close this alive until the process ends. The thread therefore looks for that end too,
    and the interpreter waits for it: one that stood in a library's C++ behind that end would abort the process.
    """

    def __init__(self, items: Generator[T, None, None], most: int) -> None:
        self._items = items
        self._made: Queue[object] = Queue(most)
        self._closed = Event()
        self._thread = Thread(target=self._make)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        found = self._next()
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

    def _next(self) -> object:
        while self._is_wanted():
            with suppress(Empty):
                return self._made.get(timeout=_LOOK)
        raise RuntimeError("nobody makes items any more")

    def _is_wanted(self) -> bool:
        return not self._closed.is_set() and main_thread().is_alive()

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
        while self._is_wanted():
            with suppress(Full):
                self._made.put(item, timeout=_LOOK)
                return True
        return False


class _Failure:
    def __init__(self, error: Exception) -> None:
        self.error = error
