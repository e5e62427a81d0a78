"""Numbers as people write them: 10M, 1.5G, 1e7, 2x."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_AMOUNT = re.compile(r"(?P<number>\d{1,15}(\.\d{0,15})?|\.\d{1,15})(e(?P<power>\d{1,2}))? ?(?P<unit>[kmgbt]?)", re.I)


def amount(text: str) -> float:
    """A count: `10M` and `1e7` are ten million, `1.5G` is a billion and a half."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"a number such as 10M, 1.5G or 1e7, not '{text}'")
    return float(match["number"]) * 10 ** int(match["power"] or 0) * _UNITS[match["unit"].lower()]


@dataclass(frozen=True, slots=True)
class Aim:
    """How much something is to become: so many times what it is, or a number of its own."""

    number: float
    is_factor: bool

    def of(self, present: int) -> float:
        """The number to reach from where it is."""
        return self.number * present if self.is_factor else self.number


def aim(text: str) -> Aim:
    """`2x`, or an amount."""
    is_factor = text.strip().lower().endswith(("x", "×"))
    try:
        number = amount(text.strip()[:-1] if is_factor else text)
    except argparse.ArgumentTypeError:
        number = 0.0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"a factor such as 2x or a number such as 800M, above 0, not '{text}'")
    return Aim(number, is_factor)


def percent(text: str) -> float:
    """A number from 0 to 100."""
    try:
        number = float(text.strip().removesuffix("%"))
    except ValueError:
        number = -1
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"percent, from 0 to 100, not '{text}'")
    return number


def ratio(text: str) -> float:
    """How many times something grows in a step: above 0, 1 leaves it as it is."""
    number = signed(text)
    if not 0.1 <= number <= 10:
        raise argparse.ArgumentTypeError(f"a number from 0.1 to 10, not '{text}'")
    return number


def signed(text: str) -> float:
    """A number that may be below 0."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not -100 <= number <= 100:
        raise argparse.ArgumentTypeError(f"a number from -100 to 100, not '{text}'")
    return number
