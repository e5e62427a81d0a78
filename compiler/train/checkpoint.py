"""States of a run on the disk: written whole, with a checksum in the name, the last good one always found."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compiler.train.failure import TrainingError

_NAME = re.compile(r"step-(\d{8,})\.([0-9a-f]{64})\.pt")
FORMAT = 1
"""what the layout of a checkpoint is called, for archspec of another day"""


@dataclass(frozen=True)
class Checkpoint:
    """A saved state: its file has the checksum of its bytes in its name."""

    path: Path
    step: int
    sha256: str

    def load(self) -> dict[str, Any]:
        """The state; `ValueError` says what is wrong with the file."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ValueError((error.strerror or str(error)).lower()) from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ValueError("its bytes are not those that were written")
        try:
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"torch can't read it: {str(error).splitlines()[0]}") from error
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError("another version of archspec has written it")
        return state


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> Checkpoint:
    """Write a state and remove the oldest ones; what a crash leaves behind is never taken for a state."""
    buffer = io.BytesIO()
    torch.save({**state, "format": FORMAT}, buffer)
    data = buffer.getbuffer()
    digest = hashlib.sha256(data).hexdigest()
    made = Checkpoint(folder / f"step-{step:08}.{digest}.pt", step, digest)
    written = folder / f".step-{step:08}.{os.getpid()}.part"
    try:
        with written.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, made.path)
        _flush_folder(folder)
    except OSError as error:
        _remove(written)
        raise _unsaved(folder, step, error) from error
    others = [each for each in found_in(folder) if each != made]
    for old in [
        *(each for each in others if each.step >= step),
        *[each for each in others if each.step < step][keep - 1 :],
    ]:
        _remove(old.path)
    return made


def _unsaved(folder: Path, step: int, error: OSError) -> TrainingError:
    reason = (error.strerror or str(error)).lower()
    last = next(iter(found_in(folder)), None)
    kept = f"the state of step {last.step} is kept" if last else "no state is kept"
    return TrainingError(
        "E908", f"the state of step {step} can't be saved in {folder}: {reason}; {kept}",
        "make room, then go on with: archspec train --resume " + str(folder.parent),
    )  # fmt: skip


def _remove(path: Path) -> None:
    with suppress(OSError):  # an old file that stays does no harm
        path.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def found_in(folder: Path) -> list[Checkpoint]:
    """The checkpoints of a folder, the newest first, good or not."""
    named = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir()) if folder.is_dir() else ()
    found = [Checkpoint(path, int(match[1]), match[2]) for path, match in named if match]
    return sorted(found, key=lambda each: -each.step)


def last_good(folder: Path, say: Callable[[str], None]) -> tuple[Checkpoint, dict[str, Any]] | None:
    """The newest state that is as it was written; damaged ones are named and passed over."""
    passed_over: list[str] = []
    for each in found_in(folder):
        try:
            state = each.load()
        except ValueError as problem:
            passed_over.append(f"{each.path.name} is damaged: {problem}")
        else:
            for said in passed_over:
                say(f"{said}; going on from step {each.step} instead")
            return each, state
    if passed_over:
        raise TrainingError(
            "E909", "no checkpoint can be read: " + "; ".join(passed_over), "begin anew: archspec train SPEC"
        )
    return None


def leftovers(folder: Path) -> Iterator[Path]:
    """Files that a process which was killed had not finished."""
    yield from folder.glob(".*.part")
