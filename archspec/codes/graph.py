"""The codes of claims, weights and inputs of rows that do not fit together."""

from __future__ import annotations

from archspec.codes.code import Code

GRAPH_CODES = (
    Code(
        "E202",
        "too many inputs, or too few",
        "Most operators take one input; `add`, `concat` and `multiply` take two or more, and `scale` exactly two.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3}\n  - {type: add}\n",
    ),
    Code(
        "E205",
        "a size that is not the author's",
        "`size` is what the author says the output is. It is compared with what the attributes give, and never used "
        "to compute. The help names the padding or stride that makes it true, or what the nearest ones give.",
        "input: 1x32x32\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 5, size: 32x32}\n",
    ),
    Code(
        "E213",
        "weights that can't be shared",
        "`share` uses another row's weights, so the two have the same type, and their weights the same shapes.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 4, kernel: 3}\n"
        "  - {name: C2, type: conv, maps: 4, kernel: 3, share: C1}\n",
    ),
    Code(
        "E214",
        "a number of parameters that is not the author's",
        "`parameters` is what the author, or a column of a pasted table, says the row has. A difference is most "
        "often a bias, or a normalization that the table counts in.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, parameters: 54}\n",
    ),
    Code(
        "E220",
        "no row of this name",
        "`from`, `share` and `outputs` name rows that the same list has, or the list around it. A block sees its own "
        "rows and `in`.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, from: C0}\n",
    ),
    Code(
        "E221",
        "a row that runs later",
        "Rows run in the order they stand, so a row takes what is above it.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, from: C2}\n"
        "  - {name: C2, type: conv, maps: 6, kernel: 3, from: in}\noutputs: [C1, C2]\n",
    ),
    Code(
        "E222",
        "a row that takes itself",
        "A row's input, and the weights it shares, are another row's.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, from: C1}\n",
    ),
    Code(
        "E223",
        "rows in a circle",
        "Each of these rows waits for the next. The message shows the whole circle.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, from: C2}\n"
        "  - {name: C2, type: conv, maps: 6, kernel: 3}\n",
    ),
    Code(
        "E225",
        "no convolution that does the same",
        "A fully convolutional network does at every position what the network did to one image. Layers that tell "
        "positions apart, or fit one input size, can't. It is found when a network is converted and not in a spec, so "
        "there is no example.",
        "",
    ),
    Code(
        "E226",
        "weights for one input size",
        "A dense layer behind maps has a weight for each of their positions, so that another input size makes it "
        "another layer. It is found when a network is moved to another input and not in a spec, so there is no "
        "example.",
        "",
    ),
    Code(
        "E227",
        "no filters to show",
        "A picture of what a run has learnt begins with the filters of its first convolution, and this network has "
        "none. It is about a run and not about its spec, so there is no example.",
        "",
    ),
    Code(
        "E224",
        "a name given twice",
        "A name stands for one row. Instances (`C1.0`), branches and the parts of a row (`C1.norm`) have names too.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3}\n"
        "  - {name: C1, type: conv, maps: 6, kernel: 3}\n",
    ),
)
