"""How long the layout of a graph takes, beside that of Graphviz: `python tests/benchmarks/drawing.py [SECONDS]`.

Both lay out the same graph with all blocks open, in turn, a few times; a run of dot ends after SECONDS (60).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from shutil import which
from statistics import median

import archspec
from archspec.draw.figures import Figures
from archspec.draw.flow import arranged, cards, drawn, named
from archspec.draw.opened import opened
from archspec.draw.render import Look, render

NETWORKS = ("lenet5", "googlenet", "resnet/resnet152", "inception_v4", "densenet/densenet201", "dense by hand")
ROUNDS = 3


def dense_by_hand(layers: int = 48) -> str:
    """A network in which every row sees all before it, without blocks: the hardest for a layered layout."""
    rows = ["name: dense", "input: 3x16x16", "defaults: {conv: {maps: 4, kernel: 3, padding: same}}", "layers:"]
    rows.append("  - {name: c0, type: conv}")
    for index in range(1, layers):
        rows.append(f"  - {{name: c{index}, type: conv, from: {f'k{index - 1}' if index > 1 else 'c0'}}}")
        rows.append(
            f"  - {{name: k{index}, type: concat, from: [{', '.join(f'c{each}' for each in range(index + 1))}]}}"
        )
    return "\n".join(rows) + "\n"


def seconds(run: Callable[[], object]) -> float:
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


def main() -> None:
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    print(f"{'':<24}{'cards':>7}{'edges':>7}{'archspec':>12}{'dot':>12}{'ratio':>8}")
    for name in NETWORKS:
        graph = archspec.loads(dense_by_hand()) if name == "dense by hand" else archspec.load(name)
        figures = Figures(graph)
        nodes = opened(figures, None)
        source = render(graph, "dot", Look("graph"))

        def own(figures: Figures = figures, nodes: tuple = nodes) -> object:
            drawing = cards(nodes, named)
            pictures = [drawn(figures, node, drawing) for node in nodes]
            return arranged(figures, nodes, pictures, None)

        def by_dot(source: bytes = source) -> object:
            return subprocess.run(["dot", "-Tplain"], input=source, capture_output=True, check=True, timeout=limit)

        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(ROUNDS):
            ours.append(seconds(own))
            if which("dot") and limit not in theirs:
                try:
                    theirs.append(seconds(by_dot))
                except subprocess.TimeoutExpired:
                    theirs.append(limit)
        beside = f"{'>' if limit in theirs else ''}{median(theirs):.3f} s" if theirs else "-"
        ratio = f"{median(theirs) / median(ours):.1f}" if theirs else "-"
        edges = source.count(b" -> ")
        print(f"{name:<24}{len(graph.rows):>7}{edges:>7}{median(ours):>10.3f} s{beside:>12}{ratio:>8}")


if __name__ == "__main__":
    main()
