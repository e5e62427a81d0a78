"""The loop: epochs of steps, with everything that happens between them."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from archspec.report.training import METRICS
from archspec.training import Plateau, TrainKeys
from compiler.data import DataError
from compiler.train import checkpoint
from compiler.train.failure import TrainingError
from compiler.train.fit import is_out_of_memory
from compiler.train.folder import RunFolder
from compiler.train.learner import Learner, Split
from compiler.train.order import Division
from compiler.train.schedule import Schedule
from compiler.train.state import Row, State
from compiler.train.stopping import Stop

_REFRESH = 0.1
_LOOK = 10.0
"""seconds between two looks for a loss that is no number, where nobody watches"""
_SAVE = 600.0
"""seconds after which the state of a long epoch is saved"""
_AGREE = 10
"""steps after which processes ask one another whether to stop"""


class Listener(Protocol):
    """Whoever is told how a run goes."""

    watches: bool

    def begin(self, epochs: int) -> None: ...
    def refresh(self, epoch: int, done: int, steps: int, loss: float, accuracy: float, speed: float) -> None: ...
    def row(self, row: Row) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self, history: list[Row]) -> None: ...


class Silence:
    """Tells nobody: for the other processes of a run."""

    watches = False

    def begin(self, epochs: int) -> None:
        """Nothing."""

    def refresh(self, epoch: int, done: int, steps: int, loss: float, accuracy: float, speed: float) -> None:
        """Nothing."""

    def row(self, row: Row) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def end(self, history: list[Row]) -> None:
        """Nothing."""


@dataclass
class Loop:
    """A run on its way."""

    learner: Learner
    splits: Mapping[str, Split]
    keys: TrainKeys
    division: Division
    schedule: Schedule
    state: State
    listener: Listener
    folder: RunFolder | None
    identity: str
    """the checksum of the resolved spec"""
    stop: Stop
    on_epoch: Callable[[Row, list[float]], None]

    @property
    def judged_by(self) -> str:
        """The split whose figures stand beside those of training."""
        return "validation" if "validation" in self.splits else "test"

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to, counted from 0."""
        return self.state.step // self.schedule.steps_per_epoch

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to learn."""
        return self.state.finished or self.epoch >= self.keys.epochs

    def go(self) -> bool:
        """Learn until the end, or until told to stop; whether the end was reached."""
        if self.keys.unfreeze is not None and self.epoch >= self.keys.unfreeze.epoch - 1:
            self.learner.thaw(frozen=False)
        self.listener.begin(self.keys.epochs)
        self._saved = self._began = time.monotonic()
        while not self.is_done:
            if self.keys.unfreeze is not None and self.epoch == self.keys.unfreeze.epoch - 1:
                self.learner.thaw(frozen=False)
            try:
                if not self._steps_of_epoch():
                    self.save()
                    return False
            except DataError:
                # what a batch has learnt of its first parts can't be told from the others any more
                if self.learner.where.count == 1 and self.division.parts == 1:
                    self.save()
                raise
            except Exception as error:
                if not is_out_of_memory(error) or not self._takes_smaller_parts():
                    raise
                continue
            self._end_epoch()
            self.save()
            if not self.is_done and self._is_to_stop():
                return False
        return True

    def _steps_of_epoch(self) -> bool:
        """The steps that the epoch has left; whether all of them were taken."""
        state, learner, division = self.state, self.learner, self.division
        train, per_epoch, epoch = self.splits["train"], self.schedule.steps_per_epoch, self.epoch
        where, examples = learner.where, len(self.splits["train"])
        order = division.of_process(train.order(epoch), where.rank)
        first = state.step % per_epoch
        own = order[first * (division.batch // where.count) :]
        parts = train.batches(own, division.part, epoch=epoch, augment=True)
        left, looked = len(own), time.monotonic()
        for in_epoch in range(first, per_epoch):
            mine = min(left, division.batch // where.count)
            left -= mine
            loss, right = learner.step(
                parts,
                -(-mine // division.part),
                state.step,
                min(division.batch, examples - in_epoch * division.batch),
                self.schedule.rate(state.step, state.fall.factor),
            )
            state.losses[in_epoch] = loss
            state.correct += right
            state.step += 1
            now = time.monotonic()
            if now - looked > (_REFRESH if self.listener.watches else _LOOK):
                looked = now
                self._refresh(in_epoch + 1, now)
            if in_epoch + 1 < per_epoch:
                if self._is_to_save(now):
                    self.save()
                if self._is_to_stop():
                    return False
        return True

    def _takes_smaller_parts(self) -> bool:
        """Go on with half as many examples at a time, where the recipe leaves that to us and no step is half done."""
        finer = replace(self.division, parts=2 * self.division.parts)
        if not self.learner.is_revocable or not self.learner.is_whole or finer.batch % finer.parts:
            return False
        self.listener.note(
            f"out of memory in step {self.state.step + 1} with {self.division.part} examples at a time: "
            f"going on with {finer.part}"
        )
        self.division, self.state.parts = finer, finer.parts
        if self.learner.where.device.type == "cuda":
            torch.cuda.empty_cache()
        return True

    def _is_to_save(self, now: float) -> bool:
        every = self.keys.checkpoint.steps
        due = every is not None and self.state.step % every == 0
        return due or (self.learner.where.count == 1 and now - self._saved > _SAVE)

    def _is_to_stop(self) -> bool:
        if self.learner.where.count > 1 and self.state.step % _AGREE:
            return False
        return self.is_told()

    def is_told(self) -> bool:
        """Whether any of the processes has been told to stop."""
        self.stop.signal = self.learner.where.any(self.stop.signal)
        return self.stop.signal != 0

    def _refresh(self, done: int, now: float) -> None:
        self._check_numbers(done)
        seen = min(done * self.division.batch, len(self.splits["train"]))
        own = max(seen // self.learner.where.count, 1)
        shares = self.state.losses[:done].sum().item() / done * self.learner.where.count
        taken = (now - self._began) / max(self.state.step - self._first_step, 1)
        self.listener.refresh(
            self.epoch_of(done), done, self.schedule.steps_per_epoch, shares,
            self.state.correct.item() / own if self.learner.counts_right else math.nan, self.division.batch / taken,
        )  # fmt: skip

    def epoch_of(self, done: int) -> int:
        """The epoch, counted from 1, of which `done` steps are taken."""
        return (self.state.step - done) // self.schedule.steps_per_epoch + 1

    def _check_numbers(self, done: int) -> None:
        """`TrainingError` where a loss of this epoch is no number: the weights are none either, from there on."""
        finite = self.state.losses[:done].isfinite()
        if bool(finite.all()):
            return
        within = int(finite.logical_not().nonzero()[0])
        step = self.state.step - done + within + 1
        epoch = self.epoch_of(done)
        last = next(iter(checkpoint.found_in(self.folder.checkpoints)), None) if self.folder is not None else None
        kept = f"; the state of step {last.step} is kept" if last is not None else ""
        raise TrainingError(
            "E910",
            f"the loss is {self.state.losses[within].item()} in step {step} (epoch {epoch}){kept}",
            f"try a lower learning rate than {self.keys.optimizer.rate:g}, a warmup, or clip: 1",
        )

    def _end_epoch(self) -> None:
        state, where = self.state, self.learner.where
        self._check_numbers(self.schedule.steps_per_epoch)
        epoch = state.step // self.schedule.steps_per_epoch
        losses, correct = state.losses.clone(), state.correct.clone()
        where.add_up([losses, correct])
        examples = len(self.splits["train"])
        shares = losses.double().cpu()
        counts = torch.full_like(shares, self.division.batch)
        counts[-1] = examples - self.division.batch * (len(counts) - 1)
        row: Row = {
            "epoch": epoch,
            "step": state.step,
            "rate": self.schedule.rate(state.step - 1, state.fall.factor),
            "train_loss": float((shares * counts).sum()) / examples,
        }
        if self.learner.counts_right:
            row["train_accuracy"] = int(correct) / examples
        with self.learner.best_weights():
            sums = self.learner.judge(self.splits[self.judged_by], self.division.part)
            self._look_for_best(row, sums.figures(), epoch)
        state.losses.zero_()
        state.correct.zero_()
        now = time.monotonic()
        state.seconds += now - self._began
        self._began, self._first_step = now, state.step
        row["seconds"] = round(state.seconds, 3)
        state.history.append(row)
        if isinstance(self.keys.schedule, Plateau):
            state.fall.see(row[f"{self.judged_by}_loss"], self.keys.schedule)
        if where.leads:
            if self.folder is not None:
                self.folder.write(METRICS, as_csv(state.history))
            self.on_epoch(row, shares.tolist())
            self.listener.row(row)

    def _look_for_best(self, row: Row, figures: dict[str, Any], epoch: int) -> None:
        row[f"{self.judged_by}_loss"] = figures["loss"]
        if "accuracy" in figures:
            row[f"{self.judged_by}_accuracy"] = figures["accuracy"]
        boxes = next((each for each in figures.get("outputs", {"": figures}).values() if "found" in each), None)
        if boxes is not None:
            row[f"{self.judged_by}_iou"] = boxes["mean_iou"]
        rule, best = self.keys.early_stop, self.state.best
        if rule is None:
            return
        value = figures["loss"] if rule.metric == "loss" else -figures["accuracy"]
        if best.see(math.inf if math.isnan(value) else value, epoch):
            best.weights = self.learner.weights()
        elif best.waited >= rule.patience:
            self.state.finished = True
            self.listener.note(f"no better since epoch {best.epoch}: stopping, with its weights")

    def save(self) -> None:
        """Save the state, unless one of this step is there or nobody wants it."""
        if self.folder is None:
            return
        done = self.state.step % self.schedule.steps_per_epoch
        if done:
            self._check_numbers(done)
        where = self.learner.where
        now = time.monotonic()
        self.state.seconds += now - self._began
        self._began, self._first_step, self._saved = now, self.state.step, now
        losses, correct = self.state.losses.clone(), self.state.correct.clone()
        where.add_up([losses, correct])
        learned = self.learner.state()
        if where.leads:
            saved = {**self.state.plain(losses, correct), **learned, "spec": self.identity}
            saved["threads"] = torch.get_num_threads()
            checkpoint.save(self.folder.checkpoints, self.state.step, saved, self.keys.checkpoint.keep)
        where.wait()

    def __post_init__(self) -> None:
        self._saved = self._began = time.monotonic()
        self._first_step = self.state.step


def as_csv(history: list[Row]) -> str:
    """The table of epochs as CSV; numbers as exact as they are."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]) if history else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
