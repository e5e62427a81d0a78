"""A data set of the library `datasets` that is read while it is wanted, and never lies on the disk as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from archspec.training_data import HuggingFace
from compiler.data.errors import DataError
from compiler.data.sources.hub import builder_of, content_of, is_from_below, library, opening, saved
from compiler.data.stream import Pieces, said

_AT_ONCE = 16
"""pieces whose labels are read at the same time: each takes little but a wait for the network"""
_SAVED_PIECE = 1000
"""rows of a piece of what is saved in one"""
_SMALL_READS: dict[str, Any] = {"hf": {"block_size": 2**16}}
"""by itself the hub's file system reads 5 MiB more than it is asked for, behind every column of every row group"""
Opened = Callable[[], Any]
"""A piece as the library iterates over it, from its beginning."""


class HubPieces(Pieces):
    """The images of a part: of Parquet its row groups are the pieces, of other formats the files."""

    def __init__(self, opened: Sequence[Opened], counts: Sequence[int], column: str, origin: str) -> None:
        self.opened = opened
        self.counts = counts
        self.column = column
        self.origin = origin

    def read(self, piece: int, first: int) -> Iterator[Any]:
        try:
            for row in self.opened[piece]().skip(first):
                yield row[self.column]
        except ValueError as error:
            raise DataError(
                "E741", f"piece {piece + 1} can't be read: {said(error)}", self.origin, "another `revision`"
            ) from error
        except Exception as error:
            if not is_from_below(error):
                raise
            raise OSError(said(error)) from error

    def size(self, image: Any) -> int:
        return len((image or {}).get("bytes") or b"")

    def content(self, image: Any, place: str) -> bytes:
        return content_of(image, place)


class HubStream:
    """A data set whose columns can be read as streams."""

    def __init__(self, keys: HuggingFace, base: Path) -> None:
        self.keys = keys
        self._saved: Any = saved(keys, base)
        self._builder: Any = None
        self._part: str | None = None
        if self._saved is None:
            self._builder, self._part = builder_of(keys, base)
            if self.is_columnar:
                self._builder.storage_options = {**self._builder.storage_options, **_SMALL_READS}

    @property
    def is_columnar(self) -> bool:
        """Whether a column is read without the others."""
        return self._builder is None or hasattr(self._builder.config, "columns")

    def parts(self, columns: Sequence[str] | None = None) -> Any:
        """The parts by name, or the only one, with these columns; nothing is read but what they have."""
        with opening(self.keys):
            if self._saved is not None:
                return _of_each(self._saved, partial(_streamed, columns=columns))
            builder = deepcopy(self._builder)  # which makes the library take note of its options, too
            if columns is not None and self.is_columnar:
                builder.config.columns = list(columns)
            return _of_each(builder.as_streaming_dataset(self._part), partial(_undecoded, columns=columns))

    def pieces(self, parts: Mapping[str, Any]) -> dict[str, list[Opened]]:
        """What each part can be read in."""
        with opening(self.keys), ThreadPoolExecutor(_AT_ONCE) as pool:
            return {part: _pieces(table, pool) for part, table in parts.items()}

    def columns(self, pieces: Sequence[Opened], features: Any) -> tuple[list[int], Any]:
        """How many rows each piece has, and the table of all their columns."""
        with opening(self.keys), ThreadPoolExecutor(_AT_ONCE) as pool:
            rows = list(pool.map(lambda opened: list(opened()), pieces))
            columns = {name: [row[name] for row in chain.from_iterable(rows)] for name in features}
            return [len(each) for each in rows], library().Dataset.from_dict(columns, features=features)


def _of_each(tables: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(tables, dict):
        return {part: change(table) for part, table in tables.items()}
    return change(tables)


def _streamed(table: Any, columns: Sequence[str] | None) -> Any:
    return _undecoded(table.to_iterable_dataset(num_shards=max(1, len(table) // _SAVED_PIECE)), columns)


def _undecoded(table: Any, columns: Sequence[str] | None) -> Any:
    """The table with its images as the bytes that they are stored as, to be decoded as all images are."""
    if table.features is None or columns is None:
        return table
    return table.decode(False).select_columns(list(columns))


def _pieces(table: Any, pool: ThreadPoolExecutor) -> list[Opened]:
    try:
        files = table.num_shards
    except RuntimeError:  # the library knows no way to divide it
        return [lambda: table]
    divided = pool.map(lambda number: _finer(table.shard(files, number)), range(files))
    return [partial(each.shard, each.num_shards, number) for each in divided for number in range(each.num_shards)]


def _finer(table: Any) -> Any:
    """In row groups where there are some, and the library is new enough to know them."""
    return table.reshard() if hasattr(table, "reshard") else table
