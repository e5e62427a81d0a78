"""Sizes of memories as people write them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
WANTED = "a size such as 16GiB, 24GB or 512MiB"


def byte_size(text: str) -> int | None:
    """Bytes: `16GiB`, `24 GB`, `512MiB`, or a plain number; None where it is no size."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([kmgt]?i?)b?", text.strip().lower())
    if match is None or match[2] not in _UNITS or float(match[1]) <= 0:
        return None
    return int(float(match[1]) * _UNITS[match[2]])
