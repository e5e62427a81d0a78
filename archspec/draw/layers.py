"""Layers of a layered layout: which node stands in which, in what order, and which edges run beside them all."""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

Edge = tuple[int, int]

_LONG = 12
"""an edge over more layers than this runs beside them"""
_MANY = 4
"""and so does one of this many long edges of a source"""
_SWEEPS = 8


@dataclass(slots=True)
class Layers:
    """Nodes and the bends of long edges, layer by layer and from left to right."""

    rank: list[int]
    """of each node; those behind the given ones are bends"""
    order: list[list[int]]
    links: list[Edge]
    """between neighbouring layers"""
    bends: dict[Edge, list[int]] = field(default_factory=dict[Edge, list[int]])
    """the bends that an edge passes through"""
    rails: list[Edge] = field(default_factory=list[Edge])
    """edges that run beside the layers"""


def layers(count: int, edges: Sequence[Edge]) -> Layers:
    """The layers of a graph whose nodes are numbered in an order of execution."""
    rank = _ranks(count, edges)
    alone = [0] * (max(rank, default=0) + 1)
    for each in rank:
        alone[each] += 1
    long = [edge for edge in edges if rank[edge[1]] - rank[edge[0]] > 1]
    many: dict[int, int] = {}
    for source, _ in long:
        many[source] = many.get(source, 0) + 1
    made = Layers(rank, [], [])
    for edge in edges:
        source, target = edge
        span = rank[target] - rank[source]
        is_alone = alone[rank[source]] == alone[rank[target]] == 1
        if span > 1 and (is_alone or span > _LONG or many[source] >= _MANY):
            made.rails.append(edge)
        elif span > 1:
            made.bends[edge] = list(range(len(rank), len(rank) + span - 1))
            rank += range(rank[source] + 1, rank[target])
            made.links += _pairs([source, *made.bends[edge], target])
        else:
            made.links.append(edge)
    made.order = _ordered(made)
    return made


def _ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """The length of the longest way to each node."""
    above: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        assert source < target
        above[target].append(source)
    rank: list[int] = []
    for sources in above:
        rank.append(max((rank[source] + 1 for source in sources), default=0))
    return rank


def _pairs(path: list[int]) -> list[Edge]:
    return list(itertools.pairwise(path))


def _ordered(made: Layers) -> list[list[int]]:
    """Each layer from left to right, with as few crossings as some sweeps find."""
    order: list[list[int]] = [[] for _ in range(max(made.rank, default=-1) + 1)]
    first = {bend: edge for edge, bends in made.bends.items() for bend in bends}
    for node in sorted(range(len(made.rank)), key=lambda each: (first.get(each, (each, each)), each)):
        order[made.rank[node]].append(node)
    up: list[list[int]] = [[] for _ in made.rank]
    down: list[list[int]] = [[] for _ in made.rank]
    for source, target in made.links:
        up[target].append(source)
        down[source].append(target)
    best, fewest = order, _crossings(order, down)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        order = [list(each) for each in order]
        if sweep % 2 == 0:
            for index in range(1, len(order)):
                _sort(order[index], order[index - 1], up)
        else:
            for index in range(len(order) - 2, -1, -1):
                _sort(order[index], order[index + 1], down)
        count = _crossings(order, down)
        if count < fewest:
            best, fewest = order, count
    return best


def _sort(layer: list[int], beside: list[int], neighbours: list[list[int]]) -> None:
    """Order a layer by the mean place of what its nodes are linked to."""
    place = {node: index for index, node in enumerate(beside)}
    own = {node: index for index, node in enumerate(layer)}
    mean = {
        node: sum(place[each] for each in neighbours[node]) / len(neighbours[node]) if neighbours[node] else own[node]
        for node in layer
    }
    layer.sort(key=lambda node: mean[node])


def _crossings(order: list[list[int]], down: list[list[int]]) -> int:
    count = 0
    for upper, lower in _layer_pairs(order):
        if len(upper) == 1 or len(lower) == 1:
            continue
        place = {node: index for index, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(place[each] for each in down[node])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _layer_pairs(order: list[list[int]]) -> list[tuple[list[int], list[int]]]:
    return list(itertools.pairwise(order))
