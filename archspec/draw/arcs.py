"""Skips and heads above lines of volumes: a track for each skip, a lane at the right for one that goes on below."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from archspec.draw.figures import DASH
from archspec.draw.letters import fitted, label, width
from archspec.draw.scene import SMALL, Group, Item, Point, Route, Text, junction
from archspec.draw.spine import Skip, Spine

_LANE, _LANES = 7.0, 70.0
"""between skips that go on below, and what all of them may take together"""
_TRACK, _WORDY = 6.0, 10.0
"""between the tracks above a line, without and with words"""
_ROW = 9.0
"""the height of a head's words"""
_SHARES = {1: (0.5,), 2: (0.28, 0.72), 3: (0.16, 0.5, 0.84)}
"""where on a volume's upper side so many lines begin or end"""
_ABOVE = 3.0
"""between the lowest track and what is below it"""

Lid = tuple[Point, Point]
"""the left and the right end of the line along the middle of a volume's upper side"""


@dataclass(slots=True)
class _Net:
    """All skips of a source: they leave as one and part on their way."""

    source: int
    skips: list[Skip]
    level: dict[int, int] = field(default_factory=dict[int, int])
    """its track in each line"""
    lane: int = 0

    @property
    def last(self) -> int:
        return max(skip.target for skip in self.skips)


@dataclass(frozen=True, slots=True)
class _Words:
    """What stands at the end of the arrow of some heads."""

    x: float
    low: float
    """the left end of words and arrow"""
    row: int
    said: list[str]
    is_left: bool


class Arcs:
    """The tracks and lanes, which follow from the line that each volume stands in."""

    def __init__(self, spine: Spine, line_of: Sequence[int]) -> None:
        self.spine = spine
        self.line_of = line_of
        by_source: dict[int, list[Skip]] = {}
        for skip in spine.skips:
            by_source.setdefault(skip.source, []).append(skip)
        self.nets = [_Net(source, skips) for source, skips in by_source.items()]
        self.nets.sort(key=lambda net: (net.last - net.source, net.source))
        self.coming = {skip.target for skip in spine.skips}
        self.leaving = {net.source for net in self.nets}
        self.heading = {head.source for head in spine.heads}
        wordy = {line_of[skip.target] for skip in spine.skips if skip.words}
        self.steps = [_WORDY if line in wordy else _TRACK for line in range(max(line_of) + 1)]
        for line in range(len(self.steps)):
            self._place(line)
        self.lanes = 0
        self._find_lanes()

    def _place(self, line: int) -> None:
        """The tracks above a line, from below: an order in which skips that lie in one another do not cross."""
        here = [net for net in self.nets if line in {self.line_of[net.source], *map(self._line, net.skips)}]

        def order(net: _Net) -> tuple[int, int]:
            low, high = self._reach(net, line)
            if high < len(self.line_of):
                return 0, high - low
            return (1, -low) if self.line_of[net.source] == line else (2, -low)

        placed: list[_Net] = []
        for net in sorted(here, key=order):
            low, high = self._reach(net, line)
            beside = [
                other.level[line]
                for other in placed
                if self._reach(other, line)[0] < high and low < self._reach(other, line)[1]
            ]
            net.level[line] = max(beside, default=-1) + 1
            placed.append(net)

    def _line(self, skip: Skip) -> int:
        return self.line_of[skip.target]

    def _find_lanes(self) -> None:
        """Lanes from left to right, the shorter skips first."""
        placed: list[_Net] = []
        for net in self.nets:
            first, last = self.line_of[net.source], self.line_of[net.last]
            if first == last:
                continue
            beside = [
                other.lane
                for other in placed
                if self.line_of[other.source] <= last and first <= self.line_of[other.last]
            ]
            net.lane = max(beside, default=-1) + 1
            self.lanes = max(self.lanes, net.lane + 1)
            placed.append(net)

    @property
    def lane(self) -> float:
        """How far lanes are from one another."""
        return min(_LANE, _LANES / max(self.lanes, 1))

    def _reach(self, net: _Net, line: int) -> tuple[int, int]:
        """The volumes between which a net runs in a line; a number behind all of them is the right margin."""
        ends = [each for each in (net.source, *(skip.target for skip in net.skips)) if self.line_of[each] == line]
        is_passing = self.line_of[net.source] < line or line < self.line_of[net.last]
        return min(ends), len(self.line_of) if is_passing else max(ends)

    def height(self, line: int, lids: Sequence[Lid], room: float) -> float:
        """What a line needs above itself, for volumes that reach up to the right margin at `room`."""
        tracks = max((net.level[line] + 1 for net in self.nets if line in net.level), default=0)
        return self._heads_height(line, lids, room) + (_ABOVE + self.steps[line] * tracks if tracks else 0.0)

    def _heads_height(self, line: int, lids: Sequence[Lid], room: float) -> float:
        rows = max((each.row + 1 for each in self._words_of_heads(line, lids, room)), default=0)
        return _ROW * rows + 6 if rows else 0.0

    def _at(self, position: int, what: set[int], lids: Sequence[Lid]) -> Point:
        """Where on a volume's upper side skips meet it or leave it, or its heads leave it: beside one another."""
        users = [each for each in (self.coming, self.leaving, self.heading) if position in each]
        share = _SHARES[len(users)][next(index for index, each in enumerate(users) if each is what)]
        (x0, y), (x1, _) = lids[position]
        return (x0 + share * (x1 - x0), y)

    def _leave(self, position: int, lids: Sequence[Lid]) -> Point:
        return self._at(position, self.leaving, lids)

    def _meet(self, position: int, lids: Sequence[Lid]) -> Point:
        return self._at(position, self.coming, lids)

    def _ups(self, line: int, lids: Sequence[Lid]) -> set[float]:
        """The x of all skips that go up or come down in a line."""
        leaving = {self._leave(each, lids)[0] for each in self.leaving if self.line_of[each] == line}
        return leaving | {self._meet(each, lids)[0] for each in self.coming if self.line_of[each] == line}

    # -- drawing ------------------------------------------------------------------------------------

    def drawn(self, lids: Sequence[Lid], bottoms: Sequence[float], room: float) -> list[Item]:
        """Skips and heads, with the bottom of the space above each line; lanes begin right of `room`."""
        items: list[Item] = []
        tops = [bottom - self._heads_height(line, lids, room) for line, bottom in enumerate(bottoms)]
        for net in self.nets:
            items += self._skips(net, lids, tops, room)
        for line in range(len(self.steps)):
            items += self._heads(line, lids, bottoms[line], room)
        return items

    def _track(self, net: _Net, line: int, bottoms: Sequence[float]) -> float:
        return bottoms[line] - _ABOVE - self.steps[line] * net.level[line]

    def _skips(self, net: _Net, lids: Sequence[Lid], bottoms: Sequence[float], room: float) -> list[Item]:
        units = self.spine.units
        start = self._leave(net.source, lids)
        first = self.line_of[net.source]
        lane = room + self.lane * net.lane
        items: list[Item] = []
        for skip in sorted(net.skips, key=lambda each: each.target):
            end, line = self._meet(skip.target, lids), self.line_of[skip.target]
            points = [start, (start[0], self._track(net, first, bottoms))]
            if line > first:
                points += [(lane, points[-1][1]), (lane, self._track(net, line, bottoms))]
            points += [(end[0], points[-1][1]), end]
            route = Route(tuple(points), units[net.source].name, units[skip.target].name)
            words = self._words(skip, points[-3:-1], lids, room)
            title = f"{route.source} {DASH} {route.target}"
            items.append(Group("edge", title, (route, *words), skip.words))
        return [*items, junction(*start), *(junction(*each) for each in self._partings(net, lids, bottoms, lane))]

    def _partings(self, net: _Net, lids: Sequence[Lid], bottoms: Sequence[float], lane: float) -> Iterator[Point]:
        """Where the skips of a source part: at each target but the last in a line, and where a lane goes on."""
        first = self.line_of[net.source]
        for line in sorted(net.level):
            y = self._track(net, line, bottoms)
            xs = sorted(self._meet(skip.target, lids)[0] for skip in net.skips if self._line(skip) == line)
            goes_on = line < self.line_of[net.last]
            last = xs[-1] if line == first and xs and not goes_on else xs[0] if line > first else None
            yield from ((x, y) for x in xs if x != last)
            if line > first and goes_on:
                yield lane, y

    def _words(self, skip: Skip, piece: Sequence[Point], lids: Sequence[Lid], room: float) -> list[Text]:
        """The words of a skip on its last horizontal piece, where nothing goes through them."""
        (x0, y), (x1, _) = piece
        low, high = min(x0, x1) + 5, min(max(x0, x1), room) - 5
        line = self.line_of[skip.target]
        own = {self._leave(skip.source, lids)[0], self._meet(skip.target, lids)[0]}
        stops = sorted({low, high, *(x for x in self._ups(line, lids) - own if low < x < high)})
        begin, end = max(itertools.pairwise(stops), key=lambda each: each[1] - each[0], default=(low, low))
        words = fitted(skip.words, SMALL, end - begin - 4)
        if not words or len(words) < min(len(skip.words), 10):
            return []
        return [Text((begin + end) / 2, y - 2.2, words, SMALL, anchor="middle", fill="quiet")]

    def _words_of_heads(self, line: int, lids: Sequence[Lid], room: float) -> list[_Words]:
        """For each volume of a line with heads: where its arrow ends, and the words there.

        Words stand at the right of their arrow, so that arrows farther right have to end below them; at the left where
        there is more room between what goes up besides.
        """
        words: dict[float, list[str]] = {}
        for head in self.spine.heads:
            if self.line_of[head.source] == line:
                words.setdefault(self._at(head.source, self.heading, lids)[0], []).append(head.words)
        ups = self._ups(line, lids)
        found: list[_Words] = []
        for x in sorted(words, reverse=True):
            wanted = max(width(label(each), SMALL) for each in words[x])
            left = x - max((up for up in {*ups, *words} if up < x), default=0.0) - 8
            right = min((up for up in ups if up > x), default=room) - x - 8
            is_left = right < min(wanted, left)
            said = [fitted(each, SMALL, left if is_left else right) for each in words[x]]
            wide = max(width(each, SMALL) for each in said) + 8
            low, high = (x - wide, x) if is_left else (x, x + wide)
            below = [other.row for other in found if other.low < high]
            found.append(_Words(x, low, max(below, default=-1) + len(said), said, is_left))
        return found

    def _heads(self, line: int, lids: Sequence[Lid], bottom: float, room: float) -> list[Item]:
        items: list[Item] = []
        ends = {each.x: each for each in self._words_of_heads(line, lids, room)}
        for position in sorted(each for each in self.heading if self.line_of[each] == line):
            start = self._at(position, self.heading, lids)
            end = ends[start[0]]
            top = bottom - 4 - _ROW * (end.row + 1) + 2
            x, anchor = (start[0] - 4, "end") if end.is_left else (start[0] + 4, "start")
            texts = [
                Text(x, top + 5.5 + _ROW * index, each, SMALL, anchor=anchor) for index, each in enumerate(end.said)
            ]
            name = self.spine.units[position].name
            route = Route((start, (start[0], top)), name, name)
            items += [Group("edge", f"{name} {DASH} {', '.join(end.said)}", (route, *texts)), junction(*start)]
        return items
