"""The codes of variants, settings and files that extend or use one another."""

from __future__ import annotations

from archspec.codes.code import Code

_OTHER_FILES = " It takes more than one file, so there is no example."

FAMILY_CODES = (
    Code(
        "E401",
        "an unknown variant",
        "The family has no member of this name.",
        "extends: lenet5/1989\n",
    ),
    Code(
        "E402",
        "a `--set` that sets nothing",
        "`--set NAME=VALUE` gives a parameter of the spec another value. It belongs to the command line, so there is "
        "no example.",
        "",
    ),
    Code(
        "E403",
        "files or variants in a circle",
        "Each of them waits for the next." + _OTHER_FILES,
        "",
    ),
    Code(
        "E404",
        "a parameter without a value",
        "The file leaves it to the variants: choose one, as in `resnet/resnet50`, or set it.",
        "input: 1x8x8\nparams: {maps}\nlayers:\n  - {type: conv, maps: =maps, kernel: 3}\n",
    ),
    Code(
        "E405",
        "a change that changes nothing",
        "What a child writes differs from its parent; otherwise one of the two has been edited since.",
        "extends: lenet5\nchanges:\n  C1: {maps: 6}\n",
    ),
    Code(
        "E406",
        "an unknown spec",
        "There is no such file, and no spec of this name in the zoo.",
        "extends: lenet55\n",
    ),
    Code(
        "E407",
        "changes without a parent",
        "`changes` is for specs that extend another.",
        "input: 1x8x8\nchanges:\n  C1: {maps: 4}\nlayers:\n  - {name: C1, type: conv, maps: 6, kernel: 3}\n",
    ),
    Code(
        "E408",
        "a path that leaves the directory",
        "`extends` and `use` name files beside the spec or below it, so that a spec from elsewhere reads nothing else.",
        "extends: ../secret.yaml\n",
    ),
    Code(
        "E409",
        "a file without blocks",
        "`use` takes blocks from another file, and this one has none.",
        "input: 1x32x32\nuse: lenet5\nlayers:\n  - {type: relu}\n",
    ),
    Code(
        "E410",
        "a block from two files",
        "Two files in `use` have a block of one name." + _OTHER_FILES,
        "",
    ),
    Code(
        "E411",
        "a change of a row that the parent does not have",
        "Changes go by name: a row of the parent, or `group.row` for one inside a group or branch.",
        "extends: lenet5\nchanges:\n  C2: {maps: 8}\n",
    ),
    Code(
        "E412",
        "a change of two kinds",
        "A change sets attributes, or does one of remove, replace, before and after.",
        "extends: lenet5\nchanges:\n  C1: {remove: true, maps: 8}\n",
    ),
)
