"""Which modules belong to which rows of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archspec.graph import Graph
from archspec.train_section import is_of
from compiler.source import Emitted


@dataclass(frozen=True)
class Rows:
    """The modules of a network with the rows that they come from."""

    modules: Mapping[str, str]
    """for each module that a node became, the name of its row"""

    @classmethod
    def of(cls, graph: Graph, source: Emitted) -> Rows:
        """The rows of a graph in its emitted source."""
        return cls({path: graph.row_of[node].name for node, path in source.paths.items()})

    def of_patterns(self, patterns: Sequence[str]) -> list[str]:
        """The modules whose rows, or the blocks these stand in, are named."""
        return [path for path, row in self.modules.items() if is_of(patterns, row)]

    def blocks(self, patterns: Sequence[str]) -> list[str]:
        """The modules that hold nothing but rows that are named: the outermost ones."""
        meant = {path: is_of(patterns, row) for path, row in self.modules.items()}
        holders = {".".join(path.split(".")[:end]) for path in meant for end in range(1, path.count(".") + 2)}
        # a list of modules is never called itself; those in it are
        running = [each for each in holders if not any(_is_index(each, path) for path in meant)]
        whole = [each for each in running if all(is_meant for path, is_meant in meant.items() if lies_in([each], path))]
        return sorted(each for each in whole if not any(each != other and lies_in([other], each) for other in whole))


def _is_index(holder: str, path: str) -> bool:
    """Whether a module is in a list under `holder`, where it goes by its number."""
    return path.startswith(f"{holder}.") and path[len(holder) + 1 :].partition(".")[0].isdigit()


def lies_in(modules: Sequence[str], name: str) -> bool:
    """Whether a weight or a module is one of these modules, or inside one."""
    return any(name == module or name.startswith(f"{module}.") for module in modules)
