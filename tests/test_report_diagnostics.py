"""Renderings of diagnostics, to the letter."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archspec.diagnostic import Diagnostic, Related
from archspec.report.diagnostics import as_github, as_json, as_text, summary
from archspec.source import Source, Span

LENET = Source(
    "lenet5.yaml",
    """\
name: LeNet-5
input: 1x32x32
layers:
  - {name: C1, type: conv, maps: 6, kernel: 5}
  - {name: S2, type: avg_pool, kernel: 2}
  - {name: C3, type: conv, maps: 16, kernel: 5}
  - {name: S4, type: avg_pool, kernel: 2}
  - {name: S5, type: avg_pool, kernel: 2}
  - {name: C5, type: conv, maps: 120, kernel: 5, activation: tanh, size: 1x1}
""",
)
MISFIT = Diagnostic(
    "E203",
    "kernel 5x5 does not fit the 4x4 input of layer C5",
    Span(LENET, 8, 46, 8, 47),
    "S4 (line 8) gives 16x4x4",
    "use kernel: 4, or padding: same",
)


def exactly(text: str) -> str:
    return dedent(text).strip("\n")


def on(text: str, *place: int, label: str = "here", related: tuple[Related, ...] = ()) -> Diagnostic:
    return Diagnostic("E203", "wrong", Span(Source("a.yaml", text), *place), label, None, related)  # type: ignore[call-arg]


def rows(diagnostic: Diagnostic) -> list[str]:
    """The rows of source and underlines, without the edge around them."""
    return as_text([diagnostic]).split("\n")[3:-1]


def test_a_diagnostic_shows_its_line() -> None:
    assert as_text([MISFIT]) == exactly("""
        error[E203]: kernel 5x5 does not fit the 4x4 input of layer C5
          --> lenet5.yaml:9:47
           |
         9 |   - {name: C5, type: conv, maps: 120, kernel: 5, activation: tanh, size: 1x1}
           |                                               ^ S4 (line 8) gives 16x4x4
           |
           = help: use kernel: 4, or padding: same
    """)


def test_related_places_are_shown_near_far_and_in_other_files() -> None:
    other = Source("blocks.yaml", "\n" * 3 + "pair:\n  - {kernel: =k}\n")
    found = Diagnostic(
        "W301",
        "the kernel is even",
        Span(LENET, 4, 38, 4, 39),
        "2",
        None,
        (
            Related(Span(LENET, 6, 38, 6, 39), "this one too"),
            Related(Span(LENET, 3, 12, 3, 14), "its input"),
            Related(Span(LENET, 0, 6, 0, 13), "a network of 1998"),
            Related(Span(other, 4, 14, 4, 16), "given here"),
        ),
    )
    assert as_text([found]) == exactly("""
        warning[W301]: the kernel is even
          --> lenet5.yaml:5:39
           |
         1 | name: LeNet-5
           |       ------- a network of 1998
          ...
         4 |   - {name: C1, type: conv, maps: 6, kernel: 5}
           |             -- its input
         5 |   - {name: S2, type: avg_pool, kernel: 2}
           |                                       ^ 2
          ...
         7 |   - {name: S4, type: avg_pool, kernel: 2}
           |                                       - this one too
           |
          ::: blocks.yaml:5:15
           |
         5 |   - {kernel: =k}
           |               -- given here
           |
    """)


def test_two_places_on_one_line_share_it() -> None:
    source = Source("a.yaml", "{a: 1, a: 2}")
    first = Related(Span(source, 0, 1, 0, 2), "first")
    found = Diagnostic("E016", "twice", Span(source, 0, 7, 0, 8), "second", None, (first,))
    assert rows(found) == [" 1 | {a: 1, a: 2}", "   |        ^ second", "   |  - first"]


def test_a_finding_without_a_place_has_no_excerpt() -> None:
    found = Diagnostic("E001", "can't read `a.yaml`: no such file", None, help="check the path")
    assert as_text([found]) == exactly("""
        error[E001]: can't read `a.yaml`: no such file
           = help: check the path
    """)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a\tb: c", (0, 2, 0, 3), [" 1 | a   b: c", "   |     ^ here"]),
        ("\t\tb", (0, 2, 0, 3), [" 1 |         b", "   |         ^ here"]),
        ("日本: x", (0, 4, 0, 5), [" 1 | 日本: x", "   |       ^ here"]),
        ("日本: x", (0, 0, 0, 2), [" 1 | 日本: x", "   | ^^^^ here"]),
        ("e\u0301e: x", (0, 5, 0, 6), [" 1 | e\u0301e: x", "   |     ^ here"]),
        ("Ａ: x", (0, 3, 0, 4), [" 1 | Ａ: x", "   |     ^ here"]),
        ("😀 x", (0, 2, 0, 3), [" 1 | 😀 x", "   |    ^ here"]),
        ("\x1b[31m x", (0, 6, 0, 7), [" 1 | \\x1b[31m x", "   |          ^ here"]),
        ("\u202ea x", (0, 3, 0, 4), [" 1 | \\u202ea x", "   |         ^ here"]),
        ("abc\ndef\n", (0, 1, 1, 2), [" 1 | abc", "   |  ^^ here"]),
        ("abc\n", (0, 3, 0, 3), [" 1 | abc", "   |    ^ here"]),
        ("abc\n", (1, 0, 1, 0), [" 2 |", "   | ^ here"]),
        ("", (0, 0, 0, 0), [" 1 |", "   | ^ here"]),
        ("a\r\nb: x\r\n", (1, 3, 1, 4), [" 2 | b: x", "   |    ^ here"]),
    ],
)
def test_carets_stand_below_what_they_mean(text: str, place: tuple[int, int, int, int], expected: list[str]) -> None:
    assert rows(on(text, *place)) == expected


@pytest.mark.parametrize("character", ["x", "日", "\t", "\x01", "e\u0301"])
@pytest.mark.parametrize("before", [0, 50, 119, 121, 5000])
@pytest.mark.parametrize("after", [0, 200])
@pytest.mark.parametrize("width", [1, 6, 300])
def test_long_lines_are_cut_around_the_caret(character: str, before: int, after: int, width: int) -> None:
    text = character * before + "!" * width + character * after
    start = len(character) * before
    line, carets = rows(on(text, 0, start, 0, start + width, label=""))
    assert columns(line) <= 126
    offset = carets.index("^")
    at = line.index("!")
    assert columns(line[:at]) == offset
    assert carets.count("^") == line.count("!")
    assert ("…" in line) == ((before + after) * shown_columns(character) + width > 120)
    assert line.endswith(("…", text[-1])) or character in "\t\x01"


def test_an_accent_does_not_move_to_the_mark_of_a_cut() -> None:
    line, _ = rows(on("e\u0301" * 300, 0, 400, 0, 402))
    assert line.startswith(" 1 | …e\u0301e\u0301")


def shown_columns(character: str) -> int:
    return {"x": 1, "日": 2, "\t": 4, "\x01": 4, "e\u0301": 1}[character]


def columns(text: str) -> int:
    return len(text) + text.count("日") - text.count("\u0301")


def test_names_from_a_file_never_command_the_terminal() -> None:
    source = Source("\x1b]0;a.yaml\x07", "a: \x9b31m")
    found = Diagnostic("E1", "\x1b[2J\u202e\u2029", Span(source, 0, 0, 0, 1), "\r\x08", "\x7f\ud800\ttab")
    text = as_text([found]) + as_github([found])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2029\u202e\ud800-\udfff]", text)
    assert "\\x1b[2J\\u202e\\u2029" in text
    assert "\\x7f\\ud800\\x09tab" in text


def test_text_of_several_lines_hangs_below_its_first() -> None:
    found = Diagnostic("E203", "one\ntwo", Span(Source("a", "abc"), 0, 1, 0, 3), "left\nright", "this\nor that")
    assert as_text([found]) == exactly("""
        error[E203]: one
          two
          --> a:1:2
           |
         1 | abc
           |  ^^ left
           |     right
           |
           = help: this
                   or that
    """)


def test_color_adds_nothing_but_color() -> None:
    related = Related(Span(LENET, 0, 0, 0, 4), "near")
    found = [MISFIT, on("x", 0, 0, 0, 1, related=(related,)), Diagnostic("W1", "careful", None, help="do")]
    colored = as_text(found, color=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", colored) == as_text(found)
    assert colored.startswith("\x1b[1;31merror[E203]\x1b[0m: kernel")
    assert "\x1b[33mwarning[W1]\x1b[0m: careful" in colored
    assert "\x1b[34m 9 |\x1b[0m   - {name" in colored
    assert "\x1b" not in as_text(found)


def test_only_so_many_are_shown() -> None:
    found = [Diagnostic("E1", f"number {n}", None) for n in range(55)]
    assert as_text(found).endswith("error[E1]: number 19\n\n... and 35 more")
    assert as_text(found, shown=55).endswith("number 54")
    assert as_text([]) == ""


def test_the_summary_counts_by_severity() -> None:
    def of(codes: str) -> str:
        return summary(Diagnostic(code + "1", "", None) for code in codes)

    assert of("EWE") == "2 errors, 1 warning"
    assert of("NNW") == "1 warning, 2 notes"
    assert of("") == "no errors"


def test_json_counts_from_1() -> None:
    found = Diagnostic("E203", "m", Span(LENET, 8, 46, 8, 47), "l", "h", (Related(Span(LENET, 0, 0, 1, 2), "r"),))
    assert as_json([found, Diagnostic("W1", "n", None)]) == [
        {
            "code": "E203", "severity": "error", "message": "m", "label": "l", "help": "h",
            "file": "lenet5.yaml", "line": 9, "column": 47, "end_line": 9, "end_column": 48,
            "related": [
                {"message": "r", "file": "lenet5.yaml", "line": 1, "column": 1, "end_line": 2, "end_column": 3}
            ],
        },
        {
            "code": "W1", "severity": "warning", "message": "n", "label": "", "help": None,
            "file": None, "line": None, "column": None, "end_line": None, "end_column": None,
            "related": [],
        },
    ]  # fmt: skip


def test_github_commands_are_escaped() -> None:
    found = Diagnostic("E203", "50% off,\nthen: none", Span(Source("a,b:%", "abc"), 0, 1, 0, 3), "l", "h")
    assert as_github([found, Diagnostic("W1", "n", None), Diagnostic("N1", "o", None)]) == exactly("""
        ::error file=a%2Cb%3A%25,line=1,col=2,endLine=1,endColumn=3,title=E203::50%25 off,%0Athen: none%0Al%0Ahelp: h
        ::warning title=W1::n
        ::notice title=N1::o
    """)


@settings(max_examples=500, deadline=None)
@given(st.data(), st.text(max_size=40) | st.text("a\t\n日\u0301\x1b", max_size=400))
def test_any_place_can_be_shown(data: st.DataObject, text: str) -> None:
    source = Source("a.yaml", text)

    def span() -> Span:
        places: list[tuple[int, int]] = []
        for _ in range(2):
            line = data.draw(st.integers(0, len(source.lines) - 1))
            places.append((line, data.draw(st.integers(0, len(source.lines[line])))))
        start, end = sorted(places)
        return Span(source, *start, *end)

    found = [Diagnostic("E1", "m", span(), "l", None, (Related(span(), "r"), Related(span(), "s")))]
    shown = as_text(found)
    assert shown.count("^") - text.count("^") >= 1 or "^" in text
    assert all(columns(row) <= 140 + len(text) for row in shown.split("\n"))
    assert "\x1b" not in shown
    assert as_github(found)
    assert as_json(found)
