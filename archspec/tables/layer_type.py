"""What the type of a layer says, in the words of papers: `Conv 5x5 + ReLU`, `conv3-64`, `Conv dw / s2`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from archspec.operators import ACTIVATIONS, BY_ALIAS, BY_TYPE
from archspec.operators.operator import Operator
from archspec.suggest import did_you_mean
from archspec.tables.cells import read_rate

_INPUT_WORDS = frozenset({"input", "inputs", "in", "inputlayer", "image", "images", "data", "rgb", "gray", "grayscale"})
IDENTITIES = frozenset({"linear", "identity"})
"""activations that are none"""

_VGG = re.compile(r"(?<=conv)(\d{1,2})-(\d{1,5})\b", re.IGNORECASE)
_TRIPLE = re.compile(r"(\d+)\s*[x×*]\s*(\d+)\s*[x×*]\s*(\d+)", re.IGNORECASE)
_PAIR = re.compile(r"(\d+)\s*[x×*]\s*(\d+)", re.IGNORECASE)
_SQUARE = re.compile(r"\b(?:kernel(?:[ _]size)?\s*=?|k\s*=)\s*(\d+)\b", re.IGNORECASE)
_STEPS = re.compile(r"/\s*(\d+)\s*/\s*(\d+)\s*$")
# a letter alone may be a tag, as in `Avg pooling S4`: it counts behind a number, a comma or a slash, or before `=`
_STRIDE = re.compile(
    r"[,/]?\s*(?:\bstrides?\s*[=:]?|(?:(?<=[,/\d])|(?<=[,/\d]\s))s\s*=?|\bs\s*=)\s*(\d+)\b|/\s*(\d+)\b", re.IGNORECASE
)
_PADDING = re.compile(
    r"[,/]?\s*(?:\b(?:padding|pad)\s*[=:]?|(?:(?<=[,/\d])|(?<=[,/\d]\s))p\s*=?|\bp\s*=)\s*(\d+)\b(?!\.|\s*%)",
    re.IGNORECASE,
)
_RULE = re.compile(r",?\s*\b(same|valid)\b", re.IGNORECASE)
_RATE = re.compile(
    r"\(?\s*(?:\b(?:p|rate|slope|negative_slope|alpha|α)\s*=?\s*)?(\d?\.\d+|\d+\s*%)\s*\)?", re.IGNORECASE
)
_COUNT = re.compile(
    r"(?<!\d),\s*(\d+)\b|\b(\d+)\s*(?=filters|maps|channels|units|kernels|neurons)|\(\s*(?:\d+\s*,\s*)?(\d+)\s*[,)]"
)
_TRAILING = re.compile(r"(?<=[a-z])[-\s](\d+)\s*$", re.IGNORECASE)
_REPEAT = re.compile(r"\b\d+\s*[x×]\s|[x×]\s*\d+\b|\btimes\b", re.IGNORECASE)
"""how papers write several layers in one row"""
_TAG = re.compile(r"[a-z]?\d{1,6}")
"""what tells layers apart, in the cell of a type: `Conv 1`, `Convolution C1`"""
_FILLERS = frozenset({"and", "layer", "layers", "2d", "filters", "maps", "channels", "units", "kernels", "neurons"})
_LONGEST_ALIAS = 5


class Clipping:
    """A text from which what was understood is cut out."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def cut(self, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """The groups of the pattern that are there; empty where it does not occur."""
        match = pattern.search(self.rest)
        if match is None:
            return ()
        self.rest = f"{self.rest[: match.start()]} {self.rest[match.end() :]}"
        return tuple(group for group in match.groups() if group is not None)

    def cut_numbers(self, pattern: re.Pattern[str]) -> tuple[int, ...]:
        """The groups as numbers."""
        return tuple(int(group[:15]) for group in self.cut(pattern))


@dataclass(frozen=True, slots=True)
class LayerType:
    """What a type cell says: the operator, and what else stands in the cell."""

    operator: type[Operator] | None
    """None for the input"""
    kernel: tuple[int, int] | None = None
    stride: int | None = None
    padding: int | str | None = None
    maps: int | None = None
    trailing: int | None = None
    """a number at the end: the units of `FC-4096`, or the place of `Linear-32`"""
    number: float | None = None
    """a rate of dropout, or the slope of an activation"""
    norm: type[Operator] | None = None
    activation: type[Operator] | None = None

    @property
    def is_input(self) -> bool:
        return self.operator is None


@lru_cache
def layer_type(text: str) -> LayerType | None:
    """The layer that a cell such as `Convolution`, `Conv 5x5 + ReLU` or `conv3-64` means; None for none."""
    clipping = Clipping(text.replace(".)", ")"))
    stride, padding = cut_steps(clipping)
    kernel = maps = None
    if found := clipping.cut_numbers(_VGG):
        kernel, maps = (found[0], found[0]), found[1]
    elif found := clipping.cut_numbers(_TRIPLE):
        kernel, maps = (found[0], found[1]), found[2]
    elif found := clipping.cut_numbers(_PAIR):
        kernel = (found[0], found[1])
    elif found := clipping.cut_numbers(_SQUARE):
        kernel = (found[0], found[0])
    number = clipping.cut(_RATE)
    maps = next(iter(clipping.cut_numbers(_COUNT)), maps)
    trailing = clipping.cut_numbers(_TRAILING)
    operators = None if _REPEAT.search(clipping.rest) else _operators(clipping.rest)
    if operators is None:
        return None
    main, norm, activation = operators
    return LayerType(
        main,
        kernel,
        stride,
        padding,
        maps,
        trailing[0] if trailing else None,
        read_rate(number[0]) if number else None,
        norm,
        activation,
    )


def cut_steps(clipping: Clipping) -> tuple[int | None, int | str | None]:
    """The stride and the padding in a text: `/2`, `s2`, `stride 2`, `/2/1`, `pad 1`, `same`."""
    if found := clipping.cut_numbers(_STEPS):
        return found[0], found[1]
    padding = clipping.cut_numbers(_PADDING) or tuple(word.lower() for word in clipping.cut(_RULE))
    stride = clipping.cut_numbers(_STRIDE)
    return (stride[0] if stride else None, padding[0] if padding else None)


_Operators = tuple[type[Operator] | None, type[Operator] | None, type[Operator] | None]


def _operators(text: str) -> _Operators | None:
    """The layer's operator, its norm and its activation, in this order; None where the words say something else."""
    words = re.sub(r"[^a-z0-9]+", " ", text.lower().replace(".", "")).split()
    words = [word for word in words if word not in _FILLERS and not _TAG.fullmatch(word)]
    if words and {_bare(word) for word in words} <= _INPUT_WORDS:
        return (None, None, None)
    found: list[type[Operator]] = []
    while words:
        for count in range(min(len(words), _LONGEST_ALIAS), 0, -1):
            phrase = " ".join(words[:count])
            operator = BY_ALIAS.get(phrase) or BY_ALIAS.get(_bare(phrase))
            if operator is not None:
                found.append(operator)
                del words[:count]
                break
        else:
            if words[0] in IDENTITIES | {"activation"} and found:
                del words[0]
            else:
                return None
    if not found:
        return None
    main, *rest = found
    norm = rest.pop(0) if rest and rest[0].role == "norm" else None
    activation = rest.pop(0) if rest and rest[0].role == "activation" else None
    return None if rest else (main, norm, activation)


def _bare(phrase: str) -> str:
    """A word without the number that tells layers apart: `conv1`, `fc6`, `conv2_1`, `pool1a`."""
    return re.sub(r"\d+[a-z]?$", "", phrase)


@lru_cache
def activation_type(text: str) -> tuple[type[Operator] | None, float | None] | None:
    """The operator of an activation's cell, `Leaky ReLU (0.2)`, and its number; no operator for `linear`."""
    clipping = Clipping(text)
    number = clipping.cut(_RATE)
    word = " ".join(re.sub(r"[^a-z0-9]+", " ", clipping.rest.lower()).split()).removesuffix(" activation")
    operator = None if word in IDENTITIES else ACTIVATIONS.get(word) or BY_ALIAS.get(word)
    if operator is None and word not in IDENTITIES:
        return None
    return operator, read_rate(number[0]) if number else None


def type_help(text: str) -> str:
    """What to write in place of an unknown type."""
    words = [word for word in re.sub(r"[^a-z]+", " ", text.lower()).split() if word not in _FILLERS]
    if sum(word in BY_ALIAS for word in words) > 1 or (words and _REPEAT.search(_PAIR.sub("", text))):
        return "give each layer a row of its own; only a norm, and an activation behind it, stand with another layer"
    if len(words) == 1:
        ending = f"_{words[0].removesuffix('ing')}"
        several = [kind.replace("_", " ").capitalize() for kind in BY_TYPE if kind.endswith(ending)]
        if len(several) > 1:
            return "say which: " + ", ".join(f"`{kind}`" for kind in several)
    kinds = "`Convolution`, `Max pooling`, `Avg pooling`, `Fully connected`"
    return did_you_mean(text, BY_ALIAS) or f"write a type such as {kinds}"
