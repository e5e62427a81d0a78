"""The digits that come with scikit-learn, read without importing it, which takes as long as importing torch."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from archspec.names import LABEL
from compiler.data.errors import DataError, reading
from compiler.data.examples import WHOLE, Source, Stack
from compiler.data.targets import labelled

SHARES = (1437.0, 360.0)
"""How many are learnt from, and how many tested with."""
_FILE = "datasets/data/digits.csv.gz"


def digits() -> Source:
    """1,797 digits of 8x8 with numbers from 0 to 16."""
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise DataError(
            "E733", "`data: digits` wants scikit-learn, which has them", None, "pip install 'archspec-nn[train]'"
        )
    path = Path(found.submodule_search_locations[0], _FILE)
    with reading(path, "install scikit-learn anew: pip install --force-reinstall scikit-learn"):
        rows = np.loadtxt(gzip.decompress(path.read_bytes()).decode().splitlines(), delimiter=",", dtype=np.float32)
    images = torch.from_numpy(rows[:, :64].copy()).view(-1, 1, 8, 8)
    targets = {LABEL: torch.from_numpy(rows[:, 64].astype(np.int64))}
    return Source(labelled(tuple("0123456789")), {WHOLE: Stack(images, targets, "digits")}, full=16.0)
