"""The folder of a run: its files, and the lock that keeps others out while it is written."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from archspec.document import is_mapping
from archspec.report.runs import no_run
from archspec.report.training import FILES
from compiler.atomic import left_of, room_help, whole_file
from compiler.failure import WeightsError
from compiler.train.failure import TrainingError
from compiler.train.processes import Processes

try:
    import fcntl
except ImportError:  # Windows, where a run that is open twice is not noticed
    fcntl = None

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class RunFolder:
    """Everything that a run makes lies in it."""

    path: Path

    @classmethod
    def new(cls, runs: Path, name: str) -> RunFolder:
        """A folder of its own for a run that begins now."""
        stem = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.') or 'run'}-{datetime.now():%Y%m%d-%H%M%S}"
        number = 1
        while True:
            path = runs / (stem if number == 1 else f"{stem}-{number}")
            try:
                runs.mkdir(parents=True, exist_ok=True)
                path.mkdir()
                (path / CHECKPOINTS).mkdir()
            except FileExistsError as error:
                if not runs.is_dir():
                    raise unwritable(runs, error) from error
                number += 1
            except OSError as error:
                raise unwritable(runs, error) from error
            else:
                return cls(path)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of a run that has begun before."""
        found = no_run(path)
        if found is not None:
            raise TrainingError(found.code, found.message, found.help)
        return cls(path)

    @property
    def checkpoints(self) -> Path:
        """Where the states are saved."""
        return self.path / CHECKPOINTS

    def make_checkpoints(self) -> None:
        """Make the folder of the states, where somebody has removed it."""
        try:
            self.checkpoints.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from error

    def text(self, name: str) -> str:
        """A file of the run; `TrainingError` where it can't be read."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "it is no text"
            raise self.damaged(name, reason) from error

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON file of the run, with a mapping; `TrainingError` where it is damaged."""
        try:
            found = json.loads(self.text(name))
        except ValueError as error:
            raise self.damaged(name, str(error)) from error
        if not is_mapping(found):
            raise self.damaged(name, "it holds no mapping")
        return dict(found)

    def damaged(self, name: str, reason: str) -> TrainingError:
        """The error for a file that is not as the run wrote it."""
        return TrainingError("E906", f"{self.path / name} is damaged: {reason}", "put it back from a copy of the run")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the run, whole or not at all."""
        with self.writing(), whole_file(self.path / name, replace=True) as written:
            written.write_text(text, encoding="utf-8")
        return self.path / name

    def leftovers(self) -> Iterator[Path]:
        """Files that processes which were killed had not finished; only for who holds the lock."""
        if fcntl is not None:
            for name in FILES:
                yield from left_of(self.path / name)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Say of a file that the system does not let us write how the run goes on once it does."""
        try:
            yield
        except WeightsError as error:
            if isinstance(error.__cause__, OSError):
                raise unwritable(self.path, error.__cause__) from error
            raise

    @contextmanager
    def locked(self, where: Processes) -> Iterator[None]:
        """Hold the folder, for all processes of a run: `TrainingError` where another run trains in it."""
        if not where.leads:
            yield
            return
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            if fcntl is not None:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.EACCES):
                        raise
                    holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
                    said = f" (process {holder})" if holder else ""
                    raise TrainingError(
                        "E907", f"another process{said} trains in {self.path}", "wait for it, or stop it first"
                    ) from error
            try:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            except OSError as error:
                raise unwritable(self.path, error) from error
            yield
        finally:
            os.close(descriptor)  # which gives the lock back, as the end of the process does


def unwritable(path: Path, error: OSError) -> TrainingError:
    """The error for a folder of runs, or that of one, that can't be written."""
    reason = (error.strerror or str(error)).lower()
    help = "choose another place: --runs FOLDER"
    if no_run(path) is None:
        help = f"{room_help(error, path)}, then go on with: archspec train --resume {path}"
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        help = f"{room_help(error, path)}, or {help}"
    return TrainingError("E908", f"{path} can't be written: {reason}", help)
