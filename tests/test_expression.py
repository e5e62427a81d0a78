"""Expressions: values as Python has them, errors to the column, and nothing else whatever the text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from time import perf_counter

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archspec.codes.expressions import EXPRESSION_CODES
from archspec.expression import Expression, ExpressionError, Value, parse
from archspec.limits import DEFAULT_LIMITS, Limits

NAMES: dict[str, Value] = {
    "width": 8,
    "i": 2,
    "ratio": 0.25,
    "widths": [16, 32, 64],
    "empty": [],
    "deep": True,
    "act": "relu",
    "long": "x" * 9999,
    "nothing": None,
    "huge": 1e300,
    "nan": math.nan,
    "in.maps": 24,
    "in.height": 56,
    "in.width": 28,
}


def value(text: str, names: Mapping[str, Value] = NAMES, limits: Limits = DEFAULT_LIMITS) -> Value:
    return parse(text, limits).evaluate(names)


def error(text: str, names: Mapping[str, Value] = NAMES, limits: Limits = DEFAULT_LIMITS) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(text, names, limits)
    return caught.value


def is_same(left: object, right: object) -> bool:
    """Equal and of the same types, inside lists too; `repr` tells 1, 1.0 and True apart."""
    return repr(left) == repr(right)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4*width", 32),
        (" 4 * width ", 32),
        ("7", 7),
        ("007", 7),
        ("2.5", 2.5),
        (".5", 0.5),
        ("3.", 3.0),
        ("1e-4", 1e-4),
        ("2E3", 2000.0),
        ("2**53", 2**53),
        ("-2**2", -4),
        ("2**-1", 0.5),
        ("2**-2**2", 0.0625),
        ("2**3**2", 512),
        ("(2**3)**2", 64),
        ("(-2)**2.0", 4.0),
        ("0**0", 1),
        ("--3", 3),
        ("1 - 2 - 3", -4),
        ("8 / 4", 2.0),
        ("8 / 4 / 2", 1.0),
        ("-7 // 2", -4),
        ("-7 % 4", 1),
        ("7 % -4", -1),
        ("in.maps // 4", 6),
        ("in.width + in.height", 84),
        ("'relu'", "relu"),
        ('"it\'s"', "it's"),
        ("'a' + \"b\"", "ab"),
        ("act == 'relu'", True),
        ("act != 'relu'", False),
        ("act in ['relu', 'tanh']", True),
        ("'el' in act", True),
        ("act not in ['tanh']", True),
        ("true", True),
        ("false", False),
        ("[]", []),
        ("[1, 'a', [true]]", [1, "a", [True]]),
        ("[1, 2,]", [1, 2]),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("[1, 2] * 2", [1, 2, 1, 2]),
        ("2 * [1]", [1, 1]),
        ("[1] * -3", []),
        ("[0] * 10000", [0] * 10000),
        ("widths[i]", 64),
        ("widths[-3]", 16),
        ("widths[1:]", [32, 64]),
        ("widths[:1]", [16]),
        ("widths[:]", [16, 32, 64]),
        ("widths[::2]", [16, 64]),
        ("widths[::-1]", [64, 32, 16]),
        ("widths[0:9:1]", [16, 32, 64]),
        ("[[1, 2], [3]][0][1]", 2),
        ("widths + [128]", [16, 32, 64, 128]),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("(1 < 2) == true", True),
        ("1 == 1.0", True),
        ("true == 1", False),
        ("1 in [true]", False),
        ("[1, [2]] == [1, [2]]", True),
        ("[1] == [true]", False),
        ("'a' == 1", False),
        ("nothing == 0", False),
        ("nothing", None),
        ("not deep", False),
        ("not 1 == 2", True),
        ("deep and i > 1", True),
        ("i > 5 or not deep", False),
        ("true or false and false", True),
        ("1 if deep else 2", 1),
        ("1 if i == 0 else 2 if i == 1 else 3", 3),
        ("2 + 3 if deep else 4", 5),
        ("false and 1/0 == 1", False),
        ("true or unknown", True),
        ("1 if true else 1/0", 1),
        ("unknown if false else 1", 1),
        ("2 < 1 < 1/0", False),
        ("min(3, 1, 2)", 1),
        ("max(widths)", 64),
        ("max(1, 1.5)", 1.5),
        ("abs(-3)", 3),
        ("round(2.5)", 2),
        ("round(3.5)", 4),
        ("ceil(1.2*3)", math.ceil(1.2 * 3)),
        ("ceil(1.1*1.1/1.21)", 2),
        ("floor(-0.5)", -1),
        ("int(-1.9)", -1),
        ("int(8/2)", 4),
        ("len(widths)", 3),
        ("sum(widths)", 112),
        ("sum([])", 0),
        ("sum([0.5, 1])", 1.5),
        ("range(3)", [0, 1, 2]),
        ("range(1, 7, 2)", [1, 3, 5]),
        ("range(3, 0, -1)", [3, 2, 1]),
        ("len(range(10000))", 10000),
        ("sqrt(16)", 4.0),
        ("log2(8)", 3.0),
        ("divisible(32 * 1.4, 8)", 48),
        ("divisible(24 * 0.35, 8)", 8),
        ("divisible(10, 8)", 16),
        ("divisible(1, 8)", 8),
        ("divisible(-20, 8)", 8),
        ("divisible(11, 8)", 16),
        ("divisible(27, 8)", 32),
        ("divisible(28, 8)", 32),
        ("divisible(20, 8)", 24),
        ("+".join("1" * 128), 128),
        ("-" * 63 + "1", -1),
        ("(" * 63 + "1" + ")" * 63, 1),
    ],
)
def test_value(text: str, expected: Value) -> None:
    assert is_same(value(text), expected)


EMPTY = ("nothing here", "write `=4*width`")
NO_VALUE = ("a value is due here", None)
ENDS = ("the expression ends here", None)
NO_OPERATOR = ("an operator is due before this", "`*` multiplies, `,` separates items")
NOT_NUMBER = "neither number nor name"
BOUND = "`--limit number=…` sets the bound"
LEFT_OUT = "not in this language"
STRANGE = ("not a character of expressions", "names have letters from a to z, digits and `_`")
NO_ATTRIBUTES = (
    "values have no attributes",
    "of the input there are `in.maps`, `in.height`, `in.width` and `in.features`",
)
FUNCTIONS = "known here: abs, ceil, divisible, floor, int, len, log2, max, min, range, round, sqrt, sum"
WORDS = "the words are `and`, `or`, `not`, `in`, `if`, `else`, `true` and `false`"
NAME_IT = "name a part of it under `params`"
QUOTES = "texts stand in straight quotes: `'relu'`"
SQUARE = "a list has square brackets: `[1, 2]`"

ERRORS: list[tuple[str, str, int, int, str, tuple[str, str | None]]] = [
    ("", "E301", 0, 0, "empty expression", EMPTY),
    ("  ", "E301", 0, 2, "empty expression", EMPTY),
    ("4*", "E301", 1, 2, "no value after `*`", ENDS),
    ("1 if deep else", "E301", 10, 14, "no value after `else`", ENDS),
    ("*4", "E301", 0, 1, "no value before `*`", NO_VALUE),
    ("++1", "E301", 0, 1, "no value before `+`", NO_VALUE),
    ("[1,,2]", "E301", 3, 4, "no value before `,`", NO_VALUE),
    ("()", "E301", 1, 2, "no value before `)`", NO_VALUE),
    ("max(,)", "E301", 4, 5, "no value before `,`", NO_VALUE),
    ("in", "E301", 0, 2, "no value before `in`", NO_VALUE),
    ("4 width", "E301", 2, 7, "no operator between `4` and `width`", NO_OPERATOR),
    ("[1 'a']", "E301", 3, 6, "no operator between `1` and `'a'`", NO_OPERATOR),
    ("max(1 2)", "E301", 6, 7, "no operator between `1` and `2`", NO_OPERATOR),
    ("widths[1 2]", "E301", 9, 10, "no operator between `1` and `2`", NO_OPERATOR),
    ("(1 2)", "E301", 3, 4, "no operator between `1` and `2`", NO_OPERATOR),
    ("1, 2", "E301", 1, 2, "unexpected `,`", ("does not belong here", None)),
    ("widths[0](1)", "E301", 9, 10, "unexpected `(`", ("does not belong here", None)),
    ("(1, 2)", "E301", 2, 3, "`,` outside of a list", ("brackets are round", "write `[1, 2]`")),
    ("2*(1 + [2]", "E301", 2, 3, "`(` is never closed", ("no `)` for this", "add `)`")),
    ("max(1, [2", "E301", 7, 8, "`[` is never closed", ("no `]` for this", "add `]`")),
    ("1)", "E301", 1, 2, "`)` closes nothing", ("no bracket is open", "leave `)` out")),
    ("(1]", "E301", 2, 3, "`]` where `)` is due", ("`)` here", "write `)`")),
    ("4width", "E301", 0, 6, "`4width` is not a number", (NOT_NUMBER, "write `4*width`")),
    ("3x3", "E301", 0, 3, "`3x3` is not a number", (NOT_NUMBER, "write `[3, 3]`")),
    ("1_000", "E301", 0, 5, "`1_000` is not a number", (NOT_NUMBER, "write `1000`")),
    ("1if deep else 2", "E301", 0, 3, "`1if` is not a number", (NOT_NUMBER, "write `1 if`")),
    ("1.2.3", "E301", 0, 5, "`1.2.3` is not a number", (NOT_NUMBER, "a number has one point")),
    ("act == 'relu", "E301", 7, 12, "text is never closed", ("no second '", "end it with '")),
    ("é + 1", "E301", 0, 1, "unexpected character 'é'", STRANGE),
    ("1 \x00", "E301", 2, 3, "unexpected character '\\x00'", STRANGE),
    (
        "1 if deep",
        "E301",
        2,
        4,
        "`if` without `else`",
        ("no `else` for this", "write `a if condition else b`"),
    ),
    (
        "1 + not deep",
        "E301",
        4,
        7,
        "`not` inside an operation",
        ("binds weaker", "put it in brackets: `(not …)`"),
    ),
    (
        "1 not 2",
        "E301",
        2,
        5,
        "`not` between two values",
        ("not an operator alone", "write `not in` or `!=`"),
    ),
    (
        "widths[1:2:3:4]",
        "E301",
        12,
        13,
        "third `:` in a slice",
        ("two at most", "write `[start:stop:step]`"),
    ),
    ("widths[]", "E301", 6, 8, "no index between the brackets", ("empty", "write `[0]`")),
    ("4*widht", "E302", 2, 7, "unknown name `widht`", ("no such name here", "did you mean `width`?")),
    ("in.map", "E302", 0, 6, "unknown name `in.map`", ("no such name here", "did you mean `in.maps`?")),
    ("true + 1", "E303", 0, 4, "`+` needs a number, not true", ("not a number", "write `1 if … else 0`")),
    ("1 - act", "E303", 4, 7, "`-` needs a number, not the text 'relu'", ("not a number", None)),
    ("'3' * 2", "E303", 0, 3, "`*` needs a number, not the text '3'", ("not a number", "leave the quotes out")),
    ("-nothing", "E303", 1, 8, "`-` needs a number, not null", ("not a number", None)),
    (
        "2 / widths",
        "E303",
        4,
        10,
        "`/` needs a number, not a list of 3 items",
        ("not a number", "take one of its items, as in `widths[0]`"),
    ),
    ("[1] + 2", "E303", 6, 7, "`+` needs a list, not the number 2", ("not a list", "write `[…]`")),
    ("'a' + 2", "E303", 6, 7, "`+` needs a text, not the number 2", ("not a text", None)),
    (
        "[1] * 2.0",
        "E303",
        6,
        9,
        "`*` needs a whole number, not the number 2.0",
        ("not a whole number", "write `int(…)`"),
    ),
    (
        "widths[(1 / 1)]",
        "E303",
        7,
        14,
        "`[]` needs a whole number, not the number 1.0",
        ("not a whole number", "write `int(…)`"),
    ),
    ("act[0]", "E303", 0, 3, "`[]` needs a list, not the text 'relu'", ("not a list", "write `[…]`")),
    ("act[1:]", "E303", 0, 3, "`[:]` needs a list, not the text 'relu'", ("not a list", "write `[…]`")),
    (
        "1 and deep",
        "E303",
        0,
        1,
        "`and` needs true or false, not the number 1",
        ("not true or false", "compare it, as in `i > 0`"),
    ),
    (
        "deep and i",
        "E303",
        9,
        10,
        "`and` needs true or false, not the number 2",
        ("not true or false", "compare it, as in `i > 0`"),
    ),
    ("not act", "E303", 4, 7, "`not` needs true or false, not the text 'relu'", ("not true or false", None)),
    (
        "1 if i else 2",
        "E303",
        5,
        6,
        "`if` needs true or false, not the number 2",
        ("not true or false", "compare it, as in `i > 0`"),
    ),
    ("1 < 2 < act", "E303", 8, 11, "`<` needs a number, not the text 'relu'", ("not a number", None)),
    ("1 in 2", "E303", 5, 6, "`in` needs a list, not the number 2", ("not a list", "write `[…]`")),
    ("1 in act", "E303", 0, 1, "`in` needs a text, not the number 1", ("not a text", None)),
    (
        "max(1, 'a')",
        "E303",
        7,
        10,
        "`max` needs a number, not the text 'a'",
        ("not a number", None),
    ),
    ("min(3)", "E303", 4, 5, "`min` needs a list, not the number 3", ("not a list", "write `[…]`")),
    (
        "sum([1, deep])",
        "E303",
        4,
        13,
        "`sum` needs numbers, and item 1 is true",
        ("not all numbers", None),
    ),
    (
        "9**9**9",
        "E304",
        0,
        7,
        "`**` goes beyond 9007199254740992",
        ("9 ** 387420489", BOUND),
    ),
    ("1 + 2**53", "E304", 0, 9, "`+` goes beyond 9007199254740992", ("1 + 9007199254740992", BOUND)),
    ("-1 - 2**53", "E304", 0, 10, "`-` goes beyond 9007199254740992", ("-1 - 9007199254740992", BOUND)),
    ("0.5 ** -2000", "E304", 0, 12, "`**` goes beyond 9007199254740992", ("0.5 ** -2000", BOUND)),
    ("2**52 / 1e-300", "E304", 0, 14, "`/` goes beyond 9007199254740992", ("4503599627370496 / 1e-300", BOUND)),
    ("1e400", "E304", 0, 5, "`1e400` is beyond 9007199254740992", ("too large", BOUND)),
    ("2*" + "9" * 17, "E304", 2, 19, f"`{'9' * 17}` is beyond 9007199254740992", ("too large", BOUND)),
    ("2*huge", "E304", 2, 6, "`huge` is beyond 9007199254740992", ("too large or not finite", BOUND)),
    ("nan", "E304", 0, 3, "`nan` is beyond 9007199254740992", ("too large or not finite", BOUND)),
    ("4 / (i - 2)", "E305", 4, 11, "`/` by zero", ("this is 0", None)),
    ("4 // 0", "E305", 5, 6, "`//` by zero", ("this is 0", None)),
    ("4 % 0.0", "E305", 4, 7, "`%` by zero", ("this is 0", None)),
    ("0**-1", "E305", 3, 5, "0 to the power -1", ("negative: this divides by zero", None)),
    ("(-8)**0.5", "E305", 0, 4, "-8 to the power 0.5 is not a real number", ("negative", None)),
    ("sqrt(-1)", "E305", 5, 7, "`sqrt` of -1", ("negative", None)),
    ("log2(0)", "E305", 5, 6, "`log2` of 0", ("not above 0", None)),
    ("min([])", "E305", 4, 6, "`min` of an empty list", ("no items", None)),
    ("range(0, 9, 0)", "E305", 12, 13, "`range` with a step of 0", ("this is 0", None)),
    ("widths[::0]", "E305", 9, 10, "slice with a step of 0", ("this is 0", None)),
    ("divisible(8, 0)", "E305", 13, 14, "`divisible` by 0", ("not above 0", None)),
    (
        "widths[i + 1]",
        "E306",
        7,
        12,
        "no item 3 in a list of 3 items",
        ("there are 3, from 0 to 2", "`[2]` is the last"),
    ),
    (
        "widths[-4]",
        "E306",
        7,
        9,
        "no item -4 in a list of 3 items",
        ("there are 3, from 0 to 2", "`[2]` is the last"),
    ),
    ("[7][1]", "E306", 4, 5, "no item 1 in a list of 1 item", ("the only one is 0", "`[0]` is the last")),
    ("empty[0]", "E306", 6, 7, "no item 0 in a list of 0 items", ("the list is empty", None)),
    ("1 + mxa(1, 2)", "E307", 4, 7, "unknown function `mxa`", ("no such function", "did you mean `max`?")),
    ("eval('1')", "E307", 0, 4, "unknown function `eval`", ("no such function", FUNCTIONS)),
    ("round(1.5, 1)", "E307", 0, 13, "`round` with 2 arguments", ("takes 1", None)),
    ("divisible(8)", "E307", 0, 12, "`divisible` with 1 argument", ("takes 2", None)),
    ("min()", "E307", 0, 5, "`min` with 0 arguments", ("takes 1 or more", None)),
    ("range(1, 2, 3, 4)", "E307", 0, 17, "`range` with 4 arguments", ("takes 1 to 3", None)),
    ("1" * 257, "E308", 0, 257, "expression of 257 characters", ("256 at most", NAME_IT)),
    ("-" * 64 + "1", "E308", 64, 65, "more than 64 parts inside one another", ("too deep", NAME_IT)),
    ("(" * 99 + ")" * 99, "E308", 64, 65, "more than 64 parts inside one another", ("too deep", NAME_IT)),
    ("not " * 64, "E308", 256, 256, "more than 64 parts inside one another", ("too deep", NAME_IT)),
    ("range(10001)", "E308", 0, 12, "list of 10001 items", ("10000 at most", None)),
    ("long + 'ab'", "E308", 0, 11, "text of 10001 characters", ("10000 at most", None)),
    ("[0] * 10001", "E308", 0, 11, "list of 10001 items", ("10000 at most", None)),
    ("range(9999) + [1, 2]", "E308", 0, 20, "list of 10001 items", ("10000 at most", None)),
    (
        "[range(9999)] * 2",
        "E308",
        0,
        17,
        "list of more than 10000 items",
        ("with those of the lists inside it", None),
    ),
    (
        "[" * 17 + "]" * 17,
        "E308",
        0,
        34,
        "list of more than 16 lists inside one another",
        ("with those of the lists inside it", None),
    ),
    ("a = 1", "E309", 2, 3, "`=` means nothing in an expression", (LEFT_OUT, "write `==` to compare")),
    ("a === 1", "E309", 2, 5, "`===` means nothing in an expression", (LEFT_OUT, "write `==`")),
    ("a && b", "E309", 2, 4, "`&&` means nothing in an expression", (LEFT_OUT, "write `and`")),
    ("a || b", "E309", 2, 4, "`||` means nothing in an expression", (LEFT_OUT, "write `or`")),
    ("!deep", "E309", 0, 1, "`!` means nothing in an expression", (LEFT_OUT, "write `not`")),
    (
        "a ? 1 : 2",
        "E309",
        2,
        3,
        "`?` means nothing in an expression",
        (LEFT_OUT, "write `a if condition else b`"),
    ),
    ("2^3", "E309", 1, 2, "`^` means nothing in an expression", (LEFT_OUT, "write `**` for powers")),
    ("{1}", "E309", 0, 1, "`{` means nothing in an expression", (LEFT_OUT, SQUARE)),
    ("${width}", "E309", 0, 1, "`$` means nothing in an expression", (LEFT_OUT, "names stand alone: `=4*width`")),
    ("1 # one", "E309", 2, 3, "`#` means nothing in an expression", (LEFT_OUT, "put the comment after the row")),
    ("3 × 4", "E309", 2, 3, "`×` means nothing in an expression", (LEFT_OUT, "write `*`")),
    ("“relu”", "E309", 0, 1, "`“` means nothing in an expression", (LEFT_OUT, QUOTES)),
    (
        "lambda x: x",
        "E309",
        0,
        6,
        "`lambda` means nothing in an expression",
        (LEFT_OUT, "write the expression itself"),
    ),
    ("import os", "E309", 0, 6, "`import` means nothing in an expression", (LEFT_OUT, WORDS)),
    (
        "[2*w for w in widths]",
        "E309",
        5,
        8,
        "`for` means nothing in an expression",
        (LEFT_OUT, "write the items out, or use `range` and `*`"),
    ),
    ("1 if True else 2", "E309", 5, 9, "`True` means nothing in an expression", (LEFT_OUT, "write `true`")),
    ("width.__class__", "E309", 0, 15, "`width.__class__` is not a name", NO_ATTRIBUTES),
    ("a.b.c", "E309", 0, 5, "`a.b.c` is not a name", NO_ATTRIBUTES),
    ("(1).real", "E309", 3, 4, "`.` after a value", NO_ATTRIBUTES),
    (". 5", "E309", 0, 1, "`.` after a value", NO_ATTRIBUTES),
    ("widths.append(1)", "E309", 0, 13, "`widths.append` is not a function", NO_ATTRIBUTES),
]


@pytest.mark.parametrize(("text", "expected"), [(text, expected) for text, *expected in ERRORS])
def test_error(text: str, expected: list[object]) -> None:
    found = error(text)
    assert [found.code, found.start, found.stop, found.message, (found.label, found.help)] == expected


def test_every_code_is_tested_and_has_a_page() -> None:
    documented = [code.code for code in EXPRESSION_CODES]
    assert documented == sorted({row[1] for row in ERRORS})


@pytest.mark.parametrize("code", EXPRESSION_CODES, ids=lambda code: code.code)
def test_example_shows_its_code(code: object) -> None:
    spec = yaml.safe_load(code.example)  # type: ignore[attr-defined]
    maps = spec["layers"][0]["maps"]
    assert error(maps.removeprefix("="), spec.get("params", {})).code == code.code  # type: ignore[attr-defined]


def test_names_are_all_that_may_be_read() -> None:
    text = "widths[i] * in.maps if deep and true else max(width, 'act')"
    assert parse(text, DEFAULT_LIMITS).names == {"widths", "i", "in.maps", "deep", "width"}


def test_a_name_has_a_place() -> None:
    assert parse("width * i + i", DEFAULT_LIMITS).place("i") == (8, 9)


def test_the_same_text_is_parsed_once() -> None:
    assert parse("4*width + 1", DEFAULT_LIMITS) is parse("4*width + 1", DEFAULT_LIMITS)


def test_an_error_of_the_names_passes_through() -> None:
    class Lazy(Mapping[str, Value]):
        def __contains__(self, key: object) -> bool:
            return True

        def __getitem__(self, key: str) -> Value:
            raise KeyError("from elsewhere")

        def __iter__(self) -> Iterator[str]:
            return iter(())

        def __len__(self) -> int:
            return 0

    with pytest.raises(KeyError, match="from elsewhere"):
        value("a", Lazy())


def test_limits_are_the_callers() -> None:
    assert error("101", limits=Limits(number=100)).message == "`101` is beyond 100"
    assert value("2**60", limits=Limits(number=2**70)) == 2**60
    assert error("1 + 1 + 1", limits=Limits(expression=8)).label == "8 at most"


@pytest.mark.parametrize("unit", ["(", "[", "-", "not ", "max(", "1+", "1**", "x[", "1 if ", "true and "])
def test_no_length_exhausts_the_stack(unit: str) -> None:
    limits = Limits(expression=10**6, number=10**400)
    for text in (unit * 5000, unit * 5000 + "1" + {"(": ")", "[": "]", "max(": ")", "x[": "]"}.get(unit, "") * 5000):
        assert error(text, limits=limits).code in ("E301", "E308")
    assert value("1 == " * 5000 + "1", limits=limits) is True


def test_a_long_sum_is_too_deep() -> None:
    found = error("+".join("1" * 129), limits=Limits(expression=1000))
    assert (found.code, found.message) == ("E308", "more than 128 operations on top of one another")


def test_shared_lists_do_not_grow_without_bound() -> None:
    names: dict[str, Value] = {"a": [1] * 10}
    for _ in range(4):
        names["a"] = value("[a, a, a, a]", names)
    assert error("[a, a, a, a]", names).message == "list of more than 10000 items"


_WHOLE = st.integers(0, 99).map(str)
_NUMBER = _WHOLE | st.floats(0, 99, allow_nan=False).map(lambda number: format(number, ".3f")) | st.sampled_from("abc")
_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_CALLS = ("abs({0})", "round({0})", "ceil({0})", "floor({0})", "int({0})", "min({0}, {1})", "max({0}, {1})")
_VARIABLES: dict[str, Value] = {"a": 3, "b": 0.75, "c": 64}
_PYTHON = {
    "true": True,
    "false": False,
    "ceil": math.ceil,
    "floor": math.floor,
    "sqrt": math.sqrt,
    "log2": math.log2,
    **_VARIABLES,
}


def _larger(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaces = st.sampled_from(("", " "))
    conditions = st.builds(
        "{} {} {}{}".format,
        numbers,
        st.sampled_from(_COMPARISONS),
        numbers,
        st.just("") | st.builds(" {} {}".format, st.sampled_from(_COMPARISONS), numbers),
    )
    conditions = conditions | st.builds("not {}".format, conditions)
    conditions = conditions | st.builds("{} {} {}".format, conditions, st.sampled_from(("and", "or")), conditions)
    lists = st.lists(numbers, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    lists = lists | st.builds("({} + {})".format, lists, lists)
    lists = lists | st.builds("{}[{}:{}]".format, lists, st.integers(-3, 3), st.integers(-3, 3))
    return st.one_of(
        st.builds("{}{}{}{}{}".format, numbers, spaces, st.sampled_from(_ARITHMETIC), spaces, numbers),
        st.builds("({})".format, numbers),
        st.builds("-{}".format, numbers),
        st.builds(str.format, st.sampled_from(_CALLS), numbers, numbers),
        st.builds("({} if {} else {})".format, numbers, conditions, numbers),
        st.builds("{}[{}]".format, lists, st.integers(-3, 3)),
        st.builds("{}({})".format, st.sampled_from(("sum", "len", "max", "min")), lists),
        st.builds("{}({})".format, st.sampled_from(("sqrt", "log2")), numbers),
    )


def _in_python(text: str) -> object:
    """What Python makes of an expression that only has numbers below the bound."""
    return eval(compile(text, "expression", "eval"), {}, dict(_PYTHON))


def agrees_with_python(text: str) -> bool:
    """False where archspec has a value and Python another or none, or a number where Python has no such."""
    try:
        ours = value(text, _VARIABLES)
    except ExpressionError as found:
        # Python would compute for hours, has no such bound, or goes on with a complex number.
        if found.code in ("E304", "E308") or "not a real number" in found.message:
            return True
        try:
            _in_python(text)
        except (ZeroDivisionError, ValueError, IndexError):
            return found.code in ("E305", "E306")
        return False
    return is_same(ours, _in_python(text))


@settings(max_examples=400, deadline=None)
@given(st.recursive(_NUMBER, _larger, max_leaves=12).filter(lambda text: len(text) <= 256))
@example("-2 ** -2 ** 2")
@example("7 // -2 % 3 * 2")
def test_arithmetic_is_pythons(text: str) -> None:
    assert agrees_with_python(text)


_HOSTILE = """
    ( ) [ ] { } , : . + - * / // % ** < <= == != = ! && || ^ ? ' " and or not in if else true false for lambda in.maps
    width widths act deep nothing huge x.__class__ max( min( len( sum( range( sqrt( log2( divisible( int( round( ceil(
    0 1 2 9 99999 1e308 1e-308 .5 2.5 é − # \\ ; _ x1 9**9**9 10**4 [0]* *[0] [1:] \x00 \ud800
"""
_PIECES = st.sampled_from(_HOSTILE.split())


def is_value(found: object) -> bool:
    """True for what an expression may come to."""
    if isinstance(found, list):
        return all(map(is_value, found))
    return found is None or isinstance(found, (str, int)) or (isinstance(found, float) and math.isfinite(found))


def survives(text: str) -> bool:
    """True where a text gives a value or an ExpressionError with columns inside it, in a moment."""
    began = perf_counter()
    try:
        expression = parse.__wrapped__(text, DEFAULT_LIMITS)
        assert isinstance(expression, Expression)
        held = is_value(expression.evaluate(NAMES))
    except ExpressionError as found:
        held = 0 <= found.start <= found.stop <= len(text) and bool(found.message) and bool(found.label)
    return held and perf_counter() - began < 1


@settings(max_examples=400, deadline=None)
@given(
    st.lists(_PIECES, max_size=60).map(" ".join)
    | st.lists(_PIECES, max_size=60).map("".join)
    | st.text(st.sampled_from("()[]{}.,:+-*/%<>=!&|^?'\"0123456789eExyin _#\\\n\té×"), max_size=300)
    | st.text(max_size=300)
)
def test_any_text_gives_a_value_or_an_error(text: str) -> None:
    assert survives(text[:300])
