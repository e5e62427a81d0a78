"""The table: layers from top to bottom, and beside each what it gives and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archspec.draw.card import SHADOW, card, natural_width
from archspec.draw.figures import DASH, TIMES, Figures, Unit, shape_text, short_count
from archspec.draw.flow import Picture, cards, figured, framed
from archspec.draw.letters import fitted, label, width
from archspec.draw.opened import Node, closed
from archspec.draw.scene import BODY, TITLE, Box, Group, Item, Rect, Route, Scene, Text, line, moved
from archspec.draw.words import LEADING, described, footer, notes
from archspec.graph import INPUT

ONE_COLUMN, TWO_COLUMNS = 252.0, 516.0
"""the widths of figures in a paper with two columns"""
_PAGE = 770.0
"""the height of an A4 page without its margins"""
_SIZES = ((30.0, 13.0), (26.0, 11.0), (23.0, 9.0), (21.5, 8.0))
"""heights of cards and of the gaps between them, from roomy to tight"""
_LANE, _LANES = 7.0, 70.0
"""between rails, and what all of a side may take together"""
_SIDES: tuple[Literal["left", "right", "far"], ...] = ("left", "right", "far")
_ASIDE = 1.8
"""from the corner of a card to an edge that runs above or below what stands in the columns"""
_HEAD = 26.0
_MARGIN = 6.0
_WIDEST = 200.0


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the columns lie: the left side of the stage's name, of the card and of `x3`; the right side of numbers."""

    stage: float
    stage_width: float
    card: float
    card_width: float
    times: float
    output: float
    parameters: float
    macs: float
    bar: float
    lane: float
    """between the rails beside the cards"""

    @property
    def middle(self) -> float:
        return self.card + self.card_width / 2


def table(figures: Figures, nodes: Sequence[Node], title: str, name: str, page: float = TWO_COLUMNS) -> Scene:
    """The scene of a network's parts, one below the other; open blocks as frames between them."""
    units = [node.unit for node in nodes]
    skips = _skips(figures, nodes)
    most = max((unit.macs for unit in closed(nodes)), default=0)
    drawing = cards([node for node in nodes if node.inner], figured, most)
    frames = [framed(figures, node, drawing) if node.inner else None for node in nodes]
    lanes = {side: 1 + max((rail.lane for rail in skips.values() if rail.side == side), default=-1) for side in _SIDES}
    columns = _columns(units, frames, (lanes["left"], lanes["right"]), page)
    open_height = sum(frame.height + _SIZES[0][1] for frame in frames if frame)
    rows = sum(frame is None for frame in frames)
    high, gap = next((each for each in _SIZES if _HEAD + 30 + open_height + rows * sum(each) <= _PAGE), _SIZES[-1])
    boxes: list[Box] = []
    y = _HEAD + 8
    for frame in frames:
        if frame is None:
            boxes.append(Box(columns.card, y, columns.card_width, high))
        else:
            boxes.append(Box(columns.middle - frame.port, y, frame.width, frame.height))
        y = boxes[-1].bottom + gap
    right = max(columns.macs, *(box.right for box in boxes))
    right += 6 + (lanes["far"] - 1) * columns.lane if lanes["far"] else 0.0
    items: list[Item] = list(_head(columns, right))
    items += _edges(figures, nodes, boxes, skips, columns)
    for node, box, frame in zip(nodes, boxes, frames, strict=True):
        if frame is None:
            items.append(_row(node.unit, box, columns, most))
        else:
            assert frame.item is not None
            items.append(moved(frame.item, box.x, box.y))
    items.append(line((_MARGIN, y), (right, y), edge="line"))
    aside = notes(footer(figures), _MARGIN, y + 11, right)
    high = y + 9 + LEADING * len(aside)
    return Scene(name, right + _MARGIN, high, title, described(figures, closed(nodes)), (*items, *aside))


def _edges(
    figures: Figures,
    nodes: Sequence[Node],
    boxes: Sequence[Box],
    skips: dict[tuple[int, int], _Rail],
    columns: _Columns,
) -> list[Item]:
    """Arrows from each card to the next, and rails beside them for the other edges."""
    items: list[Item] = []
    for source, target in figures.edges([node.span for node in nodes]):
        start, end = boxes[source], boxes[target]
        if (source, target) in skips:
            rail = skips[source, target]
            x, inset = rail.beside(start, boxes[source : target + 1], columns)
            begin, finish = (start.x, end.x) if rail.side == "left" else (start.right, end.right)
            leave, enter = start.bottom - inset, end.y + min(inset, 0.28 * end.height)
            points = ((begin, leave), (x, leave), (x, enter), (finish, enter))
        else:
            below = 2 * SHADOW if nodes[source].unit.times > 1 and not nodes[source].inner else 0.0
            points = ((columns.middle, start.bottom + below), (columns.middle, end.y))
        route = Route(points, nodes[source].unit.name, nodes[target].unit.name, arrow=not nodes[target].inner)
        items.append(Group("edge", f"{route.source} {DASH} {route.target}", (route,)))
    return items


@dataclass(frozen=True, slots=True)
class _Rail:
    """Where the edges that pass cards by run: how far from the cards, and at which side."""

    lane: int
    side: Literal["left", "right", "far"]
    """`far` is right of all columns, where frames stand in between"""

    def beside(self, start: Box, boxes: Sequence[Box], columns: _Columns) -> tuple[float, float]:
        """The x at which it runs, and how far from the corner of a card it leaves and enters."""
        aside = self.lane * columns.lane
        match self.side:
            case "left":
                x = min(box.x for box in boxes) - 6 - aside
            case "right":
                x = max(box.right for box in boxes) + 9 + aside
            case "far":
                x = max(columns.macs, *(box.right for box in boxes)) + 6 + aside
        is_clear = columns.stage + columns.stage_width < x < columns.times
        return x, min(0.28 * start.height, 8.0) if is_clear else _ASIDE


def _skips(figures: Figures, nodes: Sequence[Node]) -> dict[tuple[int, int], _Rail]:
    """A rail for each edge that passes a card by: one for all edges of a source, and none for two at once.

    Where two would cross at the left, one goes to the right.
    """
    edges = [edge for edge in figures.edges([node.span for node in nodes]) if edge[1] != edge[0] + 1]
    reach: dict[int, int] = {}
    for source, target in edges:
        reach[source] = max(reach.get(source, 0), target)
    rails: dict[int, _Rail] = {}
    for source, last in sorted(reach.items(), key=lambda each: (each[1] - each[0], each[0])):
        right = "far" if any(node.inner for node in nodes[source : last + 1]) else "right"
        taken = [(low, reach[low], rail) for low, rail in rails.items() if source <= reach[low] and low <= last]
        at_left = sum(low < source < high < last or source < low < last < high
                      for low, high, rail in taken if rail.side == "left")  # fmt: skip
        at_right = sum(_cross_at_right((source, last, right), (low, high, rail.side))
                       for low, high, rail in taken if rail.side != "left")  # fmt: skip
        side = right if at_right < at_left else "left"
        rails[source] = _Rail(max((rail.lane for *_, rail in taken if rail.side == side), default=-1) + 1, side)
    return {edge: rails[edge[0]] for edge in edges}


def _cross_at_right(first: tuple[int, int, str], second: tuple[int, int, str]) -> bool:
    """Whether two rails at the right cross: overlapping ones do, and one far away whose end lies beside a near one."""
    (low, high, side), (below, above, other) = sorted((first, second), key=lambda each: each[2] == "far")
    if side == other:
        return low < below < high < above or below < low < above < high
    return low < below < high or low < above < high


def _columns(units: Sequence[Unit], frames: Sequence[Picture | None], lanes: tuple[int, int], page: float) -> _Columns:
    cards_shown = [unit for unit, frame in zip(units, frames, strict=True) if frame is None]
    is_narrow = page <= ONE_COLUMN
    gap, bar = (7.0, 30.0) if is_narrow else (12.0, 46.0)
    stage = max((width(label(unit.name), BODY, bold=True) for unit in cards_shown if unit.name != INPUT), default=0.0)
    stage = min(stage, 40.0 if is_narrow else 92.0)
    output = max(width("output", BODY, bold=True), *(width(shape_text(unit.shape), BODY) for unit in cards_shown))
    parameters = max(
        width(text, BODY, bold=True) for text in ("params", *(short_count(unit.trainable) for unit in units))
    )
    times = max((width(_times(unit), TITLE, bold=True) + 10 for unit in cards_shown if unit.times > 1), default=0.0)
    lane = min(_LANE, _LANES / max(*lanes, 1))
    rails, beside = (each * lane + (6 if each else 0) for each in lanes)
    beside += 2 * SHADOW + 1 if beside else 0.0
    rest = 2 * _MARGIN + rails + beside + times + output + parameters + bar + 3 * gap
    wanted = max(natural_width(unit.title, (unit.detail,)) for unit in cards_shown)
    room = page - rest - stage - gap
    if room < min(wanted, 96.0):  # the names are left to the tooltips
        stage, room = 0.0, page - rest
    wide = min(wanted, max(room, 64.0), _WIDEST)
    left = _MARGIN + stage + (gap if stage else 0.0) + rails
    half = max((frame.port for frame in frames if frame), default=0.0)
    left = max(left, _MARGIN + rails + half - wide / 2)
    right = left + wide + beside + times + gap + output
    return _Columns(
        stage=left - rails - gap - stage, stage_width=stage, card=left, card_width=wide, times=left + wide + beside + 8,
        output=right, parameters=right + gap + parameters, macs=right + 2 * gap + parameters + bar, bar=bar, lane=lane,
    )  # fmt: skip


def _times(unit: Unit) -> str:
    return f"{TIMES}{unit.times}"


def _head(columns: _Columns, right: float) -> list[Item]:
    y = _HEAD - 9
    texts: list[Item] = [
        Text(columns.middle, y, "layer", BODY, bold=True, anchor="middle", fill="quiet"),
        Text(columns.output, y, "output", BODY, bold=True, anchor="end", fill="quiet"),
        Text(columns.parameters, y, "params", BODY, bold=True, anchor="end", fill="quiet"),
        Text(columns.macs, y, "MACs", BODY, bold=True, anchor="end", fill="quiet"),
    ]
    if columns.stage_width:
        texts.append(Text(columns.stage, y, "stage", BODY, bold=True, fill="quiet"))
    return [*texts, line((_MARGIN, _HEAD - 3), (right, _HEAD - 3), edge="line")]


def _row(unit: Unit, box: Box, columns: _Columns, most: int) -> Group:
    """A card, and what stands beside it."""
    y = box.middle[1] + 0.36 * BODY
    drawn = card(unit, box, unit.title, (unit.detail,))
    beside: list[Item] = [Text(columns.output, y, shape_text(unit.shape), anchor="end")]
    if unit.name != INPUT:
        beside.append(Text(columns.parameters, y, short_count(unit.trainable), anchor="end"))
        beside.append(Text(columns.macs, y, short_count(unit.macs), anchor="end"))
        if columns.stage_width:
            name = fitted(unit.name, BODY, columns.stage_width, bold=True)
            beside.append(Text(columns.stage, y, name, BODY, bold=True))
    if unit.times > 1:
        beside.append(Text(columns.times, y, _times(unit), TITLE, bold=True))
    if unit.macs:
        long = max(columns.bar * unit.macs / most, 0.75)
        beside.append(Rect(Box(columns.macs - long, y + 2.6, long, 1.8), f"{unit.kind}.edge"))
    return Group("layer", unit.name, (*drawn.items, *beside), drawn.title, box)
