"""Where the reference material lies, and what every test file uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ARCHSPEC_SHARED", REPOSITORY.parent / "shared"))


def shared(path: str) -> Path:
    """A file of the reference material; the test is skipped where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"no {path}: the reference material is not here (set ARCHSPEC_SHARED)")
    return found
