"""A layered layout: places for nodes of given sizes, and ways for the edges between them.

It knows nothing of networks: sizes and edges in, coordinates out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from archspec.draw.channels import Wire, tracks
from archspec.draw.layers import Edge, Layers, layers
from archspec.draw.separation import Distance, left_to_right, separated

Size = tuple[float, float]
Way = tuple[tuple[float, float], ...]

_BESIDE = 14.0
"""between nodes of a layer"""
_BEND = 5.0
"""half of what an edge needs for itself between nodes"""
_LANE = 8.0
"""between edges that run beside the layers"""
_TRACK = 5.0
_CHANNEL = 17.0
"""the height of the space between two layers, where edges need one track there"""
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, from (0, 0) to (width, height)."""

    places: tuple[tuple[float, float], ...]
    """the middle of each node's upper side"""
    ways: dict[Edge, Way]
    dots: tuple[tuple[float, float], ...]
    """where an edge beside the layers parts"""
    bands: tuple[tuple[float, float], ...]
    """where each layer begins and ends"""
    width: float
    height: float


def layout(sizes: Sequence[Size], edges: Sequence[Edge], aligned: Edge | None = None) -> Layout:
    """Lay out a graph whose nodes are numbered in an order of execution; of `aligned`, the second below the first.

    The second is to be alone in its layer.
    """
    return _Laying(sizes, edges, aligned).done()


class _Laying:
    def __init__(self, sizes: Sequence[Size], edges: Sequence[Edge], aligned: Edge | None) -> None:
        self.sizes = sizes
        self.edges = tuple(dict.fromkeys(edges))
        self.made: Layers = layers(len(sizes), self.edges)
        self.core = self._core()
        self.x = self._columns()
        if aligned is not None:
            self.x[aligned[1]] = self.x[aligned[0]]
        self.rails = self._rails()

    def _half(self, node: int) -> float:
        return self.sizes[node][0] / 2 if node < len(self.sizes) else _BEND

    def _apart(self, left: int, right: int) -> float:
        real = max(left, right) < len(self.sizes)
        return self._half(left) + self._half(right) + (_BESIDE if real else _BESIDE / 2)

    def _core(self) -> list[bool]:
        """Which nodes and bends lead to the lowest node; the others are on side branches that end higher."""
        core = [rank == len(self.made.order) - 1 for rank in self.made.rank]
        for source, target in sorted(self.made.links, key=lambda link: -self.made.rank[link[0]]):
            core[source] = core[source] or core[target]
        return core

    # -- x ------------------------------------------------------------------------------------------

    def _columns(self) -> list[float]:
        """The middle of every node and bend."""
        column = self._chains()
        distances = self._distances(column)
        order = left_to_right(max(column, default=-1) + 1, distances)
        if order is None:  # chains that change sides can't all be straight
            column = list(range(len(self.made.rank)))
            distances = self._distances(column)
            order = left_to_right(len(column), distances)
            assert order is not None
        count = max(column, default=-1) + 1
        weights = [0.0] * count
        for node in range(len(column)):
            weights[column[node]] += 1
        beside: list[list[int]] = [[] for _ in range(count)]
        for source, target in self.made.links:
            if column[source] != column[target]:
                if self.core[target] or not self.core[source]:  # a side branch does not pull at where it begins
                    beside[column[source]].append(column[target])
                beside[column[target]].append(column[source])
        x = separated([0.0] * count, weights, distances, order)
        for _ in range(_ROUNDS if len(distances) else 0):
            wanted = [
                sum(x[each] for each in beside[index]) / len(beside[index]) if beside[index] else x[index]
                for index in range(count)
            ]
            x = separated(wanted, weights, distances, order)
        return [round(x[each], 1) for each in column]

    def _chains(self) -> list[int]:
        """A column for each node and bend: chains of links share one, side branches left out."""
        into, out = [0] * len(self.made.rank), [0] * len(self.made.rank)
        for source, target in self.made.links:
            out[source] += self.core[target] or not self.core[source]
            into[target] += 1
        column = [-1] * len(self.made.rank)
        follows = {
            target: source
            for source, target in self.made.links
            if out[source] == into[target] == 1 and self.core[source] == self.core[target]
        }
        count = 0
        for node in sorted(range(len(column)), key=lambda each: self.made.rank[each]):
            if node in follows:
                column[node] = column[follows[node]]
            else:
                column[node], count = count, count + 1
        return column

    def _distances(self, column: list[int]) -> list[Distance]:
        apart: dict[tuple[int, int], float] = {}
        for layer in self.made.order:
            for left, right in itertools.pairwise(layer):
                pair = (column[left], column[right])
                apart[pair] = max(apart.get(pair, 0.0), self._apart(left, right))
        return [(left, right, distance) for (left, right), distance in apart.items()]

    def _rails(self) -> dict[int, float]:
        """The x of the rail of each source that has one: beside everything on its way, the short ones inside."""
        reach: dict[int, int] = {}
        for source, target in self.made.rails:
            reach[source] = max(reach.get(source, 0), self.made.rank[target])
        right = [max((self.x[node] + self._half(node) for node in layer), default=0.0) for layer in self.made.order]
        left = [min((self.x[node] - self._half(node) for node in layer), default=0.0) for layer in self.made.order]
        rails: dict[int, float] = {}
        for source, last in sorted(reach.items(), key=lambda each: (each[1] - self.made.rank[each[0]], each[0])):
            first = self.made.rank[source] + 1
            if self._is_left(source, [target for each, target in self.made.rails if each == source]):
                x = min(left[first:last]) - _LANE
                left[first:last] = [x] * (last - first)
            else:
                x = max(right[first:last]) + _LANE
                right[first:last] = [x] * (last - first)
            rails[source] = round(x, 1)
        return rails

    def _is_left(self, source: int, targets: list[int]) -> bool:
        """Whether less stands at the left of a rail's ends than at their right."""
        lean = 0
        for node in (source, *targets):
            layer = self.made.order[self.made.rank[node]]
            lean += len(layer) - 1 - 2 * layer.index(node)
        return lean > 0

    # -- y ------------------------------------------------------------------------------------------

    def done(self) -> Layout:
        """Put the layers below one another, and the edges between them."""
        rank = self.made.rank
        count = len(self.made.order)
        wires: list[list[tuple[Edge, Wire]]] = [[] for _ in range(count)]
        for edge in self.edges:
            for index, wire in self._wires(edge):
                wires[index].append((edge, wire))
        tops, bottoms = [0.0] * count, [0.0] * count
        heights = [
            max((self.sizes[node][1] for node in layer if node < len(self.sizes)), default=0.0)
            for layer in self.made.order
        ]
        levels: list[dict[tuple[Edge, Wire], float]] = []
        y = 0.0
        for index in range(count):
            tops[index], bottoms[index] = y, y + heights[index]
            found, many = tracks([wire for _, wire in wires[index]])
            space = _CHANNEL + _TRACK * max(many - 1, 0)
            begin = bottoms[index] + 0.4 * _CHANNEL
            levels.append({each: begin + _TRACK * level for each, level in zip(wires[index], found, strict=True)})
            y = bottoms[index] + space
        middle = [tops[each] + heights[each] / 2 for each in range(count)]
        places = [(self.x[node], middle[rank[node]] - self.sizes[node][1] / 2) for node in range(len(self.sizes))]
        ways: dict[Edge, Way] = {}
        dots: dict[tuple[float, float], None] = {}
        taps: dict[int, list[tuple[float, float]]] = {}
        for edge in self.edges:
            source, target = edge
            points = [(self.x[source], places[source][1] + self.sizes[source][1])]
            for index, wire in self._wires(edge):
                if not wire.is_straight:
                    level = levels[index][(edge, wire)]
                    points += [(wire.above, level), (wire.below, level)]
            if edge in self.made.rails and len(points) > 2:
                taps.setdefault(source, []).append(points[-2])
            points.append((self.x[target], places[target][1]))
            ways[edge] = tuple(points)
        for found in taps.values():
            lowest = max(found, key=lambda each: each[1])
            dots.update((each, None) for each in found if each != lowest)
        return self._moved(places, ways, tuple(dots), tuple(zip(tops, bottoms, strict=True)))

    def _wires(self, edge: Edge) -> list[tuple[int, Wire]]:
        """The channels that an edge runs through, by the layer above each."""
        source, target = edge
        rank = self.made.rank
        if edge in self.made.bends:
            path = [source, *self.made.bends[edge], target]
            return [
                (rank[first], Wire(self.x[first], self.x[second], first, second))
                for first, second in itertools.pairwise(path)
            ]
        if rank[target] - rank[source] == 1:
            return [(rank[source], Wire(self.x[source], self.x[target], source, target))]
        rail = self.rails[source]
        own = -1 - source  # the rail as a node of its own
        return [
            (rank[source], Wire(self.x[source], rail, source, own)),
            (rank[target] - 1, Wire(rail, self.x[target], own, target)),
        ]

    def _moved(
        self,
        places: list[tuple[float, float]],
        ways: dict[Edge, Way],
        dots: Way,
        bands: tuple[tuple[float, float], ...],
    ) -> Layout:
        """Everything moved so that it begins at 0."""
        sides = [
            *(x - size[0] / 2 for (x, _), size in zip(places, self.sizes, strict=True)),
            *(x for way in ways.values() for x, _ in way),
            *(x + size[0] / 2 for (x, _), size in zip(places, self.sizes, strict=True)),
        ]
        left, right = min(sides, default=0.0), max(sides, default=0.0)
        return Layout(
            tuple((x - left, y) for x, y in places),
            {edge: tuple((x - left, y) for x, y in way) for edge, way in ways.items()},
            tuple((x - left, y) for x, y in dots), bands, right - left, bands[-1][1] if bands else 0.0,
        )  # fmt: skip
