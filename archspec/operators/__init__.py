"""The operators, one list: an operator exists once it stands here."""

from __future__ import annotations

from archspec.operators.activation import (
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Mish,
    Prelu,
    Relu,
    Relu6,
    ScaledTanh,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
)
from archspec.operators.arrange import ChannelShuffle, Crop, Flatten, Identity, Pad, Reshape, Slice, Split, Upsample
from archspec.operators.combine import Add, Concat, Multiply, Scale
from archspec.operators.conv import Conv
from archspec.operators.dense import RBF, Dense
from archspec.operators.depthwise import DepthwiseConv, SeparableConv
from archspec.operators.noise import Dropout, StochasticDepth
from archspec.operators.norm import BatchNorm, GroupNorm, LayerNorm, LocalResponseNorm
from archspec.operators.operator import Operator
from archspec.operators.pool import (
    AdaptiveAvgPool,
    AvgPool,
    DepthwiseMaxPool,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
)
from archspec.operators.subsample import Subsample
from archspec.operators.transposed import TransposedConv

# fmt: off
OPERATORS: tuple[type[Operator], ...] = (
    Conv, DepthwiseConv, SeparableConv, TransposedConv,
    Dense, RBF,
    MaxPool, AvgPool, GlobalAvgPool, GlobalMaxPool, AdaptiveAvgPool, DepthwiseMaxPool, Subsample,
    BatchNorm, LayerNorm, GroupNorm, LocalResponseNorm,
    Relu, Relu6, LeakyRelu, Prelu, Elu, Gelu, Silu, HardSwish, Mish, Softplus,
    Sigmoid, HardSigmoid, Tanh, ScaledTanh, Softmax,
    Dropout, StochasticDepth,
    Add, Multiply, Concat, Scale,
    Identity, Flatten, Reshape, Slice, Split, ChannelShuffle, Pad, Crop, Upsample,
)
# fmt: on

BY_TYPE: dict[str, type[Operator]] = {operator.type: operator for operator in OPERATORS}


def _by_alias(operators: tuple[type[Operator], ...]) -> dict[str, type[Operator]]:
    named = {operator.type.replace("_", " "): operator for operator in operators}
    named.update((alias, operator) for operator in operators for alias in operator.aliases)
    # tables drop hyphens and underscores in a different way each
    return {" ".join(name.replace("-", " ").split()): operator for name, operator in named.items()}


BY_ALIAS = _by_alias(OPERATORS)
"""Every operator by the names that papers and other frameworks give it, in lower case."""

ACTIVATIONS = {name: operator for name, operator in BY_ALIAS.items() if operator.role == "activation"}
