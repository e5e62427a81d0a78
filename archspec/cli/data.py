"""The command that shows what a network learns from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.cli.arguments import (
    Subparsers,
    add_command,
    add_spec_options,
    changes_of,
    folder_of,
    is_run,
    natural,
    positive,
)
from archspec.cli.commands import SPEC_HELP, add_format, checked_graph
from archspec.cli.guard import guarded
from archspec.graph import Graph
from archspec.report.runs import is_run_folder

if TYPE_CHECKING:
    from compiler.data import Data

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
    parser.add_argument("spec", metavar="SPEC", help=f"{SPEC_HELP}; or the folder of a run, to see what it learnt from")
    parser.add_argument("-o", "--output", metavar="FILE", help="draw a batch into FILE, a PNG")
    parser.add_argument("--recipe", metavar="NAME", help="one of the spec's `recipes`, in the place of `train`")
    parser.add_argument("--force", action="store_true", help="replace FILE where it is there already")
    parser.add_argument("--part", choices=_PARTS, default="train", metavar="PART", help=f"{', '.join(_PARTS)} (train)")
    parser.add_argument("--count", type=positive, default=64, metavar="N", help="how many examples to draw (64)")
    parser.add_argument("--epoch", type=natural, default=0, metavar="N", help="the epoch whose variations to draw (0)")
    parser.add_argument("--plain", action="store_true", help="leave out what `augment` does; other parts never have it")
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=guarded(run_data))


def run_data(arguments: argparse.Namespace) -> int:
    """Say what the data are, and draw a batch."""
    if is_run(arguments.spec) and is_run_folder(Path(arguments.spec)):
        changes = [*changes_of(arguments), *(["--recipe"] if arguments.recipe is not None else [])]
        if changes:
            print(f"{arguments.spec} is a run, with a spec of its own: leave out {', '.join(changes)}", file=sys.stderr)
            return 2
        from compiler.train.folder import RunFolder
        from compiler.train.run import read_run

        graph, about, _ = read_run(RunFolder.existing(Path(arguments.spec)))
        return _show(graph, Path(about["base"]), arguments, about["preprocessing"])
    graph = checked_graph(arguments.spec, arguments)
    return 1 if graph is None else _show(graph, folder_of(arguments.spec), arguments)


def _show(
    graph: Graph, base: Path, arguments: argparse.Namespace, preprocessing: Mapping[str, Any] | None = None
) -> int:
    from compiler.data import prepare
    from compiler.data.picture import draw_batch
    from compiler.train.session import heads_of, recipe_of

    keys = recipe_of(graph)
    data = prepare(
        keys.data, keys.preprocess, keys.augment, input=graph.input, seed=keys.seed, device="cpu",
        base=base, heads=heads_of(graph), preprocessing=preprocessing,
    )  # fmt: skip
    if arguments.part not in data.splits:
        print(f"there is no {arguments.part}: it has {', '.join(data.splits)}", file=sys.stderr)
        return 1
    if arguments.output is not None:
        split, path = data.splits[arguments.part], Path(arguments.output)
        order = split.order(arguments.epoch)[: arguments.count]
        augment = arguments.part == "train" and not arguments.plain
        draw_batch(split, order, path, epoch=arguments.epoch, augment=augment, replace=arguments.force)
    if arguments.format == "json":
        print(json.dumps(_as_dict(data, arguments.output), indent=2))
        return 0
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


def _as_dict(data: Data, picture: str | None) -> dict[str, Any]:
    return {
        "parts": {part: len(split) for part, split in data.splits.items()},
        "targets": {name: target.as_dict() for name, target in data.targets.items()},
        "mean": data.preprocessing["mean"],
        "deviation": data.preprocessing["deviation"],
        "notes": data.notes,
        "picture": picture,
    }


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
