"""A picture as data: shapes in points, colours by role. Styles make scenes; writers write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from archspec.draw.letters import width

TITLE, BODY, SMALL = 8.5, 7.5, 6.5
"""the sizes of letters: bold names, what is said of them, and what is said aside"""

Point = tuple[float, float]
Step = tuple[Literal["M", "L", "C", "Z"], tuple[float, ...]]
"""a step of a path: move, line, curve or close, with its coordinates"""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return (self.x + self.width / 2, self.y + self.height / 2)

    def meets(self, other: Box, slack: float = 0.01) -> bool:
        """Whether two rectangles overlap by more than `slack`."""
        return (
            self.x + slack < other.right
            and other.x + slack < self.right
            and self.y + slack < other.bottom
            and other.y + slack < self.bottom
        )

    def holds(self, other: Box, slack: float = 0.01) -> bool:
        """Whether the other lies inside."""
        return (
            self.x <= other.x + slack
            and self.y <= other.y + slack
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled or outlined rectangle."""

    box: Box
    fill: str | None = None
    edge: str | None = None
    radius: float = 0.0
    thickness: float = 0.75
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """Lines and curves."""

    steps: tuple[Step, ...]
    fill: str | None = None
    edge: str | None = None
    thickness: float = 0.75
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One line of letters; `y` is where they stand."""

    x: float
    y: float
    text: str
    size: float = BODY
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    fill: str = "text"

    @property
    def box(self) -> Box:
        """What the letters cover: from the height of capitals to below the line."""
        wide = width(self.text, self.size, self.bold)
        left = self.x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]
        return Box(left, self.y - 0.74 * self.size, wide, 0.95 * self.size)


@dataclass(frozen=True, slots=True)
class Raster:
    """An image of pixels, stretched over a box."""

    box: Box
    columns: int
    rows: int
    pixels: bytes
    """red, green and blue of each, row by row from the top"""


@dataclass(frozen=True, slots=True)
class Route:
    """An edge of the graph: horizontal and vertical pieces with rounded corners."""

    points: tuple[Point, ...]
    source: str
    target: str
    arrow: bool = True
    edge: str = "line"
    thickness: float = 1.0

    def drawn(self, radius: float = 4.0) -> tuple[Item, ...]:
        """The line, and its arrowhead."""
        points = list(self.points)
        head: tuple[Item, ...] = ()
        if self.arrow:
            (x0, y0), (x, y) = points[-2], points[-1]
            length = abs(x - x0) + abs(y - y0)
            dx, dy = ((x - x0) / length, (y - y0) / length) if length else (0.0, 1.0)
            back = min(4.4, length)
            base = (x - back * dx, y - back * dy)
            corners = ((base[0] - 1.9 * dy, base[1] + 1.9 * dx), (base[0] + 1.9 * dy, base[1] - 1.9 * dx))
            head = (Path((("M", (x, y)), ("L", corners[0]), ("L", corners[1]), ("Z", ())), fill=self.edge),)
            points[-1] = (x - 0.8 * back * dx, y - 0.8 * back * dy)
        return (Path(rounded(points, radius), edge=self.edge, thickness=self.thickness), *head)


@dataclass(frozen=True, slots=True)
class Group:
    """Things that belong together: a layer, a frame around a block, an edge."""

    kind: Literal["layer", "frame", "edge", "plain"]
    name: str
    items: tuple[Item, ...]
    title: str = ""
    box: Box | None = None
    """the card of a layer, which holds its texts"""


Item = Rect | Path | Text | Raster | Route | Group


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture."""

    name: str
    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...]


def walk(items: Iterable[Item]) -> Iterator[Item]:
    """Every item, groups before what is in them."""
    for item in items:
        yield item
        if isinstance(item, Group):
            yield from walk(item.items)


def drawn(items: Iterable[Item]) -> Iterator[Path | Text | Raster]:
    """Every item as paths, texts and images, in the order in which they cover one another."""
    for item in items:
        match item:
            case Rect():
                yield Path(rounded_box(item.box, item.radius), item.fill, item.edge, item.thickness, item.dashed)
            case Route():
                yield from drawn(item.drawn())
            case Group():
                yield from drawn(item.items)
            case Path() | Text() | Raster():
                yield item


def moved(item: Item, dx: float, dy: float) -> Item:
    """The item elsewhere."""
    match item:  # written out, as large pictures move thousands of things
        case Text():
            return Text(item.x + dx, item.y + dy, item.text, item.size, item.bold, item.anchor, item.fill)
        case Rect():
            box = _moved_box(item.box, dx, dy)
            return Rect(box, item.fill, item.edge, item.radius, item.thickness, item.dashed)
        case Path():
            steps: tuple[Step, ...] = tuple((step[0], _moved_values(step[1], dx, dy)) for step in item.steps)
            return Path(steps, item.fill, item.edge, item.thickness, item.dashed)
        case Raster():
            return Raster(_moved_box(item.box, dx, dy), item.columns, item.rows, item.pixels)
        case Route():
            points = tuple((x + dx, y + dy) for x, y in item.points)
            return Route(points, item.source, item.target, item.arrow, item.edge, item.thickness)
        case Group():
            box = None if item.box is None else _moved_box(item.box, dx, dy)
            return Group(item.kind, item.name, tuple(moved(each, dx, dy) for each in item.items), item.title, box)


def _moved_box(box: Box, dx: float, dy: float) -> Box:
    return Box(box.x + dx, box.y + dy, box.width, box.height)


def _moved_values(values: tuple[float, ...], dx: float, dy: float) -> tuple[float, ...]:
    return tuple(value + (dy if index % 2 else dx) for index, value in enumerate(values))


def polygon(*points: Point, fill: str | None = None, edge: str | None = None, thickness: float = 0.75) -> Path:
    """A closed shape with straight sides."""
    first, *rest = points
    return Path((("M", first), *(("L", each) for each in rest), ("Z", ())), fill, edge, thickness)


def line(*points: Point, edge: str = "line", thickness: float = 0.75, dashed: bool = False) -> Path:
    """Straight pieces from point to point."""
    first, *rest = points
    return Path((("M", first), *(("L", each) for each in rest)), None, edge, thickness, dashed)


_ROUND = 0.5523
"""how far the handles of a curve that looks like a quarter of a circle reach"""


def junction(x: float, y: float) -> Path:
    """A dot where a line begins or parts."""
    radius, handle = 1.7, 1.7 * _ROUND
    steps: tuple[Step, ...] = (
        ("M", (x + radius, y)),
        ("C", (x + radius, y + handle, x + handle, y + radius, x, y + radius)),
        ("C", (x - handle, y + radius, x - radius, y + handle, x - radius, y)),
        ("C", (x - radius, y - handle, x - handle, y - radius, x, y - radius)),
        ("C", (x + handle, y - radius, x + radius, y - handle, x + radius, y)),
        ("Z", ()),
    )
    return Path(steps, fill="line")


def rounded(points: list[Point], radius: float) -> tuple[Step, ...]:
    """The path through the points with its corners rounded off."""
    kept = [point for index, point in enumerate(points) if index == 0 or point != points[index - 1]]
    steps: list[Step] = [("M", kept[0])]
    for before, corner, after in zip(kept, kept[1:], kept[2:], strict=False):
        into, out = _toward(corner, before), _toward(corner, after)
        reach = min(radius, into[1] / 2, out[1] / 2)
        start = (corner[0] + reach * into[0][0], corner[1] + reach * into[0][1])
        end = (corner[0] + reach * out[0][0], corner[1] + reach * out[0][1])
        near = (1 - _ROUND) * reach
        steps.append(("L", start))
        steps.append((
            "C",
            (
                corner[0] + near * into[0][0], corner[1] + near * into[0][1],
                corner[0] + near * out[0][0], corner[1] + near * out[0][1], *end,
            ),
        ))  # fmt: skip
    if len(kept) > 1:
        steps.append(("L", kept[-1]))
    return tuple(steps)


def _toward(start: Point, end: Point) -> tuple[Point, float]:
    """The direction from one point to another, and how far that is."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    return ((dx / length, dy / length) if length else (0.0, 0.0)), length


def rounded_box(box: Box, radius: float) -> tuple[Step, ...]:
    """The outline of a rectangle with round corners, for writers that know only paths."""
    radius = min(radius, box.width / 2, box.height / 2)
    if radius <= 0:
        return (
            ("M", (box.x, box.y)), ("L", (box.right, box.y)), ("L", (box.right, box.bottom)),
            ("L", (box.x, box.bottom)), ("Z", ()),
        )  # fmt: skip
    middle = (box.x + box.width / 2, box.y)
    corners = [middle, (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom), (box.x, box.y), middle]
    return (*rounded(corners, radius), ("Z", ()))
