"""A table of texts, written as terminal text, Markdown, CSV or LaTeX."""

from __future__ import annotations

import csv
import io
import textwrap
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["text", "markdown", "csv", "latex"]
FORMATS: tuple[Format, ...] = ("text", "markdown", "csv", "latex")

_GAP = "  "
_LEAST = 8
"""columns that are not worth cutting further"""
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, how it is aligned, and how soon it may go when space is short."""

    title: str
    right: bool = False
    spare: int = 0
    """0 stays; among the others, the highest goes first"""


@dataclass
class Table:
    """Rows of texts under headings; `total` rows stand below a rule."""

    columns: list[Column]
    rows: list[list[str]] = field(default_factory=list[list[str]])
    totals: list[list[str]] = field(default_factory=list[list[str]])

    def as_format(self, format: Format, width: int | None = None) -> str:
        """The table in one of the formats."""
        if format == "text":
            return self.as_text(width)
        return {"markdown": self.as_markdown, "csv": self.as_csv, "latex": self.as_latex}[format]()

    def as_text(self, width: int | None = None) -> str:
        """Aligned columns; where `width` is too small, columns go, then texts are cut, the longest first."""
        widths = [
            max(map(display_width, texts)) for texts in zip(self._titles(), *self.rows, *self.totals, strict=True)
        ]
        shown = self._fitting(widths, width)
        if width is not None:
            self._shrink(widths, shown, width)
        lines = [self._line(self._titles(), widths, shown)]
        rule = "─" * _total(widths, shown)
        lines += [rule, *(self._line(row, widths, shown) for row in self.rows)]
        if self.totals:
            lines += [rule, *(self._line(row, widths, shown) for row in self.totals)]
        return "\n".join(line.rstrip() for line in lines)

    def _fitting(self, widths: list[int], width: int | None) -> list[int]:
        shown = [index for index in range(len(self.columns)) if self._has_content(index)]
        for index in sorted(shown, key=lambda each: -self.columns[each].spare):
            if width is None or _total(widths, shown) <= width or not self.columns[index].spare:
                break
            shown.remove(index)
        return shown

    def _shrink(self, widths: list[int], shown: list[int], width: int) -> None:
        """Make columns of words narrower; numbers stay whole, for a part of one is another number."""
        texts = [index for index in shown if not self.columns[index].right]
        while _total(widths, shown) > width:
            widest = max(texts, key=lambda index: widths[index], default=None)
            if widest is None or widths[widest] <= _LEAST:
                break
            widths[widest] -= 1

    def _has_content(self, index: int) -> bool:
        return not self.columns[index].spare or any(row[index] not in ("", "-") for row in self.rows)

    def _titles(self) -> list[str]:
        return [column.title for column in self.columns]

    def _line(self, texts: list[str], widths: list[int], shown: list[int]) -> str:
        cells: list[str] = []
        for index in shown:
            text = cut(texts[index], widths[index])
            space = " " * (widths[index] - display_width(text))
            cells.append(space + text if self.columns[index].right else text + space)
        return _GAP.join(cells)

    def as_markdown(self) -> str:
        """A table for pull requests and pages."""

        def line(texts: list[str]) -> str:
            return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"

        rule = "|" + "|".join("---:" if column.right else "---" for column in self.columns) + "|"
        return "\n".join([line(self._titles()), rule, *map(line, self.rows), *map(line, self.totals)])

    def as_csv(self) -> str:
        """Comma-separated values; numbers without separators."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self._titles())
        for row in self.rows:
            writer.writerow(
                [text.replace(",", "") if self.columns[index].right else text for index, text in enumerate(row)]
            )
        return out.getvalue().rstrip("\n")

    def as_latex(self) -> str:
        """A tabular for papers (needs the booktabs package)."""

        def line(texts: list[str]) -> str:
            return " & ".join("".join(_LATEX.get(letter, letter) for letter in text) for text in texts) + r" \\"

        spec = "".join("r" if column.right else "l" for column in self.columns)
        body = [*map(line, self.rows)]
        if self.totals:
            body += [r"\midrule", *map(line, self.totals)]
        head = [rf"\begin{{tabular}}{{{spec}}}", r"\toprule", line(self._titles()), r"\midrule"]
        return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"])


def _total(widths: list[int], shown: list[int]) -> int:
    """The columns that a line takes."""
    return sum(widths[index] for index in shown) + len(_GAP) * (len(shown) - 1)


def wrapped(text: str, width: int | None, indent: int = 0) -> str:
    """A line broken into lines of a width, all but the first one indented."""
    if width is None or display_width(text) <= width:
        return text
    room = max(width, indent + _LEAST)
    return textwrap.fill(
        text, room, subsequent_indent=" " * indent, drop_whitespace=True, break_long_words=False, break_on_hyphens=False
    )


def display_width(text: str) -> int:
    """The columns that a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def cut(text: str, width: int) -> str:
    """A text cut to a width, the end of it marked."""
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"
