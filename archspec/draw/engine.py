"""Graphviz's own layout, for those who have it."""

from __future__ import annotations

import re
import shutil
import subprocess

from archspec.draw.mark import mark_of, marked
from archspec.draw.png_file import with_mark
from archspec.draw.render import Format, Look, render
from archspec.graph import Graph

SECONDS = 60.0


class EngineFailed(Exception):
    """Graphviz is missing, or does not finish."""


def by_graphviz(graph: Graph, format: Format, look: Look) -> bytes:
    """The picture that `dot` makes of the graph; `EngineFailed` where it makes none in time."""
    program = shutil.which("dot")
    if program is None:
        raise EngineFailed("--engine dot needs the program dot: install Graphviz (https://graphviz.org/download/)")
    source = render(graph, "dot", look)
    try:
        done = subprocess.run([program, f"-T{format}"], input=source, capture_output=True, timeout=SECONDS, check=True)
    except subprocess.TimeoutExpired:
        raise EngineFailed(f"dot did not finish in {SECONDS:g} s: leave out --engine dot") from None
    except subprocess.CalledProcessError as error:
        raise EngineFailed(f"dot failed: {error.stderr.decode(errors='replace').strip()}") from None
    match format:
        case "png":
            return with_mark(done.stdout)
        case "pdf":
            return done.stdout + b"% " + mark_of(done.stdout) + b"\n"
        case _:
            # the mark stands in the first line, where an XML declaration would have to stand
            return marked(re.sub(r"^<\?xml[^>]*\?>\s*", "", done.stdout.decode()), "<!-- ", " -->")
