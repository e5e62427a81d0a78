"""The commands that train a network, judge it, and list what was trained."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.cli.arguments import (
    STDIN,
    Subparsers,
    add_command,
    add_spec_options,
    folder_of,
    is_run,
    positive,
    report,
    terminal_width,
)
from archspec.cli.commands import SPEC_HELP, add_format, checked_graph
from archspec.cli.guard import guarded
from archspec.cli.progress import Console
from archspec.diagnostic import Diagnostic
from archspec.limits import DEFAULT_LIMITS
from archspec.report.runs import RUNS, is_run_folder, no_run

if TYPE_CHECKING:
    from compiler.train.run import Machine

_OF_SIGNAL = 128
"""a process that a signal ended has this and the signal's number as its code"""


def _add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps; a GPU where there is one")
    parser.add_argument("--threads", type=positive, metavar="N", help="processor threads; as many as there are cores")


def _machine(arguments: argparse.Namespace) -> Machine:
    from compiler.train.run import Machine

    return Machine(arguments.device, arguments.threads)


def add_train(subparsers: Subparsers) -> None:
    """`archspec train`."""
    parser = add_command(
        subparsers,
        "train",
        "train a network as its spec says",
        "Train a network on the data and with the recipe of its `train:` section. Everything that the run makes lies "
        "in a folder of its own. Ctrl-C finishes the step and saves; --resume goes on as if nothing had happened.\n\n"
        "  archspec train lenet5\n"
        "  archspec train mynet.yaml --set train.epochs=20\n"
        "  archspec train --resume runs/lenet5-20260321-140509\n"
        "  torchrun --nproc-per-node 8 -m archspec train mynet.yaml",
    )
    parser.add_argument("spec", metavar="SPEC", nargs="?", help=SPEC_HELP)
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped")
    parser.add_argument("--recipe", metavar="NAME", help="one of the spec's `recipes`, in the place of `train`")
    parser.add_argument("--runs", metavar="FOLDER", default=str(RUNS), help=f"where runs have their folders ({RUNS})")
    parser.add_argument("--name", metavar="NAME", help="what the run's folder begins with; the spec's name")
    parser.add_argument("--dry-run", action="store_true", help="try a few steps, and say what all of them will take")
    parser.add_argument(
        "--overfit-batch", action="store_true", help="learn one batch by heart, to see whether the network can learn"
    )
    parser.add_argument("--quiet", action="store_true", help="print the name of the run's folder alone")
    _add_machine(parser)
    add_spec_options(parser)
    parser.set_defaults(run=guarded(run_train))


def run_train(arguments: argparse.Namespace) -> int:
    """Train, or go on with a run."""
    if (arguments.spec is None) == (arguments.resume is None):
        both = f": a run has a spec of its own, leave out {arguments.spec}" if arguments.spec is not None else ""
        print(f"train wants a SPEC, or --resume RUN{both}", file=sys.stderr)
        return 2
    listener = Console(quiet=arguments.quiet)
    if arguments.resume is not None:
        changes = (arguments.settings, arguments.variant, arguments.input, arguments.recipe)
        if any(changes) or arguments.dry_run or arguments.overfit_batch:
            print("--resume goes on with a run as it is: it takes no changes", file=sys.stderr)
            return 2
        from compiler.train.run import resume

        return _said(resume(Path(arguments.resume), listener=listener, machine=_machine(arguments)), arguments)
    if is_run(arguments.spec) and is_run_folder(Path(arguments.spec)):
        message = f"{arguments.spec} is the folder of a run, and a spec is what a run begins with"
        help = f"go on with it: archspec train --resume {arguments.spec}; or name the spec that it was trained from"
        report([Diagnostic("E406", message, None, help=help)], DEFAULT_LIMITS)
        return 1
    graph = checked_graph(arguments.spec, arguments)
    if graph is None:
        return 1
    base = folder_of(arguments.spec)
    if arguments.dry_run or arguments.overfit_batch:
        from compiler.train.trial import dry_run, overfit_batch

        machine = _machine(arguments)
        if arguments.overfit_batch:
            trial = overfit_batch(graph, base=base, listener=listener, machine=machine)
            print(trial.text)
            return 0 if trial.learned else 1
        print(dry_run(graph, base=base, listener=listener, machine=machine))
        return 0
    from compiler.train.run import train

    outcome = train(
        graph,
        name=arguments.name or _run_name(arguments.spec, arguments.variant, arguments.recipe),
        runs=Path(arguments.runs),
        base=base,
        listener=listener,
        machine=_machine(arguments),
    )
    return _said(outcome, arguments)


def _run_name(spec: str, *parts: str | None) -> str:
    path = Path(spec)
    stem = "stdin" if spec == STDIN else path.stem if path.is_file() else spec
    return "-".join([stem, *filter(None, parts)])


def _said(outcome: Any, arguments: argparse.Namespace) -> int:
    """Say how a run ended, and what to do next."""
    from archspec.report.training import figures_text

    if not outcome.leads:
        return 0 if outcome.results is not None else _OF_SIGNAL + outcome.signal
    if outcome.results is None:
        print(f"stopped and saved; go on with: archspec train --resume {outcome.folder}", file=sys.stderr)
        return _OF_SIGNAL + outcome.signal
    if arguments.quiet:
        print(outcome.folder)
        return 0
    print()
    for split in ("validation", "test"):
        if split in outcome.results:
            print(figures_text(split, outcome.results[split]))
    print(f"everything is in {outcome.folder}")
    return 0


def add_evaluate(subparsers: Subparsers) -> None:
    """`archspec evaluate`."""
    parser = add_command(
        subparsers,
        "evaluate",
        "the figures of a trained network, anew",
        "Compute the figures of a run again, from its weights and its data, with the confusion of its classes.",
    )
    parser.add_argument("runs", metavar="RUN", help="the folder of a run")
    parser.add_argument("--mistakes", metavar="FILE", help="draw the worst mistakes into FILE, a new PNG")
    parser.add_argument("--count", type=positive, default=25, metavar="N", help="how many mistakes to draw (25)")
    add_format(parser, ("text", "json"))
    _add_machine(parser)
    parser.set_defaults(run=guarded(run_evaluate))


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Print the figures of a run."""
    from archspec.report.training import classes_table, confusion_table, figures_text
    from compiler.train.run import evaluate

    session, figures = evaluate(Path(arguments.runs), machine=_machine(arguments), listener=Console())
    if arguments.mistakes is not None:
        from compiler.train.mistakes import draw_mistakes

        wrong = draw_mistakes(session, Path(arguments.mistakes), arguments.count)
        if not wrong:
            print("there are no mistakes to draw", file=sys.stderr)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
        return 0
    for split, found in figures.items():
        print(figures_text(split, found))
    last = figures["test"]
    for name, judged in last.get("outputs", {"": last}).items():
        if "classes" in judged:
            print("\n" + (f"{name}\n" if name else "") + classes_table(judged["classes"]).as_text(terminal_width()))
        if "confusion" in judged and len(judged["confusion"]) <= 20:
            print("\nrows are classes, columns what was predicted")
            print(confusion_table(list(judged["classes"]), judged["confusion"]).as_text())
    return 0


def add_runs(subparsers: Subparsers) -> None:
    """`archspec runs`."""
    parser = add_command(
        subparsers,
        "runs",
        "what was trained, and how it went",
        "List the runs of a folder with their figures; of two or more that are named, also where their specs differ.",
    )
    parser.add_argument("runs", metavar="RUN", nargs="*", help="runs to compare; all of the folder")
    parser.add_argument("--folder", metavar="FOLDER", default=str(RUNS), help=f"where the runs are ({RUNS})")
    add_format(parser)
    parser.set_defaults(run=run_runs)


def run_runs(arguments: argparse.Namespace) -> int:
    """Print the runs."""
    from archspec.report.training import differences_table, read_runs, runs_table

    named = [Path(run) for run in arguments.runs]
    if none := [found for path in named if (found := no_run(path)) is not None]:
        report(none, DEFAULT_LIMITS)
        return 1
    runs = read_runs(named or None, Path(arguments.folder))
    compared = differences_table(runs) if len(named) > 1 else None
    if arguments.format == "json":
        rows = compared.rows if compared is not None else []
        differences = [{"key": key, "values": values} for key, *values in rows]
        print(json.dumps({"runs": [run.as_dict() for run in runs], "differences": differences}, indent=2))
        return 0
    if not runs:
        print(f"no runs in {arguments.folder}; begin one with: archspec train lenet5", file=sys.stderr)
        return 0
    print(runs_table(runs).as_format(arguments.format, terminal_width()))
    if compared is not None and arguments.format in ("text", "markdown"):
        said = compared.as_format(arguments.format, terminal_width()) if compared.rows else "they began alike"
        print(f"\n{said}")
    return 0
