"""The codes of operators whose inputs do not fit them."""

from __future__ import annotations

from archspec.codes.code import Code

OPERATOR_CODES = (
    Code(
        "E201",
        "a vector where maps are needed",
        "Convolutions, pools and everything else that looks at neighbouring pixels need maps with a height and a "
        "width. After a dense layer or a `flatten` there are none left.",
        """\
input: 1x28x28
layers:
  - {name: F1, type: dense, units: 84}
  - {name: C2, type: conv, maps: 6, kernel: 5}
""",
    ),
    Code(
        "E203",
        "a kernel larger than its input",
        "The window covers more rows or columns than the input has, padding and dilation included, so there is no "
        "place for it. Usually a padding is missing further up.",
        """\
input: 3x32x32
layers:
  - {name: C1, type: conv, maps: 16, kernel: 5, stride: 8}
  - {name: C2, type: conv, maps: 32, kernel: 5}
""",
    ),
    Code(
        "E204",
        "nothing left",
        "The row cuts away all rows or all columns.",
        """\
input: 3x8x8
layers:
  - {name: inner, type: crop, sides: 4}
""",
    ),
    Code(
        "E206",
        "inputs of unequal shapes",
        "`add` and `multiply` need equal shapes, `concat` equal heights and widths. Nothing is broadcast, because a "
        "1x1 map that silently spreads over another one hides mistakes; to multiply maps by a gate, use `scale`.",
        """\
input: 16x32x32
layers:
  - {name: C1, type: conv, maps: 16, kernel: 3, padding: same}
  - {name: C2, type: conv, maps: 32, kernel: 3, padding: same}
  - {name: sum, type: add, from: [C1, C2]}
""",
    ),
    Code(
        "E207",
        "groups that do not divide the maps",
        "Every group has the same number of input maps, and of output maps.",
        """\
input: 16x32x32
layers:
  - {name: C1, type: conv, maps: 32, kernel: 3, groups: 3}
""",
    ),
    Code(
        "E208",
        "a reshape that loses or invents values",
        "The same values are put under other sizes, so the product of the sizes can't change.",
        """\
input: 16x5x5
layers:
  - {name: again, type: reshape, to: 8x5x5}
""",
    ),
    Code(
        "E209",
        "a gate that does not fit its maps",
        "`scale` multiplies each map of its first input by one number of its second, which has as many maps of "
        "one pixel.",
        """\
input: 16x32x32
layers:
  - {name: C1, type: conv, maps: 16, kernel: 3, padding: same}
  - {name: squeeze, type: global_avg_pool}
  - {name: reduce, type: conv, maps: 4, kernel: 1}
  - {name: excite, type: scale, from: [C1, reduce]}
""",
    ),
    Code(
        "E210",
        "a slice or a part that is not there",
        "A `slice` names maps that the input does not have, or none at all; or a `split` can't make equal parts of "
        "the maps, or takes one beyond the last. Maps and parts count from 0.",
        """\
input: 16x32x32
layers:
  - {name: upper, type: slice, start: 8, stop: 20}
""",
    ),
    Code(
        "E211",
        "connections that do not fit the maps",
        "`connections` has one list for each output map, of the input maps it sees, each named once and counted "
        "from 0. `groups` is another way to say which maps see which, so the two exclude each other.",
        """\
input: 3x14x14
layers:
  - {name: C3, type: conv, maps: 2, kernel: 5, connections: [[0, 1], [1, 3]]}
""",
    ),
    Code(
        "E212",
        "an output padding that makes no sense",
        "`output_padding` chooses among the sizes that a stride rounds to the same one, so it is below the stride; "
        "`padding: same` has chosen already.",
        """\
input: 8x7x7
layers:
  - {name: up, type: transposed_conv, maps: 4, kernel: 2, stride: 2, output_padding: 2}
""",
    ),
    Code(
        "E216",
        "a window that sees only padding",
        "A pool that takes the largest pixel, or the mean of the input's own pixels, has nothing to take where its "
        "whole window lies in the padding.",
        """\
input: 8x6x6
layers:
  - {name: P1, type: max_pool, kernel: 2, padding: 2}
""",
    ),
    Code(
        "E217",
        "attributes that exclude each other",
        "The row has two attributes that say the same thing in two ways, or an attribute that means nothing beside "
        "another; or it has neither of two, one of which it needs.",
        """\
input: 8x6x6
layers:
  - {name: up, type: upsample, scale: 2, to: 12x12}
""",
    ),
    Code(
        "E218",
        "a crop that would enlarge",
        "The centre to be left is larger than the input.",
        """\
input: 8x6x6
layers:
  - {name: centre, type: crop, to: 8x8}
""",
    ),
)
