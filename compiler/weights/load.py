"""Weights into a module, name by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from archspec.diagnostic import Diagnostic
from archspec.shape import Shape
from archspec.suggest import did_you_mean
from compiler.failure import WeightsError
from compiler.weights.files import Weights, read_weights

COUNTER = "num_batches_tracked"
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Misshaped:
    """A tensor that both have, in two shapes."""

    name: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.name}: {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each tensor."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """the module has them and the file does not"""
    unexpected: tuple[str, ...] = ()
    """the file has them and the module does not"""
    misshaped: tuple[Misshaped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        return not (self.missing or self.unexpected or self.misshaped)

    @property
    def fresh(self) -> tuple[str, ...]:
        """The tensors of the module that stay as they were initialised."""
        return (*self.missing, *(each.name for each in self.misshaped))

    def as_text(self) -> str:
        """A line for each kind of finding."""
        lines = [*self.notes, f"{len(self.loaded)} tensors loaded"]
        if self.missing:
            lines.append(f"fresh, as the file lacks them: {_listed(self.missing)}")
        if self.misshaped:
            lines.append(f"fresh, as their shapes differ: {_listed(self.misshaped)}")
        if self.unexpected:
            lines.append(f"left in the file: {_listed(self.unexpected)}")
        return "\n".join(lines)


def compare(module: nn.Module | Mapping[str, Tensor], weights: Weights) -> Report:
    """What `load` would do, without doing it."""
    wanted = module.state_dict() if isinstance(module, nn.Module) else module
    found = weights.tensors
    both = [name for name in wanted if name in found]
    misshaped = [
        Misshaped(name, described(wanted[name]), described(found[name]))
        for name in both
        if described(wanted[name]) != described(found[name])
    ]
    differing = {each.name for each in misshaped}
    # weights of before torch 0.4.1 have no counters, and a running mean needs none
    missing = [name for name in wanted if name not in found and not name.endswith(COUNTER)]
    return Report(
        tuple(name for name in both if name not in differing),
        tuple(missing),
        tuple(name for name in found if name not in wanted),
        tuple(misshaped),
        weights.notes,
    )


def load(
    module: nn.Module,
    weights: Weights | str | Path,
    *,
    on_mismatch: Literal["error", "report"] = "error",
    key: str | None = None,
) -> Report:
    """Copy weights into the module by name; with `report`, what does not fit stays as it is and is listed.

    A mismatch raises `WeightsError` before anything is copied, and so do, in both ways, weights that have
    nothing in common with the module.
    """
    if not isinstance(weights, Weights):
        weights = read_weights(weights, key=key)
    state = module.state_dict()
    report = compare(state, weights)
    if not report.fits and (on_mismatch == "error" or not report.loaded):
        raise WeightsError(mismatches(report, weights))
    with torch.no_grad():
        for name in report.loaded:
            state[name].copy_(weights.tensors[name])
    return report


def mismatches(report: Report, weights: Weights, partly: str = "--partial loads") -> list[Diagnostic]:
    """One finding that says how a file's names differ from a module's, with the nearest ones as help.

    `partly` is what loads a part of the file, where the finding is shown.
    """
    parts = [
        f"{len(found)} {what} ({_listed(found)})"
        for found, what in (
            (report.missing, "missing"),
            (report.unexpected, "unexpected"),
            (report.misshaped, "of another shape"),
        )
        if found
    ]
    origin = f", which was written for {weights.written_for}," if weights.written_for else ""
    if not report.loaded and not report.misshaped:
        help = "weights of another implementation are brought in with `archspec weights port`"
    else:
        nearest = did_you_mean(report.missing[0], report.unexpected) if report.missing and report.unexpected else None
        help = f"{partly} what fits and leaves the rest as initialised"
        help = f"`{report.missing[0]}`: {nearest}; {help}" if nearest else help
    return [Diagnostic("E802", f"{weights.name}{origin} does not fit: {', '.join(parts)}", None, help=help)]


def _listed(names: tuple[object, ...]) -> str:
    rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(str, names[:_LISTED])) + rest


def described(tensor: Tensor) -> str:
    """A tensor's shape, and its type where that is not a float."""
    shape = str(Shape(tensor.shape)) or "one number"
    return shape if tensor.is_floating_point() else f"{shape} of {str(tensor.dtype).removeprefix('torch.')}"
