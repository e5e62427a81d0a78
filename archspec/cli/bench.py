"""`archspec bench`: how long networks take on the devices of this machine."""

from __future__ import annotations

import argparse
import json

from archspec.cli.arguments import Subparsers, add_command, add_spec_options, positive, terminal_width
from archspec.cli.commands import SPEC_HELP, add_format, checked_graph
from archspec.cli.guard import guarded
from archspec.graph import Graph
from archspec.memory import DTYPES

_REPEATS = 10


def add_bench(subparsers: Subparsers) -> None:
    """`archspec bench`."""
    parser = add_command(
        subparsers,
        "bench",
        "how long networks take, and which to choose",
        "Measure forward pass and training step of networks on this machine's devices, side by side: in every round "
        "each takes its turn. Times are medians; FLOP/s are those of convolutions and matrix products, and the peak "
        "is that of the fastest product of two large matrices in the same run.\n\n"
        "  archspec bench resnet/resnet18 vgg/vgg11 mobilenet_v2 --batch 16\n"
        "  archspec bench net.yaml --device cuda --dtype bfloat16 --channels-last",
    )
    parser.add_argument("specs", nargs="+", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument(
        "--device", action="append", metavar="NAME", help="cpu, cuda or cuda:1; may be repeated; all that are here"
    )
    parser.add_argument("--batch", type=positive, default=1, metavar="N", help="images in a batch (1)")
    parser.add_argument("--dtype", choices=DTYPES, default=DTYPES[0], metavar="TYPE", help=f"{', '.join(DTYPES)}")
    parser.add_argument("--channels-last", action="store_true", help="maps innermost in memory")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--forward-only", action="store_true", help="leave the training step out")
    parser.add_argument(
        "--repeats",
        type=positive,
        default=_REPEATS,
        metavar="N",
        help=f"rounds, of which the median counts ({_REPEATS})",
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="processor threads; as many as there are cores")
    add_format(parser)
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="short for --format json")
    add_spec_options(parser, variant=False)
    parser.set_defaults(run=guarded(run_bench))


def run_bench(arguments: argparse.Namespace) -> int:
    """Measure, and print the tables."""
    networks: dict[str, tuple[Graph, float | None]] = {}
    for spec in arguments.specs:
        graph = checked_graph(spec, arguments)
        if graph is None:
            return 1
        networks[spec] = (graph, _published(spec, arguments))
    import torch

    from compiler.bench import Settings, bench

    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    found = bench(
        networks,
        arguments.device or (),
        Settings(
            batch=arguments.batch,
            dtype=arguments.dtype,
            channels_last=arguments.channels_last,
            compile=arguments.compile,
            training=not arguments.forward_only,
            repeats=arguments.repeats,
        ),
    )
    if arguments.format == "json":
        print(json.dumps(found.as_dict(), indent=2))
        return 0
    width = terminal_width()
    print(found.choice().as_format(arguments.format, width))
    for device in found.devices:
        print(f"\n{found.heading(device)}\n\n{found.times(device).as_format(arguments.format, width)}")
    return 0


def _published(spec: str, arguments: argparse.Namespace) -> float | None:
    """The accuracy of a member of the zoo; of what was changed nothing is published."""
    from archspec.published import accuracy, member_name

    name = member_name(spec) if not arguments.settings and arguments.input is None else None
    return None if name is None else accuracy(name).top1
