"""Where a run is: everything besides the network that it needs to go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any

from torch import Tensor

from compiler.train.schedule import Fall

Row = dict[str, float]
"""the figures of an epoch"""


@dataclass
class Best:
    """The epoch that early stopping has found best so far, with its weights."""

    value: float = inf
    """smaller is better; of an accuracy its negative"""
    epoch: int = 0
    waited: int = 0
    weights: dict[str, Tensor] | None = None

    def see(self, value: float, epoch: int) -> bool:
        """Take note of an epoch; whether it is the best."""
        if value < self.value:
            self.value, self.epoch, self.waited = value, epoch, 0
            return True
        self.waited += 1
        return False


@dataclass
class State:
    """A place in a run."""

    losses: Tensor
    """of each step of the epoch, the part that this process has"""
    correct: Tensor
    """how many examples of the epoch were right so far"""
    step: int = 0
    """steps taken in the whole run"""
    seconds: float = 0.0
    """spent so far"""
    history: list[Row] = field(default_factory=list[Row])
    fall: Fall = field(default_factory=Fall)
    best: Best = field(default_factory=Best)
    finished: bool = False
    """whether early stopping has ended it"""
    parts: int = 0
    """in how many a batch is computed since memory was full; 0 for as many as at the beginning"""

    def plain(self, losses: Tensor, correct: Tensor) -> dict[str, Any]:
        """The state as plain data, with the sums over all processes."""
        return {
            "losses": losses.cpu(),
            "correct": int(correct),
            "step": self.step,
            "seconds": self.seconds,
            "history": [dict(row) for row in self.history],
            "fall": vars(self.fall),
            "best": vars(self.best),
            "finished": self.finished,
            "parts": self.parts,
        }

    def load(self, plain: dict[str, Any], *, leads: bool) -> None:
        """Take over a saved state; the sums go to the leading process."""
        self.losses.zero_()
        self.correct.zero_()
        if leads:
            self.losses.copy_(plain["losses"])
            self.correct.fill_(plain["correct"])
        self.step, self.seconds, self.history = plain["step"], plain["seconds"], plain["history"]
        self.fall, self.best, self.finished = Fall(**plain["fall"]), Best(**plain["best"]), plain["finished"]
        self.parts = plain["parts"]
