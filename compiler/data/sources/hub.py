"""Data sets as the library `datasets` opens them: of the Hugging Face hub, of a folder, or of a file."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from archspec.training_data import HuggingFace
from compiler.data.errors import DataError, reading
from compiler.data.stream import said

_KINDS = {".parquet": "parquet", ".arrow": "arrow"}


def library() -> Any:
    """The library; `DataError` where it is not installed."""
    try:
        return import_module("datasets")
    except ImportError as error:
        raise DataError(
            "E733", "`data: {type: hugging_face}` wants the library `datasets`", None,
            "pip install 'archspec-nn[datasets]'",
        ) from error  # fmt: skip


def saved(keys: HuggingFace, base: Path) -> Any:
    """What the library has saved in a folder of that name; None where there is no such folder."""
    here = base / Path(keys.name).expanduser()
    if not (here / "dataset_dict.json").exists() and not (here / "state.json").exists():
        return None
    with opening(keys):
        return library().load_from_disk(str(here))


def builder_of(keys: HuggingFace, base: Path) -> tuple[Any, str | None]:
    """What builds the data set out of its files, and which of its parts is wanted, where it is a single file."""
    here = base / Path(keys.name).expanduser()
    with opening(keys):
        builder = library().load_dataset_builder
        if here.is_file():
            kind = _KINDS.get(here.suffix)
            if kind is None:
                raise DataError(
                    "E734", "a file that is neither .parquet nor .arrow", here, "a folder of images, or a table"
                )
            return builder(kind, data_files=str(here)), "train"
        if keys.name.startswith((".", "~", "/")) and not here.exists():
            raise DataError("E720", "there is no such file or folder", here, "see that its name is right")
        name = str(here) if here.is_dir() else keys.name
        return builder(name, keys.config, revision=keys.revision), None


def built(keys: HuggingFace, base: Path) -> Any:
    """The tables of a data set, fetched where they are not on the disk yet."""
    builder, part = builder_of(keys, base)
    _check_room(builder, keys)
    with opening(keys):
        builder.download_and_prepare()
        return builder.as_dataset(split=part)


def _check_room(builder: Any, keys: HuggingFace) -> None:
    folder = Path(builder.cache_dir)
    if folder.exists():
        return
    needed = (builder.info.download_size or 0) + (builder.info.dataset_size or 0)
    free = shutil.disk_usage(next(each for each in folder.parents if each.exists())).free
    if needed > free:
        raise _no_room(f"{needed / 2**30:,.1f} GiB are to be stored in {folder.parent}, and {free / 2**30:,.1f} are "
                       "free", keys)  # fmt: skip


def _no_room(message: str, keys: HuggingFace) -> DataError:
    return DataError(
        "E742", message, keys.name, "streaming: true, which stores nothing; or another disk: export HF_HOME=FOLDER"
    )


@contextmanager
def opening(keys: HuggingFace) -> Iterator[None]:
    """Say of a data set that the library does not open why not."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:  # what the library calls unknown is one too
        raise DataError("E720", f"no such data set: {said(error)}", keys.name, "see its page") from error
    except (ValueError, RuntimeError) as error:
        if isinstance(error, NotImplementedError):
            raise DataError("E734", f"can't be streamed: {said(error)}", keys.name, "leave `streaming` out") from error
        raise DataError("E734", said(error), keys.name, "see its page for its configurations") from error
    except Exception as error:
        if not is_from_below(error):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise _no_room("the disk is full", keys) from error
        raise DataError(
            "E732", f"can't be fetched: {said(error)}", keys.name,
            "a network, or the data set as a folder: its path as `name`",
        ) from error  # fmt: skip


def is_from_below(error: Exception) -> bool:
    """Whether the system or a library has failed: for a network that is gone each has errors of its own kind."""
    return isinstance(error, OSError) or type(error).__module__ != "builtins"


def content_of(cell: Any, place: str) -> bytes:
    """The bytes of an image as a table has it: in the cell, or in the file that it names."""
    if cell is None:
        raise DataError("E722", "a row without an image", place, "another data set, or `image` with another column")
    if cell["bytes"] is not None:
        return cell["bytes"]
    if "://" in cell["path"]:
        return _fetched(cell["path"], place)
    with reading(path := Path(cell["path"])):
        return path.read_bytes()


def _fetched(address: str, place: str) -> bytes:
    try:
        with library().utils.file_utils.xopen(address, "rb") as file:
            return file.read()
    except Exception as error:
        if not is_from_below(error):
            raise
        raise DataError(
            "E741", f"{address} can't be read: {said(error)}", place,
            "when the network is back, go on with: archspec train --resume RUN",
        ) from error  # fmt: skip
