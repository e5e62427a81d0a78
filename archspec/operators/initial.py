"""How weights start, as calls of `torch.nn.init`."""

from __future__ import annotations

from typing import Literal

from archspec.operators.operator import Call
from archspec.operators.values import Init

_GLOROT = {"normal": "nn.init.xavier_normal_", "uniform": "nn.init.xavier_uniform_"}
_HE = {"normal": "nn.init.kaiming_normal_", "uniform": "nn.init.kaiming_uniform_"}
_RELU = {"he": "relu", "lecun": "linear"}
ZEROS = Call("nn.init.zeros_")


def initial_weight(init: Init, inputs: Literal["fan_in", "fan_out"] = "fan_in") -> Call:
    """The call that fills a weight; `inputs` is what torch calls the number of values that one output sums."""
    if init == "zeros":
        return ZEROS
    rule, _, distribution = init.partition("_")
    if rule == "glorot":
        return Call(_GLOROT[distribution])
    return Call(_HE[distribution], {"mode": inputs, "nonlinearity": _RELU[rule]})


def initial_values(init: Init, inputs: float, outputs: float) -> Call:
    """The same of a weight whose fans torch can't read off its shape."""
    if init == "zeros":
        return ZEROS
    rule, _, distribution = init.partition("_")
    variance = 2 / (inputs + outputs) if rule == "glorot" else (2 if rule == "he" else 1) / inputs
    if distribution == "normal":
        return Call("nn.init.normal_", {"std": variance**0.5})
    bound = (3 * variance) ** 0.5
    return Call("nn.init.uniform_", {"a": -bound, "b": bound})
