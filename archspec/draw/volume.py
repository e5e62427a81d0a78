"""The figure of papers: maps as volumes from left to right, the kernels that lead from one to the next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from archspec.draw.card import tooltip
from archspec.draw.figures import DASH, TIMES, Figures, Unit, pair_of, spelled
from archspec.draw.letters import fitted, label, width
from archspec.draw.scene import (
    BODY,
    SMALL,
    TITLE,
    Box,
    Group,
    Item,
    Point,
    Route,
    Scene,
    Text,
    line,
    moved,
    polygon,
    walk,
)
from archspec.draw.solid import Solid
from archspec.draw.words import LEADING, described, footer, notes

_MARGIN = 4.0
_SCALES = (100.0, 92.0, 84.0, 76.0, 68.0, 60.0, 54.0, 48.0)
"""points of the largest map's side, from roomy to tight"""
_NARROWEST = 180.0
_TURN = 8.0
"""room at the right for the arrow that leads to the next line"""
_SLACK = 20.0
"""how much wider than needed a gap may become to fill the page"""
_UNSEEN = ("noise", "activation", "norm", "arrange")
"""kinds that have no volume of their own where they leave the shape as it is"""


@dataclass(frozen=True, slots=True)
class _Line:
    """Volumes beside one another, with the least distances between them."""

    solids: tuple[Solid, ...]
    gaps: tuple[float, ...]
    """between the right side of each and the left side of the next"""
    left: float
    right: float
    """how far the first and the last label look out"""

    @property
    def wide(self) -> float:
        return self.left + sum(each.wide for each in self.solids) + sum(self.gaps) + self.right


def volume(figures: Figures, units: Sequence[Unit], title: str, name: str, page: float) -> Scene:
    """The scene of a network's main path, in as many lines as it needs."""
    shown = _main_path(figures, units)
    shown = [shown[0], *(unit for before, unit in itertools.pairwise(shown) if _is_seen(unit, before))]
    shown = [replace(unit, kind=_colour(figures, unit, unit is shown[-1])) for unit in shown]
    lines = _fitted(shown, page - 2 * _MARGIN)
    items: list[Item] = []
    y = _MARGIN
    last: tuple[Solid, Point] | None = None
    right = below = 0.0
    for each in lines:
        places = _places(each, page - 2 * _MARGIN - (_TURN if len(lines) > 1 else 0), _SLACK if len(lines) > 1 else 9.0)
        high = max(solid.high for solid in each.solids)
        corners = [(x, high / 2 - solid.high / 2 + solid.up) for x, solid in zip(places, each.solids, strict=True)]
        operations = _operations(each.solids, corners)
        y -= min([0.0, *(item.box.y for item in walk(operations) if isinstance(item, Text))]) - 4
        corners = [(x, at + y) for x, at in corners]
        if last is not None:
            items.append(_turn(last, each.solids[0], corners[0], below, page))
        items += _volumes(each.solids, corners, y + high)
        items += (moved(item, 0, y) for item in operations)
        last = (each.solids[-1], (corners[-1][0], corners[-1][1]))
        right = max(right, places[-1] + each.solids[-1].wide + each.right)
        below = y + high + 38
        y += high + 44
    right = page if len(lines) > 1 else right + _MARGIN
    y -= 2
    note = (
        f"Map sides on a square-root scale, thickness and columns on a log scale; below, parameters. {footer(figures)}."
    )
    right = max(right, _NARROWEST)
    aside = notes(note, _MARGIN, y, right - _MARGIN)
    return Scene(name, right, y + LEADING * len(aside) - 3, title, described(figures, shown), (*items, *aside))


def _colour(figures: Figures, unit: Unit, is_last: bool) -> str:
    """The kind that a volume is coloured by: a block's is that of the rows with most of its MACs."""
    if is_last:
        return "output"
    if unit.kind != "block":
        return unit.kind
    macs: dict[str, int] = {}
    for row in figures.graph.rows[unit.start : unit.stop]:
        role = row.main.operator.role
        macs[role] = macs.get(role, 0) + row.main.macs()
    role = max(macs, key=lambda each: macs[each])
    return role if macs[role] else unit.kind


def _main_path(figures: Figures, units: Sequence[Unit]) -> list[Unit]:
    """The units on the longest way from the input to the first output of inference."""
    outputs = [output for output in figures.graph.outputs if not output.train_only] or list(figures.graph.outputs)
    end = figures.producer(outputs[0].node)
    best: list[tuple[int, int]] = [(0, -1)] * len(units)
    for source, target in figures.edges([(unit.start, unit.stop) for unit in units]):
        if source >= 0:
            best[target] = max(best[target], (best[source][0] + 1, source))
    at = next(index for index, unit in enumerate(units) if unit.start <= end < unit.stop)
    path: list[Unit] = []
    while at >= 0:
        path.append(units[at])
        at = best[at][1]
    return path[::-1]


def _is_seen(unit: Unit, before: Unit) -> bool:
    return unit.kind not in _UNSEEN or unit.shape.elements != before.shape.elements or bool(unit.trainable)


def _fitted(units: Sequence[Unit], room: float) -> list[_Line]:
    """The volumes in as few lines as they fit into, as large as fits there."""
    largest = max((max(unit.shape.height, unit.shape.width) for unit in units if unit.shape.is_maps), default=1)
    sized = [[Solid.of(unit, largest, scale) for unit in units] for scale in _SCALES]
    for solids in sized:
        if _line(solids, None).wide <= room:
            return [_line(solids, None)]
    fewest = len(_broken(sized[-1], room - _TURN))
    return next(lines for lines in (_broken(solids, room - _TURN) for solids in sized[2:]) if len(lines) == fewest)


def _broken(solids: Sequence[Solid], room: float) -> list[_Line]:
    """Lines filled one after the other, then evened out."""

    def fill(limit: float) -> list[_Line]:
        lines: list[list[Solid]] = []
        for solid in solids:
            if lines and _line([*lines[-1], solid], lines[-2][-1] if len(lines) > 1 else None).wide <= limit:
                lines[-1].append(solid)
            else:
                lines.append([solid])
        return [_line(each, lines[index - 1][-1] if index else None) for index, each in enumerate(lines)]

    lines = fill(room)
    limit = room
    while len(lines) > 1 and limit > 0.5 * room:
        limit -= room / 40
        evened = fill(limit)
        if len(evened) > len(lines) or any(each.wide > room for each in evened):
            break
        lines = evened
    return lines


def _line(solids: Sequence[Solid], before: Solid | None) -> _Line:
    gaps: list[float] = []
    for first, second in itertools.pairwise(solids):
        words = max((width(each, BODY) for each in _words(second.unit)), default=0.0) + 9
        labels = (first.label_width() - first.wide + second.label_width() - second.wide) / 2 + 7
        gaps.append(max(words, labels, 16.0))
    left = max((solids[0].label_width() - solids[0].wide) / 2, 0.0)
    if before is not None:  # room for the arrow that comes from the line above, and its words
        left = max(left, max(width(each, BODY) for each in _words(solids[0].unit)) + 12, 20.0)
    return _Line(tuple(solids), tuple(gaps), left, max((solids[-1].label_width() - solids[-1].wide) / 2, 0.0))


def _places(each: _Line, room: float, most: float) -> list[float]:
    """The left side of each volume; what is left of the page widens the gaps by `most`."""
    slack = min(max(room - each.wide, 0.0) / max(len(each.gaps), 1), most)
    x = _MARGIN + each.left
    places = [x]
    for solid, gap in zip(each.solids, each.gaps, strict=False):
        x += solid.wide + gap + slack
        places.append(x)
    return places


def _volumes(solids: Sequence[Solid], corners: Sequence[Point], bottom: float) -> list[Item]:
    items: list[Item] = []
    for solid, (x, y) in zip(solids, corners, strict=True):
        middle = x + solid.wide / 2
        name, size, weights = solid.labels()
        texts: list[Item] = [
            Text(middle, bottom + 13, name, TITLE, bold=True, anchor="middle"),
            Text(middle, bottom + 23, size, BODY, anchor="middle"),
        ]
        if weights:
            texts.append(Text(middle, bottom + 32, weights, SMALL, anchor="middle", fill="quiet"))
        box = Box(x, y - solid.up, solid.wide, solid.high)
        items.append(Group("layer", solid.unit.name, (*solid.drawn(x, y), *texts), tooltip(solid.unit), box))
    return items


def _operations(solids: Sequence[Solid], corners: Sequence[Point]) -> list[Item]:
    """What leads from each volume to the next."""
    items: list[Item] = []
    pairs = zip(solids, solids[1:], corners, corners[1:], strict=False)
    for first, second, (x0, y0), (x1, y1) in pairs:
        right = x0 + first.wide
        target = (x1, y1 + second.height / 2)
        kernel = _kernel(first, second)
        drawn: list[Item] = []
        if kernel is None:
            height = min(max(target[1], y0 - first.up + 4), y0 + first.height - first.up - 4)
            route = Route(((right + 2, height), (x1 - 2, height)), first.unit.name, second.unit.name)
            drawn.append(route)
            above = height
        else:
            patch = first.patch(x0, y0, kernel)
            drawn.append(polygon(*patch, fill=f"{first.unit.kind}.fill", edge="text", thickness=0.8))
            drawn += (line(each, target, edge="line", thickness=0.5, dashed=True) for each in patch)
            left = right + (x1 - right - _widest(second.unit)) / 2
            above = min(_height_at(each, target, at) for each in patch for at in (left, x1 - (left - right)))
        middle = (right + x1) / 2
        texts = _texts(second.unit, middle, above - 4)
        name = f"{first.unit.name} {DASH} {second.unit.name}"
        items.append(Group("edge", name, (*drawn, *texts)))
    return items


def _widest(unit: Unit) -> float:
    return max((width(each, BODY) for each in _words(unit)), default=0.0)


def _height_at(start: Point, end: Point, x: float) -> float:
    share = (max(x, start[0]) - start[0]) / max(end[0] - start[0], 1e-9)
    return start[1] + share * (end[1] - start[1])


def _texts(unit: Unit, middle: float, bottom: float) -> list[Item]:
    words = _words(unit)
    return [
        Text(middle, bottom - 9 * (len(words) - 1 - index), each, BODY, anchor="middle", fill="quiet")
        for index, each in enumerate(words)
    ]


def _kernel(first: Solid, second: Solid) -> tuple[int, int] | None:
    """The kernel that looks at the first volume, where it has a map to lie on."""
    unit = second.unit
    if unit.part is None or unit.part.kind != "row" or not first.has_face or unit.operator is None:
        return None
    kernel = pair_of(unit.operator, "kernel")
    return kernel if kernel is not None and second.unit.shape.area <= first.unit.shape.area else None


def _words(unit: Unit) -> list[str]:
    """The operation in a few short lines."""
    word = spelled(unit.part.word) if unit.part is not None else ""
    said = [word] if width(label(word), BODY) <= 38 else word.split(" ")
    if unit.times > 1:
        said = [f"{unit.times} {TIMES}", *said]
    elif unit.window:
        said.append(unit.window)
    return [fitted(each, BODY, 60.0) for each in said]


def _turn(last: tuple[Solid, Point], first: Solid, corner: Point, down: float, page: float) -> Item:
    """The arrow from the end of a line to the beginning of the next."""
    solid, (x, y) = last
    start = (x + solid.wide + 2, y + solid.height / 2 - solid.up / 2)
    target = corner[1] + first.height / 2
    left, right = _MARGIN + 2, page - _MARGIN - 2
    route = Route(
        (start, (right, start[1]), (right, down), (left, down), (left, target), (corner[0] - 2, target)),
        solid.unit.name, first.unit.name,
    )  # fmt: skip
    texts = _texts(first.unit, (left + corner[0]) / 2, target - 4)
    return Group("edge", f"{solid.unit.name} {DASH} {first.unit.name}", (route, *texts))
