"""The commands that show the zoo, and make larger and smaller networks of its families."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence

from archspec.cli.amount import aim, amount, percent, ratio, signed
from archspec.cli.arguments import (
    STDIN,
    Subparsers,
    add_command,
    add_spec_options,
    limits_of,
    options_of,
    report,
    standard_input,
    terminal_width,
)
from archspec.cli.commands import SPEC_HELP, add_format, add_measures
from archspec.diagnostic import Findings
from archspec.zoo import families

_SORT_KEYS = ("name", "year", "params", "macs", "weights", "depth", "top1", "top5")


def joined(argv: Sequence[str]) -> list[str]:
    """A command line with `--sort -top1` as `--sort=-top1`: argparse takes `-top1` for an option of its own."""
    found: list[str] = []
    for word in argv:
        if found and found[-1] == "--sort" and word.startswith("-"):
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def _sort_key(text: str) -> str:
    if text.removeprefix("-") not in _SORT_KEYS:
        raise argparse.ArgumentTypeError(f"one of {', '.join(_SORT_KEYS)}, a - in front for descending, not '{text}'")
    return text


def _family(text: str) -> str:
    if text not in families():
        raise argparse.ArgumentTypeError(f"a family of the zoo, one of {', '.join(families())}, not '{text}'")
    return text


def add_list(subparsers: Subparsers) -> None:
    """`archspec list`."""
    parser = add_command(
        subparsers,
        "list",
        "the specs that come with archspec",
        "Show the zoo: what every network costs, and its published accuracy on ImageNet (percent), with the source.",
    )
    parser.add_argument(
        "--sort", type=_sort_key, metavar="KEY", help=f"by {', '.join(_SORT_KEYS)}; -KEY: the largest first"
    )
    parser.add_argument("--max-params", type=amount, metavar="N", help="at most so many parameters, such as 10M")
    parser.add_argument("--max-macs", type=amount, metavar="N", help="at most so many MACs, such as 1.5G")
    parser.add_argument("--min-top1", type=percent, metavar="PERCENT", help="at least this top-1 accuracy, published")
    parser.add_argument("--family", type=_family, metavar="NAME", help="the members of one family, such as resnet")
    parser.add_argument("--names", action="store_true", help="only the names, one a line")
    add_format(parser)
    parser.set_defaults(run=run_list)


def run_list(arguments: argparse.Namespace) -> int:
    """Print the zoo, or the part of it that was asked for."""
    from archspec.report.zoo import entries, ordered, zoo_table
    from archspec.zoo import names

    bounds = (arguments.max_params, arguments.max_macs, arguments.min_top1)
    if arguments.names and arguments.sort is None and bounds == (None, None, None):
        print("\n".join(name for name in names() if arguments.family in (None, name.partition("/")[0])))
        return 0
    most_params, most_macs, least_top1 = bounds
    found = [
        each
        for each in entries(arguments.family)
        if (most_params is None or each.figures.trainable <= most_params)
        and (most_macs is None or each.figures.macs <= most_macs)
        and (least_top1 is None or (each.accuracy.top1 is not None and each.accuracy.top1 >= least_top1))
    ]
    if arguments.sort is not None:
        found = ordered(found, arguments.sort)
    if arguments.names:
        print("\n".join(each.name for each in found))
    elif arguments.format == "json":
        print(json.dumps({"specs": [each.as_dict() for each in found]}, indent=2))
    elif not found:
        print("no network of the zoo is within these bounds", file=sys.stderr)
        return 1
    else:
        exact = arguments.format == "csv"
        print(zoo_table(found, exact=exact).as_format(arguments.format, terminal_width()))
    return 0


def add_scale(subparsers: Subparsers) -> None:
    """`archspec scale`."""
    parser = add_command(
        subparsers,
        "scale",
        "a larger or smaller network of the same kind",
        "Scale depth, width and resolution together, each by its factor to the power of phi, as EfficientNet does.\n"
        "A spec takes part with those of its parameters that are named depth, width or resolution.",
    )
    parser.add_argument("spec", metavar="SPEC", help=SPEC_HELP)
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument("--macs", type=aim, metavar="GOAL", help="the MACs to come closest to: 2x, 0.5x or 800M")
    goal.add_argument("--params", type=aim, metavar="GOAL", help="the parameters to come closest to: 2x or 10M")
    goal.add_argument("--phi", type=signed, metavar="N", help="so many steps; below 0 for a smaller network")
    parser.add_argument("--alpha", type=ratio, default=1.2, metavar="X", help="what a step multiplies depth by (1.2)")
    parser.add_argument("--beta", type=ratio, default=1.1, metavar="X", help="what a step multiplies width by (1.1)")
    parser.add_argument(
        "--gamma", type=ratio, default=1.15, metavar="X", help="what a step multiplies resolution by (1.15)"
    )
    add_measures(parser)
    add_format(parser, ("text", "json"))
    add_spec_options(parser)
    parser.set_defaults(run=run_scale)


def run_scale(arguments: argparse.Namespace) -> int:
    """Print what a spec becomes."""
    from archspec.loading import compile_spec, compile_text, parameters_of
    from archspec.report.scaling import Scaling
    from archspec.scaling import Candidate, Goal, Rule, Scaler, dimensions_of

    options, limits = options_of(arguments), limits_of(arguments)
    spec = standard_input(limits) if arguments.spec == STDIN else arguments.spec
    checked = compile_spec(spec, options) if isinstance(spec, str) else compile_text(spec, options)
    if checked.graph is None:
        report(checked.diagnostics, limits)
        return 1
    parameters = parameters_of(spec, options)
    dimensions = dimensions_of(parameters, with_resolution=options.input is None)
    findings = Findings()
    if not dimensions:
        known = ", ".join(each.name for each in parameters)
        help = f"its parameters are {known}" if known else "it has no parameters"
        wanted = "no parameter of it is a number named depth, width or resolution"
        findings.add("E402", f"{checked.graph.name} can't be scaled: {wanted}", None, help=help)
        report(findings, limits)
        return 1
    before = Candidate(0.0, dimensions, checked.graph)
    rule = Rule(arguments.alpha, arguments.beta, arguments.gamma)
    scaler = Scaler(spec, options, rule, before)
    goal = None
    if arguments.phi is not None:
        after = scaler.by(arguments.phi)
    else:
        asked = arguments.macs or arguments.params
        quantity = "macs" if arguments.macs else "params"
        goal = Goal(quantity, asked.of(Goal(quantity, 1).of(checked.graph)))
        after = scaler.towards(goal)
    if after is None:
        findings.add("E402", f"{checked.graph.name} has no network there: it is too large, or too small", None,
                     help="ask for less, or raise the limits with --limit")  # fmt: skip
        report(findings, limits)
        return 1
    command = _command(arguments, options.settings, after.settings)
    scaling = Scaling.of(
        arguments.spec, rule, before, after, scaler.stride, goal, command, batch=arguments.batch, dtype=arguments.dtype
    )
    if arguments.format == "json":
        print(json.dumps(scaling.as_dict(), indent=2))
    else:
        print(scaling.as_text(terminal_width()))
    return 0


def _command(arguments: argparse.Namespace, given: Sequence[str], found: Sequence[str]) -> str:
    """The command line that summarizes the scaled network: with what was given, and what came out."""
    scaled = {setting.partition("=")[0] for setting in found}
    kept = [setting for setting in given if setting.partition("=")[0] not in scaled]
    words = ["archspec", "summarize", arguments.spec]
    words += ["--variant", arguments.variant] if arguments.variant else []
    words += ["--input", arguments.input] if arguments.input else []
    words += [word for setting in (*kept, *found) for word in ("--set", setting)]
    return shlex.join(words)
