"""What authors claim - sizes and parameter counts - against what is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archspec.diagnostic import Findings
from archspec.operators.operator import Misfit, Operator
from archspec.operators.values import is_int
from archspec.row import Row
from archspec.shape import Shape
from archspec.source import Span
from archspec.spec import Spec
from archspec.steps import Claims
from archspec.table_rows import claimed_shape_fits, read_claim
from archspec.validation import shown

if TYPE_CHECKING:
    from archspec.checker import Builder

_NEAREST = 3
_MOST_REMEDIES = 100
"""wrong sizes that get a help: each takes hundreds of tries"""


class ClaimChecker:
    """Verifies claims, and remembers which ones it could verify."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._checked: set[Span] = set()
        self._mismatches = 0

    def check(self, claims: Claims, builder: Builder) -> None:
        """Compare one row's claims with its output; silent where the output is not known."""
        shape = builder.shape_of(claims.tensor)
        if shape is None:
            return
        if claims.size is not None:
            self._size(claims, shape, builder)
        if claims.parameters is not None:
            self._parameters(claims, builder)

    def _size(self, claims: Claims, shape: Shape, builder: Builder) -> None:
        span = claims.row.value_span("size")
        self._checked.add(span)
        if read_claim(claims.size) is None:
            self.findings.add(
                "E104",
                f"`size` of {claims.name} wants HxW, MAPSxHxW or a number, not {shown(claims.size)}",
                span,
                label="not a size",
                related=claims.trail,
            )
        elif not claimed_shape_fits(claims.size, shape):
            claimed = "x".join(map(str, read_claim(claims.size) or ()))
            self._mismatches += 1
            self.findings.add(
                "E205",
                f"{claims.name} is {_like(claims.size, shape)}, and its size says {claimed}",
                span,
                label=_given(claims, builder),
                help=_remedy(claims, shape, builder) if self._mismatches <= _MOST_REMEDIES else None,
                related=claims.trail,
            )

    def _parameters(self, claims: Claims, builder: Builder) -> None:
        span = claims.row.value_span("parameters")
        if not is_int(claims.parameters):
            self.findings.add(
                "E104",
                f"`parameters` of {claims.name} wants a whole number, not {shown(claims.parameters)}",
                span,
                label="not this",
                related=claims.trail,
            )
            return
        found = statistics = 0
        for row in reversed(builder.rows):
            if row.name != claims.name and not row.name.startswith(f"{claims.name}."):
                break
            for parameter in (each for node in row.nodes for each in node.parameters()):
                found += parameter.size * (parameter.kind in ("trained", "frozen"))
                statistics += parameter.size * (parameter.kind == "statistic")
        if claims.parameters not in (found, found + statistics):  # Keras counts running means and variances too
            self.findings.add(
                "E214",
                f"{claims.name} has {found:,} parameters, and the row says {claims.parameters:,}",
                span,
                label=f"{found:,}",
                help=f"use parameters: {found}, or look for a bias too many",
                related=claims.trail,
            )

    def warn_unchecked(self, spec: Spec) -> None:
        """W202 for each size of a row that never came to be."""
        for row in _rows_of(spec):
            if row.size is not None and row.value_span("size") not in self._checked:
                name = row.name or row.type or "the row"
                self.findings.add(
                    "W202",
                    f"the size of {name} could not be checked: the row is never used",
                    row.value_span("size"),
                    label="not checked",
                )


def _rows_of(spec: Spec) -> list[Row]:
    """The rows of the file itself and its own blocks, inner ones too."""
    own = [block for block in spec.blocks.values() if not block.imported]
    lists = [spec.rows, *(block.rows for block in own)]
    return [inner for rows in lists for row in rows for inner in row.inside()]


def _like(size: object, shape: Shape) -> str:
    """The true shape in the form of the claim."""
    claim = read_claim(size) or ()
    return "x".join(map(str, shape[1:])) if shape.is_maps and len(claim) < 3 else str(shape)


def _given(claims: Claims, builder: Builder) -> str:
    if builder.rows and builder.rows[-1].name == claims.name:
        inputs = builder.rows[-1].main.input_shapes
        return f"the input is {inputs[0]}" if len(inputs) == 1 else ""
    return ""


def _remedy(claims: Claims, shape: Shape, builder: Builder) -> str | None:
    """The padding, stride or rounding that makes the claim true; else what the nearest ones give."""
    true_size = f"size: {_like(claims.size, shape)}"
    if not builder.rows or builder.rows[-1].name != claims.name:
        return f"use {true_size}"
    row = builder.rows[-1]
    operator, claim = row.main.operator, read_claim(claims.size) or ()
    if shape.is_maps and claim[1:] == shape[1:]:  # only the maps differ
        maps = operator.size_attribute
        return f"use {maps}: {max(claim[:1])}, or {true_size}" if maps else f"use {true_size}"
    near: dict[str, tuple[int, str]] = {}
    for candidate in operator.variations(frozenset(operator.adjustable)):
        try:
            output = candidate.shape(row.main.input_shapes)
        except Misfit:
            continue
        changed = _changed(operator, candidate)
        if claimed_shape_fits(claims.size, output):
            return f"use {changed}, or {true_size}"
        if changed and output != shape:
            sides = output[-min(len(claim), len(output)) :]
            distance = sum(abs(side - wanted) for side, wanted in zip(sides, claim, strict=False))
            near.setdefault(_like(claims.size, output), (distance, changed))
    nearest = sorted(near.items(), key=lambda each: each[1][0])[:_NEAREST]
    said = "; ".join(f"{changed} gives {size}" for size, (_, changed) in nearest)
    return f"{said}; or use {true_size}" if said else f"use {true_size}"


def _changed(operator: Operator, candidate: Operator) -> str:
    names = [name for name in operator.adjustable if getattr(operator, name) != getattr(candidate, name)]
    return " and ".join(f"{name}: {candidate.written(name)}" for name in names)
