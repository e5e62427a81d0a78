"""What archspec says about a spec: one finding, and the collection of one run's findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from archspec.source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that has to do with a finding, and how."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong, where, and what to type instead."""

    code: str
    message: str
    span: Span | None
    label: str = ""
    help: str | None = None
    related: tuple[Related, ...] = ()

    @property
    def severity(self) -> Severity:
        """The severity is the first letter of the code."""
        return _SEVERITIES[self.code[0]]

    @property
    def identity(self) -> tuple[str, Span | None, str]:
        """What makes two findings the same: the code and the place, whatever numbers the message has."""
        return (self.code, self.span, "" if self.span else self.message)


_SEVERITIES: dict[str, Severity] = {"E": "error", "W": "warning", "N": "note"}


class Findings:
    """The diagnostics of one run, without repetitions, in the order they were found."""

    def __init__(self, found: Iterable[Diagnostic] = ()) -> None:
        self._found: dict[tuple[str, Span | None, str], Diagnostic] = {}
        self._errors = 0
        for each in found:
            self.put(each)

    def add(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        help: str | None = None,
        related: Iterable[Related] = (),
    ) -> None:
        """Record a finding; a block used fifty times reports its mistake once."""
        self.put(Diagnostic(code, message, span, label, help, tuple(related)))

    def put(self, found: Diagnostic) -> None:
        """Record a finding that is made already."""
        if found.identity not in self._found:
            self._found[found.identity] = found
            self._errors += found.severity == "error"

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found.values())

    def ordered(self) -> tuple[Diagnostic, ...]:
        """File by file, from top to bottom, whatever order they were found in."""
        sources: dict[object, int] = {None: -1}
        for each in self:
            if each.span is not None:
                sources.setdefault(each.span.source, len(sources))

        def position(each: Diagnostic) -> tuple[int, int, int]:
            span = each.span
            return (-1, 0, 0) if span is None else (sources[span.source], span.line, span.column)

        return tuple(sorted(self, key=position))

    def __len__(self) -> int:
        return len(self._found)

    @property
    def has_errors(self) -> bool:
        return self._errors > 0


class SpecError(Exception):
    """A spec that does not compile; `diagnostics` says everything that is wrong with it."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from archspec.report.diagnostics import as_text

        return "\n" + as_text(self.diagnostics)
