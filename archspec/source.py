"""Where text came from: a source and the spans inside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


@dataclass(frozen=True, eq=False)
class Source:
    """A piece of text with the name that diagnostics print for it."""

    name: str
    text: str = field(repr=False)
    directory: str | None = None

    @cached_property
    def lines(self) -> list[str]:
        # Only the breaks that YAML counts, so that line numbers agree with the parser's.
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Span(NamedTuple):
    """A stretch of a source; lines and columns count from 0, the end is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def within(self, start: int, stop: int) -> Span:
        """The part of a one-line span from `start` to `stop`, counted from its first column."""
        if self.line != self.end_line or self.column + stop > self.end_column:
            return self
        return Span(self.source, self.line, self.column + start, self.line, self.column + stop)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line + 1}:{self.column + 1}"
