"""`archspec validate`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from archspec.cli.arguments import (
    STDIN,
    Subparsers,
    add_command,
    add_spec_options,
    has_color,
    limits_of,
    options_of,
    standard_input,
)
from archspec.diagnostic import Diagnostic
from archspec.limits import Limits
from archspec.loading import check_family
from archspec.locate import SPEC_SUFFIXES
from archspec.report.training import RUN, SPEC


def add(subparsers: Subparsers) -> None:
    """Register the command."""
    parser = add_command(
        subparsers,
        "validate",
        "say everything that is wrong with specs",
        "Report every error and every warning of some specs. A family is checked with each of its variants, "
        "a directory with the .yaml, .yml and .json files in it and below. Exit code 1 where there is an error.",
    )
    parser.add_argument(
        "specs", nargs="+", metavar="SPEC", help="a file, a directory, a name of the zoo, or - for standard input"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="text (the default), json, or github: annotations beside the lines of a pull request",
    )
    parser.add_argument("--strict", action="store_true", help="exit code 1 where there is a warning, too")
    add_spec_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check every spec."""
    limits = limits_of(arguments)
    found: list[Diagnostic] = []
    checked = 0
    for name in _expanded(arguments.specs):
        checked += 1
        found += check_family(standard_input(limits) if name == STDIN else name, options_of(arguments))
    found = list(dict.fromkeys(found))
    _print(found, checked, arguments.format, limits)
    if not checked:
        print(f"no specs in {', '.join(arguments.specs)}", file=sys.stderr)
    worst = {each.severity for each in found}
    return 1 if "error" in worst or (arguments.strict and "warning" in worst) or not checked else 0


def _expanded(names: list[str]) -> Iterator[str]:
    """Directories as the specs in them."""
    for name in names:
        if name not in (STDIN, "") and os.path.isdir(name):  # which takes any text for a name, as Path does not
            inside = (Path(folder, file) for folder, _, files in os.walk(name) for file in _specs_of(files))
            yield from (str(path) for path in sorted(inside) if path.name.endswith(SPEC_SUFFIXES) and path.is_file())
        else:
            yield name


def _specs_of(files: list[str]) -> list[str]:
    """Of the files of a folder those that may be specs; a run has one, beside others that are none."""
    return [SPEC] if SPEC in files and RUN in files else files


def _print(found: list[Diagnostic], checked: int, format: str, limits: Limits) -> None:
    from archspec.report.diagnostics import as_github, as_json, as_text, summary

    if format == "json":
        print(json.dumps({"diagnostics": as_json(found)}, indent=2))
    elif format == "github":
        if found:
            print(as_github(found))
    else:
        if found:
            print(as_text(found, color=has_color(sys.stdout), shown=limits.shown))
            print()
        print(f"{checked} spec{'s' if checked != 1 else ''} checked: {summary(found)}")
