"""Colours by role, in a light and a dark scheme."""

from __future__ import annotations

from typing import Literal

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")

# each kind of layer: its edge and bar, the fill of its card, and the side of its volume that lies in shadow
_LIGHT_KINDS = {
    "input": ("#5b6670", "#e8ecee", "#d0d6da"),
    "conv": ("#1c5d9c", "#cfe2f6", "#b1cde8"),
    "pool": ("#a23d1c", "#f9d8cd", "#ecc1b2"),
    "dense": ("#1b7340", "#d0ead9", "#b1d9bf"),
    "output": ("#0c716c", "#cdeae9", "#add7d5"),
    "norm": ("#80620a", "#f5e8c3", "#e5d29c"),
    "activation": ("#9a2a69", "#f8d9e9", "#ecbcd5"),
    "noise": ("#5a6069", "#eeeff1", "#d8dade"),
    "combine": ("#683a8e", "#e5d6ef", "#d1b9e1"),
    "arrange": ("#3d5a70", "#dbe6ec", "#bdd0da"),
    "block": ("#39434f", "#ffffff", "#dde1e6"),
}
_DARK_KINDS = {
    "input": ("#9aa7b1", "#262d33", "#1b2126"),
    "conv": ("#6cb0f2", "#12304d", "#0c2338"),
    "pool": ("#f2916c", "#4a2114", "#36180e"),
    "dense": ("#62c48a", "#123a24", "#0c2919"),
    "output": ("#4fc9c2", "#0d3a38", "#092a28"),
    "norm": ("#d9b54a", "#3b2f0c", "#2b2208"),
    "activation": ("#ec86bd", "#441a31", "#321324"),
    "noise": ("#98a0aa", "#272b30", "#1c1f23"),
    "combine": ("#c193ea", "#331f47", "#261735"),
    "arrange": ("#8db4cc", "#1d323f", "#15252f"),
    "block": ("#b4bfcb", "#161b22", "#0f1319"),
}
_LIGHT = {"paper": "#ffffff", "text": "#15191d", "quiet": "#48515b", "line": "#59636d", "grid": "#d5dae0"}
_DARK = {"paper": "#0d1117", "text": "#f0f3f6", "quiet": "#b3bcc6", "line": "#9aa5b0", "grid": "#323a44"}


def _colours(plain: dict[str, str], kinds: dict[str, tuple[str, str, str]]) -> dict[str, str]:
    """Those of each kind by their parts; lines between maps are half way between edge and fill."""
    found = dict(plain)
    for kind, (edge, fill, side) in kinds.items():
        found |= {
            f"{kind}.edge": edge,
            f"{kind}.fill": fill,
            f"{kind}.side": side,
            f"{kind}.maps": _between(edge, fill),
        }
    return found


def _between(first: str, second: str) -> str:
    pairs = ((int(first[index : index + 2], 16), int(second[index : index + 2], 16)) for index in (1, 3, 5))
    return "#" + "".join(f"{(one + other) // 2:02x}" for one, other in pairs)


LIGHT = _colours(_LIGHT, _LIGHT_KINDS)
DARK = _colours(_DARK, _DARK_KINDS)


def colours(theme: Theme) -> dict[str, str]:
    """The colours of a scheme; `auto` begins with the light one."""
    return DARK if theme == "dark" else LIGHT


KINDS = {
    "input": "input", "conv": "convolution", "pool": "pool", "dense": "dense", "output": "output", "norm": "norm",
    "activation": "activation", "noise": "noise", "combine": "combination", "arrange": "arrangement", "block": "block",
}  # fmt: skip
"""the kinds of layers in words"""
