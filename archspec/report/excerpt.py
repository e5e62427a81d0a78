"""One line of a source as a terminal can show it, with the columns to underline."""

from __future__ import annotations

import unicodedata

from archspec.source import Span

_WIDTH = 120
_BEFORE = 40  # columns left before the underlined place in a line that is cut
_TAB = 4

# Characters that reorder the text around them, or look like nothing: what a terminal shows must be what stands there.
_DECEPTIVE = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_ESCAPED = frozenset(("Cc", "Cs", "Zl", "Zp"))


def visible(text: str) -> str:
    """The text with escapes for all characters that a terminal would obey, or show wrongly."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible_character, text))


def excerpt(span: Span) -> tuple[str, int, int]:
    """The first line of a span, cut where it is long; the columns before the underline, and those under it."""
    lines = span.source.lines
    line = lines[span.line] if span.line < len(lines) else ""
    stop = span.end_column if span.end_line == span.line else len(line)
    # Only the neighbourhood of the place is looked at: the line may be all of a large file.
    first = max(0, span.column - 4 * _WIDTH)
    last = min(len(line), span.column + 4 * _WIDTH)
    cells, widths = _cells(line[first:last])
    start = sum(widths[: span.column - first])
    end = sum(widths[: max(stop - first, 0)])
    left, right = _window(widths, start, end, first > 0, last < len(line))
    hidden = sum(widths[:left])
    head, tail = "…" if first or left else "", "…" if last < len(line) or right < len(cells) else ""
    shown = sum(widths[left:right])
    offset = start - hidden
    width = max(min(end - hidden, shown) - offset, 1)
    return head + "".join(cells[left:right]) + tail, offset + len(head), width


def _window(widths: list[int], start: int, end: int, more_before: bool, more_after: bool) -> tuple[int, int]:
    """The cells to show of a line: all where they fit, else those around the underlined columns."""
    if not more_before and not more_after and sum(widths) <= _WIDTH:
        return 0, len(widths)
    left = before = 0
    if more_before or end > _WIDTH - 2:
        while left < len(widths) and start - before > _BEFORE:
            before += widths[left]
            left += 1
        while left < len(widths) and widths[left] == 0 and before < start:  # an accent whose letter is cut off
            left += 1
    right, room = left, _WIDTH - 2
    while right < len(widths) and widths[right] <= room:
        room -= widths[right]
        right += 1
    return left, right


def _cells(text: str) -> tuple[list[str], list[int]]:
    cells: list[str] = []
    widths: list[int] = []
    column = 0
    for character in text:
        cell = " " * (_TAB - column % _TAB) if character == "\t" else _visible_character(character)
        width = _width(character) if cell == character else len(cell)
        cells.append(cell)
        widths.append(width)
        column += width
    return cells, widths


def _visible_character(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED and character not in _DECEPTIVE:
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _width(character: str) -> int:
    """The columns of a terminal that a character takes."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
