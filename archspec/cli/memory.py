"""The commands that say how much memory a network needs, and how to make it fit."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from archspec.byte_size import WANTED, byte_size
from archspec.cli.arguments import (
    Subparsers,
    add_command,
    add_spec_options,
    limits_of,
    natural,
    positive,
    terminal_width,
)
from archspec.cli.arguments import report as say
from archspec.cli.commands import SPEC_HELP, add_format, checked_graph
from archspec.diagnostic import Diagnostic, Findings
from archspec.graph import Graph
from archspec.memory.device import DEVICES
from archspec.memory.optimizer import LOOPS, Optimizer
from archspec.memory.sizes import DTYPE_BYTES, PRECISIONS, Dtype
from archspec.names import is_of
from archspec.training import SGD, Adam, AdamW, Precision, RMSprop, TrainKeys, type_of

if TYPE_CHECKING:
    from archspec.report.memory import TrainingReport

_OPTIMIZERS = {type_of(model): model for model in (SGD, Adam, AdamW, RMSprop)}
_SHORT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp64": "float64"}
_DTYPE = (
    "type of the numbers: in training bf16 and fp16 are autocast's, with weights in float32, as `precision` of "
    "`train:` (that, else float32); in inference the whole network has it (float32)"
)


def memory_size(text: str) -> int:
    """Bytes: `16GiB`, `24 GB`, `512MiB`, or a plain number."""
    size = byte_size(text)
    if size is None:
        raise argparse.ArgumentTypeError(f"{WANTED}, not '{text}'")
    return size


def _dtype(text: str) -> str:
    from archspec.memory import DTYPES

    name = _SHORT.get(text, text)
    if name not in DTYPES:
        raise argparse.ArgumentTypeError(f"one of {', '.join((*DTYPES, *_SHORT))}, not '{text}'")
    return name


def _add_training(parser: argparse.ArgumentParser) -> None:
    """What a training step consists of."""
    parser.add_argument("--dtype", type=_dtype, metavar="TYPE", help=_DTYPE)
    parser.add_argument(
        "--optimizer", choices=_OPTIMIZERS, help="which one, with its usual options (that of `train:`, else adam)"
    )
    parser.add_argument(
        "--loop", choices=LOOPS, default=LOOPS[0],
        help="how it goes through the weights: fused, as `archspec train` does (but for rmsprop, of which torch has "
        "foreach alone); torch's own choice is foreach on a GPU, for-loop on a CPU",
    )  # fmt: skip
    parser.add_argument("--ema", action="store_true", help="with a moving mean of the weights")


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", choices=DEVICES, default=DEVICES[0],
        help="where it runs: cpu, or cuda, whose figures follow from torch's source and were not measured on a GPU",
    )  # fmt: skip


def _optimizer(graph: Graph, arguments: argparse.Namespace) -> Optimizer:
    keys = graph.train.optimizer if graph.train is not None else Adam()
    if arguments.optimizer is not None and arguments.optimizer != keys.type:
        keys = _OPTIMIZERS[arguments.optimizer]()
    return Optimizer(keys, arguments.loop)


def _precision(graph: Graph, arguments: argparse.Namespace) -> Precision | None:
    """What training calls `--dtype`, or what `train:` says; None, said why, where training has no such type."""
    if arguments.dtype is None:
        return graph.train.precision if graph.train is not None else "float32"
    found = PRECISIONS.get(arguments.dtype)
    if found is None:
        print(f"training computes in {', '.join(PRECISIONS)}, not in {arguments.dtype}", file=sys.stderr)
    return found


def _inference_dtype(graph: Graph, arguments: argparse.Namespace) -> Dtype | None:
    """The type of the numbers of a forward pass; None, said why, where torch has no kernels for it."""
    dtype: Dtype = arguments.dtype or "float32"
    if arguments.device != "cpu" or DTYPE_BYTES[dtype] > 2:
        return dtype
    lacking = [node for node in graph.inference_nodes if not node.operator.halves_on_cpu]
    if not lacking:
        return dtype
    row, kind = graph.row_of[lacking[0].name].name, lacking[0].operator.type
    print(
        f"torch has no {kind} in {dtype} on a CPU, which row {row} is; say --dtype float32, or --device cuda",
        file=sys.stderr,
    )
    return None


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
    parser.add_argument("--inference", action="store_true", help="a forward pass that keeps nothing")
    _add_training(parser)
    _add_device(parser)
    parser.add_argument("--accumulate", type=positive, metavar="N", help="compute a batch in N parts")
    parser.add_argument(
        "--freeze", metavar="ROW", action="append", help="rows that do not learn, such as stem.* (those of `train:`)"
    )
    parser.add_argument(
        "--recompute", metavar="BLOCK", action="append",
        help="blocks to compute again; FIRST..LAST for some that follow one another (those of `train:`)",
    )  # fmt: skip
    parser.add_argument("--depth", type=natural, metavar="N", help="fold what is deeper: 1 shows the rows of the file")
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=run_memory)


def run_memory(arguments: argparse.Namespace) -> int:
    """Print what a step, or a forward pass, needs."""
    from archspec.report.memory import inference_report

    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    keys = graph.train
    written = keys.batch if keys is not None and isinstance(keys.batch, int) else 1
    batch = arguments.batch or written
    if arguments.inference:
        dtype = _inference_dtype(graph, arguments)
        report = inference_report(graph, batch=batch, dtype=dtype, device=arguments.device) if dtype is not None else 2
    else:
        report = _training(graph, batch, arguments)
    if isinstance(report, Diagnostic):
        say([report], limits_of(arguments))
        return 1
    if isinstance(report, int):
        return report
    print(json.dumps(report.as_dict(), indent=2) if arguments.format == "json" else report.as_text(terminal_width()))
    return 0


def _notes(keys: TrainKeys, arguments: argparse.Namespace) -> list[str]:
    """What a run does otherwise than the figures say."""
    from archspec.report.memory import AUTO, EAGER

    is_tried = keys.batch == "auto" and arguments.batch is None
    return [*((AUTO,) if is_tried else ()), *((EAGER,) if keys.compile else ())]


def _training(graph: Graph, batch: int, arguments: argparse.Namespace) -> TrainingReport | Diagnostic | int:
    """The report of a step: what is not asked for is as `train:` says; else why there is none, or, said, the code."""
    from archspec.memory.program import Program
    from archspec.memory.recipe import frozen_nodes
    from archspec.report.memory import training_report
    from archspec.train_section import check_recomputed, check_rows

    keys, program = graph.train, Program(graph)
    parts = arguments.accumulate or (keys.accumulate if keys is not None and arguments.batch is None else 1)
    if batch % parts:
        print(f"a batch of {batch} has no {parts} equal parts", file=sys.stderr)
        return 2
    precision = _precision(graph, arguments)
    if precision is None:
        return 2
    rows: list[str] = arguments.freeze or []
    again: list[str] = arguments.recompute or []
    findings = Findings()
    check_rows(graph, dict.fromkeys(rows), "`--freeze`", findings)
    check_recomputed(graph, dict.fromkeys(again), "`--recompute`", findings)
    if list(findings):
        say(findings, limits_of(arguments))
        return 1
    nodes = [node.name for row in graph.rows if is_of(rows, row.name) for node in row.nodes]
    blocks = program.named(again)
    if keys is not None:
        nodes = nodes if arguments.freeze else frozen_nodes(graph, keys)
        blocks = blocks if arguments.recompute else program.named(keys.recompute)
    return training_report(
        graph,
        _optimizer(graph, arguments),
        batch=batch // parts,
        precision=precision,
        parts=parts,
        ema=arguments.ema or (keys is not None and keys.ema is not None),
        frozen=nodes,
        recompute=blocks,
        depth=arguments.depth,
        memory=keys.memory if keys is not None and not arguments.recompute else None,
        device=arguments.device,
        notes=_notes(keys, arguments) if keys is not None else (),
    )


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
    _add_device(parser)
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=run_fit)


def run_fit(arguments: argparse.Namespace) -> int:
    """Print the largest batch, and the ways to a larger one; 1 where there is none."""
    from archspec.memory.recipe import frozen_nodes
    from archspec.report.fit import inference_fit, training_fit

    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    if arguments.inference:
        dtype = _inference_dtype(graph, arguments)
        if dtype is None:
            return 2
        report = inference_fit(graph, arguments.memory, arguments.batch, dtype=dtype, device=arguments.device)
    else:
        precision = _precision(graph, arguments)
        if precision is None:
            return 2
        keys = graph.train
        report = training_fit(
            graph,
            arguments.memory,
            _optimizer(graph, arguments),
            batch=arguments.batch,
            ema=arguments.ema or (keys is not None and keys.ema is not None),
            frozen=frozen_nodes(graph, keys) if keys is not None else (),
            precision=precision,
            device=arguments.device,
        )
    print(json.dumps(report.as_dict(), indent=2) if arguments.format == "json" else report.as_text(terminal_width()))
    return 0 if report.fits else 1
