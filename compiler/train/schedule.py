"""The learning rate as a function of the step, so that a run resumes without a state of its schedule."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, inf, pi

from archspec.training import Cosine, OneCycle, Plateau, Steps, TrainKeys


@dataclass(frozen=True)
class Schedule:
    """What the highest learning rate is multiplied by at each step."""

    keys: TrainKeys
    steps_per_epoch: int

    def rate(self, step: int, plateau: float = 1.0) -> float:
        """The learning rate of a step, counted from 0; `plateau` is what the rate has fallen to by `Fall`."""
        return self.keys.optimizer.rate * self._phase(step) * self._factor(step) * plateau

    @property
    def steps(self) -> int:
        """The steps of the whole run."""
        return self.keys.epochs * self.steps_per_epoch

    def _phase(self, step: int) -> float:
        unfreeze = self.keys.unfreeze
        return unfreeze.rate if unfreeze is not None and step // self.steps_per_epoch >= unfreeze.epoch - 1 else 1.0

    def _factor(self, step: int) -> float:
        schedule = self.keys.schedule
        if isinstance(schedule, OneCycle):
            top = max(schedule.peak * self.steps - 1, 1e-9)
            last = max(self.steps - 1, 1)
            if step <= top:
                return _between(schedule.start, 1.0, step / top)
            return _between(1.0, schedule.end, (step - top) / max(last - top, 1e-9))
        warmup = schedule.warmup * self.steps_per_epoch
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if isinstance(schedule, Steps):
            return schedule.factor ** (step // (schedule.every * self.steps_per_epoch))
        if isinstance(schedule, Cosine):
            return _between(1.0, schedule.end, (step - warmup) / max(self.steps - warmup, 1))
        return 1.0


def _between(start: float, end: float, part: float) -> float:
    """Half a cosine from `start` to `end`."""
    return end + (start - end) * (1 + cos(pi * min(part, 1.0))) / 2


@dataclass
class Fall:
    """How far the rate has fallen because the loss did not."""

    factor: float = 1.0
    best: float = inf
    waited: int = 0

    def see(self, loss: float, keys: Plateau) -> None:
        """Take note of an epoch's loss."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > keys.patience:
            self.factor, self.waited = self.factor * keys.factor, 0
