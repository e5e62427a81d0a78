"""Expressions: what a spec writes after `=`, as in `maps: =4*width`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from archspec.expression.error import ExpressionError
from archspec.expression.grammar import read
from archspec.expression.operations import Value
from archspec.expression.tree import Name, Node, Scope, levels
from archspec.limits import Limits

__all__ = ["Expression", "ExpressionError", "Value", "parse"]

# A sum of as many terms as the default length of an expression allows.
_HEIGHT = 128


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression."""

    text: str
    _places: Mapping[str, tuple[int, int]] = field(repr=False)
    _tree: Node = field(repr=False)
    _largest: int = field(repr=False)

    @property
    def names(self) -> frozenset[str]:
        """Every name that an evaluation may read, `in.maps` as one."""
        return frozenset(self._places)

    def place(self, name: str) -> tuple[int, int]:
        """The columns where a name first stands."""
        return self._places[name]

    def evaluate(self, names: Mapping[str, Value]) -> Value:
        """The value for these names; raises ExpressionError where there is none."""
        return self._tree.evaluate(Scope(names, self._largest))


@lru_cache(maxsize=4096)
def parse(text: str, limits: Limits) -> Expression:
    """The expression of a text, given without its `=`; raises ExpressionError where it is not one."""
    if len(text) > limits.expression:
        raise ExpressionError(
            "E308",
            f"expression of {len(text)} characters",
            0,
            len(text),
            label=f"{limits.expression} at most",
            help="name a part of it under `params`",
        )
    tree = read(text, limits.number)
    names: list[Name] = []
    for height, level in enumerate(levels(tree), start=1):
        if height > _HEIGHT:
            raise ExpressionError(
                "E308",
                f"more than {_HEIGHT} operations on top of one another",
                0,
                len(text),
                label="too deep",
                help="name a part of it under `params`",
            )
        names.extend(node for node in level if isinstance(node, Name))
    names.sort(key=lambda node: node.start, reverse=True)
    places = {node.name: (node.start, node.stop) for node in names}  # the first of a name comes last, and stays
    return Expression(text, places, tree, limits.number)
