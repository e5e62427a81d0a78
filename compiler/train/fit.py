"""How much of a batch fits into memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from archspec.graph import Graph
from archspec.memory.recipe import course_of
from archspec.report.units import bytes_text
from archspec.training import TrainKeys
from compiler.data.memory import free_memory
from compiler.train.failure import TrainingError
from compiler.train.learner import Learner, Split
from compiler.train.order import Division
from compiler.train.processes import Processes


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory is full, on whichever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def too_large(graph: Graph, keys: TrainKeys, division: Division, where: Processes) -> TrainingError:
    """What to say when memory is full: what was asked of it, and what would fit."""
    part, course = division.part, course_of(graph, keys, parts=division.parts)
    free = free_memory(where.device)
    fitting = part
    while fitting > 1 and course.peak(fitting) > free:
        fitting //= 2
    fitting = min(fitting, max(part // 2, 1))
    parts = -(-division.batch // (division.processes * fitting))
    help = f"{fitting} at a time should fit: accumulate: {parts}, or batch: auto"
    message = f"out of memory with {part} examples at a time, whose tensors take {bytes_text(course.peak(part))}"
    return TrainingError("E913", message, help if part > 1 else "use a smaller input, or memory: SIZE")


def fitting_parts(learner: Learner, train: Split, division: Division, say: Callable[[str], None]) -> int:
    """In how many parts a batch has to be computed: twice as many until the first one fits."""
    where = learner.where
    while True:
        fits = _fits(learner, train, division)
        if not where.any(int(not fits)):
            return division.parts
        finer = replace(division, parts=2 * division.parts)
        if finer.batch % (finer.processes * finer.parts):
            return division.parts  # as small as it gets: the run will say what is missing
        say(f"{division.part} examples at a time do not fit into memory: trying {finer.part}")
        division = finer


def _fits(learner: Learner, train: Split, division: Division) -> bool:
    order = torch.arange(len(train)).repeat(-(-division.part // len(train)))[: division.part]
    try:
        learner.try_part(next(iter(train.batches(order, division.part, epoch=0, augment=True))))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if learner.where.device.type == "cuda":
            torch.cuda.empty_cache()
        return False
    return True
