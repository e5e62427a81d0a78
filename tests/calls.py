"""Lowerings as things that can be called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import reduce
from typing import Any

from torch import Tensor, nn

import compiler.layers as layers
from archspec.operators.operator import Call

_MODULES = {"nn": nn, "layers": layers}


def instantiate(call: Call) -> Callable[..., Tensor]:
    """The module, or the function, of a lowering; to be called on the inputs, one argument each."""
    space, _, name = call.target.rpartition(".")
    if call.is_module:
        return getattr(_MODULES[space], name)(**call.arguments)
    function: Callable[..., Any] = getattr(importlib.import_module(space), name)
    if call.is_folded:
        return lambda *inputs: reduce(function, inputs)
    if call.packed:
        return lambda *inputs: function(list(inputs), **call.arguments)
    return lambda *inputs: function(*inputs, **call.arguments)
