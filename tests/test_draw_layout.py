"""The layered layout on graphs of any kind: nodes apart, edges beside them, short ways straight."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from archspec.draw.channels import Wire, tracks
from archspec.draw.layout import Layout, layout
from archspec.draw.scene import Box
from archspec.draw.separation import separated

Sizes = list[tuple[float, float]]
Edges = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Sizes, Edges]:
    """Nodes of different sizes; each but the first has an edge from an earlier one, and there are some more."""
    count = draw(st.integers(1, 24))
    sizes = [
        (draw(st.sampled_from([0.0, 30.0, 80.0, 211.5])), draw(st.sampled_from([10.0, 32.0, 75.0])))
        for _ in range(count)
    ]
    edges = [(draw(st.integers(0, node - 1)), node) for node in range(1, count)]
    if count > 1:
        for _ in range(draw(st.integers(0, 2 * count))):
            source = draw(st.integers(0, count - 2))
            edges.append((source, draw(st.integers(source + 1, count - 1))))
    return sizes, edges


def boxes(sizes: Sizes, made: Layout) -> list[Box]:
    return [Box(x - wide / 2, y, wide, high) for (x, y), (wide, high) in zip(made.places, sizes, strict=True)]


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_any_graph(given: tuple[Sizes, Edges]) -> None:
    sizes, edges = given
    made = layout(sizes, edges)
    placed = boxes(sizes, made)
    page = Box(0, 0, made.width, made.height)
    assert all(page.holds(box) for box in placed)
    assert not [pair for pair in combinations(placed, 2) if pair[0].meets(pair[1])]
    assert set(made.ways) == set(edges)
    for (source, target), way in made.ways.items():
        assert way[0] == (made.places[source][0], placed[source].bottom)
        assert way[-1] == made.places[target]
        assert all(page.holds(Box(*point, 0, 0)) for point in way)
        for (x0, y0), (x1, y1) in pairwise(way):
            assert x0 == x1 or y0 == y1
            assert y1 >= y0  # downwards only
            piece = Box(min(x0, x1) - 1, y0 - 1, abs(x1 - x0) + 2, y1 - y0 + 2)
            assert not [
                node
                for node, box in enumerate(placed)
                if node not in (source, target) and box.width and piece.meets(box)
            ]


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_no_two_edges_share_a_horizontal_piece_unless_they_share_an_end(given: tuple[Sizes, Edges]) -> None:
    sizes, edges = given
    made = layout(sizes, edges)
    flat = [
        (edge, y0, *sorted((x0, x1)))
        for edge, way in made.ways.items()
        for (x0, y0), (x1, y1) in pairwise(way)
        if y0 == y1 and x0 != x1
    ]
    for (first, y0, left0, right0), (second, y1, left1, right1) in combinations(flat, 2):
        if not set(first) & set(second):
            assert y0 != y1 or right0 <= left1 or right1 <= left0


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_what_aligned_asks_for(given: tuple[Sizes, Edges]) -> None:
    sizes, edges = given
    last = len(sizes)
    sinks = set(range(last)) - {source for source, _ in edges}
    made = layout([*sizes, (0.0, 0.0)], [*edges, *((sink, last) for sink in sinks)], (0, last))
    assert made.places[last][0] == made.places[0][0]
    assert made.places[last][1] == made.height


def test_a_chain_is_straight_and_a_fork_symmetric() -> None:
    chain = layout([(40, 20)] * 30, [(node, node + 1) for node in range(29)])
    assert len({x for x, _ in chain.places}) == 1
    assert all(len(way) == 2 for way in chain.ways.values())
    fork = layout([(40, 20)] * 6, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (2, 5), (3, 5), (4, 5)])
    assert fork.places[0][0] == fork.places[5][0] == fork.width / 2
    assert [x for x, _ in fork.places[1:5]] == sorted(x for x, _ in fork.places[1:5])


def test_a_side_branch_leaves_the_trunk_straight() -> None:
    made = layout([(40, 20)] * 7, [(0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6)])
    trunk = {made.places[node][0] for node in (0, 1, 2, 4, 6)}
    assert len(trunk) == 1
    assert made.places[3][0] not in trunk


def test_a_skip_runs_beside_the_chain_on_one_rail_for_all_its_ends() -> None:
    made = layout([(40, 20)] * 7, [*((node, node + 1) for node in range(6)), (0, 3), (0, 5)])
    rails = {x for edge in ((0, 3), (0, 5)) for x, _ in made.ways[edge]} - {20.0}
    assert len(rails) == 1
    assert rails.pop() > 40
    assert len(made.dots) == 1  # where the rail parts


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.floats(0, 30))
@settings(max_examples=100, deadline=None)
def test_separated_along_a_chain_is_isotonic_regression(wanted: list[float], distance: float) -> None:
    count = len(wanted)
    distances = [(index, index + 1, distance) for index in range(count - 1)]
    found = separated(wanted, [1.0] * count, distances, range(count))
    assert all(right - left >= distance - 1e-6 for left, right in pairwise(found))
    # pool adjacent violators, from the textbook
    pools: list[list[float]] = []
    for index, value in enumerate(wanted):
        pools.append([value - distance * index])
        while len(pools) > 1 and sum(pools[-2]) / len(pools[-2]) > sum(pools[-1]) / len(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    expected = [sum(pool) / len(pool) for pool in pools for _ in pool]
    assert all(
        abs(x - distance * index - want) < 1e-5 for index, (x, want) in enumerate(zip(found, expected, strict=True))
    )


def test_tracks_keep_wires_from_crossing_that_need_not() -> None:
    # two wires to the right, one behind the other: the one that begins farther right has the lower track
    level, count = tracks([Wire(0, 20, 0, 2), Wire(10, 30, 1, 3)])
    assert count == 2
    assert level[0] > level[1]
    assert tracks([Wire(5, 5, 0, 1)]) == ([-1], 0)
    level, count = tracks([Wire(0, 10, 0, 2), Wire(20, 10, 1, 2)])  # to one target: they share a track
    assert count == 1
