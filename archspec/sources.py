"""Which tensor a name means: the frames of visible rows, and what to say where a name means none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archspec.diagnostic import Findings, Related
from archspec.document import Map
from archspec.row import Row, item_span
from archspec.scope import Scope
from archspec.source import Span
from archspec.steps import Layer
from archspec.suggest import did_you_mean, nearest


@dataclass(frozen=True, slots=True)
class Produced:
    """What a row's name stands for."""

    tensor: str | None
    """its output; None where that is not known because of a mistake"""
    name: str
    """the row's full name"""
    left_out: bool = False
    """whether `when` was false: what the name stands for is the row's input"""


@dataclass
class Frame:
    """The rows of one list: what they see and what they have produced so far."""

    prefix: str
    scope: Scope
    rows: tuple[Row, ...]
    input: str | None
    """the block's input, which rows call `in`"""
    names: dict[str, Produced] = field(default_factory=dict[str, Produced])
    outer: Frame | None = None
    """the frame around a branch or a group; a block sees none"""
    trail: tuple[Related, ...] = ()
    defaults: tuple[tuple[Map, Scope, str], ...] = ()
    shared: tuple[str, str] | None = None
    """this block's prefix and that of the block whose weights it uses"""
    _taken: set[str] | None = None
    _invented: dict[str, int] = field(default_factory=dict[str, int])

    def inside(self, name: str, scope: Scope, rows: tuple[Row, ...]) -> Frame:
        """The frame of a branch or group named `name`."""
        return Frame(
            f"{name}.",
            scope,
            rows,
            self.input,
            outer=self,
            trail=self.trail,
            defaults=self.defaults,
            shared=self.shared,
        )

    def default_layers(self, kind: str) -> list[Layer]:
        """What the spec and the block set for rows of a type that leave it out, the least important first."""
        return [
            Layer(origin, section[kind], scope)
            for section, scope, origin in self.defaults
            if isinstance(section.get(kind), Map)
        ]

    def invent(self, row: Row) -> str:
        """A name for a row that has none: its type and a number."""
        if self._taken is None:
            self._taken = {each.name for each in self.rows if each.name}
        base = row.type or "group"
        if base.startswith("="):
            base = "layer"
        while True:
            self._invented[base] = self._invented.get(base, 0) + 1
            name = f"{base}{self._invented[base]}"
            if name not in self._taken:
                return name

    def outward(self) -> Iterator[Frame]:
        """This frame and those around it, up to the block."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.outer


class SourceFinder:
    """Finds the tensors that `from` and `share` name."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def find(self, row: Row, frame: Frame, above: str | None) -> tuple[str | None, ...] | None:
        """The inputs of a row, None for each that has a mistake; None where a name is wrong."""
        if row.from_ is None:
            return (above,)
        written = row.map["from"]
        tensors: list[str | None] = []
        for index, name in enumerate(row.from_):
            span = row.value_span("from") if isinstance(written, str) else item_span(written, index, row.span)
            if name == "in":
                tensors.append(frame.input)
                continue
            produced = self._produced(name, frame)
            if produced is None:
                self._explain_unknown(name, span, row, frame)
                return None
            tensors.append(produced.tensor)
        return tuple(tensors)

    def _produced(self, name: str, frame: Frame) -> Produced | None:
        for each in frame.outward():
            if name in each.names:
                return each.names[name]
        return None

    def shared(self, row: Row, name: str, frame: Frame) -> str | None:
        """The full name of the row whose weights this one uses."""
        if frame.shared is not None:
            here, there = frame.shared
            return there + name.removeprefix(here)
        if row.share is None:
            return None
        produced = self._produced(row.share, frame)
        if produced is None:
            self._explain_share(row.share, row.value_span("share"), row, frame)
            return None
        return produced.name

    def shared_prefix(self, row: Row, name: str, frame: Frame) -> tuple[str, str] | None:
        """For a block: its prefix and that of the block whose weights it uses."""
        other = self.shared(row, name, frame)
        return None if other is None else (f"{name}.", f"{other}.")

    def _explain_share(self, name: str, span: Span, row: Row, frame: Frame) -> None:
        if any(other.is_lost for each in frame.outward() for other in each.rows):
            return
        below = next((other for each in frame.outward() for other in each.rows if other.name == name), None)
        if row.name == name:
            code, message, label = "E222", f"{name} can't share weights with itself", "this row"
            help = "name a row above it"
        elif below is not None:
            code, message, label = "E221", f"{name} runs after this row", "below"
            help = f"give `share: {row.name}` to {name} instead" if row.name else f"move {name} above this row"
        else:
            code, message, label = "E220", f"no row is named {name}", "unknown"
            if name == "in":
                code, message, label = "E213", "the input has no weights to share", "no row"
            help = did_you_mean(name, [known for each in frame.outward() for known in each.names])
        place = () if below is None or below is row else (Related(below.label_span(), f"{name} is here"),)
        self.findings.add(code, message, span, label=label, help=help, related=(*place, *frame.trail))

    def _explain_unknown(self, name: str, span: Span, row: Row, frame: Frame) -> None:
        if row.name == name:
            self.findings.add(
                "E222",
                f"{name} takes itself as input",
                span,
                label="this row",
                help="name a row above it; without `from`, a row takes the one above",
                related=frame.trail,
            )
            return
        for each in frame.outward():
            below = next((other for other in each.rows if other.name == name), None)
            if below is not None:
                self._explain_below(name, below, span, row, each, frame)
                return
        if any(row.is_lost for each in frame.outward() for row in each.rows):
            return
        visible = [known for each in frame.outward() for known in each.names] + ["in"]
        self.findings.add(
            "E220",
            f"no row is named {name}",
            span,
            label="unknown",
            help=_inside(name, frame) or did_you_mean(name, visible),
            related=frame.trail,
        )

    def _explain_below(self, name: str, below: Row, span: Span, row: Row, holder: Frame, frame: Frame) -> None:
        place = Related(below.label_span(), f"{name} is here")
        circle = _circle(holder.rows, row, below) if holder is frame else None
        if circle:
            self.findings.add(
                "E223",
                f"rows take one another as input: {' -> '.join(circle)}",
                span,
                label="closes the circle",
                help="take an earlier row, or `in`",
                related=(place, *frame.trail),
            )
        else:
            self.findings.add(
                "E221",
                f"{name} runs after this row",
                span,
                label="below",
                help=f"move {name} above this row: rows run in the order they stand",
                related=(place, *frame.trail),
            )


def _inside(name: str, frame: Frame) -> str | None:
    """What to take instead of a row that stands inside another, or outside of the block."""
    for each in frame.outward():
        for holder in each.rows:
            above = holder.name in each.names and (
                name.startswith(f"{holder.name}.") or any(row.name == name for row in holder.inside())
            )
            if above:
                return f"only the end of {holder.name} can be taken: {holder.name}"
    if frame.trail and nearest(name, [known for each in frame.outward() for known in each.names]) is None:
        return "a block sees its own rows alone, and its input as `in`"
    return None


def _circle(rows: tuple[Row, ...], row: Row, below: Row) -> list[str] | None:
    """The path of names from a row through one below it and back, where there is one."""
    import networkx

    def label(index: int) -> str:
        return rows[index].name or f"row {index + 1}"

    positions = {each.name: index for index, each in enumerate(rows) if each.name}
    needs: networkx.DiGraph[int] = networkx.DiGraph()
    for index, each in enumerate(rows):
        if each.from_ is None:
            sources = [index - 1] if index else []
        else:
            sources = [positions[name] for name in each.from_ if name in positions]
        needs.add_edges_from((index, source) for source in sources)
    start, through = rows.index(row), rows.index(below)
    if through not in needs or start not in needs or not networkx.has_path(needs, through, start):
        return None
    path = networkx.shortest_path(needs, through, start)  # pyright: ignore[reportUnknownMemberType]
    return [label(start), *map(label, path)]
