"""What one cell of a table says: nothing, numbers, a size, a padding, a rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Order = Literal["first", "last"]
"""where the maps stand in a size of three numbers"""

NOTHING = frozenset({"", "-", "–", "—", "−", "--", "---", "n/a", "na", "none", "nil", "/", "no", "?"})

_THOUSANDS = re.compile(r"\d{1,3}(?:[,    ']\d{3})+")
_NUMBER = re.compile(rf"{_THOUSANDS.pattern}|\d+")
_UNIT = re.compile(
    r"\s*\b(?:rgb|gr[ae]y(?:scale)?|px|pixels?|images?|(?:feature )?maps?|filters?|kernels?|channels?|units?|neurons?"
    r"|nodes?|class(?:es)?|dw)\s*$"
)
_UNSTATED = frozenset({"", "none", "?", "-1", "batch", "batch size", "n", "b"})
_LONGEST_NUMBER = 15


def folded(text: str) -> str:
    """A text for comparison: lower case, single spaces."""
    return " ".join(text.lower().replace("_", " ").split())


def is_nothing(text: str) -> bool:
    """True for the ways of leaving a cell empty."""
    return text.strip().lower() in NOTHING


@lru_cache
def numbers(text: str) -> tuple[int, ...] | None:
    """The numbers of a cell: `1,000`, `5 x 5`, `(5, 5)`, `3 (RGB)`, `(None, 28, 28, 6)`; None where it is more."""
    text = text.strip().lower().replace("×", "x").replace("@", "x")
    text = _UNIT.sub("", text)
    if _THOUSANDS.fullmatch(text):
        return (_number(text),)
    whole = re.fullmatch(r"[(\[]+(.*?)[)\]]+", text)
    inside = whole[1] if whole else re.sub(r"\s*\([^)]*\)\s*$", "", text)
    parts = [part.strip() for part in re.split(r"[x*,;]", inside)]
    parts = [part for part in parts if part not in _UNSTATED]
    if not parts or not all(_NUMBER.fullmatch(part) and len(part) <= _LONGEST_NUMBER for part in parts):
        return None
    return tuple(map(_number, parts))


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


@dataclass(frozen=True, slots=True)
class Size:
    """One to three numbers, and where among three of them the maps stand, as far as the cell alone tells."""

    numbers: tuple[int, ...]
    maps: Order | None = None

    def ordered(self, maps: Order) -> tuple[int, ...]:
        """The three numbers as maps, height and width."""
        return self.numbers if maps == "first" else (self.numbers[-1], *self.numbers[:-1])


@lru_cache
def read_size(text: str) -> Size | None:
    """A size such as `28x28`, `28 x 28 x 6`, `6@28x28` or `(None, 28, 28, 6)`; None where it is none."""
    found = numbers(text)
    if found is not None and len(found) == 4:
        found = found[1:]  # frameworks print the batch first
    if found is None or len(found) > 3:
        return None
    if len(found) < 3:
        return Size(found)
    before_at = text.partition("@")[0]
    if before_at != text:
        return Size(found, "first" if len(numbers(before_at) or ()) == 1 else "last")
    first, second, third = found
    if first == second != third:
        return Size(found, "last")
    return Size(found, "first" if second == third else None)


def read_count(text: str) -> int | None:
    """A count of parameters: `1,792`, or the result of `(5*5*1 + 1) * 6 = 156`."""
    found = numbers(text.rpartition("=")[2])
    return found[0] if found is not None and len(found) == 1 else None


def read_padding(text: str) -> Any:
    """A padding as a spec writes it: `same`, 1, `[1, 2]`; a word that is none stays as it is."""
    word = text.lower().strip("'\" ")
    found = numbers(re.sub(r"^(?:padding|pad|p)\s*[=:]?\s*(?=\d)", "", word))
    if found is None:
        return word
    return found[0] if len(found) == 1 else list(found)


def read_rate(text: str) -> float | None:
    """A rate such as `0.5`, `.5`, `50%` or `p = 0.5`; None where it is none."""
    match = re.fullmatch(r"\(?(?:(?:p|rate)\s*=\s*)?(\d{0,3}(?:\.\d{1,9})?)\s*(%?)\)?", text.strip().lower())
    if match is None or not match[1].strip("."):
        return None
    return float(match[1]) / (100 if match[2] else 1)
