"""What the headings of a table mean."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, get_args

from archspec.tables.cells import folded

Column = Literal[
    "index", "name", "type", "layer(type)", "maps", "size", "input", "kernel", "stride", "padding", "activation",
    "norm", "groups", "dilation", "rate", "parameters",
]  # fmt: skip
COLUMNS: tuple[Column, ...] = get_args(Column)

_HEADINGS: dict[Column, tuple[str, ...]] = {
    "index": ("#", "no", "no.", "nr", "index", "idx", "id", "step", "s.no", "layer no", "layer number", "layer #"),
    "name": ("layer", "name", "layer name", "layers", "stage"),
    "layer(type)": ("layer (type)", "layer(type)"),
    "type": ("type", "layer type", "operation", "operator", "op", "kind", "function", "type of layer"),
    "maps": (
        "maps", "map", "feature map", "feature maps", "filters", "filter", "num filters", "number of filters",
        "# filters", "#filters", "no. of filters", "no. filters", "channels", "out channels", "output channels",
        "number of channels", "# channels", "#channels", "depth", "kernels", "number of kernels", "# kernels", "# maps",
        "#maps", "number of maps", "number of feature maps", "# feature maps", "out maps", "output maps", "units",
        "neurons", "nodes", "number of units", "# units", "# neurons", "number of neurons", "n filters", "out features",
    ),
    "size": (
        "size", "output size", "output", "output shape", "shape", "map size", "feature map size", "output dimensions",
        "output dimension", "dimensions", "spatial size", "activation shape", "out size", "output volume", "resolution",
        "tensor size", "size of feature map", "feature size", "output feature map", "out shape", "output dim",
    ),
    "input": ("input size", "input shape", "input dimensions", "input dimension", "input resolution", "input volume"),
    "kernel": (
        "kernel size", "kernel", "filter size", "window", "window size", "kernel shape", "pool size", "patch size",
        "filter shape", "size of kernel", "kernel/pool size", "filter/pool size", "receptive field", "f", "k",
        "size of filter", "filter dimensions", "kernel dimensions", "filter size / pool size",
    ),
    "stride": ("stride", "strides", "s"),
    "padding": ("padding", "pad", "paddings", "p"),
    "activation": ("activation", "activation function", "nonlinearity", "non-linearity", "activations", "act"),
    "norm": ("norm", "normalization", "normalisation", "batch norm", "batchnorm", "batch normalization", "bn"),
    "groups": ("groups", "group"),
    "dilation": ("dilation", "dilation rate"),
    "rate": ("rate", "dropout", "dropout rate"),
    "parameters": (
        "parameters", "params", "param #", "# parameters", "#parameters", "# params", "#params", "number of parameters",
        "trainable parameters", "param", "no. of parameters", "params #", "num params", "learnable parameters",
        "# param", "total parameters", "total params", "weights + biases",
    ),
}  # fmt: skip
HEADINGS: dict[str, Column] = {heading: column for column, headings in _HEADINGS.items() for heading in headings}
_STEPS = frozenset({"stride", "padding"})


@cache
def meaning(text: str) -> Column | None:
    """The column that a heading means: of `Patch size / stride` the kernel, whose cells may have more."""
    if len(text) > 100:
        return None
    heading = folded(text).rstrip(":")
    bare = re.sub(r"\s*[(\[].*[)\]]\s*$", "", heading)
    for form in (heading, bare):
        if form in HEADINGS:
            return HEADINGS[form]
    parts: list[Column | None] = [HEADINGS.get(part.strip()) for part in re.split(r"[/,]| and ", bare)]
    first, rest = parts[0], parts[1:]
    if first == "type" and rest == ["stride"]:
        return "type"
    if rest and all(part in _STEPS for part in rest):
        return "kernel" if first in ("size", "kernel", "maps") else None
    return first if rest and all(part == first for part in rest) else None
