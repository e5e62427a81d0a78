"""The command that shows what a network learns from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archspec.cli.arguments import Subparsers, add_command, add_spec_options, folder_of, natural, positive
from archspec.cli.commands import SPEC_HELP, checked_graph
from archspec.cli.guard import guarded
from archspec.graph import Graph

_PARTS = ("train", "validation", "test")


def add_data(subparsers: Subparsers) -> None:
    """`archspec data`."""
    parser = add_command(
        subparsers,
        "data",
        "the data of a spec, and a picture of a batch",
        "Read the data of a `train:` section as training does, say what was found and chosen, and draw a batch as the "
        "network sees it.\n\n"
        "  archspec data lenet5 -o batch.png\n"
        "  archspec data mynet.yaml -o test.png --part test --count 100",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("-o", "--output", metavar="FILE", help="draw a batch into FILE, a PNG")
    parser.add_argument("--recipe", metavar="NAME", help="one of the spec's `recipes`, in the place of `train`")
    parser.add_argument("--force", action="store_true", help="replace FILE where it is there already")
    parser.add_argument("--part", choices=_PARTS, default="train", metavar="PART", help=f"{', '.join(_PARTS)} (train)")
    parser.add_argument("--count", type=positive, default=64, metavar="N", help="how many examples to draw (64)")
    parser.add_argument("--epoch", type=natural, default=0, metavar="N", help="the epoch whose variations to draw (0)")
    parser.add_argument("--plain", action="store_true", help="leave out what `augment` does; other parts never have it")
    add_spec_options(parser)
    parser.set_defaults(run=guarded(run_data))


def run_data(arguments: argparse.Namespace) -> int:
    """Say what the data are, and draw a batch."""
    graph = checked_graph(arguments.spec, arguments)
    return 1 if graph is None else _show(graph, arguments)


def _show(graph: Graph, arguments: argparse.Namespace) -> int:
    from compiler.data import prepare
    from compiler.data.picture import draw_batch
    from compiler.train.order import epoch_order
    from compiler.train.session import heads_of, recipe_of

    keys = recipe_of(graph)
    data = prepare(
        keys.data, keys.preprocess, keys.augment, input=graph.input, seed=keys.seed, device="cpu",
        base=folder_of(arguments.spec), heads=heads_of(graph),
    )  # fmt: skip
    if arguments.part not in data.splits:
        print(f"there is no {arguments.part}: it has {', '.join(data.splits)}", file=sys.stderr)
        return 1
    if arguments.output is not None:
        split, path = data.splits[arguments.part], Path(arguments.output)
        order = epoch_order(len(split), keys.seed, arguments.epoch)[: arguments.count]
        augment = arguments.part == "train" and not arguments.plain
        draw_batch(split, order, path, epoch=arguments.epoch, augment=augment, replace=arguments.force)
    for note in data.notes:
        print(note)
    print(", ".join(f"{part} {len(split):,}" for part, split in data.splits.items()))
    if data.classes:
        print(f"{len(data.classes)} classes: {', '.join(data.classes)}")
    mean, deviation = data.preprocessing["mean"], data.preprocessing["deviation"]
    if mean and len(mean) <= len("RGB"):
        print(f"mean {_numbers(mean)}, deviation {_numbers(deviation)}")
    if arguments.output is not None:
        print(f"wrote {arguments.output}")
    return 0


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
