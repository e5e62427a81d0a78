"""Widths of letters: Helvetica's, which Arial, Liberation Sans and the font of `fonts/` share."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

EN_DASH = "\u2013"
LETTERS = (*map(chr, range(32, 127)), *map(chr, range(160, 256)), EN_DASH)
"""what a label may have: Latin-1 and the en dash"""

_REGULAR = """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278
    278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722
    667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556
    556 333 500 278 556 500 722 500 500 500 334 260 334 584 278 333 556 556 556 556 260 556 333 737 370 556 584
    333 737 552 400 549 333 333 333 576 537 333 333 333 365 556 834 834 834 611 667 667 667 667 667 667 1000 722
    667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667 667 611 556 556 556
    556 556 556 889 500 556 556 556 556 278 278 278 278 556 556 556 556 556 556 556 549 611 556 556 556 556 500
    556 500 556
"""
_BOLD = """
    278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333
    333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722
    667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611
    611 389 556 333 611 556 778 556 556 500 389 280 389 584 278 333 556 556 556 556 280 556 333 737 370 556 584
    333 737 552 400 549 333 333 333 576 556 333 333 333 365 556 834 834 834 611 722 722 722 722 722 722 1000 722
    667 667 667 667 278 278 278 278 722 722 778 778 778 778 778 584 778 722 722 722 722 667 667 611 556 556 556
    556 556 556 889 556 556 556 556 556 278 278 278 278 611 611 611 611 611 611 611 549 611 611 611 611 611 556
    611 556 556
"""


def _table(widths: str) -> dict[str, int]:
    return dict(zip(LETTERS, map(int, widths.split()), strict=True))


WIDTHS = {False: _table(_REGULAR), True: _table(_BOLD)}
"""thousandths of the size for each letter, by whether it is bold"""


@lru_cache(maxsize=4096)
def width(text: str, size: float, bold: bool = False) -> float:
    """The width of a label in points."""
    table = WIDTHS[bold]
    return sum(table[letter] for letter in text) * size / 1000


@lru_cache(maxsize=4096)
def label(text: str) -> str:
    """A text in the letters of a label: what has none of them is written as its code point."""
    return "".join(map(_written, text))


def _written(letter: str) -> str:
    if letter in WIDTHS[False]:
        return letter
    if letter.isspace():
        return " "
    plain = "".join(each for each in unicodedata.normalize("NFKD", letter) if each in WIDTHS[False])
    return plain or f"U+{ord(letter):04X}"


def fitted(text: str, size: float, room: float, bold: bool = False) -> str:
    """A label that fits into `room`: its middle is left out where it is too long."""
    text = label(text)
    if width(text, size, bold) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        tail = kept // 3
        shorter = text[: kept - tail].rstrip() + "..." + text[len(text) - tail :].lstrip()
        if width(shorter, size, bold) <= room:
            return shorter
    return ".." if width("..", size, bold) <= room else ""
