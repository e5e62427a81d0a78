"""The codes of sections, rows and blocks that are not as the language has them."""

from __future__ import annotations

from archspec.codes.code import Code

SPEC_CODES = (
    Code(
        "E101",
        "not a spec, not a row",
        "A spec is a mapping of sections, and a row a mapping of attributes. A text or a list in its place is most "
        "often a missing `- ` or a colon without a space.",
        "input: 1x8x8\nlayers:\n  - conv\n",
    ),
    Code(
        "E102",
        "an unknown attribute, section or argument",
        "Nothing is passed over in silence: a mistyped attribute would otherwise leave the default in force.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, pading: same}\n",
    ),
    Code(
        "E103",
        "an attribute that is missing",
        "The row, its `defaults` and the operator's own defaults leave an attribute without a value.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6}\n",
    ),
    Code(
        "E104",
        "a value of the wrong kind",
        "Each attribute says what it takes: a whole number, one of a few words, a list. Numbers are not read from "
        "quoted text, and true is not 1.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: six, kernel: 3}\n",
    ),
    Code(
        "E105",
        "an unknown type",
        "The type of a row is an operator, or a block of this spec or of a file that it uses.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: convolve, maps: 6, kernel: 3}\n",
    ),
    Code(
        "E106",
        "an unknown normalization or activation",
        "`norm` and `activation` name an operator that is one: `batch`, `relu`, or a mapping with its type and "
        "attributes. `none` means none.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, activation: rellu}\n",
    ),
    Code(
        "E107",
        "a key that this kind of row does not have",
        "`first` and `last` need several instances; a group of rows has no type or attributes of its own; "
        "`branches` are combined by an operator.",
        "input: 1x8x8\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3, first: {stride: 2}}\n",
    ),
    Code(
        "E110",
        "a name that can't be one",
        "Names become attributes and arguments of Python code, so they are identifiers, no words of Python, and no "
        "attribute that torch modules have already.",
        "input: 1x8x8\nlayers:\n  - {name: conv-1, type: conv, maps: 6, kernel: 3}\n",
    ),
    Code(
        "E111",
        "a block with the name of an operator",
        "A row of that type would mean two things.",
        "input: 1x8x8\nblocks:\n  conv:\n    layers: [{type: relu}]\nlayers:\n  - {type: global_avg_pool}\n",
    ),
    Code(
        "E112",
        "rows and a table",
        "A spec has its rows under `layers` or in a `table`, not both.",
        "input: 1x8x8\nlayers:\n  - {type: relu}\ntable: |\n  Type | Maps | Size\n  Conv | 6    | 8x8\n",
    ),
    Code(
        "E113",
        "an `each` whose lists do not go together",
        "`each` takes lists of one length by name, or a list of mappings with the same names.",
        "input: 1x8x8\nlayers:\n"
        "  - {name: stage, each: {m: [8, 16], k: [3]}, type: conv, maps: =m, kernel: =k, padding: same}\n",
    ),
    Code(
        "E114",
        "a block that contains itself",
        "Expansion would never end. Rows that follow one another are written with `repeat`.",
        "input: 1x8x8\nblocks:\n  unit:\n    layers: [{type: relu}, {type: unit}]\nlayers:\n  - {type: unit}\n",
    ),
    Code(
        "E115",
        "a key of rows in `defaults`, `first` or `last`",
        "These set attributes, `norm` and `activation`. What makes the structure - names, inputs, repetitions - "
        "belongs to a row.",
        "input: 1x8x8\ndefaults:\n  conv: {repeat: 2}\nlayers:\n  - {type: conv, maps: 6, kernel: 3}\n",
    ),
    Code(
        "E116",
        "an input that is none",
        "Every size follows from the input: maps x height x width, or a number of features.",
        "layers:\n  - {type: conv, maps: 6, kernel: 3}\n",
    ),
    Code(
        "E117",
        "a spec without rows",
        "There is no network without a row.",
        "input: 1x8x8\nlayers: []\n",
    ),
    Code(
        "E118",
        "outputs for training only",
        "Auxiliary heads are left out of inference; one output at least has to remain.",
        "input: 1x8x8\nlayers:\n  - {name: fc, type: dense, units: 10}\noutputs:\n  fc: {train_only: true}\n",
    ),
)
