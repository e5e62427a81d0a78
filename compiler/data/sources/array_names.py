"""Which of several arrays are examples and which their labels: said by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from compiler.data.errors import DataError
from compiler.data.examples import WHOLE

_PAIRS = (("x", "y"), ("images", "labels"), ("data", "target"), ("data", "labels"))
"""what examples and labels are called together"""
_EXAMPLES = ("x", "images", "image", "imgs", "img", "data", "inputs", "input", "features")
_LABELS = ("y", "labels", "label", "targets", "target")
PARTS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training", "tr"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test", "testing", "te"),
    WHOLE: ("",),
}
"""what parts are called in the names of arrays"""


@dataclass(frozen=True)
class Pair:
    """The names of the arrays of a part."""

    examples: str
    label: str | None


def pair_of(part: str, there: Collection[str], place: str, *, has_label: bool) -> Pair | None:
    """The arrays of a part, whatever of `X_train`, `x-train` and `trainX` they are called; None where it has none."""
    examples, labels = (_called_any(words, part, there) for words in (_EXAMPLES, _LABELS))
    for found, what in ((examples, "examples"), (labels, "labels")):
        if len(found) > 1 and (has_label or what == "examples"):
            raise DataError(
                "E724", f"{' and '.join(found)} may both be the {what}", place, "leave one of them out, or rename it"
            )
    if not has_label:
        return Pair(examples[0], None) if examples else None
    if examples and labels:
        return Pair(examples[0], labels[0])
    for found, words, others in ((examples, _EXAMPLES, _LABELS), (labels, _LABELS, _EXAMPLES)):
        if found:
            missing = _counterpart(found[0], words, others)
            raise DataError("E724", f"{found[0]}, and no {missing}", place, f"an array {missing}")
    return None


def called(word: str, part: str, there: Collection[str]) -> list[str]:
    """The names that say a word and a part, in any order and any case."""
    plain = _plain(word)
    forms = {form for end in PARTS[part] for form in (plain + end, end + plain)}
    return [name for name in there if _plain(name) in forms]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _called_any(words: Collection[str], part: str, there: Collection[str]) -> list[str]:
    return list(dict.fromkeys(name for word in words for name in called(word, part, there)))


def _counterpart(name: str, words: Collection[str], others: Collection[str]) -> str:
    """`y_train` for `x_train`, `test_labels` for `test_images`."""
    said = max((word for word in words if word in name.lower()), key=len)
    other = next((word for pair in _PAIRS if said in pair for word in pair if word != said), next(iter(others)))
    at = name.lower().index(said)
    return name[:at] + other + name[at + len(said) :]
