"""The codes of `train:` sections, and of runs."""

from __future__ import annotations

from archspec.codes.code import Code

_NO_EXAMPLE = " It is about a run and not a spec, so there is no example."
_LAYERS = "input: 1x8x8\nlayers:\n  - {name: fc, type: dense, units: 10}\ntrain:\n"

TRAINING_CODES = (
    Code(
        "E901",
        "rows to freeze, skip or recompute that are not there",
        "A pattern that names nothing would freeze nothing, and the run would be another one than was meant.",
        _LAYERS + "  {data: random, freeze: stem}\n",
    ),
    Code(
        "E902",
        "keys of `train` that contradict each other",
        "A warmup or a second phase that lies behind the end of the run never comes, parts of a batch are equal, and "
        "nothing is computed again twice.",
        _LAYERS + "  {data: random, epochs: 2, schedule: {type: cosine, warmup: 3}}\n",
    ),
    Code(
        "E903",
        "a loss that does not go with its output",
        "Of the distances that a row of type rbf gives the smallest is best, and of scores the largest: a loss that "
        "takes one for the other trains the network to be wrong.",
        _LAYERS + "  {data: random, loss: rbf}\n",
    ),
    Code(
        "E914",
        "an unknown recipe",
        "`--recipe` names one of the `recipes:` of a spec, which are other ways to train it." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E904",
        "a device that is not there",
        "A run is never moved to another device than the one that was asked for." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E905",
        "a batch that has no equal parts",
        "A batch is what all processes see in one step. It is divided over them, and in each into the parts of "
        "`accumulate`, so that the same recipe learns the same on one device and on eight." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E906",
        "a folder that is no run, or none that has ended",
        "A run can be gone on with and judged as long as its spec, its source and what it says of itself are in its "
        "folder; weights are there once it has reached its end." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E907",
        "a run that another process trains",
        "Two processes in one folder would overwrite each other's states. The lock goes with the process that holds "
        "it, however that ends." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E908",
        "a run that can't be written",
        "The disk is full, or the folder may not be written. States that were saved before stay as they are."
        + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E909",
        "no checkpoint that can be read",
        "Each checkpoint has the checksum of its bytes in its name. A damaged one is passed over for the one before; "
        "here none was left." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E910",
        "a loss that is no number",
        "From there on the weights are no numbers either. The run stops before it saves them, and the last state "
        "before is kept." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E911",
        "a recipe, a network and data that do not go together",
        "The outputs of the network are the classes of the data, one unit for each, and what a recipe asks of the "
        "data has to be there." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E912",
        "checkpoints of another spec",
        "The state of one network means nothing to another, and a changed recipe would make a run that nobody can "
        "repeat." + _NO_EXAMPLE,
        "",
    ),
    Code(
        "E913",
        "not enough memory",
        "A batch can be computed in parts, which gives the same step with less memory: `accumulate` says how many, "
        "and with `batch: auto` the run finds out." + _NO_EXAMPLE,
        "",
    ),
)
