"""The commands that read a spec and print what they know of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from archspec.cli.arguments import (
    STDIN,
    Subparsers,
    add_command,
    add_spec_options,
    compiled,
    limits_of,
    natural,
    options_of,
    positive,
    report,
    terminal_width,
)
from archspec.graph import Graph
from archspec.loading import variants_of
from archspec.memory import DTYPES

EVERYTHING = "all"
FORMATS = ("text", "markdown", "csv", "json", "latex")
SPEC_HELP = "a file, a name of the zoo, or - for standard input"


def checked_graph(name: str, arguments: argparse.Namespace, variant: str | None = None) -> Graph | None:
    """The graph of a spec; None, its errors printed, where it has none. Warnings are left to `validate`."""
    checked = compiled(name, options_of(arguments, variant))
    quiet = {"warning"} if checked.graph is not None else set[str]()
    report((each for each in checked.diagnostics if each.severity not in quiet), limits_of(arguments))
    return checked.graph


def add_measures(parser: argparse.ArgumentParser) -> None:
    """`--batch` and `--dtype`."""
    parser.add_argument("--batch", type=positive, default=1, metavar="N", help="images in a batch, for memory (1)")
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        metavar="TYPE",
        help=f"type of the numbers, for memory: {', '.join(DTYPES)} ({DTYPES[0]})",
    )


def add_format(parser: argparse.ArgumentParser, choices: tuple[str, ...] = FORMATS) -> None:
    """`--format`."""
    parser.add_argument(
        "--format", choices=choices, default="text", metavar="FORMAT", help=f"{', '.join(choices)} ({choices[0]})"
    )


def add_summarize(subparsers: Subparsers) -> None:
    """`archspec summarize`."""
    parser = add_command(
        subparsers,
        "summarize",
        "sizes, parameters, MACs and memory, row by row",
        "Show what every row of a network gives and costs, and the totals.",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("--variants", action="store_true", help="a line for each variant of the family instead")
    parser.add_argument(
        "--depth", type=natural, metavar="N", help="fold what is deeper: 1 shows the rows of the file, 2 those inside"
    )
    add_measures(parser)
    add_format(parser)
    add_spec_options(parser)
    parser.set_defaults(run=run_summarize)


def run_summarize(arguments: argparse.Namespace) -> int:
    """Print a summary, or the totals of all variants."""
    from archspec.report.summary import summarize_graph

    if arguments.variants and (names := variants_of(arguments.spec, limits_of(arguments))):
        return _compare([(arguments.spec, name) for name in names], arguments)
    graph = checked_graph(arguments.spec, arguments)
    if arguments.variants and graph is not None:
        known = "has no variants" if arguments.spec != STDIN else "is read once: give --variants a file"
        print(f"{arguments.spec} {known}", file=sys.stderr)
        return 1
    if graph is None:
        return 1
    summary = summarize_graph(graph, batch=arguments.batch, dtype=arguments.dtype, depth=arguments.depth)
    if arguments.format == "json":
        print(json.dumps(summary.as_dict(), indent=2))
    else:
        print(summary.as_format(arguments.format, terminal_width()))
    return 0


def add_explain(subparsers: Subparsers) -> None:
    """`archspec explain`."""
    parser = add_command(
        subparsers,
        "explain",
        "how the numbers of one row come about",
        "Show a row's formulas with the numbers put in, and where each of its attributes came from.",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("row", metavar="ROW", help="a name that `summarize` shows, or that of a block: lists its rows")
    add_measures(parser)
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=run_explain)


def run_explain(arguments: argparse.Namespace) -> int:
    """Print the explanation of a row, or the rows of a block."""
    from archspec.api import unknown_row
    from archspec.diagnostic import Findings
    from archspec.report.explain import explain_row, group_table, rows_of_group

    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    for row in graph.rows:
        if row.name == arguments.row:
            explanation = explain_row(graph, row, batch=arguments.batch, dtype=arguments.dtype)
            if arguments.format == "json":
                print(json.dumps(explanation.as_dict(), indent=2))
            else:
                print(explanation.as_text(terminal_width()))
            return 0
    rows = rows_of_group(graph, arguments.row)
    if rows:
        if arguments.format == "json":
            explained = [explain_row(graph, row, batch=arguments.batch, dtype=arguments.dtype) for row in rows]
            print(json.dumps({"name": arguments.row, "rows": [each.as_dict() for each in explained]}, indent=2))
        else:
            print(group_table(graph, arguments.row, rows).as_text(terminal_width()))
        return 0
    findings = Findings()
    unknown_row(graph, arguments.row, findings)
    report(findings, limits_of(arguments))
    return 1


def add_compare(subparsers: Subparsers) -> None:
    """`archspec compare`."""
    parser = add_command(
        subparsers,
        "compare",
        "several models side by side",
        "Show parameters, MACs, memory and depth of several models; of two, also the rows that differ.",
    )
    parser.add_argument("specs", nargs="+", metavar="SPEC", help=SPEC_HELP + "; `all` for the whole zoo")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw top-1 accuracy against MACs into FILE, an SVG, which must not exist yet"
    )
    add_measures(parser)
    add_format(parser)
    add_spec_options(parser, variant=False)
    parser.set_defaults(run=run_compare)


def run_compare(arguments: argparse.Namespace) -> int:
    """Print the comparison, and draw it."""
    if arguments.specs == [EVERYTHING]:
        from archspec.report.zoo import members

        arguments.specs = [name for name, _ in members()]
    return _compare([(spec, None) for spec in arguments.specs], arguments, arguments.plot)


def _compare(specs: list[tuple[str, str | None]], arguments: argparse.Namespace, plot: str | None = None) -> int:
    from archspec.report.compare import compare_graphs

    graphs = [checked_graph(spec, arguments, variant) for spec, variant in specs]
    good = [graph for graph in graphs if graph is not None]
    if len(good) < len(graphs):
        return 1
    names = [variant or spec for spec, variant in specs]
    comparison = compare_graphs(good, names, batch=arguments.batch, dtype=arguments.dtype)
    if plot is not None:
        from archspec.report.accuracy import accuracy_plot

        as_published = not arguments.settings and arguments.input is None
        code = write_new(Path(plot), accuracy_plot(comparison.models, as_published=as_published))
        if code != 0:
            return code
    if arguments.format == "json":
        print(json.dumps(comparison.as_dict(), indent=2))
        return 0
    width = terminal_width()
    print(comparison.table().as_format(arguments.format, width))
    if comparison.differences and arguments.format in ("text", "markdown"):
        print(f"\n{comparison.difference_table().as_format(arguments.format, width)}")
    return 0


def add_resolve(subparsers: Subparsers) -> None:
    """`archspec resolve`."""
    parser = add_command(
        subparsers,
        "resolve",
        "the flat spec, with where each value came from",
        "Print a spec with its blocks, repeats, defaults and expressions put in: a spec of the same network.",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("--plain", action="store_true", help="leave out the comments on where values came from")
    add_spec_options(parser)
    parser.set_defaults(run=run_resolve)


def run_resolve(arguments: argparse.Namespace) -> int:
    """Print the flat spec."""
    from archspec.flat import resolve

    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    print(resolve(graph, origins=not arguments.plain), end="")
    return 0


def add_schema(subparsers: Subparsers) -> None:
    """`archspec schema`."""
    parser = add_command(
        subparsers,
        "schema",
        "the JSON Schema of specs, for editors",
        "Print the JSON Schema of specs. Editors use it where a spec begins with the line\n\n"
        "  # yaml-language-server: $schema=archspec.schema.json",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write it to FILE, which must not exist yet")
    parser.set_defaults(run=run_schema)


def run_schema(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    from archspec.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if arguments.output is None:
        print(text, end="")
        return 0
    return write_new(Path(arguments.output), text)


def add_new(subparsers: Subparsers) -> None:
    """`archspec new`."""
    parser = add_command(
        subparsers,
        "new",
        "write a commented spec to start from",
        "Write NAME.yaml, a small commented spec. A file that exists is never overwritten.",
    )
    parser.add_argument("name", metavar="NAME", help="the name of the new spec, or the path of its file")
    parser.set_defaults(run=run_new)


def run_new(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    from archspec.starter import starter

    path = Path(arguments.name)
    if not path.name:
        print("a spec needs a name: archspec new mynet", file=sys.stderr)
        return 1
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(path.name + ".yaml")
    code = write_new(path, starter(path.stem))
    if code == 0:
        print(f"wrote {path}; next: archspec summarize {path}")
    return code


def write_new(path: Path, text: str) -> int:
    """Write a file that must not exist; say why not where that fails."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(f"{path} exists already, and nothing was written: choose another name", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"can't write {path}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    return 0
