"""The codes of weights, and of files that are written."""

from __future__ import annotations

from archspec.codes.code import Code

_NO_EXAMPLE = " It is about a file beside the spec, so there is no example."

WEIGHT_CODES = (
    Code(
        "E801",
        "a file of weights that can't be read",
        "It is not there, damaged, or no file of weights. Of pickled files only the tensors are read, because "
        "anything else in them is code that would run." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E802",
        "weights that do not fit by name",
        "Weights are loaded by the names of rows. Those that a network lacks, has besides, or has in another shape are "
        "all listed, and nothing is loaded, unless `--partial` asks for what fits." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E803",
        "weights of another architecture",
        "To be ported, the weights of another implementation have to be of the same layers: as many of each kind and "
        "shape." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E804",
        "weights that fit in more than one place, or in no order",
        "Where two layers of one shape lie side by side, neither shape nor order says which weights are whose. A "
        "network with exchanged weights computes something else without any error, so archspec does not guess."
        + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E805",
        "a mapping that does not work out",
        "`--mapping`, `--leave-out` and `--fresh` name modules of the source, and rows or blocks of the spec."
        + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E806",
        "a file that is not written",
        "Nothing that is there is overwritten, unless `--force` says so; and a file is there whole or not at all."
        + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E808",
        "a network that can't be measured",
        "It does not run with this batch and these numbers on this device: what torch says of it is in the message."
        + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E807",
        "a network that can't be exported",
        "The format has no counterpart of one of its operations, or the exporter is not installed." + _NO_EXAMPLE,
        "",
    ),
)
