"""The arguments of a block: what a row gives, and the parameters' defaults for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import is_mapping
from archspec.kinds import kind_problem
from archspec.row import STRUCTURE, SUGAR_KEYS, Row
from archspec.scope import Evaluator, Poison, Scope, Unknown
from archspec.source import Span
from archspec.spec import Block
from archspec.steps import Layer
from archspec.suggest import did_you_mean, nearest


class Arguments:
    """Evaluates the arguments of blocks, and reports those that are missing, unknown or of the wrong kind."""

    def __init__(self, findings: Findings, evaluator: Evaluator) -> None:
        self.findings = findings
        self.evaluator = evaluator

    def given(self, row: Row, block: Block, layers: tuple[Layer, ...], trail: tuple[Related, ...]) -> dict[str, Any]:
        """The arguments that defaults, row and overrides give, the last one winning."""
        arguments: dict[str, Any] = {}
        mistyped: set[str | None] = set()
        for layer in layers:
            for key, span in self._keys(layer, block, mistyped, trail):
                if layer.values[key] is None:
                    self._empty(block, key, span, trail)
                    arguments[key] = Poison()
                    continue
                try:
                    arguments[key] = self.evaluator.value(layer.values[key], layer.scope, span, trail)
                    self._check(block, key, arguments[key], span, trail)
                except Unknown:
                    arguments[key] = Poison()
        for name in block.params:
            if block.params[name] is None and name not in arguments:
                arguments[name] = Poison()
                if name in mistyped:  # which is one mistake, not an unknown argument and a missing one
                    continue
                self.findings.add(
                    "E103",
                    f"block {block.name} needs `{name}`",
                    row.value_span("type"),
                    label="missing",
                    help=f"add {name}: …",
                    related=trail,
                )
        return arguments

    def complete(self, block: Block, arguments: dict[str, Any], scope: Scope, trail: tuple[Related, ...]) -> None:
        """Add the parameters that were not given, each evaluated with the ones before it."""
        for name, default in block.params.items():
            if is_mapping(default):
                arguments[name] = Poison()  # which is reported
            elif name not in arguments:
                try:
                    arguments[name] = self.evaluator.value(default, scope, block.params.value_spans[name], trail)
                except Unknown:
                    arguments[name] = Poison()

    def _keys(
        self, layer: Layer, block: Block, mistyped: set[str | None], trail: tuple[Related, ...]
    ) -> Iterator[tuple[str, Span]]:
        for key in layer.values:
            if key in block.params:
                yield key, layer.values.value_spans[key]
            elif key in SUGAR_KEYS:
                self.findings.add(
                    "E107",
                    f"block {block.name} has no `{key}`",
                    layer.values.key_spans[key],
                    label="not here",
                    help=f"give it to a row of the block, or make it a parameter: params: {{{key}: none}}",
                    related=trail,
                )
            elif key not in STRUCTURE:
                mistyped.add(nearest(key, block.params))
                self.findings.add(
                    "E102",
                    f"block {block.name} has no parameter `{key}`",
                    layer.values.key_spans[key],
                    label="unknown",
                    help=did_you_mean(key, [*block.params, *STRUCTURE]) or did_you_mean(key, block.params),
                    related=trail,
                )

    def _empty(self, block: Block, key: str, span: Span, trail: tuple[Related, ...]) -> None:
        self.findings.add(
            "E104",
            f"`{key}` of block {block.name} has no value",
            span,
            label="empty",
            help="give it one, or leave it out",
            related=trail,
        )

    def _check(self, block: Block, key: str, value: Any, span: Span, trail: tuple[Related, ...]) -> None:
        problem = kind_problem(key, f"block {block.name}", block.params[key], value)
        if problem is not None:
            self.findings.add("E104", problem, span, label="not this", related=trail)
            raise Unknown
