"""How often a row is instantiated, and with which values: `each`, `repeat`, `first` and `last`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archspec.diagnostic import Findings
from archspec.document import Map, is_list, is_mapping
from archspec.limits import Limits
from archspec.row import Row
from archspec.scope import Evaluator, Scope, Unknown
from archspec.sources import Frame
from archspec.spec import Block
from archspec.validation import shown


class Abandon(Exception):
    """Expansion can't go on."""


@dataclass
class Instance:
    """One of the times a row is instantiated."""

    name: str
    scope: Scope
    overrides: tuple[tuple[str, Map], ...] = ()
    """`first` and `last`, where this is one of them"""


class Instances:
    """Finds the instances of rows, and counts them against the limit before they are made."""

    def __init__(self, blocks: Mapping[str, Block], findings: Findings, evaluator: Evaluator, limits: Limits) -> None:
        self.blocks = blocks
        self.findings = findings
        self.evaluator = evaluator
        self.limits = limits
        self._rows = 0
        self._least: dict[str, int] = {}

    def of(self, row: Row, name: str, frame: Frame) -> Iterator[Instance]:
        """The instances of a row, in order; `Unknown` where they can't be known."""
        entries = self._entries(row, frame)
        times = None
        for index, entry in enumerate(entries):
            scope, entry_name = frame.scope, name
            if row.each is not None:
                scope = scope.with_values({**entry, "i": index}, "each")
                entry_name = f"{name}.{index}"
            times = self._times(row, scope, frame)
            self._account(row, 1 if times is None else times, frame)
            if times is None:
                yield Instance(entry_name, scope, self._overrides(row, index, len(entries)))
                continue
            for turn in range(times):
                turn_scope = scope.with_values({"i": turn}, "repeat")
                yield Instance(f"{entry_name}.{turn}", turn_scope, self._overrides(row, turn, times))

    def _overrides(self, row: Row, index: int, count: int) -> tuple[tuple[str, Map], ...]:
        found: list[tuple[str, Map]] = []
        if row.first is not None and index == 0:
            found.append(("first", row.map["first"]))
        if row.last is not None and index == count - 1:
            found.append(("last", row.map["last"]))
        return tuple(found)

    def _entries(self, row: Row, frame: Frame) -> list[dict[str, Any]]:
        if row.each is None:
            return [{}]
        span = row.value_span("each")
        each = self.evaluator.value(row.map["each"], frame.scope, span, frame.trail)
        entries = _read_each(each)
        if not isinstance(entries, str):
            return entries
        self.findings.add(
            "E113",
            entries,
            span,
            label="one value for each instance",
            help="each: {maps: [64, 128], times: [2, 3]}",
            related=frame.trail,
        )
        raise Unknown

    def _times(self, row: Row, scope: Scope, frame: Frame) -> int | None:
        if row.repeat is None:
            return None
        span = row.value_span("repeat")
        times = self.evaluator.value(row.repeat, scope, span, frame.trail)
        if not isinstance(times, int) or isinstance(times, bool) or times < 0:
            self.findings.add(
                "E104",
                f"`repeat` wants a whole number from 0, not {shown(times)}",
                span,
                label="not this",
                related=frame.trail,
            )
            raise Unknown
        return times

    def _account(self, row: Row, times: int, frame: Frame) -> None:
        """Count rows before they are made; give up where there would be too many."""
        least = times * self._least_rows(row)
        if self._rows + least > self.limits.rows:
            where = row.value_span("repeat") if row.repeat is not None else row.label_span()
            self.findings.add(
                "E601",
                f"{self._rows + least:,} rows or more, and the limit is {self.limits.rows:,}",
                where,
                label=f"{times:,} times {self._least_rows(row):,}" if times > 1 else "",
                help=f"repeat less, or raise the limit: --limit rows={self._rows + least}",
                related=frame.trail,
            )
            raise Abandon
        self._rows += times

    def _least_rows(self, row: Row) -> int:
        """The fewest rows one instance can make, as far as the literal numbers tell."""
        if row.when not in (None, True):
            return 1
        if row.rows is not None:
            return 1 + sum(map(self._least_with_repeats, row.rows))
        if row.branches is not None:
            return 1 + sum(self._least_with_repeats(inner) for _, rows in row.branches for inner in rows)
        block = self.blocks.get(row.type or "")
        if block is None:
            return 1
        if block.name not in self._least:
            self._least[block.name] = 1  # what a block that calls itself counts, until that is reported
            self._least[block.name] = 1 + sum(map(self._least_with_repeats, block.rows))
        return self._least[block.name]

    def _least_with_repeats(self, row: Row) -> int:
        times = row.repeat if isinstance(row.repeat, int) else 1 if row.repeat is None else 0
        return times * self._least_rows(row)


def _read_each(each: Any) -> list[dict[str, Any]] | str:
    """The values of each instance; what is wrong with them, in words, where something is."""
    if is_mapping(each):
        lengths: dict[str, int] = {}
        for name, column in each.items():
            if not is_list(column):
                return f"`each` wants a list for each name, and {name} is {shown(column)}"
            lengths[name] = len(column)
        if not lengths:
            return "`each` is empty"
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {size}" for name, size in lengths.items())
            return f"the lists of `each` differ in length: {said}"
        count = next(iter(lengths.values()))
        entries: list[dict[str, Any]] = [{name: each[name][index] for name in lengths} for index in range(count)]
    elif is_list(each) and all(is_mapping(entry) and entry for entry in each):
        entries = [dict(entry) for entry in each]
    else:
        return f"`each` wants lists by name or a list of mappings, not {shown(each)}"
    for entry in entries:
        if entry.keys() != entries[0].keys():
            return f"the entries of `each` have different names: {', '.join(entries[0])} and {', '.join(entry)}"
        if any(map(is_mapping, entry.values())):
            return "the values of `each` are numbers, texts and lists, and one is a mapping"
    return entries
