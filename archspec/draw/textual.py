"""The graph in the languages of other tools: Graphviz and Mermaid."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from archspec.draw.figures import DOT, TIMES, Figures, Unit, shape_text, short_count
from archspec.draw.opened import Node, closed
from archspec.draw.palette import LIGHT


def dot(figures: Figures, nodes: Sequence[Node], title: str) -> str:
    """The graph as Graphviz reads it: a cluster for each open block."""
    graphviz: Any = import_module("graphviz")  # which has no types
    graph = graphviz.Digraph(
        "network",
        graph_attr={"label": graphviz.escape(title), "labelloc": "t", "fontname": "Helvetica", "compound": "true"},
        node_attr={"shape": "box", "style": "rounded,filled", "fontname": "Helvetica", "fontsize": "9"},
        edge_attr={"color": LIGHT["line"], "arrowsize": "0.6"},
    )
    numbers = _Numbers(nodes)

    def add(into: Any, inner: Sequence[Node]) -> None:
        for node in inner:
            unit = node.unit
            if node.inner:
                with into.subgraph(name=f"cluster_{unit.start}_{unit.stop}") as cluster:
                    cluster.attr(label=graphviz.escape(unit.name), style="dashed,rounded", fontsize="9")
                    add(cluster, node.inner)
            else:
                lines = "\\n".join(graphviz.escape(each) for each in _lines(unit))
                colours = {"color": LIGHT[f"{unit.kind}.edge"], "fillcolor": LIGHT[f"{unit.kind}.fill"]}
                into.node(numbers.of(unit), lines, tooltip=graphviz.escape(unit.name), **colours)

    add(graph, nodes)
    for source, target in numbers.edges(figures):
        graph.edge(source, target)
    return graph.source


def mermaid(figures: Figures, nodes: Sequence[Node], title: str) -> str:
    """The graph as Mermaid reads it, in Markdown for one: a subgraph for each open block."""
    numbers = _Numbers(nodes)
    quoted = title.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    lines = ["---", f'title: "{quoted}"', "---", "flowchart TD"]
    kinds: dict[str, list[str]] = {}

    def add(inner: Sequence[Node], indent: str) -> None:
        for node in inner:
            unit = node.unit
            if node.inner:
                lines.append(f'{indent}subgraph g{unit.start}_{unit.stop}["{_entities(unit.name)}"]')
                add(node.inner, indent + "  ")
                lines.append(f"{indent}end")
            else:
                kinds.setdefault(unit.kind, []).append(numbers.of(unit))
                said = "<br/>".join(map(_entities, _lines(unit)))
                lines.append(f'{indent}{numbers.of(unit)}["{said}"]')

    add(nodes, "  ")
    lines += [f"  {source} --> {target}" for source, target in numbers.edges(figures)]
    for kind, members in kinds.items():
        fill, edge, ink = LIGHT[f"{kind}.fill"], LIGHT[f"{kind}.edge"], LIGHT["text"]
        lines.append(f"  classDef {kind} fill:{fill},stroke:{edge},color:{ink}")
        lines.append(f"  class {','.join(members)} {kind}")
    return "\n".join(lines) + "\n"


class _Numbers:
    """Names of nodes that every tool can read."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.units = closed(nodes)
        self._name = {unit.name: f"n{index}" for index, unit in enumerate(self.units)}

    def of(self, unit: Unit) -> str:
        """The name of a unit's node."""
        return self._name[unit.name]

    def edges(self, figures: Figures) -> list[tuple[str, str]]:
        """Every edge, by the names of its ends."""
        found = figures.edges([(unit.start, unit.stop) for unit in self.units])
        return [(self.of(self.units[source]), self.of(self.units[target])) for source, target in found if source >= 0]


def _lines(unit: Unit) -> list[str]:
    repeated = f" {TIMES}{unit.times}" if unit.times > 1 else ""
    costs = f" {DOT} {short_count(unit.trainable)} params" if unit.trainable else ""
    name = [f"{unit.name}{repeated}"] if unit.part is not None else []
    return [*name, unit.title, f"{shape_text(unit.shape)}{costs}"]


def _entities(text: str) -> str:
    """A text for Mermaid: what it would read as its own stands as a number."""
    return "".join(f"#{ord(letter)};" if letter in '"#&<>;`{}[]|\\' else letter for letter in text)
