"""`archspec weights`: what a file holds, whether it fits a spec, and weights of other implementations."""

from __future__ import annotations

import argparse
import json
import shlex
import sys

from archspec.cli.arguments import COMMAND, HelpFormatter, Subparsers, add_command, add_spec_options, terminal_width
from archspec.cli.commands import SPEC_HELP, add_format, checked_graph
from archspec.cli.guard import guarded

_EXAMPLES = """\
  archspec weights show resnet50.pth
  archspec weights port resnet50.pth resnet/resnet50 -o resnet50.safetensors
  archspec weights check resnet50.safetensors resnet/resnet50
"""


def add_weights(subparsers: Subparsers) -> None:
    """`archspec weights`, with its own commands."""
    parser = subparsers.add_parser(
        "weights",
        help="show, check and port files of weights",
        description="What a file of weights holds, whether it fits a spec, and weights of other implementations.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    commands = parser.add_subparsers(dest="weights_command", metavar=COMMAND, required=True)
    _add_show(commands)
    _add_check(commands)
    _add_port(commands)


def _add_file(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(name, metavar=name.upper(), help="a .safetensors file, or a .pth or .pt of torch.save")
    parser.add_argument("--key", metavar="NAME", help="where in a checkpoint the weights are, such as ema")


def _add_show(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers, "show", "what a file holds", "List the tensors of a file with their shapes and types."
    )
    _add_file(parser, "file")
    add_format(parser)
    parser.set_defaults(run=guarded(run_show))


def run_show(arguments: argparse.Namespace) -> int:
    """Print the tensors of a file."""
    from archspec.report.table import Column, Table
    from compiler.weights import read_weights

    weights = read_weights(arguments.file, key=arguments.key)
    if arguments.format == "json":
        tensors = {
            name: {"shape": list(tensor.shape), "dtype": _dtype(tensor.dtype)}
            for name, tensor in weights.tensors.items()
        }
        print(json.dumps({"metadata": dict(weights.metadata), "tensors": tensors}, indent=2))
        return 0
    table = Table([Column("tensor"), Column("shape", right=True), Column("numbers", right=True), Column("type")])
    for name, tensor in weights.tensors.items():
        shape = "x".join(map(str, tensor.shape)) or "-"
        table.rows.append([name, shape, f"{tensor.numel():,}", _dtype(tensor.dtype)])
    numbers = sum(tensor.numel() for tensor in weights.tensors.values())
    table.totals.append([f"{len(weights.tensors)} tensors", "", f"{numbers:,}", ""])
    print(table.as_format(arguments.format, terminal_width()))
    for note in (*weights.notes, *(f"{name}: {value}" for name, value in sorted(weights.metadata.items()))):
        print(note, file=sys.stderr)
    return 0


def _dtype(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")


def _add_check(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "check",
        "whether a file fits a spec by name",
        "Compare the tensors of a file with those of a network, name by name. Exit code 1 where they differ.",
    )
    _add_file(parser, "file")
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    add_spec_options(parser)
    parser.set_defaults(run=guarded(run_check))


def run_check(arguments: argparse.Namespace) -> int:
    """Compare a file with a spec."""
    from compiler.failure import WeightsError
    from compiler.weights import blank_state, check_order, compare, mismatches, read_weights

    check_order(arguments.file, arguments.spec, "check")
    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    weights = read_weights(arguments.file, key=arguments.key)
    found = compare(blank_state(graph), weights)
    if not found.fits:
        raise WeightsError(mismatches(found, weights, f"`{_partial(arguments)}` loads"))
    print("\n".join([*found.notes, f"all {len(found.loaded)} tensors of {graph.name} are there"]))
    return 0


def _partial(arguments: argparse.Namespace) -> str:
    """The command that loads what fits of the file."""
    words = ["archspec", "compile", arguments.spec]
    for option, value in (("--variant", arguments.variant), ("--input", arguments.input)):
        words += [option, value] if value is not None else []
    words += [word for setting in arguments.settings for word in ("--set", setting)]
    words += ["--weights", arguments.file, *(["--key", arguments.key] if arguments.key is not None else [])]
    return shlex.join([*words, "--partial", "-o", "new.safetensors"])


def _add_port(subparsers: Subparsers) -> None:
    parser = add_command(
        subparsers,
        "port",
        "weights of another implementation, under the names of a spec",
        "Put each tensor of a state_dict of torchvision, timm or any other implementation of the same architecture "
        "where the spec has its like: by the order of the modules, by shape, and where these leave a choice, by name. "
        "Prints where each went; what is not clear is an error, and a mapping file decides it.",
    )
    _add_file(parser, "source")
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("-o", "--output", metavar="FILE", help="the .safetensors file to write; none: only show")
    parser.add_argument("--mapping", metavar="FILE", help="YAML that says where some modules of the source go")
    parser.add_argument("--write-mapping", metavar="FILE", help="write where everything went as such a file")
    parser.add_argument(
        "--leave-out", metavar="MODULE", action="append", default=[], help="do without a module of the source"
    )
    parser.add_argument(
        "--fresh", metavar="ROW", action="append", default=[], help="leave a row or a block without weights"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=guarded(run_port))


def run_port(arguments: argparse.Namespace) -> int:
    """Port weights, print where each went, and write them."""
    from compiler.port import Mapping, port, read_mapping
    from compiler.weights import check_order, paths_of, read_weights, save

    check_order(arguments.source, arguments.spec, "port")
    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    weights = read_weights(arguments.source, key=arguments.key)
    mapping = read_mapping(arguments.mapping) if arguments.mapping is not None else Mapping()
    ported = port(weights, graph, paths_of(graph), mapping.extended(arguments.leave_out, arguments.fresh))
    print(json.dumps(ported.as_dict(), indent=2) if arguments.format == "json" else ported.as_text())
    if arguments.write_mapping is not None:
        from compiler.atomic import whole_file

        with whole_file(arguments.write_mapping, replace=arguments.force) as file:
            file.write_text(ported.as_mapping())
    if arguments.output is not None:
        save(ported.tensors, arguments.output, spec=graph.name, replace=arguments.force)
        print(f"written to {arguments.output}", file=sys.stderr)
    return 0
