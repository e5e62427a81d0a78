"""How modules are called: which arguments come first, which have defaults, and what may be left out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from torch import nn

import compiler.layers as layers
from archspec.operators.operator import Call
from archspec.units import Step
from compiler.source.values import Name, same

_EVEN: Final = "nn.Conv2d"
_UNEVEN: Final = "layers.UnevenConv2d"
_PAIRS: Final = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "size"})
"""torch takes one number for two equal ones here"""
REQUIRED: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    """A constructor's arguments with their defaults, in order."""

    defaults: Mapping[str, Any]
    leading: tuple[str, ...]
    """those that calls give without their names"""

    def omits(self, name: str, value: Any) -> bool:
        """Whether a call can leave out an argument of this value."""
        return name not in self.leading and name in self.defaults and same(self.defaults[name], value)


@cache
def signature_of(target: str) -> Signature:
    """The signature of a module of torch or of `layers`."""
    space, _, name = target.partition(".")
    owner = nn if space == "nn" else layers
    parameters = inspect.signature(getattr(owner, name).__init__).parameters.values()
    stated = [each for each in parameters if each.name != "self"]
    positional = [each for each in stated if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    leading = [each.name for each in positional if each.default is REQUIRED]
    if len(positional) and not leading:
        leading = [positional[0].name]
    return Signature({each.name: each.default for each in stated if each.default is not REQUIRED}, tuple(leading))


def arguments_of(call: Call) -> dict[str, Any]:
    """The arguments as people write them: one number for two equal ones, where the layer takes it."""
    if not call.is_module:
        return dict(call.arguments)
    takes_one = _pairs_of(call.target)
    return {
        name: value[0]
        if name in takes_one and type(value) is tuple and len(value) == 2 and value[0] == value[1]
        else value
        for name, value in call.arguments.items()
    }


@cache
def _pairs_of(target: str) -> frozenset[str]:
    """The arguments that may be one number for height and width."""
    if target.startswith("nn."):
        return _PAIRS
    constructor = getattr(layers, target.removeprefix("layers.")).__init__
    return frozenset(name for name, kind in constructor.__annotations__.items() if str(kind).startswith("int | tuple"))


def turn_of_step(step: Step) -> dict[str, Any]:
    """The arguments of a step, with what is called under `""` where that may differ."""
    arguments = arguments_of(step.call)
    if step.call.is_module:
        return {"": Name(step.call.target), **arguments}
    return arguments or {"": Name(function_name(step.call.target))}


def turns_of_units(steps: Sequence[Sequence[Step] | None]) -> list[list[dict[str, Any]] | None]:
    """The arguments of steps in several units, which may have one layer where it is all of theirs."""
    turns = [None if each is None else [turn_of_step(step) for step in each] for each in steps]
    if len([each for each in turns if each is not None]) > 1:
        found = {turn.get("") for each in turns if each is not None for turn in each}
        if found == {Name(_EVEN), Name(_UNEVEN)}:
            return [None if each is None else [_uneven(turn) for turn in each] for each in turns]
    return turns


def general(target: str) -> str:
    """The layer that another is a case of, or itself."""
    return _UNEVEN if target == _EVEN else target


def _uneven(turn: dict[str, Any]) -> dict[str, Any]:
    """The call of a convolution as that of one whose padding may be uneven."""
    padding = turn["padding"]
    if turn[""] == Name(_UNEVEN):
        return turn
    down, across = padding if isinstance(padding, tuple) else (padding, padding)
    return turn | {"": Name(_UNEVEN), "padding": (across, across, down, down)}


def function_name(target: str) -> str:
    """A function as the file calls it."""
    return target.replace("torch.nn.functional.", "F.")
