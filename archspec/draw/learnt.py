"""What a trained network has learnt to see: the filters of its first convolution, and the maps that an image makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from archspec.draw.figures import DOT, TIMES, Figures, Unit, shape_text, spelled
from archspec.draw.letters import fitted, label, width
from archspec.draw.palette import LIGHT
from archspec.draw.scene import BODY, SMALL, TITLE, Box, Group, Item, Raster, Rect, Scene, Text
from archspec.draw.words import LEADING, notes

MOST_TILES = 48
"""maps of a layer that are shown at most"""
MOST_PIXELS = 64
"""along a side of a map"""
_MARGIN = 6.0
_NAMES, _SHARE = 92.0, 0.28
"""the width of the column with the names, and the part of the page that it takes at most"""
_LARGE, _SMALL = 40.0, 9.0
"""the sides of the largest and of the smallest map"""
_SHRUNK = 0.55
"""what sides may shrink to where more maps fit then"""
_LINES = 2
"""of maps for a layer"""
_GAP, _BETWEEN = 2.0, 8.0
"""between maps, and between layers"""
_STRIP = 9.0
"""the height of the strip that a vector is"""


Sides = tuple[float, float, float, float]
"""left, top, right and bottom of a box"""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The first maps of a tensor, in numbers from 1 to 255: 128 is zero, and 255 the largest of all."""

    count: int
    """how many maps the tensor has"""
    rows: int
    columns: int
    maps: tuple[bytes, ...]
    largest: float
    """the largest value, its sign left out"""


@dataclass(frozen=True, slots=True)
class Filters:
    """The kernels of a convolution: of one input map in the numbers of tiles, or of three in red, green and blue."""

    row: str
    tiles: Tiles
    is_coloured: bool
    inputs: int
    """how many maps a kernel sees"""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a network makes of an image."""

    image: bytes
    """red, green and blue of each pixel"""
    rows: int
    columns: int
    file: str
    """what to call the image"""
    filters: Filters
    layers: Mapping[str, Tiles]
    """what each of some nodes gives"""
    said: tuple[tuple[str, float], ...] = ()
    """the likeliest classes with their probabilities"""
    truth: str | None = None
    note: str | None = None
    """what was done to the image that was not done in training"""
    box: Sides | None = None
    """what the network sees, as parts of the image"""
    true_box: Sides | None = None
    unshown: tuple[str, ...] = ()
    """outputs of which nothing is shown"""


def last_node(figures: Figures, unit: Unit) -> str:
    """The node whose output is a unit's."""
    return figures.graph.rows[unit.stop - 1].nodes[-1].name


def learnt(figures: Figures, units: Sequence[Unit], seen: Learnt, title: str, name: str, page: float) -> Scene:
    """The scene: filters and image above, then each unit with its maps."""
    items, y = _above(figures, seen, page)
    maps = [unit.shape for unit in (figures.input(), *units) if unit.shape.is_maps]
    largest = max(max(shape.height, shape.width) for shape in maps)
    for unit in units:
        scale = sqrt(max(unit.shape.height, unit.shape.width) / largest) if unit.shape.is_maps else 0.0
        group, high = _layer(unit, seen.layers[last_node(figures, unit)], scale, y, page)
        items.append(group)
        y += high + _BETWEEN
    note = (
        "White is 0, blue is more and red is less; the strongest colour is a layer's largest value, its sign left out."
    )
    if len(units) < len(figures.graph.rows):
        note += f" {len(units)} of {len(figures.graph.rows)} layers."
    if seen.unshown:
        note += f" Of {', '.join(seen.unshown)} nothing is shown."
    aside = notes(note, _MARGIN, y + 4, page - _MARGIN)
    words = ", ".join(f"{each} {100 * chance:.1f} %" for each, chance in seen.said)
    description = f"{figures.graph.name} looks at {seen.file}{f' and says {words}' if words else ''}."
    return Scene(name, page, y + 2 + LEADING * len(aside), title, description, (*items, *aside))


def _above(figures: Figures, seen: Learnt, page: float) -> tuple[list[Item], float]:
    """The image, the filters, and what the network says; and where they end."""
    top, high, names = _MARGIN + 13, 60.0, min(_NAMES, _SHARE * page)
    wide = min(high * seen.columns / seen.rows, names - 8)
    high = wide * seen.rows / seen.columns
    box = Box(_MARGIN, top, wide, high)
    items: list[Item] = [
        Text(_MARGIN, _MARGIN + 7, "Image", TITLE, bold=True),
        Raster(box, seen.columns, seen.rows, seen.image),
        Rect(box, None, "grid", thickness=0.5),
        Text(_MARGIN, box.bottom + 9, fitted(seen.file, SMALL, names - 8), SMALL, fill="quiet"),
    ]
    bottom = box.bottom + 11
    if seen.truth is not None:
        items.append(
            Text(_MARGIN, bottom + 6, fitted(f"labelled {seen.truth}", SMALL, _NAMES - 8), SMALL, fill="quiet")
        )
        bottom += 8
    for sides, said in ((seen.true_box, "dashed: labelled"), (seen.box, "solid: the box it sees")):
        if sides is not None:
            items.append(_outlined(box, sides, said, dashed=sides is seen.true_box))
            items.append(Text(_MARGIN, bottom + 6, fitted(said, SMALL, names - 8), SMALL, fill="quiet"))
            bottom += 8
    left = _MARGIN + names
    right = page - _MARGIN
    if seen.said:
        room = min(0.32 * page, 150.0)
        right -= room + 16
        items.append(_said(seen.said, right + 16, room))
        bottom = max(bottom, top + 11.0 * len(seen.said))
    group, end = _filters(figures, seen.filters, left, right)
    return [*items, group], max(bottom, end) + _BETWEEN + 4


def _outlined(image: Box, sides: Sides, said: str, *, dashed: bool) -> Group:
    """A box on the image, with a rim that sets it off from light and from dark."""
    left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in sides)
    at = Box(
        image.x + left * image.width, image.y + top * image.height,
        max(right - left, 0.0) * image.width, max(bottom - top, 0.0) * image.height,
    )  # fmt: skip
    rim = Rect(at, None, "paper", thickness=1.8)
    title = f"{said}: left {left:.4f}, top {top:.4f}, right {right:.4f}, bottom {bottom:.4f} of the image"
    return Group("layer", "output", (rim, Rect(at, None, "output.edge", thickness=0.9, dashed=dashed)), title)


def _said(said: Sequence[tuple[str, float]], left: float, room: float) -> Group:
    """A bar for each class."""
    items: list[Item] = [Text(left, _MARGIN + 7, "Prediction", TITLE, bold=True)]
    names = min(max(width(label(each), BODY) for each, _ in said), 0.4 * room)
    bars = room - names - 38
    for index, (each, chance) in enumerate(said):
        y = _MARGIN + 13 + 11.0 * index
        items.append(Text(left, y + 7.2, fitted(each, BODY, names), BODY))
        bar = Box(left + names + 6, y + 1.2, max(bars * chance, 0.5), 7.0)
        items.append(Rect(bar, "output.edge"))
        items.append(Text(bar.right + 4, y + 7.2, f"{100 * chance:.1f} %", SMALL, fill="quiet"))
    return Group("layer", "output", tuple(items), ", ".join(f"{each}: {chance:.4f}" for each, chance in said))


def _filters(figures: Figures, filters: Filters, left: float, right: float) -> tuple[Group, float]:
    """The kernels side by side, and where they end."""
    tiles = filters.tiles
    unit = next(row.main for row in figures.graph.rows if row.name == filters.row)
    of = "" if filters.is_coloured or filters.inputs == 1 else f", for the first of {filters.inputs} maps"
    size = f"{tiles.rows}{TIMES}{tiles.columns}"
    room = right - left
    side = min(max((room + _GAP) / -(-tiles.count // 3) - _GAP, _SMALL), 0.75 * _LARGE)
    placed, high = _tiled(tiles, left, _MARGIN + 13, room, side, 3, filters.is_coloured)
    count = sum(isinstance(each, Raster) for each in placed)
    shown = f"{count} of {tiles.count}" if count < tiles.count else str(tiles.count)
    headings = (f"{filters.row}: {shown} filters of {size}{of}", f"{filters.row}: {shown} filters", filters.row)
    heading = next((each for each in headings if width(label(each), TITLE, bold=True) <= room), filters.row)
    items: list[Item] = [Text(left, _MARGIN + 7, fitted(heading, TITLE, room, bold=True), TITLE, bold=True)]
    title = f"{filters.row}: the weights of {spelled(unit.operator.type)}, at most {tiles.largest:.3g}"
    return Group("layer", f"{filters.row} filters", (*items, *placed), title), _MARGIN + 13 + high


def _layer(unit: Unit, tiles: Tiles, scale: float, y: float, page: float) -> tuple[Group, float]:
    """A unit's name and its maps beside it, and how high they are."""
    names = min(_NAMES, _SHARE * page)
    left = _MARGIN + names
    room = page - _MARGIN - left
    word = "" if unit.part is None else " ".join(filter(None, (spelled(unit.part.word), unit.window)))
    lines = [shape_text(unit.shape), word]
    if tiles.rows * tiles.columns == 1:
        placed: list[Item] = _strip(tiles, left, y, room)
        high = _STRIP
    else:
        placed, high = _tiled(tiles, left, y, room, max(_LARGE * scale, _SMALL), _LINES, False)
        if (shown := sum(isinstance(each, Raster) for each in placed)) < tiles.count:
            lines[0] += f", {shown} shown"
    texts: list[Item] = [Text(_MARGIN, y + 7, fitted(unit.name, TITLE, names - 6, bold=True), TITLE, bold=True)]
    for index, line in enumerate(filter(None, [*lines, f"largest {tiles.largest:.3g}"])):
        texts.append(Text(_MARGIN, y + 15.5 + 8.2 * index, fitted(line, SMALL, names - 6), SMALL, fill="quiet"))
    title = f"{unit.name}: {unit.title} {DOT} {shape_text(unit.shape)} {DOT} largest {tiles.largest:.4g}"
    return Group("layer", unit.name, (*texts, *placed), title), max(high, 9 + 8.2 * (len(texts) - 1))


def _tiled(
    tiles: Tiles, left: float, top: float, room: float, side: float, lines: int, coloured: bool
) -> tuple[list[Item], float]:
    """Maps in a few lines of squares, smaller ones where that shows all of them; and how high they are."""
    longest = max(tiles.rows, tiles.columns)
    wide, high = side * tiles.columns / longest, side * tiles.rows / longest
    needed = tiles.count if tiles.count * (_SHRUNK * wide + _GAP) <= room else -(-tiles.count // lines)
    fitting = (room + _GAP) / needed - _GAP
    if _SHRUNK * wide <= fitting < wide:
        wide, high = fitting, fitting * high / wide
    per_line = max(int((room + _GAP + 0.01) / (wide + _GAP)), 1)
    shown = tiles.maps[: per_line * lines]
    found: list[Item] = []
    for index, values in enumerate(shown):
        line, column = divmod(index, per_line)
        box = Box(left + column * (wide + _GAP), top + line * (high + _GAP), wide, high)
        found += [_raster(box, tiles, values, coloured), Rect(box, None, "grid", thickness=0.4)]
    count = -(-len(shown) // per_line)
    return found, count * (high + _GAP) - _GAP


def _raster(box: Box, tiles: Tiles, values: bytes, coloured: bool) -> Raster:
    pixels = values if coloured else b"".join(_COLOURS[value] for value in values)
    return Raster(box, tiles.columns, tiles.rows, pixels)


def _strip(tiles: Tiles, left: float, top: float, room: float) -> list[Item]:
    """A vector as one strip with a cell for each number."""
    values = b"".join(tiles.maps)
    box = Box(left, top, min(room, 9.0 * len(values)), _STRIP)
    return [Raster(box, len(values), 1, b"".join(_COLOURS[value] for value in values)), Rect(box, None, "grid")]


def _colour_of(value: int) -> bytes:
    """From white to blue above zero, to red below."""
    dark = LIGHT["conv.edge"] if value >= 128 else LIGHT["pool.edge"]
    share = min(abs(value - 128) / 127, 1.0)
    ends = (int(dark[index : index + 2], 16) for index in (1, 3, 5))
    return bytes(round(255 + share * (end - 255)) for end in ends)


_COLOURS = tuple(_colour_of(value) for value in range(256))
