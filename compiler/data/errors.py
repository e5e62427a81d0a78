"""What is wrong with data: one kind of error, which the command line shows like any other diagnostic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archspec.diagnostic import Diagnostic, SpecError


class DataError(SpecError):
    """Data that can't be used: what is wrong, the file or example it is about, and what helps."""

    def __init__(self, code: str, message: str, place: str | Path | None = None, help: str | None = None) -> None:
        self.given = (code, message, None if place is None else str(place), help)
        said = message if place is None else f"{place}: {message}"
        super().__init__([Diagnostic(code, said, None, help=help)])

    @property
    def diagnostic(self) -> Diagnostic:
        """The finding."""
        return self.diagnostics[0]

    def of(self, place: str | Path) -> DataError:
        """The same, said of a file or example."""
        code, message, _, help = self.given
        return DataError(code, message, place, help)

    def __reduce__(self) -> tuple[type[DataError], tuple[str | None, ...]]:
        return (DataError, self.given)  # from a process that loads examples to the one that trains


@contextmanager
def reading(path: Path, help: str | None = None) -> Iterator[None]:
    """Say of a file or folder that the system does not let us read why not."""
    try:
        yield
    except FileNotFoundError as error:
        broken = path.is_symlink()
        raise DataError(
            "E720",
            "a link to a file that does not exist" if broken else "there is no such file or folder",
            path,
            help or ("remove the link, or put the file where it leads" if broken else "see that its name is right"),
        ) from error
    except PermissionError as error:
        raise DataError("E721", "may not be read", path, f"let yourself read it: chmod u+rX {path}") from error
    except OSError as error:
        raise DataError("E721", f"can't be read: {error.strerror or error}", path, help) from error
