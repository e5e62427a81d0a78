"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compiler.failure import failure


@contextmanager
def whole_file(path: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """A name to write to; the file takes the name `path` once the block is done.

    What has that name already stays as it is, unless `replace` is true.
    """
    path = Path(path)
    if not replace and os.path.lexists(path):
        _refuse(path)
    if path.is_dir():
        raise failure("E806", f"{path} is a folder", "give the name of a file in it")
    if not path.parent.is_dir():
        raise failure("E806", f"there is no folder {path.parent}", f"make it: mkdir -p {path.parent}")
    written = _unfinished(path, os.getpid())
    try:
        yield written
        _flush(written)
        _rename(written, path, replace=replace)
        _flush(path.parent)
    except Exception as error:
        refusal = _refusal(error, path.parent)
        if refusal is None:
            raise
        reason = (refusal.strerror or str(refusal)).lower()
        raise failure("E806", f"{path} can't be written: {reason}", room_help(refusal, path.parent)) from refusal
    finally:
        with suppress(OSError):
            written.unlink(missing_ok=True)


def left_of(path: Path) -> Iterator[Path]:
    """What processes that were killed while they wrote a file have left of it; nobody may be writing it."""
    for each in path.parent.iterdir():
        number = each.stem.rpartition(".")[2]
        if not (number.isascii() and number.isdecimal() and each == _unfinished(path, int(number))):
            continue
        # containers number their processes alike: one of our number is one that was killed
        if int(number) == os.getpid() or not _is_alive(int(number)):
            yield each


def _unfinished(path: Path, process: int) -> Path:
    # the ending stays last: some writers choose the format by it
    return path.with_name(f".{path.stem}.{process}{path.suffix}")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True


def room_help(error: OSError, folder: Path) -> str:
    """What to do where the system does not let a file be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"make room on the disk of {folder}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"let yourself write there: chmod u+w {folder}"
    return f"see that files can be made in {folder}"


def _refusal(error: Exception, folder: Path) -> OSError | None:
    """What the system had against writing, under what a writer of another language makes of it."""
    if isinstance(error, OSError):
        return error
    if number := re.search(r"\(os error (\d+)\)", str(error)):  # as Rust says it
        return OSError(int(number[1]), os.strerror(int(number[1])))
    if shutil.disk_usage(folder).free == 0:  # C++ says what it did, and not why it failed
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return None


def _refuse(path: Path) -> None:
    raise failure("E806", f"{path} is there already", "choose another name, or say that it is to be replaced: --force")


def _rename(written: Path, path: Path, *, replace: bool) -> None:
    if replace:
        os.replace(written, path)
        return
    try:
        os.link(written, path)  # which, unlike a renaming, fails where somebody made the file meanwhile
    except FileExistsError:
        _refuse(path)
    except OSError:  # a file system without links
        if os.path.lexists(path):
            _refuse(path)
        os.replace(written, path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
