"""The graph as a page of its own: blocks open and close, everything is inside of the one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from archspec.draw.card import natural_width, tooltip
from archspec.draw.figures import TIMES, Figures, Unit, local_name, shape_text, spelled
from archspec.draw.flow import Picture, arranged, frame_name, header_width
from archspec.draw.letters import fitted
from archspec.draw.mark import marked
from archspec.draw.opened import Node, has_one_way
from archspec.draw.palette import DARK, LIGHT, Theme
from archspec.draw.parts import Part
from archspec.draw.scene import BODY, TITLE
from archspec.draw.svg import clean
from archspec.draw.words import footer

_HIGH = 32.0
_INSIDE = 14.0
"""what a card's stripe and margins take of its width"""
_SIGN = 16.0
"""what the sign of a block that opens takes, and the same at the other side"""
_WIDEST = 150.0


def page(figures: Figures, title: str, expand: Sequence[str], theme: Theme) -> bytes:
    """The bytes of a HTML file that shows the graph, the blocks of `expand` open."""
    data = {"root": _Fragments(figures).fragment(figures.parts, None), "open": list(expand)}
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    resources = files("archspec.draw") / "web"
    shell = (resources / "page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": clean(title), "ABOUT": clean(footer(figures)), "COLOURS": _colours(theme), "DATA": text,
        "STYLE": (resources / "page.css").read_text(encoding="utf-8"),
        "SCRIPT": (resources / "page.js").read_text(encoding="utf-8"),
    }  # fmt: skip
    before, *rest = shell.split("@@")
    filled = before + "".join(parts[each] if index % 2 == 0 else each for index, each in enumerate(rest))
    return marked(filled, "<!-- ", " -->")


def _colours(theme: Theme) -> str:
    def rules(inks: dict[str, str]) -> str:
        return "".join(f"--{role.replace('.', '-')}:{colour};" for role, colour in inks.items())

    first = (
        f":root{{{rules(DARK if theme == 'dark' else LIGHT)}color-scheme:{'light dark' if theme == 'auto' else theme}}}"
    )
    return first + (f"@media (prefers-color-scheme:dark){{:root{{{rules(DARK)}}}}}" if theme == "auto" else "")


class _Fragments:
    """What is in each block, laid out with everything inside of it closed: the page puts these together."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        units = [figures.input(), *(figures.unit(each) for part in figures.parts for each in part)]
        wanted = max(natural_width(_title(unit), (shape_text(unit.shape),)) for unit in units)
        self.wide = min(wanted + _SIGN, _WIDEST)

    def fragment(self, parts: Sequence[Part], frame: Part | None) -> dict[str, Any]:
        """The nodes of some parts with their places, the edges with their points, and the layers' bands."""
        shown = [each for part in parts for each in self._shown(part)]
        nodes = [Node(self.figures.unit(part)) for part in shown]
        if frame is None:
            nodes.insert(0, Node(self.figures.input()))
        pictures = [Picture(self.wide, _HIGH, self.wide / 2, None) for _ in nodes]
        inside = arranged(self.figures, nodes, pictures, None if frame is None else frame.name)
        made, first = inside.made, 0 if frame is None else 1
        places = made.places[first : first + len(nodes)]
        entries = [self._node(node, place) for node, place in zip(nodes, places, strict=True)]
        edges = [
            [edge[0] - first, edge[1] - first, [[_short(x), _short(y)] for x, y in inside.way(edge)]]
            for edge in inside.edges
        ]
        found: dict[str, Any] = {
            "n": entries, "e": edges, "b": [[_short(top), _short(end)] for top, end in made.bands],
            "d": [[_short(x), _short(y)] for x, y in made.dots], "w": _short(made.width), "h": _short(made.height),
        }  # fmt: skip
        if frame is not None:
            name = frame_name(self.figures.unit(frame))
            found |= {"p": _short(made.places[0][0]), "t": name, "m": _short(header_width(name))}
        return found

    def _shown(self, part: Part) -> list[Part]:
        """A part, or what is in it where it has no one way in and out and can't be a card that opens."""
        if part.kind == "row" or (len(part.parts) > 1 and has_one_way(self.figures, part)):
            return [part]
        return [each for inner in part.parts for each in self._shown(inner)]

    def _node(self, node: Node, place: tuple[float, float]) -> dict[str, Any]:
        unit = node.unit
        room = self.wide - _INSIDE - (_SIGN if unit.part is not None and unit.part.kind != "row" else 0)
        made: dict[str, Any] = {
            "i": self._key(unit), "k": unit.kind, "x": _short(place[0]), "y": _short(place[1]), "w": _short(self.wide),
            "h": _HIGH, "t": fitted(_title(unit), TITLE, room, bold=True),
            "s": fitted(shape_text(unit.shape), BODY, room), "a": tooltip(unit),
        }  # fmt: skip
        if unit.times > 1:
            made["c"] = unit.times
        if unit.part is not None and unit.part.kind != "row":
            made["f"] = self.fragment(unit.part.parts, unit.part)
        return made

    def _key(self, unit: Unit) -> str:
        """What the page calls a part: its name, unless the row that joins its branches has that too."""
        last = self.figures.graph.rows[unit.stop - 1].name if unit.part is not None and unit.part.kind != "row" else ""
        return f"{unit.name} (branches)" if last == unit.name else unit.name


def _title(unit: Unit) -> str:
    if unit.part is None or unit.part.kind == "row":
        return unit.title
    repeated = f" {TIMES}{unit.times}" if unit.times > 1 else ""
    name, word = local_name(unit.name), spelled(unit.part.word)
    return f"{word if word.split()[0] == name else f'{name} {word}'}{repeated}"


def _short(value: float) -> float | int:
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
