"""The commands that say how much memory a network needs, and how to make it fit."""

from __future__ import annotations

import argparse
import json
import re
import sys
from fnmatch import fnmatchcase

from archspec.cli.arguments import Subparsers, add_command, add_spec_options, natural, positive, terminal_width
from archspec.cli.commands import SPEC_HELP, add_format, checked_graph
from archspec.graph import Graph
from archspec.memory.optimizer import LOOPS, Optimizer
from archspec.training import SGD, Adam, AdamW, RMSprop, type_of

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_OPTIMIZERS = {type_of(model): model for model in (SGD, Adam, AdamW, RMSprop)}
_SHORT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp64": "float64"}


def memory_size(text: str) -> int:
    """Bytes: `16GiB`, `24 GB`, `512MiB`, or a plain number."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([kmgt]?i?)b?", text.strip().lower())
    if match is None or match[2] not in _UNITS or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"a size such as 16GiB, 24GB or 512MiB, not '{text}'")
    return int(float(match[1]) * _UNITS[match[2]])


def _dtype(text: str) -> str:
    from archspec.memory import DTYPES

    name = _SHORT.get(text, text)
    if name not in DTYPES:
        raise argparse.ArgumentTypeError(f"one of {', '.join((*DTYPES, *_SHORT))}, not '{text}'")
    return name


def _add_training(parser: argparse.ArgumentParser) -> None:
    """What a training step consists of."""
    parser.add_argument(
        "--optimizer", choices=_OPTIMIZERS, help="which one, with its usual options (that of `train:`, else adam)"
    )
    parser.add_argument(
        "--loop", choices=LOOPS, default=LOOPS[0],
        help="how it goes through the weights: fused, as `archspec train` does; torch's own choice is foreach on a "
        "GPU, for-loop on a CPU",
    )  # fmt: skip
    parser.add_argument("--ema", action="store_true", help="with a moving mean of the weights")


def _optimizer(graph: Graph, arguments: argparse.Namespace) -> Optimizer:
    keys = graph.train.optimizer if graph.train is not None else Adam()
    if arguments.optimizer is not None and arguments.optimizer != keys.type:
        keys = _OPTIMIZERS[arguments.optimizer]()
    return Optimizer(keys, arguments.loop)


def add_memory(subparsers: Subparsers) -> None:
    """`archspec memory`."""
    parser = add_command(
        subparsers,
        "memory",
        "the memory of training or inference, tensor by tensor",
        "Predict the peak of a training step, or of inference, to the byte: when it comes, and what is alive then.",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("--batch", type=positive, metavar="N", help="images of a step (that of `train:`, else 1)")
    parser.add_argument("--dtype", type=_dtype, default="float32", metavar="TYPE", help="type of the numbers (float32)")
    parser.add_argument("--inference", action="store_true", help="a forward pass that keeps nothing")
    _add_training(parser)
    parser.add_argument("--accumulate", type=positive, default=1, metavar="N", help="compute a batch in N parts (1)")
    parser.add_argument(
        "--freeze", metavar="ROW", action="append", default=[], help="rows that do not learn, such as stem.*"
    )
    parser.add_argument(
        "--recompute", metavar="BLOCK", action="append", default=[], help="blocks whose inside is computed again"
    )
    parser.add_argument("--depth", type=natural, metavar="N", help="fold what is deeper: 1 shows the rows of the file")
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=run_memory)


def run_memory(arguments: argparse.Namespace) -> int:
    """Print what a step, or a forward pass, needs."""
    from archspec.report.memory import inference_report, training_report

    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    written = graph.train.batch if graph.train is not None and isinstance(graph.train.batch, int) else 1
    batch = arguments.batch or written
    if arguments.inference:
        report = inference_report(graph, batch=batch, dtype=arguments.dtype)
    else:
        if batch % arguments.accumulate:
            print(f"a batch of {batch} has no {arguments.accumulate} equal parts", file=sys.stderr)
            return 2
        frozen = _named(arguments.freeze, [node.name for node in graph.nodes], "row")
        blocks = _named(arguments.recompute, [group.name for group in graph.groups], "block")
        if frozen is None or blocks is None:
            return 1
        report = training_report(
            graph,
            _optimizer(graph, arguments),
            batch=batch // arguments.accumulate,
            dtype=arguments.dtype,
            parts=arguments.accumulate,
            ema=arguments.ema,
            frozen=frozen,
            recompute=blocks,
            depth=arguments.depth,
        )
    print(json.dumps(report.as_dict(), indent=2) if arguments.format == "json" else report.as_text(terminal_width()))
    return 0


def _named(patterns: list[str], names: list[str], what: str) -> list[str] | None:
    """The names that patterns mean, with what lies under them; None, said why, where one means nothing."""
    found: list[str] = []
    for pattern in patterns:
        matching = [name for name in names if fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")]
        if not matching:
            print(f"no {what} is called {pattern}", file=sys.stderr)
            return None
        found += matching if what == "row" else [name for name in names if fnmatchcase(name, pattern)] or matching
    return found


def add_fit(subparsers: Subparsers) -> None:
    """`archspec fit`."""
    parser = add_command(
        subparsers,
        "fit",
        "the largest batch that fits into a memory, and how to fit a larger one",
        "Find the largest batch whose peak stays within a memory, and what makes a larger one fit.",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    parser.add_argument("--memory", type=memory_size, required=True, metavar="SIZE", help="such as 16GiB or 24GB")
    parser.add_argument("--batch", type=positive, metavar="N", help="the batch that is wanted")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--train", action="store_true", help="training (what is asked for unless told)")
    mode.add_argument("--inference", action="store_true", help="inference")
    _add_training(parser)
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=run_fit)


def run_fit(arguments: argparse.Namespace) -> int:
    """Print the largest batch, and the ways to a larger one; 1 where there is none."""
    from archspec.report.fit import inference_fit, training_fit

    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    if arguments.inference:
        report = inference_fit(graph, arguments.memory, arguments.batch)
    else:
        optimizer = _optimizer(graph, arguments)
        report = training_fit(graph, arguments.memory, optimizer, batch=arguments.batch, ema=arguments.ema)
    print(json.dumps(report.as_dict(), indent=2) if arguments.format == "json" else report.as_text(terminal_width()))
    return 0 if report.fits else 1
