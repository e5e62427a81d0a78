"""archspec compiles neural-network architectures written as layer tables.

import archspec
graph = archspec.load("lenet5")
print(archspec.summarize(graph))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archspec.api import check, compare, explain, resolve, schema, summarize
    from archspec.costs import Cost, cost
    from archspec.diagnostic import Diagnostic, SpecError
    from archspec.graph import Graph, Node
    from archspec.limits import Limits
    from archspec.loading import load, loads
    from archspec.report.summary import Summary
    from archspec.shape import Shape

__version__ = "0.1.0"

_HOMES = {
    "archspec.api": ("check", "compare", "explain", "resolve", "schema", "summarize"),
    "archspec.costs": ("Cost", "cost"),
    "archspec.diagnostic": ("Diagnostic", "SpecError"),
    "archspec.graph": ("Graph", "Node"),
    "archspec.limits": ("Limits",),
    "archspec.loading": ("load", "loads"),
    "archspec.report.summary": ("Summary",),
    "archspec.shape": ("Shape",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Cost", "Diagnostic", "Graph", "Limits", "Node", "Shape", "SpecError", "Summary",
    "check", "compare", "cost", "explain", "load", "loads", "resolve", "schema", "summarize",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """The public names, imported when first used: `archspec --help` needs none of them."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
