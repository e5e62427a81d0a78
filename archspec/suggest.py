"""The right word for a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LIKENESS = 0.65
_MAPS = ("maps", "units")
_ELSEWHERE = {
    "out_channels": _MAPS, "channels": _MAPS, "filters": _MAPS, "out_maps": _MAPS, "units": _MAPS, "neurons": _MAPS,
    "out_features": _MAPS, "features": _MAPS, "maps": _MAPS, "kernel_size": ("kernel",), "filter_size": ("kernel",),
    "pool_size": ("kernel",), "window": ("kernel",), "strides": ("stride",), "pad": ("padding",),
    "dilation_rate": ("dilation",), "use_bias": ("bias",), "num_groups": ("groups",), "act": ("activation",),
    "p": ("rate",), "prob": ("rate",), "dropout": ("rate",), "negative_slope": ("slope",), "alpha": ("slope",),
    "epsilon": ("eps",), "ceil_mode": ("ceil",), "scale_factor": ("scale",), "output_size": ("size",),
    "inputs": ("from",), "input": ("from",), "sides": ("padding",),
    "lr": ("rate", "optimizer"), "learning_rate": ("rate", "optimizer"), "momentum": ("optimizer",),
    "weight_decay": ("optimizer",), "gamma": ("factor",), "step_size": ("every",), "label_smoothing": ("loss",),
    "batch_size": ("batch",), "scheduler": ("schedule",), "dataset": ("data",), "grad_clip": ("clip",),
    "flip": ("horizontal_flip",), "std": ("deviation",), "amp": ("precision",), "transforms": ("augment",),
}  # fmt: skip
"""What other frameworks call an attribute: those that may be meant, the likeliest first."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, if one is like it at all."""
    if len(word) > 100:  # no name is that long, and matching costs the product of the lengths
        return None
    by_folded = {_folded(name): name for name in known}
    folded = _folded(word)
    found = get_close_matches(folded, by_folded, n=1, cutoff=_LIKENESS)
    if found:
        return by_folded[found[0]]
    longer = [name for name in by_folded if name.startswith(folded)] if len(folded) > 2 else []
    return by_folded[longer[0]] if len(longer) == 1 else None


def _folded(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")


def nearest_attribute(word: str, known: Iterable[str]) -> str | None:
    """The attribute that `word` means in another framework, else the one most like it."""
    names = set(known)
    meant = next((name for name in _ELSEWHERE.get(word.lower(), ()) if name in names), None)
    return meant or nearest(word, sorted(names))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A help line for an unknown word: the nearest known one, else all of them when they are few."""
    names = sorted(known)
    match = nearest(word, names)
    if match is not None:
        return f"did you mean `{match}`?"
    if 0 < len(names) <= 12:
        return "known here: " + ", ".join(f"`{name}`" for name in names)
    return None
