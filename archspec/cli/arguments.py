"""The arguments that several commands have, and what they mean."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, TextIO

from archspec.diagnostic import Diagnostic
from archspec.limits import DEFAULT_LIMITS, Limits
from archspec.loading import Checked, Options, compile_spec, compile_text
from archspec.suggest import did_you_mean
from archspec.zoo import find_spec

STDIN = "-"
COMMAND = "COMMAND"

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]
else:
    Subparsers = argparse.Action


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number above 0, not '{text}'")
    return int(text)


def natural(text: str) -> int:
    """A whole number from 0."""
    return 0 if text == "0" else positive(text)


def limit(text: str) -> tuple[str, int]:
    """`NAME=VALUE` of `--limit`; the value may be written 1e6."""
    name, _, value = text.partition("=")
    if name not in Limits.names():
        known = did_you_mean(name, Limits.names()) or "one of " + ", ".join(Limits.names())
        raise argparse.ArgumentTypeError(f"unknown limit '{name}': {known}")
    try:
        number = float(value) if len(value) < 20 else float("inf")
    except ValueError:
        number = float("nan")
    if not 1 <= number <= 2**62:
        raise argparse.ArgumentTypeError(f"{name} wants a number from 1, not '{value}'")
    return name, int(value) if value.isdigit() else int(number)


def limits_epilog() -> str:
    """The limits with their defaults, for `--help`."""
    defaults = ", ".join(f"{field.name}={getattr(DEFAULT_LIMITS, field.name)}" for field in fields(Limits))
    return f"limits of a spec, each raised with --limit NAME=VALUE: {defaults}"


class HelpFormatter(argparse.HelpFormatter):
    """Help with room for the names of options, and with examples, which are indented, as they are written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if action.metavar == COMMAND:  # argparse forgets that the names of commands are indented
            self._action_max_length += self._indent_increment

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        parts = text.split("\n\n")
        return "\n\n".join(part if part.startswith(" ") else fill(" ".join(part.split()), width) for part in parts)


def add_command(subparsers: Subparsers, name: str, help: str, description: str) -> argparse.ArgumentParser:
    """The parser of a command."""
    return subparsers.add_parser(name, help=help, description=description, formatter_class=HelpFormatter)


def add_spec_options(parser: argparse.ArgumentParser, *, variant: bool = True) -> None:
    """The options of every command that compiles a spec."""
    if variant:
        parser.add_argument("--variant", metavar="NAME", help="a member of the family; short: resnet/resnet50")
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="give a parameter of the spec another value; may be repeated",
    )
    parser.add_argument(
        "--input", metavar="SIZE", help="another input, such as 3x288x288; the sizes that rows claim are not checked"
    )
    add_limit(parser)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """`--limit`."""
    parser.add_argument(
        "--limit",
        metavar="NAME=VALUE",
        type=limit,
        action="append",
        default=[],
        help="raise a limit, as in rows=1e6; `archspec --help` lists them",
    )


def limits_of(arguments: argparse.Namespace) -> Limits:
    """The limits that `--limit` gives."""
    limits = DEFAULT_LIMITS
    for name, value in arguments.limit:
        limits = limits.raised(name, value)
    return limits


def options_of(arguments: argparse.Namespace, variant: str | None = None) -> Options:
    """What the command line says besides the spec."""
    return Options(
        variant or getattr(arguments, "variant", None),
        arguments.settings,
        arguments.input,
        limits_of(arguments),
        recipe=getattr(arguments, "recipe", None),
    )


def compiled(name: str, options: Options) -> Checked:
    """A spec by its path, its name in the zoo, or - for standard input."""
    return compile_text(standard_input(options.limits), options) if name == STDIN else compile_spec(name, options)


def folder_of(spec: str) -> Path:
    """The folder that paths in a spec start from: its own, or the current one for the zoo and standard input."""
    path = Path(spec)
    return path.parent if spec != STDIN and path.is_file() else Path()


def is_run(spec: str) -> bool:
    """Whether a spec is the folder of a run; a folder may have the name of a member of the zoo."""
    return Path(spec).is_dir() and find_spec(spec) is None


def changes_of(arguments: argparse.Namespace) -> list[str]:
    """The options given that change a spec, which a run does not take."""
    given = {"--set": arguments.settings, "--variant": arguments.variant, "--input": arguments.input}
    return [option for option, value in given.items() if value]


def standard_input(limits: Limits) -> bytes:
    """What standard input has; never much more than the limit."""
    stream: TextIO | None = sys.stdin  # None where it was closed before archspec began
    return b"" if stream is None else stream.buffer.read(limits.source + 1)


def report(diagnostics: Iterable[Diagnostic], limits: Limits) -> None:
    """Print diagnostics to standard error."""
    found = list(diagnostics)
    if found:
        from archspec.report.diagnostics import as_text

        print(as_text(found, color=has_color(sys.stderr), shown=limits.shown), file=sys.stderr)


def has_color(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that wants colour."""
    return stream is not None and stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def terminal_width() -> int | None:
    """The columns of the terminal; None where the output goes elsewhere."""
    stream: TextIO | None = sys.stdout
    if "COLUMNS" in os.environ or (stream is not None and stream.isatty()):
        return shutil.get_terminal_size().columns
    return None
