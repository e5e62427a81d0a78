"""What a person sees of a run: a bar that moves, a line for each epoch, and curves of letters at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import isnan
from typing import TextIO

Row = dict[str, float]
"""the figures of an epoch"""
_BAR = 24
_LEVELS = "▁▂▃▄▅▆▇█"


class Console:
    """Tells a person: the table on standard output, the bar and notes on standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        stream: TextIO | None = sys.stderr
        self.watches = not quiet and stream is not None and stream.isatty()
        self._quiet = quiet
        self._epochs = 0
        self._shown = False
        self._headed = False

    def begin(self, epochs: int) -> None:
        """Note how long the run will be."""
        self._epochs = epochs

    def refresh(self, epoch: int, done: int, steps: int, loss: float, accuracy: float, speed: float) -> None:
        """Move the bar."""
        if not self.watches:
            return
        filled = int(_BAR * done / steps)
        bar = "━" * filled + "·" * (_BAR - filled)
        print(
            f"\r\x1b[2Kepoch {epoch}/{self._epochs} {bar} {done}/{steps}  loss {loss:.4f}  "
            f"{'' if isnan(accuracy) else f'accuracy {100 * accuracy:.1f}%  '}{speed:,.0f}/s",
            end="", file=sys.stderr, flush=True,
        )  # fmt: skip
        self._shown = True

    def _clear(self) -> None:
        if self._shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
            self._shown = False

    def row(self, row: Row) -> None:
        """Print the figures of an epoch."""
        self._clear()
        if self._quiet:
            return
        texts = {"epoch": f"{row['epoch']:.0f}/{self._epochs}", "rate": f"{row['rate']:.2e}"}
        for name, value in row.items():
            if "_" in name:
                texts[name.replace("_", " ")] = f"{100 * value:.2f}%" if name.endswith("accuracy") else f"{value:.4f}"
        texts["seconds"] = f"{row['seconds']:.1f}"
        widths = [max(len(name) + 2, 10) for name in texts]
        if not self._headed:
            print("".join(name.rjust(width) for name, width in zip(texts, widths, strict=True)))
            self._headed = True
        print("".join(text.rjust(width) for text, width in zip(texts.values(), widths, strict=True)), flush=True)

    def note(self, text: str) -> None:
        """Say something once."""
        self._clear()
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)

    def end(self, history: Sequence[Row]) -> None:
        """Draw how loss and accuracy went."""
        self._clear()
        if self._quiet or len(history) < 2:
            return
        print()
        for name in history[0]:
            split, _, figure = name.rpartition("_")
            if split:
                values = [row[name] for row in history]
                first, last = (_figure(value, figure) for value in (values[0], values[-1]))
                print(f"{split} {figure}".rjust(20) + f"  {first:>7} {_sparks(values)} {last}")


def _figure(value: float, kind: str) -> str:
    return f"{100 * value:.1f}%" if kind == "accuracy" else f"{value:.3f}"


def _sparks(values: Sequence[float], width: int = 48) -> str:
    """Values as columns of eight heights."""
    if len(values) > width:
        values = [values[index * len(values) // width] for index in range(width - 1)] + [values[-1]]
    low, high = min(values), max(values)
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round((value - low) / ((high - low) or 1) * top)] for value in values)
