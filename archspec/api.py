"""The functions of the package: what the commands do, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archspec.diagnostic import Diagnostic, Findings, SpecError
from archspec.flat import resolve as resolve_graph
from archspec.graph import Graph
from archspec.loading import Options, check_family, load
from archspec.memory import Dtype
from archspec.report.compare import Comparison, compare_graphs
from archspec.report.explain import Explanation, explain_row
from archspec.report.summary import Summary, summarize_graph
from archspec.suggest import did_you_mean


def check(spec: str | Path) -> tuple[Diagnostic, ...]:
    """Everything that `validate` says of a file or a name of the zoo: errors, warnings and notes."""
    return check_family(str(spec), Options())


def summarize(
    spec: Graph | str | Path, *, batch: int = 1, dtype: Dtype = "float32", depth: int | None = None, **options: object
) -> Summary:
    """The summary of a graph, a file or a name of the zoo; it prints itself, as a table in a notebook."""
    return summarize_graph(_graph(spec, options), batch=batch, dtype=dtype, depth=depth)


def explain(spec: Graph | str | Path, row: str, *, batch: int = 1, dtype: Dtype = "float32") -> Explanation:
    """How the numbers of one row come about; `SpecError` where there is no such row."""
    graph = _graph(spec, {})
    for each in graph.rows:
        if each.name == row:
            return explain_row(graph, each, batch=batch, dtype=dtype)
    findings = Findings()
    unknown_row(graph, row, findings)
    raise SpecError(findings)


def unknown_row(graph: Graph, row: str, findings: Findings) -> None:
    """E220 for a row that a graph does not have."""
    known = [each.name for each in graph.rows]
    findings.add("E220", f"{graph.name} has no row named {row}", None, help=did_you_mean(row, known))


def compare(*specs: Graph | str | Path) -> Comparison:
    """Models side by side."""
    graphs: Sequence[Graph] = [_graph(spec, {}) for spec in specs]
    names = [spec.name if isinstance(spec, Graph) else str(spec) for spec in specs]
    return compare_graphs(graphs, names)


def resolve(spec: Graph | str | Path, *, origins: bool = True) -> str:
    """The flat spec of a graph, a file or a name of the zoo."""
    return resolve_graph(_graph(spec, {}), origins=origins)


def schema() -> dict[str, Any]:
    """The JSON Schema of specs, for editors."""
    from archspec.json_schema import json_schema

    return json_schema()


def _graph(spec: Graph | str | Path, options: dict[str, object]) -> Graph:
    return spec if isinstance(spec, Graph) else load(spec, **options)
