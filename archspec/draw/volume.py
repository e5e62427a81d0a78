"""The figure of papers: maps as volumes from left to right, the kernels that lead from one to the next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from archspec.draw.arcs import Arcs
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
from archspec.draw.spine import Spine, folded, same_maps, same_type, spine
from archspec.draw.words import LEADING, described, footer, notes

_MARGIN = 4.0
_SCALES = (100.0, 92.0, 84.0, 76.0, 68.0, 60.0, 54.0, 48.0)
"""points of the largest map's side, from roomy to tight"""
_NARROWEST = 180.0
_PAGE = 770.0
"""the height of an A4 page without its margins"""
_TURN = 8.0
"""room at the right for the arrow that leads to the next line"""
_SLACK, _SLACK_OF_ONE = 60.0, 9.0
"""how much wider than needed a gap may become to fill the page, for several lines and for one"""


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
    """The scene of a network's main path, in as many lines as it needs, with its skips above."""
    whole, lines, arcs = _laid(_coloured(figures, spine(figures, units)), page)
    room = page - _MARGIN - arcs.lanes * arcs.lane
    places = [
        _places(each, room - _MARGIN - (_TURN if len(lines) > 1 else 0), _SLACK if len(lines) > 1 else _SLACK_OF_ONE)
        for each in lines
    ]
    solids = [solid for each in lines for solid in each.solids]
    flat = [solid.lid(x, 0.0) for solid, x in zip(solids, itertools.chain(*places), strict=True)]
    items: list[Item] = []
    corners: list[Point] = []
    bottoms: list[float] = []
    y = _MARGIN
    right = below = 0.0
    for index, (each, beside) in enumerate(zip(lines, places, strict=True)):
        high = max(solid.high for solid in each.solids)
        here = [(x, high / 2 - solid.high / 2 + solid.up) for x, solid in zip(beside, each.solids, strict=True)]
        operations = _operations(each.solids, here)
        y += arcs.height(index, flat, room)
        bottoms.append(y)
        y -= min([0.0, *(item.box.y for item in walk(operations) if isinstance(item, Text))]) - 4
        here = [(x, at + y) for x, at in here]
        if index:
            items.append(_turn((solids[len(corners) - 1], corners[-1]), each.solids[0], here[0], below, room))
        items += _volumes(each.solids, here, y + high)
        items += (moved(item, 0, y) for item in operations)
        corners += here
        right = max(right, beside[-1] + each.solids[-1].wide + each.right)
        below = y + high + 38
        y += high + 44
    lids = [solid.lid(*corner) for solid, corner in zip(solids, corners, strict=True)]
    items += arcs.drawn(lids, bottoms, room)
    texts = (item.box.right for item in walk(items) if isinstance(item, Text))
    right = page if len(lines) > 1 else max(right, *texts) + _MARGIN
    y -= 2
    note = (
        f"Map sides on a square-root scale, thickness and columns on a log scale; below, parameters. {footer(figures)}."
    )
    right = max(right, _NARROWEST)
    aside = notes(note, _MARGIN, y, right - _MARGIN)
    return Scene(name, right, y + LEADING * len(aside) - 3, title, described(figures, whole.units), (*items, *aside))


def _laid(whole: Spine, page: float) -> tuple[Spine, list[_Line], Arcs]:
    """The spine in lines: alike rows are one volume where it has fewer lines then, or would be longer than a page."""
    lines, arcs = _lines(whole, page)
    for are_alike in (same_maps, same_type):
        if len(lines) == 1 or (are_alike is same_type and sum(map(_height, lines)) <= _PAGE):
            break
        shorter = folded(whole, are_alike)
        fewer, above = _lines(shorter, page)
        if len(fewer) < len(lines):
            whole, lines, arcs = shorter, fewer, above
    return whole, lines, arcs


def _height(line: _Line) -> float:
    return max(solid.high for solid in line.solids) + 50


def _lines(whole: Spine, page: float) -> tuple[list[_Line], Arcs]:
    """Lines that leave room for the skips between them."""
    lanes = 0.0
    while True:
        lines = _fitted(whole.units, page - 2 * _MARGIN, lanes)
        arcs = Arcs(whole, [index for index, line in enumerate(lines) for _ in line.solids])
        if arcs.lanes * arcs.lane <= lanes:
            return lines, arcs
        lanes = arcs.lanes * arcs.lane


def _coloured(figures: Figures, whole: Spine) -> Spine:
    units = whole.units
    return replace(whole, units=tuple(replace(each, kind=_colour(figures, each, each is units[-1])) for each in units))


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


def _fitted(units: Sequence[Unit], room: float, lanes: float) -> list[_Line]:
    """The volumes in as few lines as they fit into, as large as fits there; `lanes` is lost where lines turn."""
    largest = max((max(unit.shape.height, unit.shape.width) for unit in units if unit.shape.is_maps), default=1)
    sized = [[Solid.of(unit, largest, scale) for unit in units] for scale in _SCALES]
    for solids in sized:
        whole = _line(solids)
        if whole.wide <= room:
            return [whole]
    room -= _TURN + lanes
    fewest = len(_broken(sized[-1], room))
    return next(lines for lines in (_broken(solids, room) for solids in sized[2:]) if len(lines) == fewest)


def _broken(solids: Sequence[Solid], room: float) -> list[_Line]:
    """Lines filled one after the other, then evened out."""
    gaps = list(itertools.starmap(_gap, itertools.pairwise(solids)))
    begins = [_begin(solid, is_first=index == 0) for index, solid in enumerate(solids)]
    ends = [_overhang(solid) for solid in solids]

    def fill(limit: float) -> list[_Line]:
        starts = [0]
        wide = begins[0] + solids[0].wide
        for index in range(1, len(solids)):
            wide += gaps[index - 1] + solids[index].wide
            if wide + ends[index] > limit:
                starts.append(index)
                wide = begins[index] + solids[index].wide
        return [
            _Line(tuple(solids[first:stop]), tuple(gaps[first : stop - 1]), begins[first], ends[stop - 1])
            for first, stop in itertools.pairwise([*starts, len(solids)])
        ]

    lines = fill(room)
    limit = room
    while len(lines) > 1 and limit > 0.5 * room:
        limit -= room / 40
        evened = fill(limit)
        if len(evened) > len(lines) or any(each.wide > room for each in evened):
            break
        lines = evened
    return lines


def _line(solids: Sequence[Solid]) -> _Line:
    """All volumes beside one another."""
    gaps = itertools.starmap(_gap, itertools.pairwise(solids))
    return _Line(tuple(solids), tuple(gaps), _begin(solids[0], is_first=True), _overhang(solids[-1]))


def _gap(first: Solid, second: Solid) -> float:
    """The least distance between two volumes: room for words and labels."""
    words = max((width(each, BODY) for each in _words(second.unit)), default=0.0) + 9
    labels = (first.label_width() - first.wide + second.label_width() - second.wide) / 2 + 7
    return max(words, labels, 16.0)


def _begin(solid: Solid, *, is_first: bool) -> float:
    """What a line needs left of its first volume: for its label, and for the arrow from the line above."""
    if is_first:
        return _overhang(solid)
    return max(_overhang(solid), max(width(each, BODY) for each in _words(solid.unit)) + 12, 20.0)


def _overhang(solid: Solid) -> float:
    """How far a label looks out at each side of its volume."""
    return max((solid.label_width() - solid.wide) / 2, 0.0)


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
    if unit.operator is None or unit.times > 1 or not first.has_face or unit.shape.area > first.unit.shape.area:
        return None
    return pair_of(unit.operator, "kernel")


def _words(unit: Unit) -> list[str]:
    """The operation in a few short lines."""
    word = spelled(unit.part.word) if unit.part is not None else ""
    times = f"{unit.times} {TIMES} " if unit.times > 1 else ""
    if width(label(times + word), BODY) <= 40:
        said = [times + word]
    else:
        said = [*filter(None, [times.strip()]), *([word] if width(label(word), BODY) <= 40 else word.split(" "))]
    if unit.window:
        said.append(unit.window)
    return [fitted(each, BODY, 60.0) for each in said]


def _turn(last: tuple[Solid, Point], first: Solid, corner: Point, down: float, room: float) -> Item:
    """The arrow from the end of a line to the beginning of the next."""
    solid, (x, y) = last
    start = (x + solid.wide + 2, y + solid.height / 2 - solid.up / 2)
    target = corner[1] + first.height / 2
    left, right = _MARGIN + 2, room - 4
    route = Route(
        (start, (right, start[1]), (right, down), (left, down), (left, target), (corner[0] - 2, target)),
        solid.unit.name, first.unit.name,
    )  # fmt: skip
    texts = _texts(first.unit, (left + corner[0]) / 2, target - 4)
    return Group("edge", f"{solid.unit.name} {DASH} {first.unit.name}", (route, *texts))
