"""Diagnostics as text for a terminal, as JSON, and as annotations of GitHub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from archspec.diagnostic import Diagnostic
from archspec.report.excerpt import excerpt, visible
from archspec.source import Span

_COLORS = {"error": "1;31", "warning": "33", "note": "36", "gutter": "34"}
_NEAR = 3  # lines between two places that are shown together


def as_text(diagnostics: Iterable[Diagnostic], *, color: bool = False, shown: int = 20) -> str:
    """The diagnostics for people, each with its lines of the source; at most `shown` of them."""
    found = list(diagnostics)
    blocks = ["\n".join(_Block(diagnostic, color).rows()) for diagnostic in found[:shown]]
    if len(found) > shown:
        blocks.append(f"... and {len(found) - shown} more")
    return "\n\n".join(blocks)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are of each severity: `2 errors, 1 warning`."""
    counts = Counter(diagnostic.severity for diagnostic in diagnostics)
    parts = [
        f"{counts[severity]} {severity}{'s' * (counts[severity] != 1)}"
        for severity in ("error", "warning", "note")
        if counts[severity]
    ]
    return ", ".join(parts) or "no errors"


def as_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """The diagnostics for programs; lines and columns count from 1, the end column is the one behind the last."""
    return [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            **_location(diagnostic.span),
            "label": diagnostic.label,
            "help": diagnostic.help,
            "related": [{"message": other.message, **_location(other.span)} for other in diagnostic.related],
        }
        for diagnostic in diagnostics
    ]


def as_github(diagnostics: Iterable[Diagnostic]) -> str:
    """The diagnostics as workflow commands, which GitHub shows beside the lines of a pull request."""
    return "\n".join(map(_command, diagnostics))


def _location(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    return {
        "file": span.source.name,
        "line": span.line + 1,
        "column": span.column + 1,
        "end_line": span.end_line + 1,
        "end_column": span.end_column + 1,
    }


def _command(diagnostic: Diagnostic) -> str:
    properties: dict[str, object] = {}
    if span := diagnostic.span:
        properties = {
            "file": span.source.name,
            "line": span.line + 1,
            "col": span.column + 1,
            "endLine": span.end_line + 1,
            "endColumn": max(span.end_column, span.column + 1),  # GitHub counts the last column in
        }
    properties["title"] = diagnostic.code
    level = "notice" if diagnostic.severity == "note" else diagnostic.severity
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    lines = [diagnostic.message, diagnostic.label, f"help: {diagnostic.help}" if diagnostic.help else ""]
    return f"::{level} {listed}::{_data(chr(10).join(filter(None, lines)))}"


def _data(text: str) -> str:
    rows = [visible(row).replace("%", "%25") for row in text.split("\n")]
    return "%0A".join(rows)


def _property(text: str) -> str:
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


class _Mark(NamedTuple):
    """A place to underline, with what to say there."""

    span: Span
    sign: str
    message: str


class _Block:
    """The rows of one diagnostic."""

    def __init__(self, diagnostic: Diagnostic, color: bool) -> None:
        self.diagnostic = diagnostic
        self.color = color
        spans = [diagnostic.span, *(other.span for other in diagnostic.related)]
        self.digits = max((len(str(span.line + 1)) for span in spans if span), default=1)

    def rows(self) -> Iterator[str]:
        found = self.diagnostic
        head, *rest = found.message.split("\n")
        yield self.painted(found.severity, f"{found.severity}[{found.code}]") + f": {visible(head)}"
        for row in rest:
            yield f"  {visible(row)}"
        for index, marks in enumerate(_excerpts(found)):
            arrow = "-->" if index == 0 else ":::"
            yield self.gutter(arrow, len(arrow)) + f" {visible(str(marks[0].span))}"
            yield self.gutter("|")
            yield from self.excerpt(sorted(marks, key=lambda mark: mark.span.line))
            yield self.gutter("|")
        if found.help:
            first, *rest = found.help.split("\n")
            yield f"{self.gutter('=')} help: {visible(first)}"
            for row in rest:
                yield " " * (self.digits + 10) + visible(row)

    def painted(self, kind: str, text: str) -> str:
        return f"\x1b[{_COLORS[kind]}m{text}\x1b[0m" if self.color else text

    def gutter(self, sign: str, width: int = 1) -> str:
        """The left edge, up to a sign that is centred on the bar."""
        return self.painted("gutter", " " * (self.digits + 2 - width // 2) + sign)

    def numbered(self, line: int) -> str:
        return self.painted("gutter", f" {line + 1:>{self.digits}} |")

    def excerpt(self, marks: list[_Mark]) -> Iterator[str]:
        above: int | None = None
        for line, group in groupby(marks, key=lambda mark: mark.span.line):
            if above is not None and line > above + 1:
                yield self.painted("gutter", " " * (self.digits + 1) + "...")
            above = line
            shown: str | None = None
            for mark in group:
                text, offset, width = excerpt(mark.span)
                if text != shown:  # a long line is cut again for a mark elsewhere in it
                    yield f"{self.numbered(line)} {text}".rstrip()
                    shown = text
                yield from self.underline(mark, offset, width)

    def underline(self, mark: _Mark, offset: int, width: int) -> Iterator[str]:
        kind = self.diagnostic.severity if mark.sign == "^" else "gutter"
        first, *rest = mark.message.split("\n")
        indent = f"{self.gutter('|')} {' ' * offset}"
        yield f"{indent}{self.painted(kind, mark.sign * width)} {visible(first)}".rstrip()
        for row in rest:
            yield f"{indent}{' ' * width} {visible(row)}".rstrip()


def _excerpts(found: Diagnostic) -> list[list[_Mark]]:
    """The places of a diagnostic, those near one another together; the first begins with its own."""
    if found.span is None:
        places: list[_Mark] = []
    else:
        places = [_Mark(found.span, "^", found.label)]
    places += [_Mark(other.span, "-", other.message) for other in found.related]
    groups: list[list[_Mark]] = []
    for place in places:
        for group in groups:
            if any(_near(place.span, other.span) for other in group):
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


def _near(one: Span, other: Span) -> bool:
    return one.source is other.source and abs(one.line - other.line) <= _NEAR
