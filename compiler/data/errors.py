"""What is wrong with data: one kind of error, which the command line shows like any other diagnostic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archspec.diagnostic import Diagnostic, SpecError
from archspec.suggest import nearest


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
            help or ("remove the link, or put the file where it leads" if broken else _near(path)),
        ) from error
    except IsADirectoryError as error:
        raise DataError("E721", "a folder, where a file is wanted", path, help or "name a file in it") from error
    except NotADirectoryError as error:
        raise DataError("E721", "a file, where a folder is wanted", path, help or "name the folder it is in") from error
    except PermissionError as error:
        raise DataError("E721", "may not be read", path, f"let yourself read it: chmod u+rX {path}") from error
    except OSError as error:
        raise DataError("E721", f"can't be read: {error.strerror or error}", path, help) from error


def _near(path: Path) -> str:
    """What beside a path that is not there may be meant, or how far the way to it goes."""
    there = path.parent
    if there.is_dir():
        near = nearest(path.name, [each.name for each in there.iterdir()])
        return f"did you mean {there / near}?" if near is not None else "see that its name is right"
    above = next((each.resolve() for each in path.parents if each.is_dir()), None)
    return f"there is no {there} either" + (f"; {above} is there" if above is not None else "")
