"""The file that `archspec new` writes."""

from __future__ import annotations

from archspec.flat import yaml_text

_TEXT = """\
# {name}: an architecture as a table of layers.
#   archspec validate FILE     says everything that is wrong
#   archspec summarize FILE    sizes, parameters, MACs and memory
#   archspec explain FILE C1   how the numbers of a row come about
name: {quoted}
input: 3x32x32    # maps x height x width

# What rows of a type leave out; a row's own value wins.
defaults:
  conv: {{kernel: 3, padding: same, activation: relu}}
  max_pool: {{kernel: 2}}

# Values for expressions, which start with `=`. Another value for one run: --set classes=100
params:
  width: 32
  classes: 10

# A row takes the row above as input, or the rows it names with `from`.
# `size` is what you expect: it is checked, and never used to compute.
layers:
  - {{name: C1, type: conv, maps: =width, size: 32x32}}
  - {{name: S2, type: max_pool, size: 16x16}}
  - {{name: C3, type: conv, maps: =2*width, repeat: 2, size: 16x16}}
  - {{name: S4, type: max_pool, size: 8x8}}
  - {{name: pool, type: global_avg_pool}}
  - {{name: drop, type: dropout, rate: 0.5}}
  - {{name: out, type: dense, units: =classes}}
"""


def starter(name: str) -> str:
    """A commented spec to start from."""
    return _TEXT.format(name=name.replace("\n", " "), quoted=yaml_text(name))
