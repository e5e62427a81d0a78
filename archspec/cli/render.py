"""`archspec render`: a diagram of a network."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from archspec.cli.arguments import (
    Subparsers,
    add_command,
    add_spec_options,
    changes_of,
    is_run,
    limits_of,
    natural,
    report,
)
from archspec.cli.commands import SPEC_HELP, add_measures, checked_graph
from archspec.cli.guard import guarded
from archspec.report.training import SPEC

if TYPE_CHECKING:
    from archspec.draw.render import Format, Look
    from archspec.graph import Graph

_MAPS = "maps"
_STYLES = ("table", "volume", "graph", "memory", _MAPS)
_THEMES = ("auto", "light", "dark")
_DESCRIPTION = """\
Draw a network into FILE. Its suffix says how: .svg, .html (to open and close blocks in), .png, .pdf, .tex (TikZ),
.dot (Graphviz), .mmd (Mermaid).

  archspec render resnet50 -o net.svg                      a table
  archspec render resnet50 -o net.svg --expand conv3.0     with a block open
  archspec render lenet5 -o net.pdf --style volume         the figure of papers
  archspec render googlenet -o net.html                    to look around in
  archspec render runs/lenet5-20260321-140509 -o maps.svg  what a run has learnt

A file that archspec drew and nobody has changed since is drawn anew; any other file is never overwritten.
"""


def add(subparsers: Subparsers) -> None:
    """`archspec render`."""
    parser = add_command(subparsers, "render", "a diagram of a network", _DESCRIPTION)
    parser.add_argument(
        "spec", metavar="SPEC", help=f"{SPEC_HELP}; or the folder of a run, to see its filters and the maps of an image"
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to draw; the suffix is the format")
    parser.add_argument(
        "--style", choices=_STYLES, metavar="STYLE", help=f"{', '.join(_STYLES)} ({_STYLES[0]}; {_MAPS} of a run)"
    )
    parser.add_argument(
        "--depth", type=natural, metavar="N", help="open blocks: 1 shows the rows of the file, 2 those inside"
    )
    parser.add_argument(
        "--expand", metavar="NAME", action="append", default=[], help="open this block or repetition; may be repeated"
    )
    parser.add_argument(
        "--columns",
        type=int,
        choices=(1, 2),
        metavar="N",
        help="the width of a figure in one or two columns of a paper (2)",
    )
    parser.add_argument(
        "--theme", choices=_THEMES, default="auto", metavar="THEME", help="light, dark, or auto: as the reader has it"
    )
    parser.add_argument("--title", metavar="TEXT", help="a heading above the picture")
    parser.add_argument(
        "--engine", choices=("archspec", "dot"), default="archspec", metavar="ENGINE",
        help="who lays the graph out: archspec, or dot where Graphviz is installed",
    )  # fmt: skip
    parser.add_argument(
        "--image", metavar="FILE", help="the image that a run's network looks at; the first of its test data"
    )
    add_measures(parser)
    add_spec_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw a network into a file."""
    from archspec.draw.engine import by_graphviz
    from archspec.draw.render import FORMATS, Look, format_of, render

    path = Path(arguments.output)
    format = format_of(path)
    if format is None:
        return _refused(f"what {path} is to be can't be told from its name: end it with one of {', '.join(FORMATS)}")
    style = arguments.style or ("graph" if arguments.engine == "dot" else _MAPS if is_run(arguments.spec) else "table")
    look = Look(
        "table" if style == _MAPS else style,
        arguments.depth, tuple(arguments.expand), arguments.columns, arguments.theme, arguments.title,
        arguments.batch, arguments.dtype,
    )  # fmt: skip
    if problem := _contradiction_of_run(arguments, format, style) or _contradiction(arguments, format, look):
        return _refused(problem)
    if style == _MAPS:
        return guarded(lambda arguments: _show_maps(arguments, path, format, look))(arguments)
    if is_run(arguments.spec):
        arguments.spec = str(Path(arguments.spec) / SPEC)
    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    draw = by_graphviz if arguments.engine == "dot" else render
    data = _drawn(graph, lambda: draw(graph, format, look), arguments)
    return 1 if data is None else _written(path, data)


def _show_maps(arguments: argparse.Namespace, path: Path, format: Format, look: Look) -> int:
    """Draw what a run has learnt."""
    from archspec.draw.figures import Figures
    from archspec.draw.learnt import last_node
    from archspec.draw.render import learnt_scene, units_with_maps, written
    from compiler.feature_maps import feature_maps, graph_of_run

    run = Path(arguments.spec)
    figures = Figures(graph_of_run(run))

    def drawn() -> bytes:
        units = units_with_maps(figures)
        nodes = [last_node(figures, unit) for unit in units]
        found = feature_maps(run, nodes, None if arguments.image is None else Path(arguments.image))
        if found.note is not None:
            print(f"{arguments.image}: {found.note}", file=sys.stderr)
        return written(learnt_scene(figures, units, found, look), format, look.theme)

    data = _drawn(figures.graph, drawn, arguments)
    return 1 if data is None else _written(path, data)


def _refused(problem: str) -> int:
    print(problem, file=sys.stderr)
    return 2


def _contradiction_of_run(arguments: argparse.Namespace, format: Format, style: str) -> str | None:
    """What goes with a run alone, or not with one."""
    if not is_run(arguments.spec) and style == _MAPS:
        return f"--style {_MAPS} shows what a run has learnt: name the folder of one, not {arguments.spec}"
    if style != _MAPS:
        return "--image is for the maps of a run: leave it out" if arguments.image is not None else None
    if format not in ("svg", "pdf", "png"):
        return f"maps are pixels, which a {format} file has no place for: draw into .svg, .pdf or .png"
    if arguments.depth is not None or arguments.expand:
        return "a run lists its rows without blocks: leave out --depth and --expand"
    return None


def _contradiction(arguments: argparse.Namespace, format: Format, look: Look) -> str | None:
    """What two options say against one another."""
    opens = look.depth is not None or look.expand
    if look.style == "memory" and opens:
        return "the style memory has no blocks to open: leave out --depth and --expand"
    if format in ("html", "dot", "mermaid") and look.style in ("volume", "memory"):
        return f"a {format} file shows the graph: leave out --style {look.style}, or draw into .svg, .pdf, .png or .tex"
    is_graph = look.style == "graph" or format in ("html", "dot", "mermaid")
    if is_graph and look.columns is not None:
        return "a graph is as wide as it is: leave out --columns"
    if look.style != "memory" and (look.batch, look.dtype) != (1, "float32"):
        return "--batch and --dtype are for --style memory: leave them out"
    if look.theme != "auto" and (format in ("dot", "mermaid") or arguments.engine == "dot"):
        return "Graphviz and Mermaid have colours of their own: leave out --theme"
    if is_run(arguments.spec) and (changes := changes_of(arguments)):
        return f"{arguments.spec} is a run, with a spec of its own: leave out {', '.join(changes)}"
    if arguments.engine == "dot" and (look.style != "graph" or format not in ("svg", "pdf", "png")):
        return "--engine dot lays out --style graph, into .svg, .pdf or .png"
    if format == "html" and look.depth is not None:
        return "a html file opens blocks itself: leave out --depth, or name the blocks with --expand"
    return None


def _drawn(graph: Graph, draw: Callable[[], bytes], arguments: argparse.Namespace) -> bytes | None:
    """The file's content; None, with a reason printed, where there is none."""
    from archspec.diagnostic import Findings
    from archspec.draw.engine import EngineFailed
    from archspec.draw.png import NoRenderer
    from archspec.draw.render import NoSuchPart
    from archspec.suggest import did_you_mean

    try:
        return draw()
    except NoSuchPart as error:
        findings = Findings()
        message = f"{graph.name} has no block or repetition named {error.name}"
        findings.add("E220", message, None, help=did_you_mean(error.name, error.known))
        report(findings, limits_of(arguments))
    except NoRenderer:
        print(
            "drawing into .png needs PDFium: pip install 'archspec-nn[png]'; .svg and .pdf need nothing",
            file=sys.stderr,
        )
    except EngineFailed as error:
        print(error, file=sys.stderr)
    return None


def _written(path: Path, data: bytes) -> int:
    """Write a picture; over another file only where that is one of ours as we wrote it."""
    from archspec.draw.mark import is_unchanged

    try:
        if path.exists() and not is_unchanged(path.read_bytes()):
            print(f"{path} exists already, and archspec did not draw it as it is: choose another name", file=sys.stderr)
            return 1
        _replace(path, data)
    except (OSError, ValueError) as error:
        print(f"can't write {path}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    return 0


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole: on a full disk the picture that was there stays."""
    written = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        written.write_bytes(data)
        os.replace(written, path)
    finally:
        written.unlink(missing_ok=True)
