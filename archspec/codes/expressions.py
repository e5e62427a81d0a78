"""The codes of what stands after `=`."""

from __future__ import annotations

from archspec.codes.code import Code


def _conv(maps: str, params: str = "") -> str:
    return f'{params}input: 1x8x8\nlayers:\n  - {{type: conv, maps: "{maps}", kernel: 3}}\n'


EXPRESSION_CODES = (
    Code(
        "E301",
        "an expression that does not parse",
        "A value or an operator is missing, or a bracket or a quote is never closed.",
        _conv("=4*"),
    ),
    Code(
        "E302",
        "an unknown name in an expression",
        "An expression reads parameters, the arguments of its block, the index `i` of a repeat, the names of `each`, "
        "and `in.maps`, `in.height`, `in.width` and `in.features`. Any other name is a typing mistake.",
        _conv("=4*widht", "params: {width: 8}\n"),
    ),
    Code(
        "E303",
        "an operand of the wrong kind",
        "Numbers, texts, lists, and true and false are different things, and nothing turns one into another silently: "
        "`true + 1` is an error, and so is `1 if 3 else 2`.",
        _conv("=4 + 'a'"),
    ),
    Code(
        "E304",
        "a number that is too large",
        "Beyond 2**53 a float no longer tells neighbouring whole numbers apart, and no architecture needs numbers of "
        "that size. `--limit number=N` sets another bound.",
        _conv("=9**9**9"),
    ),
    Code(
        "E305",
        "a value that an operation is not defined for",
        "Division by zero, the square root of a negative number, the smallest of no items.",
        _conv("=4 / 0"),
    ),
    Code(
        "E306",
        "an index that a list does not have",
        "Items count from 0, and from -1 backwards from the end.",
        _conv("=widths[2]", "params: {widths: [16, 32]}\n"),
    ),
    Code(
        "E307",
        "an unknown function, or the wrong number of arguments",
        "Expressions call `abs`, `ceil`, `divisible`, `floor`, `int`, `len`, `log2`, `max`, `min`, `range`, `round`, "
        "`sqrt` and `sum`, which do what they do in Python. `divisible(x, n)` is the multiple of `n` nearest to `x`, "
        "at least `n` and never below nine tenths of `x`, as MobileNet and EfficientNet round their maps.",
        _conv("=maxi(4, 8)"),
    ),
    Code(
        "E308",
        "an expression, a list or a text that is too long",
        "An expression has at most 256 characters, and makes lists of at most 10,000 items. What is longer becomes "
        "readable once a part of it has a name under `params`.",
        _conv("=len(range(20000))"),
    ),
    Code(
        "E309",
        "something that expressions leave out",
        "Expressions look like Python's, but have no attributes, no methods, no `lambda`, no comprehensions, no "
        "assignments and no operators on bits. A spec computes sizes; what it takes is arithmetic.",
        _conv("=4 ^ 2"),
    ),
)
