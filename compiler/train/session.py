"""A network, its data and its device brought together: what training and evaluating both begin with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archspec.graph import Graph
from archspec.training import TrainKeys
from compiler.data import Data, prepare
from compiler.data.targets import Target
from compiler.module import executed
from compiler.source import Emitted
from compiler.train.environment import keep_freed_memory
from compiler.train.failure import TrainingError
from compiler.train.fit import fitting_parts
from compiler.train.learner import Learner
from compiler.train.losses import criteria_of
from compiler.train.order import Division
from compiler.train.planning import apply, planned, source_for
from compiler.train.processes import Processes
from compiler.train.rows import Rows, lies_in
from compiler.weights import Weights, compare, read_weights
from compiler.weights.load import mismatches

_WITH_ACCURACY = ("classes", "flags")
AUTO_BATCH = 128
"""the batch where the recipe leaves it to us"""


@dataclass
class Session:
    """What a run is made of."""

    graph: Graph
    keys: TrainKeys
    data: Data
    source: Emitted
    learner: Learner
    division: Division
    recomputed: tuple[str, ...] = ()
    """what is computed again in the backward pass"""
    chooses_parts: bool = False
    """whether the recipe leaves the parts of a batch to us, with `batch: auto`"""


@dataclass(frozen=True)
class Begun:
    """What a run goes on with that has begun before."""

    source: Emitted
    preprocessing: Mapping[str, Any]
    recomputed: tuple[str, ...]
    chooses_parts: bool


@contextmanager
def settings_of(keys: TrainKeys, threads: int | None) -> Iterator[None]:
    """torch as the recipe wants it, and as it was afterwards."""
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
    if threads is not None:
        torch.set_num_threads(threads)
    if keys.keep_memory:
        keep_freed_memory()
    if keys.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not keys.deterministic
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        if keys.deterministic:  # which imports torch's compiler
            torch.use_deterministic_algorithms(before[1])
        torch.backends.cudnn.benchmark = before[2]


def open_session(
    graph: Graph,
    base: Path,
    where: Processes,
    say: Callable[[str], None],
    begun: Begun | None = None,
) -> Session:
    """Read the data, build the network and see whether they go together."""
    keys = recipe_of(graph)
    data = _prepared(graph, keys, base, where, begun.preprocessing if begun is not None else None)
    for note in data.notes:
        say(note)
    _check_outputs(graph, data.targets)
    if keys.early_stop is not None and "validation" not in data.splits:
        raise TrainingError(
            "E911", "`early_stop` wants validation examples: on the test's it would choose what it is judged by",
            "set some aside: data: {type: …, validation: 0.1}",
        )  # fmt: skip
    if keys.early_stop is not None and keys.early_stop.metric == "accuracy" and data.main.kind not in _WITH_ACCURACY:
        raise TrainingError(
            "E911", f"`early_stop` by accuracy, and what is learnt are {data.main.kind}", "early_stop: {metric: loss}"
        )
    division = Division(AUTO_BATCH if keys.batch == "auto" else keys.batch, where.count, keys.accumulate)
    division.check()
    examples = len(data.splits["train"])
    if begun is None and division.batch > examples:
        say(f"a batch of {division.batch:,} has all {examples:,} training examples: an epoch is one step")
    criteria = criteria_of(graph, keys, data.targets)
    recomputed = planned(graph, keys, division, data.held, say)
    # of as many processes as before, that is
    source = begun.source if begun and begun.recomputed == recomputed else source_for(graph, recomputed)
    rows = Rows.of(graph, source)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keys.seed)
        network = network_of(source).to(where.device)
    if keys.weights is not None:
        _load(network, rows, keys, base, say)
    _check_learning(network, rows, keys)
    if recomputed:
        apply(recomputed, graph, network, source)
    learner = Learner(network, criteria, keys, where, rows, tuple(graph.input))
    chooses_parts = keys.batch == "auto" or (begun is not None and begun.chooses_parts)
    learner.is_revocable = chooses_parts and where.count == 1
    if keys.batch == "auto":
        division = replace(division, parts=fitting_parts(learner, data.splits["train"], division, say))
    keys = keys.model_copy(update={"batch": division.batch, "accumulate": division.parts})
    return Session(replace(graph, train=keys), keys, data, source, learner, division, recomputed, chooses_parts)


def network_of(source: Emitted) -> nn.Module:
    """The network of an emitted source, as its constructors start it."""
    return getattr(executed(source.text), source.class_name)()


def recipe_of(graph: Graph) -> TrainKeys:
    """The recipe of a graph; `TrainingError` where it has none."""
    if graph.train is None:
        raise TrainingError(
            "E911", f"{graph.name} says nothing of training", "add train: {data: …}, or say --set train.data=random"
        )
    return graph.train


def _prepared(
    graph: Graph, keys: TrainKeys, base: Path, where: Processes, preprocessing: Mapping[str, Any] | None
) -> Data:
    def read() -> Data:
        return prepare(
            keys.data, keys.preprocess, keys.augment, input=graph.input, seed=keys.seed, device=where.device,
            base=base, heads=heads_of(graph), preprocessing=preprocessing,
        )  # fmt: skip

    if where.leads:  # which downloads what there is to download
        data = read()
        where.wait()
        return data
    where.wait()
    return read()


def heads_of(graph: Graph) -> dict[str, int | None]:
    """What outputs learn, that of the main one first, with the units of the first that does."""
    heads: dict[str, int | None] = {}
    for output in sorted(graph.outputs, key=lambda output: output.train_only):
        shape = graph.shape_of(output.node)
        if shape.is_maps:
            raise TrainingError(
                "E911", f"output {output.name} gives {shape}, and an image has one {output.target}",
                "end with a row that gives a vector, such as {type: global_avg_pool} or {type: flatten}",
            )  # fmt: skip
        heads.setdefault(output.target, shape.elements)
    return heads


def _check_outputs(graph: Graph, targets: Mapping[str, Target]) -> None:
    for output in graph.outputs:
        units, target = graph.shape_of(output.node).elements, targets[output.target]
        if not target.fits(units):
            has = f"output {output.name} has {units} unit{'s' if units != 1 else ''}"
            raise TrainingError("E911", f"{has}, and the data {target.said}", f"give its last row {target.units} units")


def _check_learning(network: nn.Module, rows: Rows, keys: TrainKeys) -> None:
    """Something has to be left that learns."""
    able = [name for name, param in network.named_parameters() if param.requires_grad]
    still = rows.of_patterns(keys.freeze)
    if all(lies_in(still, name) for name in able):
        message, help = "the network has no weights that could learn", "add rows such as conv or dense"
        if able:
            message, help = "`freeze` leaves nothing that learns", "leave rows out of it, such as the last one"
        raise TrainingError("E911", message, help)


def _load(network: nn.Module, rows: Rows, keys: TrainKeys, base: Path, say: Callable[[str], None]) -> None:
    """Start from the weights of a file, but for the rows that start anew."""
    assert keys.weights is not None
    path, skip = base / keys.weights.file, keys.weights.skip
    found = read_weights(path)
    anew = rows.of_patterns(skip)

    def kept(tensors: Mapping[str, Any]) -> dict[str, Any]:
        return {name: tensor for name, tensor in tensors.items() if not lies_in(anew, name)}

    weights = Weights(found.name, kept(found.tensors), found.ordered, found.metadata, found.notes)
    own = kept(network.state_dict())
    if not own:
        raise TrainingError(
            "E802", f"`skip` leaves nothing of {path} to start from: {', '.join(skip)} is every row with weights",
            f"name the rows that start anew alone, such as the last one; or leave out weights: {keys.weights.file}",
        )  # fmt: skip
    report = compare(own, weights)
    # what the file has besides is an old head, where rows start anew
    if report.missing or report.misshaped or (report.unexpected and not skip):
        (finding,) = mismatches(report, weights)
        help = f"let rows start anew: weights: {{file: {keys.weights.file}, skip: [ROW, …]}}"
        raise TrainingError("E802", finding.message, help if report.loaded else finding.help)
    with torch.no_grad():
        for name in report.loaded:
            own[name].copy_(weights.tensors[name])
    without = f", without {', '.join(skip)}" if skip else ""
    left = f"; left in the file: {', '.join(report.unexpected)}" if report.unexpected else ""
    say(f"weights from {path}: {len(report.loaded)} tensors{without}{left}")
