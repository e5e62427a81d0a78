"""The memory chart: how many bytes are alive at each layer, and the tensors that make the peak."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from archspec.draw.figures import DOT, Figures
from archspec.draw.letters import fitted, label, width
from archspec.draw.lifetimes import Life, Timeline, inference, training
from archspec.draw.scene import BODY, SMALL, TITLE, Box, Group, Item, Rect, Scene, Text, line
from archspec.memory import Dtype
from archspec.report.units import bytes_text

_MARGIN, _AXIS = 6.0, 42.0
_HIGH = 96.0
"""of a chart"""
_BAR, _BARS = 10.5, 6
"""the height of a tensor's line, and how many have one"""


def alive(figures: Figures, title: str, name: str, page: float, batch: int = 1, dtype: Dtype = "float32") -> Scene:
    """The scene of what is alive in inference, and of what training keeps."""
    images = "1 image" if batch == 1 else f"{batch} images"
    graph = figures.graph
    items: list[Item] = []
    y = 4.0
    said: list[str] = []
    panels = (
        (
            "inference",
            f"Inference, {images} in {dtype}: each tensor freed after its last use",
            inference(graph, batch, dtype),
        ),
        (
            "training",
            f"Training, {images} in {dtype}: kept by the forward pass for the backward pass",
            training(graph, batch, dtype),
        ),
    )
    for key, heading, timeline in panels:
        if not timeline.nodes:
            continue
        drawn, bottom, words = _panel(figures, timeline, heading, key, y, page)
        items += drawn
        said.append(words)
        y = bottom + 12
    return Scene(name, page, y, title, f"{graph.name}, memory without weights. " + " ".join(said), tuple(items))


def _panel(
    figures: Figures, timeline: Timeline, heading: str, key: str, top: float, page: float
) -> tuple[list[Item], float, str]:
    totals = timeline.totals()
    peak = totals.index(max(totals))
    most = max(*totals, 1)
    left, right = _MARGIN + _AXIS, page - _MARGIN
    base = top + 30 + _HIGH
    step = (right - left) / len(totals)
    items: list[Item] = [
        Text(_MARGIN, top + 10, fitted(heading, TITLE, page - 2 * _MARGIN, bold=True), TITLE, bold=True)
    ]
    for value in _grid(most):
        y = base - _HIGH * value / most
        items.append(line((left, y), (right, y), edge="grid", thickness=0.5))
        items.append(Text(left - 4, y + 2.4, bytes_text(value), SMALL, anchor="end", fill="quiet"))
    items += _area(timeline, totals, left, step, base, most)
    x = left + step * (peak + 0.5)
    items.append(line((x, base), (x, base - _HIGH - 3), edge="text", dashed=True))
    words = f"{bytes_text(totals[peak])} at {label(timeline.nodes[peak])}"
    words = fitted(words, BODY, right - left, bold=True)
    wide = width(words, BODY, bold=True)
    begin = min(max(x - wide / 2, left), right - wide)
    items.append(Text(begin, base - _HIGH - 6, words, BODY, bold=True))
    items += _stages(figures, timeline, left, step, base)
    lives = timeline.at(peak)
    y = base + 24
    for life in lives[:_BARS]:
        items.append(_life(life, timeline, left, right, step, y, key))
        y += _BAR
    rest = lives[_BARS:]
    if rest:
        more = f"and {len(rest)} more of {bytes_text(sum(life.bytes for life in rest))} together"
        items.append(Text(left, y + 6, more, SMALL, fill="quiet"))
        y += _BAR
    listed = ", ".join(f"{life.name} {bytes_text(life.bytes)}" for life in lives[:_BARS])
    return items, y, f"{heading}: at most {bytes_text(totals[peak])}, at {timeline.nodes[peak]}: {listed}."


def _grid(most: int) -> list[int]:
    """Two or three round numbers up to the largest."""
    power = 10 ** (len(str(most)) - 1)
    step = next((power * factor // 10 for factor in (50, 20, 10, 5, 2) if most // (power * factor / 10) >= 2), power)
    return list(range(0, most + 1, max(step, 1)))


def _area(timeline: Timeline, totals: Sequence[int], left: float, step: float, base: float, most: int) -> list[Item]:
    """The area, each stretch in the colour of what runs there, and its outline."""
    items: list[Item] = []
    corners = [(left, base)]
    position = 0
    for (kind, total), group in groupby(zip(timeline.kinds, totals, strict=True)):
        count = len(list(group))
        x, high = left + step * position, _HIGH * total / most
        items.append(Rect(Box(x, base - high, step * count, high), f"{kind}.fill"))
        corners += [(x, base - high), (x + step * count, base - high)]
        position += count
    corners.append((left + step * len(totals), base))
    return [*items, line(*corners, thickness=0.9)]


def _stages(figures: Figures, timeline: Timeline, left: float, step: float, base: float) -> list[Item]:
    """The names of parts below the chart, those that have room."""
    place = {name: index for index, name in enumerate(timeline.nodes)}
    items: list[Item] = [line((left, base), (left + step * len(timeline.nodes), base), edge="line")]
    free = left - 2
    for part in figures.parts:
        rows = figures.graph.rows[part.start : part.stop]
        found = [place[node.name] for row in rows for node in row.nodes if node.name in place]
        if not found:
            continue
        start, end = left + step * min(found), left + step * (max(found) + 1)
        items.append(line((start, base), (start, base + 3), edge="line"))
        said = label(part.name)
        wide = width(said, SMALL)
        begin = (start + end - wide) / 2
        if begin >= free and begin + wide <= left + step * len(timeline.nodes) + 2:
            items.append(Text(begin, base + 11, said, SMALL, fill="quiet"))
            free = begin + wide + 4
    return items


def _life(life: Life, timeline: Timeline, left: float, right: float, step: float, y: float, key: str) -> Group:
    """A tensor of the peak: a bar for when it is alive, its name and its bytes beside."""
    start, end = left + step * life.first, left + step * (life.last + 1)
    kind = timeline.kinds[life.first] if life.name in timeline.nodes or ":" in life.name else "input"
    bar = Box(start, y, max(end - start, 1.0), 7.0)
    said = label(f"{life.name} {DOT} {bytes_text(life.bytes)}")
    wide = width(said, SMALL)
    text = Text(end + 3, y + 6, said, SMALL)
    if end + 3 + wide > right:
        text = Text(start - 3, y + 6, said, SMALL, anchor="end")
        if start - 3 - wide < left:
            inside = fitted(said, SMALL, max(end - start - 6, 0.0))
            text = Text(start + 3, y + 6, inside, SMALL)
    title = f"{life.name}: {life.bytes:,} bytes, from {timeline.nodes[life.first]} to {timeline.nodes[life.last]}"
    return Group("layer", f"{key} {life.name}", (Rect(bar, f"{kind}.fill", f"{kind}.edge", 1.0, 0.5), text), title)
