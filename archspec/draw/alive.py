"""The memory chart: how many bytes are alive at each moment, and the tensors that make the peak."""

from __future__ import annotations

from itertools import groupby

from archspec.draw.figures import DOT, Figures
from archspec.draw.letters import fitted, label, width
from archspec.draw.lifetimes import Course, Tensor, inference, training
from archspec.draw.scene import BODY, SMALL, TITLE, Box, Group, Item, Rect, Scene, Text, line
from archspec.memory import Dtype
from archspec.memory.sizes import PRECISIONS
from archspec.report.units import bytes_text

_MARGIN, _AXIS = 6.0, 42.0
_HIGH = 96.0
"""of a chart"""
_BAR, _BARS = 10.5, 6
"""the height of a tensor's line, and how many have one"""
_LONGEST = 0.5
"""of the chart's width: the bar of the largest tensor, where a bar is as long as its tensor is large"""


def alive(figures: Figures, title: str, name: str, page: float, batch: int = 1, dtype: Dtype = "float32") -> Scene:
    """The scene of what is alive in inference and in a training step."""
    graph = figures.graph
    images = f"{'1 image' if batch == 1 else f'{batch} images'} in {dtype}"
    panels = [("inference", f"Inference, {images}, without weights", inference(graph, batch, dtype))]
    if precision := PRECISIONS.get(dtype):  # the types that training has
        heading = f"Training step, {images}{'' if precision == 'float32' else ' autocast'}, plain SGD, with weights"
        panels.append(("training", heading, training(graph, batch, precision)))
    items: list[Item] = []
    said: list[str] = []
    y = 4.0
    for key, heading, course in panels:
        if course.moments:
            panel = _Panel(figures, course, heading, key, page)
            items += panel.drawn(y)
            said.append(panel.described())
            y += panel.height + 12
    return Scene(name, page, y, title, f"{graph.name}. " + " ".join(said), tuple(items))


class _Panel:
    """One chart with what belongs to it."""

    def __init__(self, figures: Figures, course: Course, heading: str, key: str, page: float) -> None:
        self.figures = figures
        self.course = course
        self.heading = heading
        self.key = key
        self.page = page
        self.left, self.right = _MARGIN + _AXIS, page - _MARGIN
        self.step = (self.right - self.left) / len(course.moments)
        self.most = max(course.moments[course.peak].bytes, 1)
        bars = min(len(course.tensors), _BARS) + (len(course.tensors) > _BARS)
        self.height = 30 + _HIGH + 24 + _BAR * bars

    def described(self) -> str:
        """The chart in words."""
        peak = self.course.moments[self.course.peak]
        listed = ", ".join(f"{each.name} {bytes_text(each.bytes)}" for each in self.course.tensors[:_BARS])
        return f"{self.heading}: at most {bytes_text(peak.bytes)}, at {peak.name}: {listed}."

    def drawn(self, top: float) -> list[Item]:
        """Heading, chart, and the tensors of the peak."""
        base = top + 30 + _HIGH
        room = self.page - 2 * _MARGIN
        heading = Text(_MARGIN, top + 10, fitted(self.heading, TITLE, room, bold=True), TITLE, bold=True)
        items: list[Item] = [heading, *self._grid(base), *self._area(base), *self._peak(base), *self._stages(base)]
        y = base + 24
        shown, rest = self.course.tensors[:_BARS], self.course.tensors[_BARS:]
        for tensor in shown:
            items.append(self._tensor(tensor, y))
            y += _BAR
        if rest:
            more = f"and {len(rest)} more of {bytes_text(sum(each.bytes for each in rest))} together"
            items.append(Text(self.left, y + 6, more, SMALL, fill="quiet"))
        return items

    def _grid(self, base: float) -> list[Item]:
        """Two or three round numbers up to the largest."""
        power = 10 ** (len(str(self.most)) - 1)
        usual = (power * factor // 10 for factor in (50, 20, 10, 5, 2))
        step = max(next((each for each in usual if each and self.most // each >= 2), power), 1)
        items: list[Item] = []
        for value in range(0, self.most + 1, step):
            y = base - _HIGH * value / self.most
            items.append(line((self.left, y), (self.right, y), edge="grid", thickness=0.5))
            items.append(Text(self.left - 4, y + 2.4, bytes_text(value), SMALL, anchor="end", fill="quiet"))
        return items

    def _area(self, base: float) -> list[Item]:
        """The area, each stretch in the colour of the row that runs there, and its outline."""
        items: list[Item] = []
        corners = [(self.left, base)]
        x = self.left
        for (kind, total), group in groupby((self._kind(each.row), each.bytes) for each in self.course.moments):
            wide, high = self.step * len(list(group)), _HIGH * total / self.most
            items.append(Rect(Box(x, base - high, wide, high), f"{kind}.fill"))
            corners += [(x, base - high), (x + wide, base - high)]
            x += wide
        items.append(line(*corners, (x, base), thickness=0.9))
        if self.course.resident:
            y = base - _HIGH * self.course.resident / self.most
            items.append(line((self.left, y), (self.right, y), edge="text", thickness=0.6, dashed=True))
        return items

    def _kind(self, row: str | None) -> str:
        return "noise" if row is None else self.figures.role_of(row)

    def _peak(self, base: float) -> list[Item]:
        """The line at the peak, and what it comes to."""
        peak = self.course.moments[self.course.peak]
        x = self.left + self.step * (self.course.peak + 0.5)
        said = f"{bytes_text(peak.bytes)} at {peak.name}"
        if self.course.resident:
            said += f" {DOT} dashed: weights, {bytes_text(self.course.resident)}"
        said = fitted(said, BODY, self.right - self.left, bold=True)
        wide = width(said, BODY, bold=True)
        begin = min(max(x - wide / 2, self.left), self.right - wide)
        return [
            line((x, base), (x, base - _HIGH - 3), edge="text", dashed=True),
            Text(begin, base - _HIGH - 6, said, BODY, bold=True),
        ]

    def _stages(self, base: float) -> list[Item]:
        """The names of parts below the chart, those that have room."""
        part_of = {
            self.figures.graph.rows[row].name: part.name
            for part in self.figures.parts
            for row in range(part.start, part.stop)
        }
        names = [part_of[each.row] if each.row is not None else "" for each in self.course.moments]
        items: list[Item] = [line((self.left, base), (self.right, base), edge="line")]
        free, x = self.left - 2, self.left
        for name, group in groupby(names):
            end = x + self.step * len(list(group))
            items.append(line((x, base), (x, base + 3), edge="line"))
            said = label(name)
            wide = width(said, SMALL)
            begin = (x + end - wide) / 2
            if said and begin >= free and begin + wide <= self.right + 2:
                items.append(Text(begin, base + 11, said, SMALL, fill="quiet"))
                free = begin + wide + 4
            x = end
        return items

    def _tensor(self, tensor: Tensor, y: float) -> Group:
        """A tensor of the peak: a bar for when it is alive, or for how large it is; its name and bytes beside."""
        if tensor.life is not None:
            start, end = self.left + self.step * tensor.life[0], self.left + self.step * (tensor.life[1] + 1)
        else:
            largest = self.course.tensors[0].bytes
            start = self.left
            end = start + _LONGEST * (self.right - self.left) * tensor.bytes / max(largest, 1)
        bar = Rect(Box(start, y, max(end - start, 1.0), 7.0), f"{tensor.kind}.fill", f"{tensor.kind}.edge", 1.0, 0.5)
        said = label(f"{tensor.name} {DOT} {bytes_text(tensor.bytes)}")
        wide = width(said, SMALL)
        if end + 3 + wide <= self.right:
            text = Text(end + 3, y + 6, said, SMALL)
        elif start - 3 - wide >= self.left:
            text = Text(start - 3, y + 6, said, SMALL, anchor="end")
        else:
            text = Text(start + 3, y + 6, fitted(said, SMALL, max(end - start, self.right - end) - 6), SMALL)
            if self.right - end > end - start:
                text = Text(end + 3, y + 6, text.text, SMALL)
        return Group("layer", f"{self.key} {tensor.name}", (bar, text), f"{tensor.name}: {tensor.bytes:,} bytes")
