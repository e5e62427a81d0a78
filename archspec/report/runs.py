"""Where runs lie: what is to be said of a path that is to be one, and is none."""

from __future__ import annotations

from os.path import isdir, isfile
from pathlib import Path

from archspec.diagnostic import Diagnostic
from archspec.locate import SPEC_SUFFIXES
from archspec.report.training import RUN, SPEC
from archspec.suggest import nearest

RUNS = Path("runs")
"""the folder of runs, where nobody says another one"""


def is_run_folder(path: Path) -> bool:
    """Whether a folder has what makes it a run."""
    return isfile(path / RUN) and isfile(path / SPEC)


def no_run(path: Path) -> Diagnostic | None:
    """What keeps a path from being the folder of a run, with the one that may be meant; None where it is one."""
    if is_run_folder(path):
        return None
    inside = is_run_folder(path.parent)
    if isdir(path):
        missing = [name for name in (SPEC, RUN) if not isfile(path / name)]
        message, help = f"{path} is no run: it has no {' and '.join(missing)}", _newest(path)
    elif isfile(path):
        message, help = f"{path} is a file, and a run is a folder", None
        if not inside and path.name.endswith(SPEC_SUFFIXES):
            help = f"make a run of it: archspec train {path}"
    else:
        message, help = f"there is no run {path}", None
    return Diagnostic("E906", message, None, help=f"the run is {path.parent}" if inside else help or _like(path))


def _like(path: Path) -> str:
    """The run that a name may mean, else the newest one, else how there comes to be one."""
    known = {each.name: each for folder in (RUNS, path.parent) for each in _runs_in(folder)}
    begins = [name for name in known if path.name and name.startswith(path.name)]
    near = next(reversed(begins), None) or nearest(path.name, known)
    if near is not None:
        return f"did you mean {known[near]}?"
    return _newest(path.parent) or _newest(RUNS) or f"there are none in {RUNS}; `archspec train SPEC` makes one"


def _newest(folder: Path) -> str | None:
    found = _runs_in(folder)
    return f"name one of those in {folder}, the newest being {found[-1]}" if found else None


def _runs_in(folder: Path) -> list[Path]:
    """The runs of a folder, the oldest first."""
    found = [each.parent for each in folder.glob(f"*/{RUN}") if is_run_folder(each.parent)]
    return sorted(found, key=lambda each: ((each / RUN).stat().st_mtime, each))
