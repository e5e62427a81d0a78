"""The results of a network, and what nothing uses."""

from __future__ import annotations

from archspec.diagnostic import Findings
from archspec.graph import INPUT, Graph, Output
from archspec.sources import Frame, Produced
from archspec.spec import Spec
from archspec.suggest import did_you_mean


def resolve_outputs(
    spec: Spec, top: Frame, last: str | None, ends: dict[str, str], findings: Findings
) -> tuple[Output, ...] | None:
    """The outputs as nodes; the last row where the spec names none. None where that is not known."""
    if not spec.rows:
        if not findings.has_errors:
            span = spec.root.value_spans.get("layers", spec.root.span)
            findings.add("E117", "the spec has no rows", span, label="no rows", help="add layers: [{type: …}]")
        return None
    if list(ends) == [INPUT] and not findings.has_errors:
        findings.add(
            "E117", "every row is left out, so that there is no network", spec.rows[0].label_span(),
            label="left out", help="look at its `when` or `repeat`",
        )  # fmt: skip
        return None
    if not spec.outputs:
        return (Output(_last_name(top, last), ends[last]),) if last in ends else None
    outputs: list[Output] = []
    unknown = False
    for output in spec.outputs:
        produced = Produced(INPUT, INPUT) if output.row == INPUT and output.name != INPUT else top.names.get(output.row)
        if produced is None:
            unknown = True
            if not any(row.is_lost for row in spec.rows):
                findings.add(
                    "E220",
                    f"output {output.name} names no row: there is no {output.row}",
                    output.span,
                    label="unknown",
                    help=did_you_mean(output.row, top.names) or "add from: ROW",
                )
        elif produced.left_out and output.train_only:
            continue  # an auxiliary head that `when` leaves out is no output
        elif produced.tensor in ends:
            node = ends[produced.tensor]
            keys = (output.train_only, output.loss, output.weight, output.target)
            outputs.append(Output(output.name, node, *keys))
        else:
            unknown = True
    if unknown:
        return None
    if all(output.train_only for output in outputs) and not findings.has_errors:
        findings.add(
            "E118", "every output is train_only: nothing is left for inference", spec.outputs[0].span,
            label="train_only", help="name the main output too",
        )  # fmt: skip
    return tuple(outputs)


def _last_name(top: Frame, last: str | None) -> str:
    """What the last row is called, the shortest of its names."""
    names = [name for name, produced in top.names.items() if produced.tensor == last]
    return min(names, key=len) if names else str(last)


def warn_unused(graph: Graph, findings: Findings) -> None:
    """W201 for each row whose output nothing takes and that is no output."""
    results = {output.node for output in graph.outputs}
    for row in graph.rows:
        if row.output.name not in graph.last_use and row.output.name not in results:
            findings.add(
                "W201",
                f"nothing uses the output of {row.name}",
                row.origin.row.label_span(),
                label="unused",
                help=f"name it under `outputs:`, take it with `from: {row.name}`, or remove it",
                related=row.origin.trail,
            )
