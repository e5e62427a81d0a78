"""What the cells of a table mean: headings, numbers, sizes, types of layers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archspec.operators import ACTIVATIONS, BY_ALIAS
from archspec.operators.operator import Operator

NOTHING = frozenset({"", "-", "–", "—", "−", "--", "n/a", "na", "none", "nil", "/", "no"})

_HEADINGS: dict[str, tuple[str, ...]] = {
    "index": ("#", "no", "no.", "nr", "index", "id", "step", "s.no", "layer no", "layer number", "layer #"),
    "name": ("layer", "name", "layer name", "layers", "stage"),
    "layer(type)": ("layer (type)", "layer(type)"),
    "type": ("type", "layer type", "operation", "operator", "op", "kind", "function"),
    "maps": (
        "maps", "map", "feature map", "feature maps", "filters", "filter", "num filters", "number of filters",
        "# filters",
        "#filters", "channels", "out channels", "output channels", "number of channels", "depth", "kernels",
        "number of kernels", "# kernels", "# maps", "#maps", "number of maps", "number of feature maps", "out maps",
        "output maps", "units", "neurons", "nodes", "number of units",
    ),
    "size": (
        "size", "output size", "output", "output shape", "shape", "map size", "feature map size", "output dimensions",
        "output dimension", "dimensions", "spatial size", "activation shape", "out size", "output volume", "resolution",
        "tensor size",
    ),
    "kernel": (
        "kernel size", "kernel", "filter size", "window", "window size", "kernel shape", "pool size", "patch size",
        "filter shape", "size of kernel", "kernel/pool size", "receptive field", "f",
    ),
    "stride": ("stride", "strides", "s"),
    "padding": ("padding", "pad", "paddings", "p"),
    "activation": ("activation", "activation function", "nonlinearity", "non-linearity", "activations", "act"),
    "groups": ("groups", "group"),
    "dilation": ("dilation", "dilation rate"),
    "rate": ("rate", "dropout", "dropout rate"),
    "parameters": (
        "parameters", "params", "param #", "# parameters", "#parameters", "# params", "#params", "number of parameters",
        "trainable parameters", "param", "no. of parameters",
    ),
}  # fmt: skip
HEADINGS = {heading: column for column, headings in _HEADINGS.items() for heading in headings}

INPUT_TYPES = frozenset({"input", "image", "input image", "in", "inputlayer", "input layer", "data", "inputs"})

_PAIR = re.compile(r"\(?\s*(\d+)\s*[x×*]\s*(\d+)\s*\)?", re.IGNORECASE)
_STRIDE = re.compile(r"(?:[,/]\s*|\b)(?:stride|s)\s*=?\s*(\d+)\b|/\s*(\d+)\s*$", re.IGNORECASE)
_VGG = re.compile(r"(conv)(\d+)-(\d+)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}(?:[,   ']\d{3})+|\d+")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,   ']\d{3})+")


def is_nothing(text: str) -> bool:
    """True for the ways of leaving a cell empty."""
    return text.strip().lower() in NOTHING


def heading(text: str) -> str | None:
    """The column that a heading means."""
    folded = " ".join(text.lower().replace("_", " ").split()).rstrip(":")
    if folded in HEADINGS:
        return HEADINGS[folded]
    bare = re.sub(r"\s*[(\[].*[)\]]\s*$", "", folded)
    return HEADINGS.get(bare)


def numbers(text: str) -> list[int] | None:
    """The numbers of a cell: `1,000`, `5 x 5`, `(5, 5)`, `3 (RGB)`, `(None, 28, 28, 6)`; None where it is more."""
    text = text.strip().lower().replace("×", "x").replace("@", "x")
    if _THOUSANDS.fullmatch(text):
        return [int(re.sub(r"\D", "", text))]
    whole = re.fullmatch(r"[(\[](.*)[)\]]", text)
    inside = whole[1] if whole else re.sub(r"\s*\([^)]*\)\s*$", "", text)
    parts = [part.strip() for part in re.split(r"[x*,;]", inside)]
    parts = [part for part in parts if part not in ("", "none", "?", "-1", "batch", "n")]
    if not parts or not all(_NUMBER.fullmatch(part) and len(part) <= 16 for part in parts):
        return None
    return [int(re.sub(r"\D", "", part)) for part in parts]


@dataclass(frozen=True, slots=True)
class LayerType:
    """What a type cell says: the operator, and what else stands in the cell."""

    operator: type[Operator] | None
    is_input: bool = False
    kernel: tuple[int, int] | None = None
    stride: int | None = None
    maps: int | None = None
    rate: float | None = None
    norm: str | None = None
    activation: str | None = None


def layer_type(text: str) -> LayerType | None:
    """The layer that a cell such as `Convolution`, `Conv 5x5 + ReLU` or `conv3-64` means; None for none."""
    kernel = stride = maps = rate = None
    if match := _VGG.search(text):
        kernel, maps = (int(match[2]), int(match[2])), int(match[3])
        text = text.replace(match[0], match[1])
    if match := _PAIR.search(text):
        kernel, text = (int(match[1]), int(match[2])), text.replace(match[0], " ")
    if match := _STRIDE.search(text):
        stride, text = int(match[1] or match[2]), text.replace(match[0], " ")
    if match := re.search(r"\(?\s*(0?\.\d+|\d+\s*%)\s*\)?", text):
        rate = float(match[1].rstrip("% ")) / (100 if "%" in match[1] else 1)
        text = text.replace(match[0], " ")
    first, *rest = re.split(r"[+&]|\band\b", text)
    word = _word(first)
    if word in INPUT_TYPES:
        return LayerType(None, is_input=True)
    operator = BY_ALIAS.get(word)
    if operator is None:
        return None
    norm = activation = None
    for part in map(_word, rest):
        if (found := ACTIVATIONS.get(part)) is not None:
            activation = found.type
        elif (found := BY_ALIAS.get(part)) is not None and found.role == "norm":
            norm = found.type
        else:
            return None
    return LayerType(operator, False, kernel, stride, maps, rate, norm, activation)


def _word(text: str) -> str:
    folded = re.sub(r"[^a-z0-9 ]+", " ", text.lower())
    folded = " ".join(folded.split())
    if folded in BY_ALIAS or folded in INPUT_TYPES:
        return folded
    bare = " ".join(re.sub(r"(?<![a-z])\d+\w?\b|\d+$", " ", folded).split())
    return bare.removesuffix(" layer")
