"""What expansion yields: operator rows with every value in place, and the groups they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archspec.diagnostic import Related
from archspec.document import Map
from archspec.operators.operator import Operator
from archspec.row import Row
from archspec.scope import Scope
from archspec.source import Span


@dataclass(frozen=True, slots=True)
class Layer:
    """One place that sets attributes: the defaults, a row, an override."""

    kind: str
    """what `explain` calls it: `defaults`, `row`, `first` …"""
    values: Map
    scope: Scope


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row of the expanded table comes from."""

    row: Row
    layers: tuple[Layer, ...]
    """least important first"""
    trail: tuple[Related, ...]
    """the uses of blocks that led here, innermost first"""
    inferred: Mapping[str, Any]
    """attributes that a table left out and its sizes imply"""

    def setter(self, attribute: str) -> Layer | None:
        """The layer that an attribute's value comes from; None for the operator's own default."""
        for layer in reversed(self.layers):
            if attribute in layer.values:
                return layer
        return None

    def span_of(self, attribute: str | None) -> Span:
        """Where an attribute's value stands, else the row."""
        layer = self.setter(attribute) if attribute else None
        return layer.values.value_spans[attribute] if layer and attribute else self.row.label_span()


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the expanded table."""

    name: str
    operator: Operator | None
    """None where the row has a mistake of its own: what follows it is not checked"""
    norm: Operator | None
    activation: Operator | None
    inputs: tuple[str, ...] | None
    share: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Enter:
    """A group begins."""

    name: str
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """the arguments of a block, or what `each` gives to its instance"""


@dataclass(frozen=True, slots=True)
class Leave:
    """The group that began last ends."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the author claims of a row: checked once its output is known."""

    row: Row
    name: str
    tensor: str
    trail: tuple[Related, ...]
    size: Any = None
    parameters: Any = None


Event = Step | Enter | Leave | Claims
