"""Runs from their beginning to their end: begun anew, gone on with, and judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from archspec.diagnostic import SpecError
from archspec.flat import resolve
from archspec.graph import Graph
from archspec.loading import load
from archspec.report.curve import curve
from archspec.report.training import CURVE, ENVIRONMENT, MODEL, RESULTS, RUN, SPEC, WEIGHTS
from compiler.failure import WeightsError
from compiler.source import Emitted
from compiler.train import checkpoint
from compiler.train.environment import environment
from compiler.train.events import Events
from compiler.train.failure import TrainingError
from compiler.train.fit import is_out_of_memory, too_large
from compiler.train.folder import RunFolder
from compiler.train.loop import Listener, Loop, Silence
from compiler.train.processes import Processes, processes
from compiler.train.schedule import Schedule
from compiler.train.session import Begun, Session, open_session, recipe_of, settings_of
from compiler.train.state import Row, State
from compiler.train.stopping import Stop
from compiler.train.weights import write_weights
from compiler.weights import read_weights


@dataclass(frozen=True)
class Machine:
    """What a run may use; None where it is to find out."""

    device: str | None = None
    threads: int | None = None


ANY_MACHINE = Machine()
_SILENCE = Silence()
_ABOUT = ("base", "targets", "preprocessing", "source", "class", "modules", "units", "methods", "recomputed")
"""what a run has to know of itself to be judged and gone on with"""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    folder: Path
    results: dict[str, Any] | None
    """the final figures; None where it was stopped"""
    signal: int = 0
    leads: bool = True
    """whether this process is the one that speaks"""


def train(
    graph: Graph, *, name: str, runs: Path, base: Path, listener: Listener, machine: Machine = ANY_MACHINE
) -> Outcome:
    """Train a network as its recipe says, in a folder of its own."""
    keys = recipe_of(graph)
    with processes(machine.device) as where, settings_of(keys, machine.threads):
        listener = listener if where.leads else Silence()
        session = open_session(graph, base, where, listener.note)
        graph = session.graph
        text = resolve(graph, origins=False, complete=True)
        folder = _new_folder(runs, name, where)
        with folder.locked(where):
            if where.leads:
                folder.write(SPEC, text)
                folder.write(MODEL, session.source.text)
                folder.write(ENVIRONMENT, _json(environment(where, keys.seed)))
                folder.write(RUN, _json(_about(session, name, base)))
            listener.note(f"run {folder.path}: {_machine_said(where)}")
            return _learn(session, folder, _identity(text), listener)


def resume(run: Path, *, listener: Listener, machine: Machine = ANY_MACHINE) -> Outcome:
    """Go on with a run where it was stopped, as if it never had been."""
    folder = RunFolder.existing(run)
    graph, about, text = read_run(folder)
    if (folder.path / RESULTS).exists() and (folder.path / WEIGHTS).exists():
        listener.note(f"{run} has reached its end already")
        return Outcome(run, folder.mapping(RESULTS))
    with processes(machine.device) as where, settings_of(recipe_of(graph), machine.threads), folder.locked(where):
        listener = listener if where.leads else Silence()
        if where.leads:
            for path in (*checkpoint.leftovers(folder.checkpoints), *folder.leftovers()):
                path.unlink()
            if not checkpoint.found_in(folder.checkpoints):
                folder.make_checkpoints()
                listener.note("there is no checkpoint: the run begins at its first step")
        session = open_session(graph, Path(about["base"]), where, listener.note, _begun(folder, about))
        return _learn(session, folder, _identity(text), listener)


def _about(session: Session, name: str, base: Path) -> dict[str, Any]:
    """What a run needs to know of itself besides its spec and its source."""
    return {
        "name": name,
        "network": session.graph.name,
        "base": str(base.resolve()),
        "targets": {name: each.as_dict() for name, each in session.data.targets.items()},
        "preprocessing": session.data.preprocessing,
        "source": _identity(session.source.text),
        "class": session.source.class_name,
        "modules": session.source.paths,
        "units": session.source.units,
        "methods": session.source.methods,
        "recomputed": session.recomputed,
        "chooses_parts": session.chooses_parts,
    }


def _begun(folder: RunFolder, about: dict[str, Any]) -> Begun:
    return Begun(
        source_of(folder, about), about["preprocessing"], tuple(about["recomputed"]), about.get("chooses_parts", False)
    )


def source_of(folder: RunFolder, about: dict[str, Any]) -> Emitted:
    """The source that a run was trained with; `TrainingError` where it is another by now."""
    text = folder.text(MODEL)
    if _identity(text) != about["source"]:
        raise folder.damaged(MODEL, "it is not the source that was trained")
    return Emitted(text, about["class"], about["modules"], about["units"], about["methods"])


def weights_of(folder: RunFolder) -> dict[str, torch.Tensor]:
    """The weights that a run has left; `TrainingError` where it has not reached its end, or they are damaged."""
    path, on = folder.path / WEIGHTS, f"archspec train --resume {folder.path}"
    if not path.exists():
        raise TrainingError("E906", f"{folder.path} has no {WEIGHTS}: it has not reached its end", f"go on with: {on}")
    try:
        return read_weights(path).tensors
    except WeightsError as error:
        help = f"remove it, and it is written anew: {on}"
        raise TrainingError("E906", error.diagnostics[0].message, help) from error


def read_run(folder: RunFolder) -> tuple[Graph, dict[str, Any], str]:
    """The network of a run, what else it says of itself, and its spec."""
    about = folder.mapping(RUN)
    missing = [key for key in _ABOUT if key not in about]
    if missing:
        raise folder.damaged(RUN, f"it says nothing of `{missing[0]}`")
    path = folder.path / SPEC
    try:
        graph = load(path)
    except SpecError as error:
        raise TrainingError("E906", f"{path} is no longer the spec that was trained: {error}") from error
    return graph, about, folder.text(SPEC)


def _learn(session: Session, folder: RunFolder, identity: str, listener: Listener) -> Outcome:
    learner, where, stop = session.learner, session.learner.where, Stop()
    events = Events(folder.path)
    loop = loop_of(session, listener, folder=folder, identity=identity, stop=stop, on_epoch=events.add)
    state = _last_state(folder, identity, where, listener.note)
    if state is not None:
        learner.load(state)
        loop.state.load(state, leads=where.leads)
        if loop.state.parts and where.count == 1:
            loop.division = replace(loop.division, parts=loop.state.parts)
        listener.note(f"going on from step {loop.state.step} (epoch {loop.epoch + 1})")
        events.begin_at(loop.state.step)
    try:
        with stop.listening():
            if state is None:
                loop.save()  # what a run begins with is its first state
            results = _finish(session, loop, folder) if loop.go() else None
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise too_large(session.graph, session.keys, loop.division, where) from error
    finally:
        events.close()
    if results is None:
        return Outcome(folder.path, None, stop.signal, where.leads)
    listener.end(loop.state.history)
    return Outcome(folder.path, results, leads=where.leads)


def loop_of(
    session: Session,
    listener: Listener,
    *,
    folder: RunFolder | None,
    identity: str = "",
    stop: Stop | None = None,
    on_epoch: Callable[[Row, list[float]], None] = lambda *_: None,
) -> Loop:
    """The loop of a session, at its beginning."""
    device, division = session.learner.where.device, session.division
    per_epoch = -(-len(session.data.splits["train"]) // division.batch)
    state = State(torch.zeros(per_epoch, device=device), torch.zeros((), dtype=torch.int64, device=device))
    return Loop(
        session.learner, session.data.splits, session.keys, division, Schedule(session.keys, per_epoch), state,
        listener, folder, identity, stop or Stop(), on_epoch,
    )  # fmt: skip


def _last_state(
    folder: RunFolder, identity: str, where: Processes, note: Callable[[str], None]
) -> dict[str, Any] | None:
    """The newest good state, the same for all processes."""
    found = checkpoint.last_good(folder.checkpoints, note) if where.leads else None
    state = where.told([found[1] if found is not None else None])[0]
    if state is None:
        return None
    if state["spec"] != identity:
        raise TrainingError(
            "E912", f"the checkpoints of {folder.path} are of another spec than its {SPEC}",
            f"put {SPEC} back as it was, or train anew",
        )  # fmt: skip
    if state["threads"] != torch.get_num_threads():
        note(
            f"the run began with {state['threads']} threads and goes on with {torch.get_num_threads()}: sums may "
            f"differ in their last digit (--threads {state['threads']} for the same ones)"
        )
    return state


def _finish(session: Session, loop: Loop, folder: RunFolder) -> dict[str, Any] | None:
    """Judge the weights that the run leaves, and write them with their figures; None where told to stop before."""
    learner, state, where = session.learner, loop.state, session.learner.where
    if state.best.weights is not None:
        learner.put_weights(state.best.weights)
    elif learner.mean is not None:
        learner.put_weights(learner.mean.means)
    figures: dict[str, Any] = {}
    for part in _judged_parts(session):
        if loop.is_told():
            return None
        figures[part] = _judged(session, part)
    weights = learner.weights()
    results = {
        "epochs": len(state.history),
        "steps": state.step,
        "seconds": round(state.seconds, 3),
        "best_epoch": state.best.epoch or len(state.history),
        "train": {"loss": state.history[-1]["train_loss"], "accuracy": state.history[-1].get("train_accuracy")},
        **figures,
    }
    if where.leads:
        with folder.writing():
            write_weights(weights, folder.path / WEIGHTS, session.graph, session.data)
        folder.write(CURVE, curve(state.history, f"{session.graph.name}: {_said(figures)}"))
        folder.write(RESULTS, _json(results))
    where.wait()
    return results


def _judged_parts(session: Session) -> list[str]:
    """All that the network was not trained on."""
    return [name for name in ("validation", "test") if name in session.data.splits]


def _judged(session: Session, part: str) -> dict[str, Any]:
    """The figures of the network, with its weights as they are."""
    return session.learner.judge(session.data.splits[part], session.division.part).figures()


def evaluate(
    run: Path, *, machine: Machine = ANY_MACHINE, listener: Listener = _SILENCE
) -> tuple[Session, dict[str, Any]]:
    """A run's network with the weights it has left, and its figures anew."""
    folder = RunFolder.existing(run)
    graph, about, _ = read_run(folder)
    weights = weights_of(folder)
    keys = recipe_of(graph).model_copy(update={"weights": None, "memory": None, "recompute": ()})
    with processes(machine.device) as where, settings_of(keys, machine.threads):
        graph, note = replace(graph, train=keys), listener.note if where.leads else _SILENCE.note
        begun = replace(_begun(folder, about), recomputed=())  # what is judged has no gradients
        session = open_session(graph, Path(about["base"]), where, note, begun)
        session.learner.put_weights(weights)
        return session, {part: _judged(session, part) for part in _judged_parts(session)}


def _new_folder(runs: Path, name: str, where: Processes) -> RunFolder:
    made = RunFolder.new(runs, name) if where.leads else None
    path = where.told([str(made.path) if made is not None else ""])[0]
    return made or RunFolder(Path(path))


def _identity(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _machine_said(where: Processes) -> str:
    said = f"{where.device.type}"
    if where.device.type == "cpu":
        threads = torch.get_num_threads()
        said += f", {threads} thread{'s' if threads != 1 else ''}"
    return said + (f", {where.count} processes" if where.count > 1 else "")


def _said(figures: dict[str, Any]) -> str:
    test = figures.get("test") or figures["validation"]
    if "found" in test:
        return f"mean IoU {test['mean_iou']:.4f} of {test['examples']:,}"
    if "accuracy" not in test:
        return f"loss {test['loss']:.4f}"
    of_what = "all flags" if "exact" in test else f"{test['examples']:,}"
    return f"{100 * test['accuracy']:.2f}% of {of_what} right"
