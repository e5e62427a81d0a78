"""Signals that end a run: the step is finished and the state saved; a second one ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether a run has been told to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal = 0

    def told(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take note of the signals instead of dying by them."""
        if threading.current_thread() is not threading.main_thread():  # which alone may
            yield
            return
        before = {number: signal.signal(number, self.told) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
