"""Data: from files to batches on the device, which are the same however they were loaded."""

from __future__ import annotations

from compiler.data.errors import DataError
from compiler.data.preparation import Data, prepare
from compiler.data.preprocessing import Preprocessing
from compiler.data.splits import Split

__all__ = ["Data", "DataError", "Preprocessing", "Split", "prepare"]
