"""The commands that read a spec and print what they know of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from archspec.cli.arguments import (
    Subparsers,
    add_limit,
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

FORMATS = ("text", "markdown", "csv", "json", "latex")


def _graph(name: str, arguments: argparse.Namespace, variant: str | None = None) -> Graph | None:
    """The graph of a spec; None, its errors printed, where it has none. Warnings are left to `validate`."""
    checked = compiled(name, options_of(arguments, variant))
    quiet = {"warning"} if checked.graph is not None else set[str]()
    report((each for each in checked.diagnostics if each.severity not in quiet), limits_of(arguments))
    return checked.graph


def _add_measures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=positive, default=1, metavar="N", help="images of a batch (1)")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float16", "bfloat16", "float64"),
        default="float32",
        help="type of numbers (float32)",
    )


def add_summarize(subparsers: Subparsers) -> None:
    """`archspec summarize`."""
    parser = subparsers.add_parser(
        "summarize",
        help="sizes, parameters, MACs and memory, row by row",
        description="Show what every row of a network gives and costs, and the totals.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a file, a name of the zoo, or -")
    parser.add_argument("--variants", action="store_true", help="the totals of every variant instead")
    parser.add_argument(
        "--depth", type=natural, metavar="N", help="fold blocks that stand deeper than N names (1: top rows only)"
    )
    _add_measures(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print (text)")
    add_spec_options(parser)
    parser.set_defaults(run=run_summarize)


def run_summarize(arguments: argparse.Namespace) -> int:
    """Print a summary, or the totals of all variants."""
    from archspec.report.summary import summarize_graph

    if arguments.variants:
        names = variants_of(arguments.spec, limits_of(arguments))
        if not names:
            print(f"{arguments.spec} has no variants", file=sys.stderr)
            return 1
        return _compare([(arguments.spec, name) for name in names], arguments)
    graph = _graph(arguments.spec, arguments)
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
    parser = subparsers.add_parser(
        "explain",
        help="how the numbers of one row come about",
        description="Show a row's formulas with the numbers put in, and where each of its attributes came from.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a file, a name of the zoo, or -")
    parser.add_argument("row", metavar="LAYER", help="a row's name as `summarize` shows it, or a block's for its rows")
    _add_measures(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print (text)")
    add_spec_options(parser)
    parser.set_defaults(run=run_explain)


def run_explain(arguments: argparse.Namespace) -> int:
    """Print the explanation of a row, or the rows of a block."""
    from archspec.api import unknown_row
    from archspec.diagnostic import Findings
    from archspec.report.explain import explain_row, group_table

    graph = _graph(arguments.spec, arguments)
    if graph is None:
        return 1
    for row in graph.rows:
        if row.name == arguments.row:
            explanation = explain_row(graph, row, batch=arguments.batch, dtype=arguments.dtype)
            print(json.dumps(explanation.as_dict(), indent=2) if arguments.format == "json" else explanation)
            return 0
    table = group_table(graph, arguments.row)
    if table is not None:
        print(table.as_text(terminal_width()))
        return 0
    findings = Findings()
    unknown_row(graph, arguments.row, findings)
    report(findings, limits_of(arguments))
    return 1


def add_compare(subparsers: Subparsers) -> None:
    """`archspec compare`."""
    parser = subparsers.add_parser(
        "compare",
        help="models side by side",
        description="Show the figures of several models; of two, the rows that differ as well.",
    )
    parser.add_argument("specs", nargs="+", metavar="SPEC", help="files or names of the zoo")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print (text)")
    add_spec_options(parser, variant=False)
    parser.set_defaults(run=run_compare)


def run_compare(arguments: argparse.Namespace) -> int:
    """Print the comparison."""
    return _compare([(spec, None) for spec in arguments.specs], arguments)


def _compare(specs: list[tuple[str, str | None]], arguments: argparse.Namespace) -> int:
    from archspec.report.compare import compare_graphs

    graphs = [_graph(spec, arguments, variant) for spec, variant in specs]
    good = [graph for graph in graphs if graph is not None]
    if len(good) < len(graphs):
        return 1
    comparison = compare_graphs(good, [variant or spec for spec, variant in specs])
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
    parser = subparsers.add_parser(
        "resolve",
        help="the flat spec, with where each value came from",
        description="Print the spec with blocks, repeats, defaults and expressions put in: a spec with the same graph.",
    )
    parser.add_argument("spec", metavar="SPEC", help="a file, a name of the zoo, or -")
    parser.add_argument("--plain", action="store_true", help="without the comments that say where values came from")
    add_spec_options(parser)
    parser.set_defaults(run=run_resolve)


def run_resolve(arguments: argparse.Namespace) -> int:
    """Print the flat spec."""
    from archspec.flat import resolve

    graph = _graph(arguments.spec, arguments)
    if graph is None:
        return 1
    print(resolve(graph, origins=not arguments.plain), end="")
    return 0


def add_list(subparsers: Subparsers) -> None:
    """`archspec list`."""
    parser = subparsers.add_parser(
        "list", help="the specs that come with archspec", description="Show the zoo: every family and its variants."
    )
    parser.add_argument("--names", action="store_true", help="the names alone, one a line")
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print (text)")
    parser.set_defaults(run=run_list)


def run_list(arguments: argparse.Namespace) -> int:
    """Print the zoo."""
    from archspec.report.compare import figures
    from archspec.report.zoo import members, zoo_table
    from archspec.zoo import names

    if arguments.names:
        print("\n".join(names()))
    elif arguments.format == "json":
        print(json.dumps({"specs": [figures(graph, name).as_dict() for name, graph in members()]}, indent=2))
    else:
        print(zoo_table().as_format(arguments.format, terminal_width()))
    return 0


def add_schema(subparsers: Subparsers) -> None:
    """`archspec schema`."""
    parser = subparsers.add_parser(
        "schema",
        help="the JSON Schema of specs, for editors",
        description="Print the JSON Schema of specs. In a file's first line, "
        "`# yaml-language-server: $schema=archspec.schema.json` makes editors use it.",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write it to a file that does not exist yet")
    parser.set_defaults(run=run_schema)


def run_schema(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    from archspec.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if arguments.output is None:
        print(text, end="")
        return 0
    return _write_new(Path(arguments.output), text)


def add_new(subparsers: Subparsers) -> None:
    """`archspec new`."""
    parser = subparsers.add_parser(
        "new",
        help="write a commented spec to start from",
        description="Write NAME.yaml, a small commented spec. A file that exists is never overwritten.",
    )
    parser.add_argument("name", metavar="NAME", help="the name of the new spec, or the path of its file")
    add_limit(parser)
    parser.set_defaults(run=run_new)


def run_new(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    from archspec.starter import starter

    path = Path(arguments.name)
    if path.suffix not in (".yaml", ".yml"):
        path = path.with_name(path.name + ".yaml")
    code = _write_new(path, starter(path.stem))
    if code == 0:
        print(f"wrote {path}; next: archspec summarize {path}")
    return code


def _write_new(path: Path, text: str) -> int:
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
