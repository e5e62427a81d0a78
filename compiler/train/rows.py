"""Which modules belong to which rows of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archspec.graph import Graph
from archspec.names import is_of
from compiler.source import Emitted


@dataclass(frozen=True)
class Rows:
    """The modules of a network with the rows that they come from."""

    modules: Mapping[str, str]
    """for each module that a node became, the name of its row"""

    @classmethod
    def of(cls, graph: Graph, source: Emitted) -> Rows:
        """The rows of a graph in its emitted source."""
        found: dict[str, str] = {}
        for node, path in source.paths.items():  # of rows that share one, the first has it
            found.setdefault(path, graph.row_of[node].name)
        return cls(found)

    def of_patterns(self, patterns: Sequence[str]) -> list[str]:
        """The modules whose rows, or the blocks these stand in, are named."""
        return [path for path, row in self.modules.items() if is_of(patterns, row)]


def lies_in(modules: Sequence[str], name: str) -> bool:
    """Whether a weight or a module is one of these modules, or inside one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)
