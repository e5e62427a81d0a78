"""Numbers as reports print them."""

from __future__ import annotations

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")
_COUNTS = ("", " k", " M", " G", " T", " P")


def bytes_text(count: int) -> str:
    """Bytes in decimal units, three digits: 12,000,000 is `12.0 MB`."""
    return _scaled(count, _BYTES, " ")


def count_text(count: int) -> str:
    """A count in decimal units, three digits: 4089184256 is `4.09 G`."""
    return _scaled(count, _COUNTS, "")


def _scaled(count: int, units: tuple[str, ...], separator: str) -> str:
    value, index = float(count), 0
    while value >= 999.5 and index + 1 < len(units):
        value, index = value / 1000, index + 1
    digits = 0 if index == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}{separator}{units[index]}"
