"""What stands around a command that needs more than archspec's own install."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec

from archspec.cli.arguments import report
from archspec.diagnostic import Diagnostic, SpecError
from archspec.limits import DEFAULT_LIMITS

_NEEDED = {"torch": "torch", "numpy": "numpy", "safetensors": "safetensors", "PIL": "pillow"}
"""modules, and the packages that have them"""


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A command that needs torch: says which install has it, and shows what stops it as a diagnostic."""

    def command(arguments: argparse.Namespace) -> int:
        missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
        if missing:
            print(f"this needs {', '.join(missing)}: pip install 'archspec-nn[train]'", file=sys.stderr)
            return 1
        # threads that spin while they wait make a busy machine ten times slower, and gain little on an idle one
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            return run(arguments)
        except SpecError as error:
            report(error.diagnostics, DEFAULT_LIMITS)
        except Exception as error:
            found = getattr(error, "diagnostic", None)
            if not isinstance(found, Diagnostic):
                raise
            report([found], DEFAULT_LIMITS)
        return 1

    return command
