"""From a file, a text or a name of the zoo to a graph, with everything found on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archspec.checker import check
from archspec.diagnostic import Diagnostic, Findings, Related, SpecError
from archspec.document import Map, is_list
from archspec.expand import parameters_scope
from archspec.family import Assembled, Assembler
from archspec.graph import Graph
from archspec.limits import DEFAULT_LIMITS, Limits
from archspec.reading import decoded
from archspec.scope import Evaluator, Poison
from archspec.settings import with_recipe
from archspec.source import Source, Span
from archspec.spec import Spec, is_library
from archspec.table_rows import TableRow
from archspec.zoo import find_spec, locate, unknown_spec


@dataclass(frozen=True)
class Options:
    """What the command line says besides the spec."""

    variant: str | None = None
    settings: Sequence[str] = ()
    input: str | None = None
    limits: Limits = DEFAULT_LIMITS
    recipe: str | None = None
    """which of its recipes, in the place of `train:`"""


@dataclass(frozen=True)
class Checked:
    """One spec, checked: its graph, if it has one, and the findings."""

    name: str
    graph: Graph | None
    diagnostics: tuple[Diagnostic, ...]


def load(spec: str | Path, **options: object) -> Graph:
    """The graph of a file or a name of the zoo; `SpecError` where it has mistakes.

    Options: `variant`, `settings` (as `--set`: `["width=2"]`), `input` ("3x224x224") and `limits`.
    """
    return graph_of(compile_spec(str(spec), Options(**options)))  # pyright: ignore[reportArgumentType]


def loads(text: str, name: str = "<text>", **options: object) -> Graph:
    """The graph of a spec given as text; `SpecError` where it has mistakes."""
    return graph_of(compile_text(Source(name, text.removeprefix("\ufeff")), Options(**options)))  # pyright: ignore[reportArgumentType]


def graph_of(checked: Checked) -> Graph:
    """The graph of a checked spec, or its errors as an exception."""
    if checked.graph is None:
        raise SpecError(each for each in checked.diagnostics if each.severity == "error")
    return checked.graph


def compile_spec(name: str, options: Options) -> Checked:
    """Check one spec: a path, or a name of the zoo with or without a variant."""
    opened = _open(name, options.limits)
    return opened.compile(options, options.variant or opened.variant)


def parameters_of(spec: str | Source | bytes, options: Options) -> tuple[Parameter, ...]:
    """The parameters of a spec that have values, the variant chosen and `--set` applied."""
    opened = _open(spec, options.limits) if isinstance(spec, str) else _open_text(spec, options.limits)
    return opened.parameters(options, options.variant or opened.variant)


def compile_text(text: Source | bytes, options: Options) -> Checked:
    """Check a spec given as text, or as the bytes of standard input."""
    return _open_text(text, options.limits).compile(options, options.variant)


def check_family(spec: str | Source | bytes, options: Options) -> tuple[Diagnostic, ...]:
    """The findings of a spec; of a family without a chosen variant, those of every member.

    A warning counts only where every member has it: a row that one variant leaves out is not unused.
    """
    opened = _open(spec, options.limits) if isinstance(spec, str) else _open_text(spec, options.limits)
    chosen = options.variant or opened.variant
    if chosen is not None or opened.assembled is None:
        return opened.compile(options, chosen).diagnostics
    root = opened.assembled.root
    if is_library(root):  # which is all right as long as nobody compiles it
        return tuple(each for each in opened.compile(options, None).diagnostics if each.code != "E117")
    variants = root.get("variants")
    members: list[str | None] = list(variants) if isinstance(variants, Map) else []
    params = root.get("params")
    if not members or not isinstance(params, Map) or None not in params.values():
        members.append(None)
    runs = [opened.compile(options, member).diagnostics for member in members]
    everywhere = {each.identity for each in runs[0]}
    for run in runs:
        everywhere &= {each.identity for each in run}
    found = Findings()
    for member, run in zip(members, runs, strict=True):
        for each in run:
            if each.identity in everywhere:
                found.put(each)
            elif each.severity == "error":
                found.put(_of_variant(each, member, variants))
    return found.ordered()


def _of_variant(found: Diagnostic, member: str | None, variants: object) -> Diagnostic:
    """An error that not every variant has, with the first one that has it."""
    if member is None or not isinstance(variants, Map) or _stands_in(found.span, variants.value_spans[member]):
        return found
    return replace(found, related=(*found.related, Related(variants.key_spans[member], f"in variant {member}")))


def _stands_in(span: Span | None, place: Span) -> bool:
    return (
        span is not None
        and span.source is place.source
        and (place.line, place.column) <= (span.line, span.column) <= (place.end_line, place.end_column)
    )


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a spec: as it is written, and what that comes to."""

    name: str
    written: Any
    value: Any


@dataclass(frozen=True)
class _Opened:
    """A file read once, to be compiled once or for each variant."""

    name: str
    assembled: Assembled | None
    findings: tuple[Diagnostic, ...]
    variant: str | None = None

    def compile(self, options: Options, variant: str | None) -> Checked:
        findings = Findings(self.findings)
        if options.input is not None:
            for note in self._settle_table(options, variant):
                findings.put(note)
        spec = self._spec(options, variant, findings)
        graph = None if spec is None else check(spec, findings, options.limits, with_claims=options.input is None)
        return Checked(self.name, graph, findings.ordered())

    def _settle_table(self, options: Options, variant: str | None) -> tuple[Diagnostic, ...]:
        """Write what a table's sizes imply into its rows: the sizes are those of the file's own input.

        Returns the notes that say so.
        """
        rows = self.assembled.root.get("layers") if self.assembled is not None else None
        if not is_list(rows) or not any(isinstance(row, TableRow) for row in rows):
            return ()
        own = self.compile(replace(options, input=None), variant)
        for row in own.graph.rows if own.graph is not None else ():
            written, span = row.origin.row.map, row.origin.row.value_span("size")
            if isinstance(written, TableRow):
                for name, value in row.origin.inferred.items():
                    written.put(name, span, value, span)
                written.open = frozenset()
        return tuple(each for each in own.diagnostics if each.code == "N501")

    def parameters(self, options: Options, variant: str | None) -> tuple[Parameter, ...]:
        """The parameters with their values; those left out that have none, or whose expression fails."""
        findings = Findings(self.findings)
        spec = self._spec(options, variant, findings)
        if spec is None:
            return ()
        values = parameters_scope(spec, Evaluator(findings, options.limits)).values_here
        known = ((name, values.get(name)) for name in spec.params)
        return tuple(
            Parameter(name, spec.params[name], value)
            for name, value in known
            if value is not None and not isinstance(value, Poison)
        )

    def _spec(self, options: Options, variant: str | None, findings: Findings) -> Spec | None:
        """The spec with the variant chosen and the command line's values set."""
        assembler = Assembler(locate, findings, options.limits)
        assembled = self.assembled
        if assembled is not None and variant is not None:
            assembled = assembler.choose(assembled, variant, None)
        if assembled is None:
            return None
        assembled = replace(assembled, kinds=dict(assembled.kinds))
        if options.recipe is not None:
            assembled.root = with_recipe(assembled.root, options.recipe, findings)
        assembler.set(assembled, options.settings)
        if options.input is not None:
            _override_input(assembled, options.input)
        return assembler.spec(assembled)


def _open(name: str, limits: Limits) -> _Opened:
    findings = Findings()
    located = find_spec(name)
    if located is None:
        unknown_spec(name, findings)
        return _Opened(name, None, findings.ordered())
    assembled = Assembler(locate, findings, limits).file(located.path, located.shown or str(located.path))
    return _Opened(name, assembled, tuple(findings), located.variant)


def _open_text(text: Source | bytes, limits: Limits) -> _Opened:
    findings = Findings()
    source = decoded(text, "<stdin>", findings, limits) if isinstance(text, bytes) else text
    if source is None:
        return _Opened("<stdin>", None, findings.ordered())
    return _Opened(source.name, Assembler(locate, findings, limits).source(source), findings.ordered())


def _override_input(assembled: Assembled, text: str) -> None:
    source = Source("--input", text)
    span = Span(source, 0, 0, 0, max(len(text), 1))
    root = assembled.root.copied()
    root.put("input", span, int(text) if text.isdigit() and len(text) < 16 else text, span)
    assembled.root = root


def variants_of(name: str, limits: Limits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """The variants of a spec, in the order of the file; none where it can't be read."""
    assembled = _open(name, limits).assembled
    variants = assembled.root.get("variants") if assembled is not None else None
    return tuple(variants) if isinstance(variants, Map) else ()
