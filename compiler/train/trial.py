"""Trials that leave nothing behind: what a run will take, and whether a network learns at all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from archspec.graph import Graph
from archspec.memory.recipe import course_of
from archspec.report.units import bytes_text
from archspec.training import Constant
from compiler.train.fit import is_out_of_memory, too_large
from compiler.train.learner import Part
from compiler.train.loop import Listener
from compiler.train.processes import processes
from compiler.train.run import ANY_MACHINE, Machine
from compiler.train.session import Session, open_session, recipe_of, settings_of

_WARM = 3
"""steps that are not timed: the first ones choose kernels and ask for memory"""
_TIMED = 10
_BY_HEART = 300
"""steps in which a batch is to be learnt"""


def dry_run(graph: Graph, *, base: Path, listener: Listener, machine: Machine = ANY_MACHINE) -> str:
    """One batch through everything and a few steps for their time; what the whole run will take."""
    keys = recipe_of(graph)
    with processes(machine.device) as where, settings_of(keys, machine.threads):
        session = open_session(graph, base, where, listener.note)
        learner, division = session.learner, session.division
        steps = -(-len(session.data.splits["train"]) // division.batch)
        try:
            seconds = _seconds_of_step(session)
            judged = _seconds_of_test(session)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise too_large(session.graph, session.keys, division, where) from error
        epochs = session.keys.epochs
        total = epochs * (steps * seconds + judged)
        saved = sum(tensor.numel() * tensor.element_size() for tensor in _tensors(learner.state()))
        lines = [
            f"batch      {division.batch}" + (f" in {division.parts} parts" if division.parts > 1 else ""),
            f"steps      {epochs} epochs of {steps}, {1000 * seconds:.1f} ms each",
            f"time       {_time_text(total)}, of which {_time_text(epochs * judged)} to judge",
            f"memory     {_memory_text(session)}",
            f"checkpoint {bytes_text(saved)}, {session.keys.checkpoint.keep} kept",
        ]
        return "\n".join(lines)


def _batches(session: Session) -> Iterator[tuple[Iterator[Part], int, int]]:
    """Of each step what gives the parts of its batch, how many there are, and the examples of the batch."""
    train, division, rank = session.data.splits["train"], session.division, session.learner.where.rank
    for epoch in count():
        order = train.order(epoch)
        parts = train.batches(division.of_process(order, rank), division.part, epoch=epoch, augment=True)
        for batch in order.split(division.batch):
            yield parts, -(-len(division.of_process(batch, rank)) // division.part), len(batch)


def _seconds_of_step(session: Session) -> float:
    learner = session.learner
    for step, (parts, number, examples) in zip(range(_WARM + _TIMED), _batches(session), strict=False):
        if step == _WARM:
            _finish_work(learner.where.device)
            began = time.perf_counter()
        learner.step(parts, number, step, examples, session.keys.optimizer.rate)
    _finish_work(learner.where.device)
    return (time.perf_counter() - began) / _TIMED  # pyright: ignore[reportPossiblyUnboundVariable]


def _seconds_of_test(session: Session) -> float:
    """The time that judging takes after an epoch, from that of one batch."""
    splits, batch = session.data.splits, session.division.part
    split = splits.get("validation", splits["test"])
    order = torch.arange(min(batch, len(split)))
    session.learner.network.eval()
    with torch.no_grad():
        _finish_work(session.learner.where.device)
        began = time.perf_counter()
        for images, _ in split.batches(order, batch, epoch=0, augment=False):
            session.learner.network(images)
        _finish_work(session.learner.where.device)
    return (time.perf_counter() - began) * len(split) / len(order)


def _finish_work(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory_text(session: Session) -> str:
    device, held = session.learner.where.device, session.data.held
    if device.type == "cuda":
        return f"{bytes_text(torch.cuda.max_memory_allocated(device))} of the device"
    course = course_of(session.graph, session.keys, recomputed=session.recomputed)
    beside = f", beside {bytes_text(held)} of data" if held else ""
    return f"{bytes_text(course.peak(session.division.part))} of a step's tensors, predicted{beside}"


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)


def _time_text(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True)
class Trial:
    """Whether a network learnt a batch by heart."""

    text: str
    learned: bool


def overfit_batch(graph: Graph, *, base: Path, listener: Listener, machine: Machine = ANY_MACHINE) -> Trial:
    """Learn one batch by heart, without augmentation, at the recipe's highest rate."""
    keys = recipe_of(graph).model_copy(update={"schedule": Constant(), "ema": None})
    with processes(machine.device) as where, settings_of(keys, machine.threads):
        session = open_session(graph, base, where, listener.note)
        learner, train, division = session.learner, session.data.splits["train"], session.division
        order = train.order(0)[: division.batch]
        batch = list(train.batches(order, division.part, epoch=0, augment=False))
        losses: list[float] = []
        right = 0
        # of several outputs the main one alone is judged: there it is the loss that tells
        is_judged = bool(session.data.classes) and sum(not each.train_only for each in graph.outputs) == 1
        for step in range(_BY_HEART):
            loss, correct = learner.step(iter(batch), len(batch), step, len(order), keys.optimizer.rate)
            losses.append(loss.item())
            right = int(correct)
            if _is_learnt(losses, right == len(order), is_judged):
                break
        learnt = _is_learnt(losses, right == len(order), is_judged)
        known = f", {right} of {len(order)} right" if session.data.classes else ""
        said = f"loss {losses[0]:.4f} -> {losses[-1]:.4f} in {len(losses)} steps on one batch of {len(order)}{known}"
        verdict = "learnt by heart" if learnt else "not learnt: look at the rate, the loss and the labels"
        return Trial(f"{said}: {verdict}", learnt)


def _is_learnt(losses: Sequence[float], all_right: bool, is_judged: bool) -> bool:
    return all_right if is_judged else losses[-1] < 0.01 * losses[0]
