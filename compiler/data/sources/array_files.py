"""NumPy's files: the arrays in them, read when they are wanted."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.data.errors import DataError, reading

_AS_ARRAYS = "save arrays: np.savez(FILE, x=…, y=…), of a table those of np.loadtxt or pandas"


@dataclass(frozen=True)
class Stored:
    """An array of a file."""

    path: Path
    name: str
    member: str | None = None
    """its name in an .npz file; None for an .npy file, which has one array"""

    @property
    def place(self) -> str:
        """What to call it."""
        return str(self.path) if self.member is None else f"{self.path}, {self.member}"

    def read(self, as_plain: str) -> np.ndarray:
        """The array; `as_plain` says how to save what holds Python objects, which are never read."""
        with reading(self.path), _sound(self, as_plain):
            found = np.load(self.path, mmap_mode=None if self.member else "c", allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            with found:
                if self.member is not None:
                    return found[self.member]
        raise DataError("E724", "an .npz file, where one array is wanted", self.path, "give it as `path`")


def stored_in(path: Path) -> Mapping[str, Stored]:
    """The arrays of an .npz file, or of a folder of .npy files, by their names."""
    if path.is_dir():
        return {each.stem: Stored(each, each.stem) for each in sorted(path.glob("*.npy"))}
    whole = Stored(path, path.stem)
    with reading(path), _sound(whole, _AS_ARRAYS), path.open("rb") as file:
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            with found:
                return {name: Stored(path, name, name) for name in found.files}
    raise DataError("E724", "one array, and no labels", path, "an .npz file; or images: and labels: in place of path:")


@contextmanager
def _sound(stored: Stored, as_plain: str) -> Iterator[None]:
    """Says of an array that NumPy can't read that its file is damaged, or that it holds Python objects."""
    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        if not _is_numpy(stored.path):
            raise DataError("E724", "no file of NumPy", stored.path, _AS_ARRAYS) from error
        if "allow_pickle" in str(error) or "Python objects" in str(error):  # the latter of a mapped file
            raise DataError("E724", "Python objects in the place of numbers", stored.place, as_plain) from error
        raise DataError("E724", f"a damaged file, or no array: {error}", stored.place, "save it again") from error


def _is_numpy(path: Path) -> bool:
    """Whether a file begins as an .npy or an .npz file does."""
    with path.open("rb") as file:
        return file.read(6).startswith((b"\x93NUMPY", b"PK"))
