"""The graph: every row as a card, opened blocks as frames, branches and skips as edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from archspec.draw.card import SHADOW, card, natural_width, tooltip
from archspec.draw.figures import DASH, DOT, TIMES, Figures, Unit, shape_text, short_count, spelled
from archspec.draw.layers import Edge
from archspec.draw.layout import Layout, Way, layout
from archspec.draw.letters import fitted, label, width
from archspec.draw.opened import Node, closed
from archspec.draw.scene import BODY, SMALL, Box, Group, Item, Rect, Route, Scene, Text, junction, moved
from archspec.draw.words import LEADING, described, footer, notes

_MARGIN = 8.0
_PAD = 8.0
"""between a frame and what is in it"""
_HEADER = 13.0
_LONGEST_NAME = 130.0
_NARROWEST, _WIDEST = 84.0, 172.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a scene: a card or a frame, with the x where edges come in at its top and leave at its bottom."""

    width: float
    height: float
    port: float
    item: Item | None
    is_frame: bool = False
    """edges end at it without an arrow, for they go on inside"""
    is_port: bool = False


Drawing = Callable[[Unit], Picture]
"""how a closed part is drawn"""
Words = Callable[[Unit, str], tuple[str, tuple[str, ...]]]
"""what a card says of a unit that stands in a frame of some name: its title, and the lines below"""


def flow(figures: Figures, nodes: Sequence[Node], title: str, name: str) -> Scene:
    """The scene of a network as a graph."""
    drawing = cards(nodes, named)
    whole = arranged(figures, nodes, [drawn(figures, node, drawing) for node in nodes], None)
    wide, high = whole.made.width, whole.made.height
    placed = whole.items(_MARGIN, _MARGIN)
    aside = notes(footer(figures), _MARGIN, high + 2 * _MARGIN + 8, wide + _MARGIN)
    high += 2 * _MARGIN + 5 + LEADING * len(aside)
    return Scene(name, wide + 2 * _MARGIN, high, title, described(figures, closed(nodes)), (*placed, *aside))


def named(unit: Unit, frame: str) -> tuple[str, tuple[str, ...]]:
    """A card for finding a row: its name in its frame, then what it is, then what it gives and costs."""
    if unit.part is None:
        return unit.title, (shape_text(unit.shape),)
    said = f"{unit.title} {DOT} {unit.detail}" if unit.detail and unit.part.kind == "row" else unit.title
    repeated = f" {TIMES}{unit.times}" if unit.times > 1 else ""
    costs = f" {DOT} {short_count(unit.trainable)}" if unit.trainable else ""
    return f"{unit.name.removeprefix(f'{frame}.')}{repeated}", (said, f"{shape_text(unit.shape)}{costs}")


def figured(unit: Unit, _frame: str) -> tuple[str, tuple[str, ...]]:
    """A card for a figure: what a row is, what it gives and what it costs."""
    repeated = f" {TIMES}{unit.times}" if unit.times > 1 else ""
    return f"{unit.title}{repeated}", (shape_text(unit.shape), f" {DOT} ".join(_costs(unit)) or unit.detail)


def _costs(unit: Unit) -> list[str]:
    parameters = [f"{short_count(unit.trainable)} params"] if unit.trainable else []
    return parameters + ([f"{short_count(unit.macs)} MACs"] if unit.macs else [])


def cards(nodes: Sequence[Node], words: Words, most: int = 0) -> Drawing:
    """Cards of one size for all that is closed; with `most`, a bar for each one's share of so many MACs."""
    texts = dict(_texts(nodes, words, ""))
    wide = max((natural_width(*each) for each in texts.values()), default=0.0)
    wide = min(max(wide, _NARROWEST), _WIDEST)
    lines = max((sum(bool(line) for line in said) for _, said in texts.values()), default=0)
    high = 17 + 9.2 * lines + (4 if most else 0)

    def drawing(unit: Unit) -> Picture:
        heading, said = texts[unit.name]
        box = Box(0.0, 0.0, wide, high)
        bar = unit.macs / most if most and unit.macs else None
        behind = 2 * SHADOW if unit.times > 1 else 0.0
        return Picture(wide + behind, high + behind, wide / 2, card(unit, box, heading, said, bar))

    return drawing


def _texts(nodes: Sequence[Node], words: Words, frame: str) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    for node in nodes:
        if node.inner:
            yield from _texts(node.inner, words, node.unit.name)
        else:
            yield node.unit.name, words(node.unit, frame)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Nodes beside and below one another, with the edges between them."""

    names: tuple[str, ...]
    pictures: tuple[Picture, ...]
    edges: tuple[Edge, ...]
    made: Layout

    def way(self, edge: Edge) -> Way:
        """The points of an edge; from a frame's way in, they begin at its upper side."""
        way = self.made.ways[edge]
        return ((way[0][0], 0.0), *way[1:]) if self.pictures[edge[0]].is_port else way

    def items(self, dx: float, dy: float) -> list[Item]:
        """What is drawn, with its corner at (dx, dy)."""
        items: list[Item] = []
        for edge in self.edges:
            source, target = edge
            way = tuple((x + dx, y + dy) for x, y in self.way(edge))
            route = Route(way, self.names[source], self.names[target], arrow=not self.pictures[target].is_frame)
            items.append(Group("edge", f"{route.source} {DASH} {route.target}", (route,)))
        items += [junction(x + dx, y + dy) for x, y in self.made.dots]
        for (x, y), picture in zip(self.made.places, self.pictures, strict=True):
            if picture.item is not None:
                items.append(moved(picture.item, x - picture.port + dx, y + dy))
        return items


def arranged(figures: Figures, nodes: Sequence[Node], pictures: Sequence[Picture], frame: str | None) -> Arrangement:
    """Nodes with their edges; in a `frame`, its way in stands above all others, and its way out below."""
    names = [node.unit.name for node in nodes]
    edges = figures.edges([node.span for node in nodes])
    unseen: list[Edge] = []
    if frame is not None:
        names = [f"{frame}.in", *names, f"{frame}.out"]
        port = Picture(0.0, _HEADER, 0.0, None, is_frame=True, is_port=True)
        pictures = [port, *pictures, Picture(0.0, 0.0, 0.0, None, is_frame=True)]
        edges = [(source + 1, target + 1) for source, target in edges]
        last = len(pictures) - 1
        leaving = set(figures.exits(nodes[0].span[0], nodes[-1].span[1]))
        used = {source for source, _ in edges}
        for index, node in enumerate(nodes, 1):
            if leaving & set(range(*node.span)):
                edges.append((index, last))
            elif index not in used:  # what leads nowhere stands above the way out as well
                unseen.append((index, last))
    edges = [edge for edge in edges if edge[0] >= 0]
    # a layout knows only middles: what a picture has more on one side it gets on the other too
    sizes = [(2 * max(each.port, each.width - each.port), each.height) for each in pictures]
    made = layout(sizes, [*edges, *unseen], None if frame is None else (0, len(pictures) - 1))
    return Arrangement(tuple(names), tuple(pictures), tuple(edges), made)


def drawn(figures: Figures, node: Node, drawing: Drawing) -> Picture:
    """A node as a card or a frame."""
    return framed(figures, node, drawing) if node.inner else drawing(node.unit)


def frame_name(unit: Unit) -> str:
    """What stands above a frame: the name of the block, and what it is."""
    return label(f"{unit.name} {DOT} {spelled(unit.part.word)}" if unit.part is not None else unit.name)


def header_width(name: str) -> float:
    """The room that a frame's name wants at the left of the way in."""
    return min(width(name, BODY, bold=True), _LONGEST_NAME) + 6


def framed(figures: Figures, node: Node, drawing: Drawing) -> Picture:
    """An open block: a frame with its name, and what is in it."""
    unit = node.unit
    inside = arranged(figures, node.inner, [drawn(figures, each, drawing) for each in node.inner], unit.name)
    wide, high, port = inside.made.width, inside.made.height, inside.made.places[0][0]
    name = frame_name(unit)
    half = max(port, wide - port, header_width(name)) + _PAD
    box = Box(0.0, 0.0, 2 * half, high)
    room = half - 12
    said = [shape_text(unit.shape), *_costs(unit)]
    while len(said) > 1 and width(f" {DOT} ".join(said), SMALL) > room:
        said.pop()
    texts = (
        Text(6, 9.5, fitted(name, BODY, room, bold=True), BODY, bold=True),
        Text(2 * half - 6, 9.5, fitted(f" {DOT} ".join(said), SMALL, room), SMALL, anchor="end", fill="quiet"),
    )
    outline = Rect(box, None, "block.edge", 4.0, 0.6, dashed=True)
    group = Group(
        "frame",
        unit.name,
        (outline, *texts, *inside.items(half - port, 0.0)),
        tooltip(unit),
        box,
    )
    return Picture(box.width, box.height, half, group, is_frame=True)
