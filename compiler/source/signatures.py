"""How modules are called: which arguments come first, which have defaults, and what may be left out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from torch import nn

import compiler.layers as layers
from archspec.operators.operator import Call
from compiler.source.units import Step
from compiler.source.values import Name, same

_PAIRS: Final = {"kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "size"}
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
    """The arguments as people write them: one number for two equal ones, where torch takes it."""
    if not call.target.startswith("nn."):
        return dict(call.arguments)
    return {name: _one(value) if name in _PAIRS else value for name, value in call.arguments.items()}


def _one(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and same(value[0], value[1]):
        return value[0]
    return value


def turn_of_step(step: Step) -> dict[str, Any]:
    """The arguments of a step, with what is called under `""` where that may differ."""
    arguments = arguments_of(step.call)
    if step.call.is_module:
        return {"": Name(step.call.target), **arguments}
    return arguments or {"": Name(function_name(step.call.target))}


def function_name(target: str) -> str:
    """A function as the file calls it."""
    return target.replace("torch.nn.functional.", "F.")
