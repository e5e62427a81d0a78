"""The turns of a loop as few elements of a list: some one by one, some as `for i in range(n)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compiler.source.values import ABSENT, Vector, same

Turn = dict[str, Any]
"""The arguments of one turn; under `""` the class"""


@dataclass(frozen=True, slots=True)
class One:
    """One turn: each argument's value in every instance of the class."""

    arguments: dict[str, Vector]


@dataclass(frozen=True, slots=True)
class Many:
    """Turns whose arguments are `first + step * i`."""

    first: dict[str, Vector]
    step: dict[str, Vector]
    total: Vector
    """turns of the whole loop"""
    before: int
    """those of them that come earlier"""


Element = One | Many


def elements(loops: Sequence[Sequence[Turn] | None]) -> list[Element] | None:
    """The list of a loop, one for every instance of the class; None where no one list serves all.

    `None` stands for an instance without the loop.
    """
    loops = [None if turns is None else _with_all_names(turns) for turns in loops]
    there = [turns for turns in loops if turns is not None]
    if len(there) == 1:
        return _runs(loops)
    total = tuple(ABSENT if turns is None else len(turns) for turns in loops)
    if max(map(len, there)) > 1:
        for before in (0, 1):
            tails = [None if turns is None else turns[before:] for turns in loops]
            many = _many(tails, total, before)
            if many is not None and all(len(turns) >= before for turns in there):
                return [*(_one(loops, index) for index in range(before)), many]
    if len(set(map(len, there))) > 1:
        return None
    return [_one(loops, index) for index in range(len(there[0]))]


def _one(loops: Sequence[Sequence[Turn] | None], index: int) -> One:
    example = next(turns[index] for turns in loops if turns is not None)
    return One({name: tuple(ABSENT if turns is None else turns[index][name] for turns in loops) for name in example})


def _runs(loops: Sequence[Sequence[Turn] | None]) -> list[Element]:
    """For a single loop: the longest stretches that follow one rule."""
    turns = next(turns for turns in loops if turns is not None)
    found: list[Element] = []
    start = 0
    while start < len(turns):
        stop = start + min(_stretch(turns, start, name) for name in turns[start])
        cut = [None if each is None else each[start:stop] for each in loops]
        total = tuple(ABSENT if each is None else stop for each in loops)
        many = _many(cut, total, start) if stop - start > 1 else None
        found.append(many or _one(loops, start))
        start = stop if many else start + 1
    return found


def _stretch(turns: Sequence[Turn], start: int, name: str) -> int:
    """How many turns from `start` on follow one rule in an argument."""
    first = turns[start][name]
    length = 1
    if start + 1 < len(turns):
        second = turns[start + 1][name]
        step = second - first if type(first) is type(second) is int else 0
        while start + length < len(turns) and same(
            turns[start + length][name], first + step * length if step else first
        ):
            length += 1
    return length


def _many(loops: Sequence[Sequence[Turn] | None], total: Vector, before: int) -> Many | None:
    example = next((turn for turns in loops if turns for turn in turns), None)
    if example is None:
        return None
    first: dict[str, Vector] = {}
    step: dict[str, Vector] = {}
    for name in example:
        columns = [None if turns is None else [turn[name] for turn in turns] for turns in loops]
        steps = [_step(column) for column in columns]
        if None in steps:
            return None
        moves = [each for each in steps if each is not ABSENT and each != 0]
        if moves and not any(column is not None and len(column) > 2 for column in columns):
            return None
        first[name] = tuple(column[0] if column else ABSENT for column in columns)
        step[name] = tuple(steps)
    return Many(first, step, total, before)


def _step(column: list[Any] | None) -> Any:
    """What is added from turn to turn; ABSENT where there are too few to tell, None where it differs."""
    if not column or len(column) == 1:
        return ABSENT
    if all(same(column[0], value) for value in column):
        return 0
    if not all(type(value) is int for value in column):
        return None
    step = column[1] - column[0]
    return step if all(value == column[0] + step * index for index, value in enumerate(column)) else None


def _with_all_names(turns: Sequence[Turn]) -> list[Turn]:
    """Turns of several classes, each with the arguments of all: what a class lacks is ABSENT."""
    names = dict.fromkeys(name for turn in turns for name in turn)
    return [{name: turn.get(name, ABSENT) for name in names} for turn in turns]
