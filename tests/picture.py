"""What has to hold of every picture, read from its scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import Generic, TypeVar

from archspec.draw.scene import Box, Group, Item, Rect, Route, Scene, Text, walk

Segment = tuple[tuple[float, float], tuple[float, float]]


def problems(scene: Scene) -> list[str]:
    """Everything that is wrong with where things are."""
    page = Box(0, 0, scene.width, scene.height)
    texts = [item for item in walk(scene.items) if isinstance(item, Text)]
    found = [f"{text.text!r} reaches over the edge" for text in texts if not page.holds(text.box)]
    found += [f"{first.text!r} and {second.text!r} overlap" for first, second in meeting(texts)]
    for item in walk(scene.items):
        if isinstance(item, Rect) and not page.holds(item.box, 0.5):
            found.append(f"a rectangle at {item.box} reaches over the edge")
        if isinstance(item, Route) and not all(0 <= x <= page.width and 0 <= y <= page.height for x, y in item.points):
            found.append(f"{item.source} to {item.target} leaves the page")
        if isinstance(item, Group) and item.kind == "layer" and item.box is not None:
            inside = [each for each in walk(item.items) if isinstance(each, Text)]
            found += [
                f"{text.text!r} stands half in the card of {item.name}"
                for text in inside
                if text.box.meets(item.box) and not item.box.holds(text.box)
            ]
    for level in levels(scene.items):
        found += _level_problems(level)
    return found


def levels(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The picture, and the inside of each frame."""
    yield items
    for item in items:
        if isinstance(item, Group) and item.kind == "frame":
            yield from levels(item.items)


def _level_problems(items: Sequence[Item]) -> Iterator[str]:
    boxes = [item for item in items if isinstance(item, Group) and item.kind in ("layer", "frame") and item.box]
    near = _Near(boxes, _box)
    for first in boxes:
        for second in near.to(_box(first)):
            if first is not second and _box(first).meets(_box(second)):
                yield f"{first.name} and {second.name} overlap"
    texts = [item for item in items if isinstance(item, Text)]
    texts += [text for group in items if isinstance(group, Group) for text in group.items if isinstance(text, Text)]
    for text in texts:
        for box in near.to(text.box):
            if box.kind == "layer" and text.box.meets(_box(box)) and not _box(box).holds(text.box):
                yield f"{text.text!r} runs into {box.name}"
    words = _Near(texts, lambda text: text.box)
    for route in routes(items):
        for piece in map(_piece, pairwise(route.points)):
            said = f"{route.source} to {route.target} runs through"
            yield from (f"{said} {text.text!r}" for text in words.to(piece) if piece.meets(text.box, 0.3))
            for box in near.to(piece):
                if box.name not in (route.source, route.target) and piece.meets(_box(box), 0.5):
                    yield f"{said} {box.name}"


def _box(group: Group) -> Box:
    assert group.box is not None
    return group.box


def _piece(segment: Segment) -> Box:
    (x0, y0), (x1, y1) = segment
    return Box(min(x0, x1) - 0.6, min(y0, y1) - 0.6, abs(x1 - x0) + 1.2, abs(y1 - y0) + 1.2)


T = TypeVar("T")


class _Near(Generic[T]):
    """Things by their height on the page: a large picture has thousands."""

    STEP = 50.0

    def __init__(self, things: Sequence[T], box_of: Callable[[T], Box]) -> None:
        self._at: dict[int, list[tuple[int, T]]] = {}
        for number, thing in enumerate(things):
            for index in self._range(box_of(thing)):
                self._at.setdefault(index, []).append((number, thing))

    def _range(self, box: Box) -> range:
        return range(int(box.y // self.STEP), int(box.bottom // self.STEP) + 1)

    def to(self, box: Box) -> list[T]:
        found = {number: each for index in self._range(box) for number, each in self._at.get(index, ())}
        return list(found.values())


def routes(items: Sequence[Item]) -> list[Route]:
    """The edges among some items."""
    edges = [item for item in items if isinstance(item, Group) and item.kind == "edge"]
    return [each for edge in edges for each in edge.items if isinstance(each, Route)]


def meeting(texts: Sequence[Text]) -> Iterator[tuple[Text, Text]]:
    """Texts that overlap."""
    ordered = sorted(texts, key=lambda text: text.box.y)
    for index, first in enumerate(ordered):
        for second in ordered[index + 1 :]:
            if second.box.y >= first.box.bottom:
                break
            if first.box.meets(second.box, 0.1):
                yield first, second


def crossings(scene: Scene) -> list[tuple[str, str]]:
    """Pairs of edges that cross, those with a common end left out."""
    found: list[tuple[str, str]] = []
    for level in levels(scene.items):
        for first, second in combinations(routes(level), 2):
            if {first.source, first.target} & {second.source, second.target}:
                continue
            if any(_cross(a, b) or _cross(b, a) for a in pairwise(first.points) for b in pairwise(second.points)):
                found.append((f"{first.source}-{first.target}", f"{second.source}-{second.target}"))
    return found


def _cross(flat: Segment, steep: Segment) -> bool:
    (x0, y0), (x1, y1) = flat
    (x2, y2), (x3, y3) = steep
    if y0 != y1 or x2 != x3:
        return False
    return min(x0, x1) < x2 < max(x0, x1) and min(y2, y3) < y0 < max(y2, y3)
