"""`archspec COMMAND`: the parser of all commands, and what happens around each."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from archspec import __version__
from archspec.cli import bench, commands, compiling, data, memory, predict, render, train, validate, weights, zoo
from archspec.cli.arguments import COMMAND, HelpFormatter, limits_epilog

DESCRIPTION = "Check, size, explain, draw, compile and train neural-network architectures written as layer tables."
EXAMPLES = """\
SPEC is a file (.yaml, .yml or .json; a table as .md, .csv or .tsv), a name of the zoo such as lenet5 or
resnet/resnet50 (see `archspec list`), or - for standard input.

  archspec new mynet                 write mynet.yaml, a commented spec to start from
  archspec validate mynet.yaml       say everything that is wrong with it
  archspec summarize mynet.yaml      sizes, parameters, MACs and memory, row by row
  archspec explain mynet.yaml C1     how the numbers of row C1 come about
  archspec summarize resnet50        the same for a spec of the zoo
  archspec render resnet50 -o resnet50.svg
  archspec compile mynet.yaml        the PyTorch module, as source
  archspec train lenet5              learn to tell handwritten digits apart

Exit codes: 0 all is well, 1 a spec has mistakes, 2 the command line has. `archspec COMMAND --help` shows the options
of a command.
"""


def parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    top = argparse.ArgumentParser(
        prog="archspec",
        description=DESCRIPTION,
        epilog=EXAMPLES + "\n" + limits_epilog(),
        formatter_class=HelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"archspec {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar=COMMAND, required=True)
    for add in (
        commands.add_new, validate.add, commands.add_summarize, commands.add_explain, commands.add_compare,
        commands.add_resolve, memory.add_memory, memory.add_fit, render.add, compiling.add_compile,
        weights.add_weights, train.add_train, train.add_evaluate, predict.add_predict, train.add_runs, data.add_data,
        bench.add_bench, zoo.add_list, zoo.add_scale, commands.add_schema,
    ):  # fmt: skip
        add(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 where all is well, 1 where a spec has mistakes, 2 where the command line has."""
    # reading a long file makes many objects and no garbage: looking for some took a third of the time
    gc.set_threshold(100_000, 50, 50)
    arguments = parser().parse_args(zoo.joined(sys.argv[1:] if argv is None else argv))
    try:
        code: int = arguments.run(arguments)
        print(end="", flush=True)
    except BrokenPipeError:  # whoever read the output, `head` for one, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code
