"""The codes of pasted tables."""

from __future__ import annotations

from archspec.codes.code import Code

TABLE_CODES = (
    Code(
        "E501",
        "no table",
        "A table has a line of headings and a line for each layer; `|`, commas, tabs or two spaces stand between its "
        "cells.",
        "input: 1x8x8\ntable: |\n  LeNet-5\n",
    ),
    Code(
        "E502",
        "headings that do not work",
        "One column has the types of the layers, and no two columns mean the same.",
        "table: |\n  Maps | Size\n  1    | 8x8\n  6    | 6x6\n",
    ),
    Code(
        "E503",
        "a cell that means nothing",
        "The type, the activation or the numbers in a cell are none that archspec knows.",
        "table: |\n  Type       | Maps | Size | Kernel\n  Input      | 1    | 8x8  | -\n"
        "  Convoluton | 6    | 6x6  | 3\n",
    ),
    Code(
        "E504",
        "a line with another number of cells",
        "It is not clear which cell belongs under which heading.",
        "table: |\n  Type  | Maps | Size\n  Input | 1    | 8x8 | 3\n",
    ),
    Code(
        "E505",
        "an input that the table leaves open",
        "The first or the last row is the input, with its maps and size; or the spec around the table has `input`.",
        "table: |\n  Type | Maps | Size | Kernel\n  Conv | 6    | 6x6  | 3\n  Conv | 6    | 4x4  | 3\n",
    ),
    Code(
        "E506",
        "three numbers in no known order",
        "`96x55x55` and `55x55x96` are told apart by the two equal sides, or by the column of maps.",
        "table: |\n  Type  | Size     | Kernel\n  Input | 3x4x5    | -\n  Conv  | 1x2x6    | 3\n",
    ),
    Code(
        "E507",
        "cells that contradict one another",
        "Two cells say different things of one layer, or the total is not the sum of its rows.",
        "table: |\n  Type    | Maps | Size | Kernel\n  Input   | 1    | 8x8  | -\n  Conv3-6 | 7    | 6x6  | 3\n",
    ),
    Code(
        "W501",
        "a column that is not read",
        "The heading is none that archspec knows; what stands below it has no part in the network.",
        "table: |\n  Type  | Maps | Size | Kernel | Author\n  Input | 1    | 8x8  | -      | -\n"
        "  Conv  | 6    | 6x6  | 3      | me\n",
    ),
    Code(
        "W502",
        "a part of a cell that is not read",
        "The cell says more than its column takes, and the rest does not agree with the table or could not be checked.",
        "table: |\n  Type  | Maps | Size  | Kernel\n  Input | 1    | 8x8x3 | -\n  Conv  | 6    | 6x6   | 3\n",
    ),
    Code(
        "N501",
        "a value that the sizes imply",
        "The table leaves the padding or the stride out, and one value makes its sizes true. `archspec resolve` "
        "prints it.",
        "table: |\n  Type  | Maps | Size | Kernel\n  Input | 1    | 8x8  | -\n  Conv  | 6    | 8x8  | 3\n",
    ),
    Code(
        "N502",
        "how a cell was read",
        "The cell can be read in more than one way, and this is the one that was taken. There are too many ways "
        "for one example.",
        "",
    ),
)
