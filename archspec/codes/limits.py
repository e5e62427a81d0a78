"""The codes of limits, and of what nothing uses."""

from __future__ import annotations

from archspec.codes.code import Code

LIMIT_CODES = (
    Code(
        "E601",
        "too many rows",
        "Counted before they are made. `--limit rows=N` raises the bound.",
        "input: 1x8x8\nlayers:\n  - {type: relu, repeat: 1000000}\n",
    ),
    Code(
        "E602",
        "blocks, files or variants too deep in one another",
        "A block that uses a block that uses a block, or a parent of a parent of a parent, and so on. "
        "`--limit depth=N` raises the bound; an example would have 65 blocks.",
        "",
    ),
    Code(
        "E603",
        "too many maps",
        "More maps than any network has are a slip of the keyboard. `--limit maps=N` raises the bound.",
        "input: 1x8x8\nlayers:\n  - {type: conv, maps: 640000, kernel: 3}\n",
    ),
    Code(
        "E604",
        "too large a side, or a tensor",
        "`--limit side=N` raises the bound.",
        "input: 3x224x2240000\nlayers:\n  - {type: relu}\n",
    ),
    Code(
        "E605",
        "too many parameters",
        "A dense layer behind large maps has more parameters than one expects. `--limit parameters=N` raises the "
        "bound.",
        "input: 64x512x512\nlayers:\n  - {type: dense, units: 10000}\n",
    ),
)

WARNING_CODES = (
    Code(
        "W201",
        "a result that nothing uses",
        "Rows that no row takes and no output names cost time and memory for nothing.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3}\n"
        "  - {name: C2, type: conv, maps: 6, kernel: 3, from: in}\n",
    ),
    Code(
        "W202",
        "a size that could not be checked",
        "The row never comes to be: it is repeated no times, or left out.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3}\n"
        "  - {name: C2, type: conv, maps: 6, kernel: 3, repeat: 0, size: 4x4}\n",
    ),
    Code(
        "W203",
        "a block that nothing uses",
        "No row has it as its type.",
        "input: 1x8x8\nblocks:\n  unit:\n    layers: [{type: relu}]\nlayers:\n  - {type: tanh}\n",
    ),
    Code(
        "W204",
        "a parameter that nothing uses",
        "No expression reads it, so that setting it changes nothing.",
        "input: 1x8x8\nparams: {width: 4}\nlayers:\n  - {type: tanh}\n",
    ),
)
