"""What the names of modules say: of kinds of places, of what follows what, of what has the same name."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from compiler.port.source import Unit
from compiler.port.target import Slot, Trait

_WORDS: dict[Trait, tuple[str, ...]] = {
    "shortcut": ("downsample", "shortcut", "skip", "identity", "proj"),
    "pool": ("pool",),
    "auxiliary": ("aux",),
}
"""What the names of a source say of a place in the network, by the beginnings of their words."""
_KINDS = re.compile(r"conv2d|conv|batchnorm|norm|bn|linear|fc|dense|relu|act|pointwise|depthwise|dw|pw")


def trait_score(unit: Unit, traits: Collection[Trait]) -> int:
    """The words like `downsample` that are right of a place, less those that are wrong."""
    return sum(
        1 if trait in traits else -1
        for trait, beginnings in _WORDS.items()
        if any(word.startswith(beginnings) for word in unit.words)
    )


def common_names(unit: Unit, slot: Slot) -> int:
    """How many names of the source's module and of the row are the same, or begin with one another."""
    same = sum(part.lower() in slot.components for part in unit.components)
    words = {word for word in unit.words if len(word) > 2 and not _KINDS.fullmatch(word)}
    return same + sum(word.startswith(known) or known.startswith(word) for word in words for known in slot.words)


@cache
def _tokens(name: str) -> tuple[str, ...]:
    """Its words and numbers; the `b` of `5b` counts like a number."""
    return tuple(re.findall(r"\d+|(?<=\d)[a-z](?![a-z])|[a-z]+", name.lower()))


def _is_number(token: str) -> bool:
    return token.isdecimal() or len(token) == 1


@cache
def family(name: str) -> tuple[str, ...]:
    """What names have in common that differ in their numbers alone."""
    return tuple("#" if _is_number(token) else token for token in _tokens(name))


@cache
def numbers(name: str) -> tuple[int, ...]:
    return tuple(int(token) if token.isdecimal() else ord(token) for token in _tokens(name) if _is_number(token))


@cache
def succeeds(one: str, other: str) -> bool:
    """Whether a name says that it comes next: `bn2` after `conv2`, `conv3` after `bn2`, `skipbn` after `skip`."""
    first, second = _stem(one), _stem(other)
    if first == second:
        return bool(first)
    common = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if common is None:  # one is longer
        return False
    before, after = first[common], second[common]
    same_words = [t for t in first if not _is_number(t)] == [t for t in second if not _is_number(t)]
    return same_words and before.isdecimal() and after.isdecimal() and int(after) == int(before) + 1


@cache
def _stem(name: str) -> tuple[str, ...]:
    """The name without the words that say what kind of layer it is."""
    tokens = (_KINDS.sub("", token) for token in _tokens(name))
    return tuple(token for token in tokens if token)
