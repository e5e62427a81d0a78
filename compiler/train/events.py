"""The figures of a run for TensorBoard, where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from compiler.train.folder import unwritable
from compiler.train.state import Row

_OF_ROW = ("epoch", "step", "seconds")


class Events:
    """Writes the files that TensorBoard reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._purged: int | None = None
        self._writer = None
        self._is_there = find_spec("tensorboard") is not None

    def begin_at(self, step: int) -> None:
        """Forget what an earlier process wrote of this step and later ones."""
        self._purged = step

    def add(self, row: Row, losses: list[float]) -> None:
        """The figures of an epoch, and the loss of each of its steps."""
        if not self._is_there:
            return
        try:
            self._write(row, losses)
        except OSError as error:
            self._writer = None  # which is broken from there on
            raise unwritable(self._folder, error) from error

    def _write(self, row: Row, losses: list[float]) -> None:
        if self._writer is None:
            # imported late: it takes a while, and most of what the run does first needs nothing of it
            from torch.utils.tensorboard.writer import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=self._purged)
        step = int(row["step"])
        for index, loss in enumerate(losses):
            self._writer.add_scalar("step/loss", loss, step - len(losses) + index + 1)
        for name, value in row.items():
            if name not in _OF_ROW:
                split, _, figure = name.rpartition("_")
                self._writer.add_scalar(f"{split or 'run'}/{figure}", value, step)
        self._writer.flush()

    def close(self) -> None:
        """Finish the files."""
        if self._writer is not None:
            self._writer.close()
