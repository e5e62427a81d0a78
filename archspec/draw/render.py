"""`render`: a network as a picture in some style, written in some format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from archspec.draw.alive import alive
from archspec.draw.figures import Figures, Unit
from archspec.draw.flow import flow
from archspec.draw.learnt import Learnt, learnt
from archspec.draw.letters import fitted
from archspec.draw.mark import marked
from archspec.draw.opened import Node, closed, names_to_open, opened
from archspec.draw.palette import Theme
from archspec.draw.pdf import pdf
from archspec.draw.png import png
from archspec.draw.scene import TITLE, Scene, Text, moved
from archspec.draw.spine import spine
from archspec.draw.svg import svg
from archspec.draw.table import ONE_COLUMN, TWO_COLUMNS, table
from archspec.draw.textual import dot, mermaid
from archspec.draw.tikz import tikz
from archspec.draw.volume import volume
from archspec.graph import Graph
from archspec.memory import Dtype

Style = Literal["table", "volume", "graph", "memory"]
STYLES: tuple[Style, ...] = get_args(Style)
Format = Literal["svg", "html", "png", "pdf", "dot", "mermaid", "tikz"]
FORMATS: dict[str, Format] = {
    ".svg": "svg", ".html": "html", ".htm": "html", ".png": "png", ".pdf": "pdf", ".dot": "dot", ".gv": "dot",
    ".mmd": "mermaid", ".mermaid": "mermaid", ".tex": "tikz", ".tikz": "tikz",
}  # fmt: skip
"""the format that each suffix of a file stands for"""


_MOST_LAYERS = 24
"""with maps in a picture; of a longer network there are the first and the last of those with maps of a size"""


class NoSuchPart(Exception):
    """There is nothing of this name to open."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no block or repetition named {name}")
        self.name = name
        self.known = known


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is to look."""

    style: Style = "table"
    depth: int | None = None
    """how deep blocks are open; None for the style's own: all of a `graph`, none of a `table`"""
    expand: tuple[str, ...] = ()
    """blocks that are open besides"""
    columns: Literal[1, 2] | None = None
    theme: Theme = "auto"
    title: str | None = None
    batch: int = 1
    dtype: Dtype = "float32"


def format_of(path: Path) -> Format | None:
    """The format that a file's suffix stands for."""
    return FORMATS.get(path.suffix.lower())


def render(graph: Graph, format: Format = "svg", look: Look | None = None) -> bytes:
    """The bytes of a picture's file; `NoSuchPart` for a name in `expand` that is none."""
    look = look or Look()
    title = look.title or graph.name
    if format == "html":
        from archspec.draw.page import page

        return page(Figures(graph), title, _named(graph, look), look.theme)
    if format in ("dot", "mermaid"):
        figures = Figures(graph)
        nodes = _nodes(figures, look)
        if format == "dot":
            return marked(dot(figures, nodes, title), "// ")
        return marked(mermaid(figures, nodes, title), "%% ")
    return written(scene(graph, look), format, look.theme)


def written(drawn: Scene, format: Format, theme: Theme) -> bytes:
    """The bytes of a scene's file, in a format that shows scenes."""
    match format:
        case "svg":
            return marked(svg(drawn, theme), "<!-- ", " -->")
        case "pdf":
            return pdf(drawn, theme)
        case "png":
            return png(drawn, theme)
        case "tikz":
            return marked(tikz(drawn, theme), "% ")
        case "html" | "dot" | "mermaid":
            raise ValueError(f"{format} shows graphs")


def scene(graph: Graph, look: Look) -> Scene:
    """The picture before it is written in a format."""
    figures = Figures(graph)
    name = f"{graph.name} {graph.variant or ''} {look.style}"
    title = look.title or f"{graph.name}, {_SAID[look.style]}"
    page = ONE_COLUMN if look.columns == 1 else TWO_COLUMNS
    match look.style:
        case "table":
            drawn = table(figures, _nodes(figures, look), title, name, page)
        case "volume":
            drawn = volume(figures, closed(_nodes(figures, look)), title, name, page)
        case "graph":
            drawn = flow(figures, _nodes(figures, look), title, name)
        case "memory":
            drawn = alive(figures, title, name, page, look.batch, look.dtype)
    return drawn if look.title is None else _headed(drawn, look.title)


def units_with_maps(figures: Figures) -> list[Unit]:
    """The rows whose maps a picture of a run shows: those of the longest way, or of a long one the ends of stages."""
    units = spine(figures, [figures.input(), *map(figures.unit, figures.parts)]).units[1:]
    if len(units) <= _MOST_LAYERS:
        return list(units)
    stages = [list(stage) for _, stage in groupby(units, lambda unit: unit.shape.area)]
    return [unit for stage in stages for unit in (stage if len(stage) < 3 else (stage[0], stage[-1]))]


def learnt_scene(figures: Figures, units: Sequence[Unit], found: Learnt, look: Look) -> Scene:
    """The picture of what a trained network has learnt to see in an image."""
    name = f"{figures.graph.name} {figures.graph.variant or ''} maps"
    title = look.title or f"{figures.graph.name}, its filters and the maps of an image"
    page = ONE_COLUMN if look.columns == 1 else TWO_COLUMNS
    drawn = learnt(figures, units, found, title, name, page)
    return drawn if look.title is None else _headed(drawn, look.title)


_SAID: dict[Style, str] = {
    "table": "layer by layer", "volume": "its maps as volumes", "graph": "its graph", "memory": "its memory",
}  # fmt: skip


def _nodes(figures: Figures, look: Look) -> tuple[Node, ...]:
    _named(figures.graph, look)
    depth = look.depth if look.depth is not None or look.style == "graph" else 1
    return opened(figures, depth, look.expand)


def _named(graph: Graph, look: Look) -> tuple[str, ...]:
    """The names to open, each of which exists."""
    if look.expand:
        known = names_to_open(Figures(graph))
        for name in look.expand:
            if name not in known:
                raise NoSuchPart(name, known)
    return look.expand


def _headed(drawn: Scene, title: str) -> Scene:
    """The picture below a heading."""
    room = drawn.width - 12
    heading = Text(drawn.width / 2, 12, fitted(title, TITLE, room, bold=True), TITLE, bold=True, anchor="middle")
    return replace(drawn, height=drawn.height + 14, items=(heading, *(moved(item, 0, 14) for item in drawn.items)))
