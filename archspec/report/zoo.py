"""The zoo as a table: what every network costs, and what was published of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archspec.graph import Graph
from archspec.loading import Options, compile_spec
from archspec.published import Accuracy, accuracy, year
from archspec.report.compare import Figures, figures
from archspec.report.table import Column, Table
from archspec.report.units import bytes_text, count_text
from archspec.zoo import names


@dataclass(frozen=True, slots=True)
class Entry:
    """A network of the zoo."""

    name: str
    network: str
    year: int | None
    figures: Figures
    accuracy: Accuracy

    def as_dict(self) -> dict[str, Any]:
        """The entry for programs."""
        known = {"top1": self.accuracy.top1, "top5": self.accuracy.top5, "source": self.accuracy.source or None}
        return {**self.figures.as_dict(), "network": self.network, "year": self.year, **known}


KEYS: dict[str, Callable[[Entry], str | float | None]] = {
    "name": lambda entry: entry.name,
    "year": lambda entry: entry.year,
    "params": lambda entry: entry.figures.trainable,
    "macs": lambda entry: entry.figures.macs,
    "weights": lambda entry: entry.figures.weights,
    "depth": lambda entry: entry.figures.depth,
    "top1": lambda entry: entry.accuracy.top1,
    "top5": lambda entry: entry.accuracy.top5,
}
"""What the zoo can be sorted by."""


def members(among: Iterable[str] | None = None) -> Iterator[tuple[str, Graph]]:
    """Every spec of the zoo that is a network by itself (a family may need a variant chosen)."""
    for name in names() if among is None else among:
        graph = compile_spec(name, Options()).graph
        if graph is not None:
            yield name, graph


def entries(family: str | None = None) -> Iterator[Entry]:
    """The zoo, or one family of it, in the order of the names."""
    among = [name for name in names() if family in (None, name.partition("/")[0])]
    for name, graph in members(among):
        yield Entry(name, graph.name, year(name), figures(graph, name), accuracy(name))


def ordered(found: Iterable[Entry], key: str) -> list[Entry]:
    """Entries by one of `KEYS`, with a `-` in front the largest first; those that have no such value come last."""
    value = KEYS[key.removeprefix("-")]
    known, unknown = list[tuple[Any, Entry]](), list[Entry]()
    for entry in found:
        this = value(entry)
        if this is None:
            unknown.append(entry)
        else:
            known.append((this, entry))
    known.sort(key=lambda pair: pair[0], reverse=key.startswith("-"))
    return [entry for _, entry in known] + unknown


def zoo_table(found: Sequence[Entry], *, exact: bool = False) -> Table:
    """A line for each entry; `exact` writes numbers out, for programs."""
    columns = [
        Column("spec"), Column("year", right=True, spare=2), Column("input", right=True, spare=3),
        Column("parameters", right=True), Column("MACs", right=True), Column("weights", right=True, spare=5),
        Column("depth", right=True, spare=4), Column("top-1", right=True, spare=1),
        Column("top-5", right=True, spare=6), Column("source", spare=7),
    ]  # fmt: skip
    return Table(columns, [_row(entry, exact) for entry in found])


def _row(entry: Entry, exact: bool) -> list[str]:
    costs, known = entry.figures, entry.accuracy
    macs, weights = (str, str) if exact else (count_text, bytes_text)
    return [
        entry.name, "-" if entry.year is None else str(entry.year), costs.input, f"{costs.trainable:,}",
        macs(costs.macs), weights(costs.weights), str(costs.depth), percent_text(known.top1), percent_text(known.top5),
        known.source or "-",
    ]  # fmt: skip


def percent_text(value: float | None) -> str:
    """An accuracy as tables print it: one digit behind the point, for sources give no more in common."""
    return "-" if value is None else f"{value:.1f}"
