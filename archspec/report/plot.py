"""Accuracy against MACs as an SVG: one file, no scripts, nothing from elsewhere, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, hypot, log10, pi, sin, sqrt
from xml.sax.saxutils import escape

from archspec.report.units import count_text

WIDTH = 960
_HEIGHT = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 62, 58
_SIZE = 11
"""of a label, in pixels: 8 pt"""
_LINE = 16
_LARGEST = 22
"""the radius of the largest marker"""
_STYLE = """\
svg { background: #ffffff; color-scheme: light dark; }
text { font-family: Helvetica, Arial, 'Liberation Sans', sans-serif; font-size: 11px; fill: #24292f; }
.title { font-size: 17px; font-weight: bold; }
.quiet { fill: #57606a; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.family { fill: none; stroke: #8c959f; stroke-width: 1; stroke-dasharray: 2 3; }
.leader { stroke: #57606a; stroke-width: 0.75; }
.marker { fill: #0969da; fill-opacity: 0.28; stroke: #0550ae; stroke-width: 1.25; }
.size { fill: none; stroke: #57606a; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; }
  text { fill: #e6edf3; }
  .quiet { fill: #9198a1; }
  .grid { stroke: #2a313c; }
  .family { stroke: #6e7681; }
  .leader { stroke: #9198a1; }
  .marker { fill: #58a6ff; fill-opacity: 0.3; stroke: #79c0ff; }
  .size { stroke: #9198a1; }
}
"""
_NARROW = dict.fromkeys("ijl.,:;|'", 0.25) | dict.fromkeys("ft/()-I [] ", 0.34) | {"r": 0.34, "×": 0.6}
_WIDE = dict.fromkeys("mwMW%@", 0.9) | dict.fromkeys("ABCDEFGHKNOPQRSTUVXYZ&", 0.73)


@dataclass(frozen=True, slots=True)
class Point:
    """A network with a published accuracy."""

    name: str
    family: str
    macs: int
    parameters: int
    top1: float


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        """Whether two rectangles have a point in common."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def lies_in(self, other: Box) -> bool:
        """Whether this rectangle is inside another."""
        return (
            other.x <= self.x
            and other.y <= self.y
            and self.x + self.width <= other.x + other.width
            and self.y + self.height <= other.y + other.height
        )


@dataclass(frozen=True, slots=True)
class Marker:
    """A circle, and what it stands for: several networks where they differ in nothing that is drawn."""

    points: tuple[Point, ...]
    x: float
    y: float
    radius: float

    @property
    def label(self) -> str:
        """The first network by its name, with the family where the name alone does not tell it; others beside it."""
        first, *others = self.points
        return ", ".join([_short(first.name), *(each.name.rpartition("/")[2] for each in others)])


@dataclass(frozen=True, slots=True)
class Label:
    """A text beside its marker; far from it, a line leads there."""

    text: str
    box: Box
    leader: tuple[float, float, float, float] | None


_PLOT = Box(_LEFT, _TOP, WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)


def scatter(points: Sequence[Point], unpublished: Sequence[str] = ()) -> str:
    """The plot: top-1 accuracy against MACs, the area of a marker by parameters; the others named below it."""
    axes = _Axes.of(points)
    markers = [axes.marker(group) for group in _coinciding(points)]
    legend = _legend_box(axes, markers)
    notes = _wrapped("without a published top-1: " + ", ".join(unpublished), WIDTH - 2 * 16) if unpublished else []
    height = _HEIGHT + _LINE * len(notes) + (10 if notes else 0)
    title = "Accuracy against multiply-accumulates"
    shown = "; ".join(f"{each.name} {each.top1:.1f}% at {count_text(each.macs)} MACs" for each in points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" aria-labelledby="title desc">',
        f'<title id="title">{title}</title>',
        f'<desc id="desc">{escape(_sentence(len(markers)) + shown)}</desc>',
        f"<style>\n{_STYLE}</style>",
        f'<text class="title" x="16" y="28">{title}</text>',
        '<text class="quiet" x="16" y="46">top-1 on ImageNet, percent; '
        "dotted lines join a family, the area of a circle is its parameters</text>",
        *axes.drawn(),
        *_families(markers),
        *_drawn_markers(markers),
        *(_legend(axes, legend) if markers else ()),
        *(_drawn_label(label) for label in place_labels(markers, _PLOT, taken=[legend])),
    ]
    for index, line in enumerate(notes):
        parts.append(f'<text class="quiet" x="16" y="{_HEIGHT + 8 + _LINE * index}">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where numbers lie in the picture."""

    macs: tuple[float, float]
    top1: tuple[float, float]
    most: int
    """the parameters of the largest marker"""

    @classmethod
    def of(cls, points: Sequence[Point]) -> _Axes:
        """Axes with room around the points."""
        logs = [log10(max(each.macs, 1)) for each in points] or [9.0]
        margin = max(0.08 * (max(logs) - min(logs)), 0.12)
        ends = [each.top1 for each in points] or [75.0]
        return cls(
            (min(logs) - margin, max(logs) + margin),
            (2 * floor(min(ends) / 2 - 0.5), 2 * ceil(max(ends) / 2 + 0.5)),
            max((each.parameters for each in points), default=1),
        )

    def x(self, macs: float) -> float:
        low, high = self.macs
        return _PLOT.x + (log10(max(macs, 1)) - low) / (high - low) * _PLOT.width

    def y(self, top1: float) -> float:
        low, high = self.top1
        return _PLOT.y + (high - top1) / (high - low) * _PLOT.height

    def radius(self, parameters: float) -> float:
        return max(_LARGEST * sqrt(parameters / max(self.most, 1)), 2.0)

    def marker(self, points: tuple[Point, ...]) -> Marker:
        largest = max(each.parameters for each in points)
        return Marker(points, self.x(points[0].macs), self.y(points[0].top1), self.radius(largest))

    def drawn(self) -> Iterator[str]:
        """Grid and numbers."""
        bottom = _PLOT.y + _PLOT.height
        for value in self._steps_of_macs():
            x = round(self.x(value), 1)
            yield f'<line class="grid" x1="{x}" y1="{_PLOT.y}" x2="{x}" y2="{bottom}"/>'
            yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{_round_count(value)}</text>'
        low, high = (int(each) for each in self.top1)
        step = next(each for each in (2, 5, 10, 20) if (high - low) / each <= 10)
        for value in range(ceil(low / step) * step, high + 1, step):
            y = round(self.y(value), 1)
            yield f'<line class="grid" x1="{_PLOT.x}" y1="{y}" x2="{_PLOT.x + _PLOT.width}" y2="{y}"/>'
            yield f'<text x="{_PLOT.x - 8}" y="{y + 4}" text-anchor="end">{value}</text>'
        middle = _PLOT.x + _PLOT.width / 2
        yield f'<text class="quiet" x="{middle}" y="{bottom + 38}" text-anchor="middle">MACs of one image</text>'

    def _steps_of_macs(self) -> list[float]:
        low, high = self.macs
        steps = [factor * 10.0**power for power in range(floor(low), ceil(high) + 1) for factor in (1, 2, 5)]
        return [each for each in steps if low <= log10(each) <= high]


def _round_count(value: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _coinciding(points: Sequence[Point]) -> list[tuple[Point, ...]]:
    """Points of one family at the same place together: a network with and without its auxiliary heads."""
    groups: dict[tuple[str, int, float], list[Point]] = {}
    for point in points:
        groups.setdefault((point.family, point.macs, point.top1), []).append(point)
    return [tuple(group) for group in groups.values()]


def _families(markers: Sequence[Marker]) -> Iterator[str]:
    """A line through the members of each family, from the cheapest on."""
    groups: dict[str, list[Marker]] = {}
    for marker in sorted(markers, key=lambda each: each.x):
        groups.setdefault(marker.points[0].family, []).append(marker)
    for members in groups.values():
        if len(members) > 1:
            path = " ".join(f"{each.x:.1f},{each.y:.1f}" for each in members)
            yield f'<polyline class="family" points="{path}"/>'


def _drawn_markers(markers: Sequence[Marker]) -> Iterator[str]:
    """The largest first, so that none hides another; each says what it is when it is pointed at."""
    for each in sorted(markers, key=lambda each: -each.radius):
        point = each.points[0]
        said = f"{each.label}: top-1 {point.top1:.1f}, {count_text(point.macs)} MACs, "
        said += f"{count_text(max(one.parameters for one in each.points))} parameters"
        yield (
            f'<circle class="marker" cx="{each.x:.1f}" cy="{each.y:.1f}" r="{each.radius:.1f}">'
            f"<title>{escape(said)}</title></circle>"
        )


def _legend_sizes(axes: _Axes) -> list[float]:
    power = 10.0 ** floor(log10(max(axes.most, 1)))
    return [size for size in (power / 10, power) if size <= axes.most]


def _legend_box(axes: _Axes, markers: Sequence[Marker]) -> Box:
    """A corner of the plot that no marker reaches into, the last of them where there is none."""
    width, height, gap = 164, 2 * axes.radius(_legend_sizes(axes)[-1]) + 24, 6
    left, right = _PLOT.x + gap, _PLOT.x + _PLOT.width - width - gap
    top, bottom = _PLOT.y + gap, _PLOT.y + _PLOT.height - height - gap
    corners = [Box(x, y, width, height) for x, y in ((right, bottom), (left, top), (left, bottom), (right, top))]
    free = (box for box in corners if not any(_covers(marker, box) for marker in markers))
    return next(free, corners[-1])


def _legend(axes: _Axes, box: Box) -> Iterator[str]:
    """Circles of known sizes."""
    bottom = box.y + box.height - 18
    middle, foot = box.x + box.width / 2, box.y + box.height - 3
    yield f'<text class="quiet" x="{middle:.1f}" y="{foot:.1f}" text-anchor="middle">parameters</text>'
    x = box.x + 12.0
    for size in _legend_sizes(axes):
        radius = axes.radius(size)
        x += radius
        yield f'<circle class="size" cx="{x:.1f}" cy="{bottom - radius:.1f}" r="{radius:.1f}"/>'
        yield f'<text class="quiet" x="{x + radius + 5:.1f}" y="{bottom - radius + 4:.1f}">{_round_count(size)}</text>'
        x += radius + 48


def place_labels(markers: Sequence[Marker], inside: Box, taken: Sequence[Box] = ()) -> list[Label]:
    """A label for each marker, none over another: near its marker where there is room, else farther off with a line."""
    placed: list[Label] = []
    boxes = list(taken)
    for marker in sorted(markers, key=lambda each: _crowd(each, markers), reverse=True):
        best: tuple[float, Label] | None = None
        for distance, label in _candidates(marker):
            if not label.box.lies_in(inside) or any(label.box.meets(box) for box in boxes):
                continue
            cost = distance + 25 * sum(_covers(each, label.box) for each in markers)
            if best is None or cost < best[0]:
                best = (cost, label)
        if best is not None:
            placed.append(best[1])
            boxes.append(best[1].box)
    return placed


def _covers(marker: Marker, box: Box) -> bool:
    """Whether a circle reaches into a rectangle."""
    x = min(max(marker.x, box.x), box.x + box.width)
    y = min(max(marker.y, box.y), box.y + box.height)
    return hypot(marker.x - x, marker.y - y) < marker.radius


def _crowd(marker: Marker, markers: Sequence[Marker]) -> int:
    """How many others are near: their labels are placed first, while there is room."""
    return sum(hypot(each.x - marker.x, each.y - marker.y) < 60 for each in markers)


def _candidates(marker: Marker) -> Iterator[tuple[float, Label]]:
    """Places around a marker, each with its distance: rings of growing radius, sideways before above and below."""
    text = marker.label
    width, height = text_width(text, _SIZE) + 4, _SIZE + 3.0
    for away in (3, 9, 16, 26, 38, 52, 70, 90, 115, 145, 180):
        for turn in range(24):
            angle = turn * pi / 12
            reach = marker.radius + away
            x, y = marker.x + reach * cos(angle), marker.y - reach * sin(angle)
            left = x - width * (1 - cos(angle)) / 2
            box = Box(left, y - height * (1 + sin(angle)) / 2, width, height)
            start = (marker.x + marker.radius * cos(angle), marker.y - marker.radius * sin(angle))
            leader = (*start, x, y) if away > 9 else None
            yield away + 3 * abs(sin(angle)), Label(text, box, leader)


def _drawn_label(label: Label) -> str:
    text = f'<text class="label" x="{label.box.x + 2:.1f}" y="{label.box.y + _SIZE:.1f}">{escape(label.text)}</text>'
    if label.leader is None:
        return text
    x1, y1, x2, y2 = (f"{each:.1f}" for each in label.leader)
    return f'<line class="leader" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>\n{text}'


def text_width(text: str, size: float) -> float:
    """About the width of a text in Helvetica, a tenth more: other fonts may have to stand in for it."""
    return 1.1 * size * sum(_NARROW.get(letter, _WIDE.get(letter, 0.57)) for letter in text)


def _short(name: str) -> str:
    """`resnet50` for `resnet/resnet50`; `efficientnet/b0` stays, for `b0` alone says nothing."""
    family, _, variant = name.partition("/")
    return variant if variant and variant.startswith(family[:3]) else name


def _sentence(count: int) -> str:
    return f"{count} markers, from few MACs on the left to many on the right, accuracy upwards: "


def _wrapped(text: str, width: float) -> list[str]:
    """Lines that fit."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", _SIZE) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
