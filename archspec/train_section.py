"""The `train:` section of a file: read, changed from the command line, and held against the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from archspec.diagnostic import Findings
from archspec.document import Map, is_list, span_at
from archspec.graph import Graph
from archspec.memory.program import Program
from archspec.names import LABEL, is_of
from archspec.source import Span
from archspec.stretch import THROUGH
from archspec.suggest import did_you_mean
from archspec.training import SECTIONS, RBFLoss, TrainKeys, type_of
from archspec.validation import Reporter, place_in, shown


def read_training(written: Any, span: Span, findings: Findings) -> TrainKeys | None:
    """The section as a model; None, with findings, where it is malformed."""
    if not isinstance(written, Map):
        findings.add(
            "E104", f"`train` of a spec wants a mapping, not {shown(written)}", span, label="not this",
            help="for example train: {data: digits}",
        )  # fmt: skip
        return None
    outer, sound = written.copied(), True
    for key, models in SECTIONS.items():
        section = written.get(key)
        if key not in written or (len(models) == 1 and not isinstance(section, Map)):
            continue  # which the whole reports, where it is wrong
        model = models[0] if len(models) == 1 else _chosen(models, section, written, key, findings)
        map = section if isinstance(section, Map) else _named(section, written.value_spans[key])
        if model is None or not _fits(model, map, f"`{key}` of train", findings):
            outer.pop(key)
            sound = False
    if "data" not in outer and "data" in written:  # which is reported, and not missing
        outer.put("data", written.key_spans["data"], "random", written.value_spans["data"])
    if not _fits(TrainKeys, outer, "train", findings) or not sound:
        return None
    return TrainKeys.model_validate(written)


def _named(name: Any, span: Span) -> Map:
    """What a name alone is short for."""
    map = Map(span)
    map.put("type", span, name, span)
    return map


def _chosen(
    models: tuple[type[BaseModel], ...], section: Any, train: Map, key: str, findings: Findings
) -> type[BaseModel] | None:
    """The model that a name, or the `type` of a mapping, stands for."""
    known = {type_of(model): model for model in models}
    if isinstance(section, Map) and "type" not in section:
        findings.add(
            "E103", f"`{key}` of train needs `type`", section.span, label="missing",
            help="add type: " + ", ".join(known),
        )  # fmt: skip
        return None
    name = section["type"] if isinstance(section, Map) else section
    if isinstance(name, str) and name in known:
        return known[name]
    place = section.value_spans["type"] if isinstance(section, Map) else train.value_spans[key]
    wanted = ("`type` of " if isinstance(section, Map) else "") + f"`{key}` of train"
    words = ", ".join(f"`{word}`" for word in known)
    findings.add(
        "E104", f"{wanted} wants one of {words}, not {shown(name)}", place, label="not this",
        help=did_you_mean(name, known) if isinstance(name, str) else None,
    )  # fmt: skip
    return None


_FORMS = {"memory": "8GiB"}
"""values that are not said by their kind"""


def _fits(model: type[BaseModel], map: Map, subject: str, findings: Findings) -> bool:
    try:
        model.model_validate(map)
    except ValidationError as error:
        noun = "key" if model is TrainKeys else "attribute"
        Reporter(findings, model, subject, noun=noun, forms=_FORMS).report(error, place_in(map, model), whole=map.span)
        return False
    return True


def check_training(graph: Graph, keys: TrainKeys, written: Map, findings: Findings) -> None:
    """Findings for what a section says that does not go with the network, or with itself."""
    for path, patterns in (
        (("freeze",), keys.freeze),
        (("weights", "skip"), keys.weights.skip if keys.weights else ()),
    ):
        check_rows(graph, dict(_placed(patterns, written, path)), f"`{path[-1]}` of train", findings)
    if keys.recompute:
        spans = dict(_placed(keys.recompute, written, ("recompute",)))
        check_recomputed(graph, spans, "`recompute` of train", findings, written.span)
    _check_times(keys, written, findings)
    _check_losses(graph, keys, written, findings)


def check_rows(graph: Graph, patterns: Mapping[str, Span | None], subject: str, findings: Findings) -> None:
    """Findings for patterns of rows that none has, each at its place, if it has one."""
    rows = [row.name for row in graph.rows]
    for pattern, span in patterns.items():
        if not any(is_of((pattern,), row) for row in rows):
            findings.add(
                "E901", f"{subject} names no row: there is no {pattern}", span, label="unknown",
                help=did_you_mean(pattern, {row.split(".")[0] for row in rows}),
            )  # fmt: skip


def check_recomputed(
    graph: Graph, patterns: Mapping[str, Span | None], subject: str, findings: Findings, whole: Span | None = None
) -> None:
    """Patterns are of blocks; rows, and `first..last`, have names; nothing is computed again twice."""
    program = Program(graph)
    rows = [row.name for row in graph.rows]
    known = {name.split(".")[0] for name in (*program.units, *rows)}
    for pattern, span in patterns.items():
        if program.named((pattern,)):
            continue
        if THROUGH in pattern:
            message, label = f"names nothing that runs by itself and has one result: {pattern}", "no stretch"
            help = "the first and the last of rows and blocks that stand in the network itself, or in one block"
        elif any(is_of((pattern,), row) for row in rows):
            message, label = f"names what does not run by itself: {pattern}", "inside"
            help = "name the block that it stands in, or a row of the network itself"
        else:
            message, label = f"names no row or block: there is no {pattern}", "unknown"
            help = did_you_mean(pattern, known)
        findings.add("E901", f"{subject} {message}", span, label=label, help=help)
    owners: dict[str, str] = {}
    for name in program.named(patterns):
        segment = program.segment(name)
        others = [owners[node.name] for node in (segment.nodes if segment else ()) if node.name in owners]
        if others:
            span = patterns.get(name) or patterns.get(others[0], whole)
            findings.add(
                "E902", f"{subject} has rows in common: {others[0]} and {name}", span, label="a second time",
                help="leave out one of them",
            )  # fmt: skip
        owners.update((node.name, name) for node in (segment.nodes if segment else ()))


def _placed(patterns: tuple[str, ...], written: Map, path: tuple[str, ...]) -> Iterator[tuple[str, Span]]:
    for index, pattern in enumerate(patterns):
        yield pattern, span_at(written, (*path, index), written.span)


def _check_times(keys: TrainKeys, written: Map, findings: Findings) -> None:
    """What is to happen has to happen within the run, and in an order."""

    def contradiction(message: str, *path: str, help: str) -> None:
        findings.add("E902", message, span_at(written, path, written.span), label="does not go together", help=help)

    warmup = getattr(keys.schedule, "warmup", 0.0)
    if warmup >= keys.epochs:
        message = f"the rate rises for {warmup:g} epochs, and the run has {keys.epochs}"
        contradiction(message, "schedule", "warmup", help="a shorter warmup, or more epochs")
    if keys.unfreeze is not None and not keys.freeze:
        contradiction("`unfreeze` without `freeze`: nothing is frozen", "unfreeze", help="add freeze: ROWS")
    elif keys.unfreeze is not None and not 2 <= keys.unfreeze.epoch <= keys.epochs:
        message = f"`unfreeze` in epoch {keys.unfreeze.epoch} of {keys.epochs}"
        contradiction(message, "unfreeze", "epoch", help=f"an epoch from 2 to {keys.epochs}")
    if isinstance(keys.batch, int) and keys.batch % keys.accumulate:
        message = f"a batch of {keys.batch} has no {keys.accumulate} equal parts"
        contradiction(message, "accumulate", help="a number that divides the batch")
    if keys.memory is not None:
        _check_memory(keys, contradiction)
    if keys.parallel == "fsdp" and keys.precision == "fp16":
        message = "fp16 with `parallel: fsdp` has no scaling of gradients"
        contradiction(message, "precision", help="use bf16")


def _check_memory(keys: TrainKeys, contradiction: Callable[..., None]) -> None:
    """Memory is predicted of a given batch, as torch computes it step by step."""
    if keys.batch == "auto":
        message = "`memory` plans for a batch, and `batch: auto` tries how much of one fits"
        contradiction(message, "memory", help="batch: 64, say; `archspec fit` tells the largest")
    for key, value, why in (
        ("recompute", bool(keys.recompute), "chooses what to recompute itself"),
        ("compile", keys.compile, "is not known of a compiled network, which torch plans itself"),
        ("parallel", keys.parallel == "fsdp", "is not known of processes that have a part of the weights each"),
    ):
        if value:
            contradiction(f"`memory` {why}", "memory", help=f"leave out memory, or {key}")


def _check_losses(graph: Graph, keys: TrainKeys, written: Map, findings: Findings) -> None:
    """A loss of distances for distances, and for nothing else."""
    for output in graph.outputs:
        operator = graph.by_name[output.node].operator if output.node in graph.by_name else None
        gives_distances = operator is not None and operator.gives == "distances"
        loss = output.loss or (keys.loss.type if keys.loss is not None and output.target == LABEL else None)
        if loss is not None and (loss == type_of(RBFLoss)) != gives_distances:
            what = "distances, of which the smallest is best" if gives_distances else "no distances to codes"
            findings.add(
                "E903", f"output {output.name} gives {what}, and its loss is {loss}",
                span_at(written, ("loss",), written.span), label="does not fit",
                help="use loss: rbf" if gives_distances else "use loss: cross_entropy, or a last row of type rbf",
            )  # fmt: skip


def written_training(keys: BaseModel, *, complete: bool = False) -> dict[str, Any]:
    """A section as a spec writes it: what differs from the defaults, or everything that has a value; `type` first."""
    fields = sorted(type(keys).model_fields.items(), key=lambda each: each[0] != "type")
    found: dict[str, Any] = {}
    for name, field in fields:
        value = getattr(keys, name)
        if name == "type" or field.is_required() or (value is not None if complete else value != field.default):
            found[name] = _written(value, complete)
    return found


def _written(value: Any, complete: bool) -> Any:
    if isinstance(value, BaseModel):
        entries = written_training(value, complete=complete)
        return entries["type"] if list(entries) == ["type"] else entries
    if isinstance(value, tuple) or is_list(value):
        return [_written(item, complete) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
