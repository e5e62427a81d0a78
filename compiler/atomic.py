"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    # the ending stays last: some writers choose the format by it
    written = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield written
        _flush(written)
        _rename(written, path, replace=replace)
        _flush(path.parent)
    except OSError as error:
        raise failure("E806", f"{path} can't be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        written.unlink(missing_ok=True)


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
