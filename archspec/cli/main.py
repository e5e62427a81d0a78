"""`archspec COMMAND`: the parser of all commands, and what happens around each."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from archspec import __version__
from archspec.cli import commands, validate
from archspec.cli.arguments import limits_epilog

DESCRIPTION = "Compile neural-network architectures written as layer tables."
EXAMPLES = """\
a SPEC is a file (.yaml, .yml, .json, or a table as .md, .csv, .tsv), a name of the zoo such as lenet5 or
resnet/resnet50 (`archspec list`), or - for standard input.

  archspec new mynet                    write a commented file to start from
  archspec validate mynet.yaml          say everything that is wrong with it
  archspec summarize resnet50           sizes, parameters, MACs and memory, row by row
  archspec explain lenet5 C3            how the numbers of one row come about
"""


def parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    top = argparse.ArgumentParser(
        prog="archspec",
        description=DESCRIPTION,
        epilog=EXAMPLES + "\n" + limits_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"archspec {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (
        validate.add, commands.add_summarize, commands.add_explain, commands.add_compare, commands.add_resolve,
        commands.add_list, commands.add_schema, commands.add_new,
    ):  # fmt: skip
        add(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 where all is well, 1 where a spec has mistakes, 2 where the command line has."""
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, `head` for one, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code
