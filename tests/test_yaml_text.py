"""Reading: values, places and findings, with the parser in C and the one in Python."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archspec import yaml_events
from archspec.codes.reading import READING_CODES
from archspec.diagnostic import Diagnostic, Findings
from archspec.document import Map, Seq, plain
from archspec.limits import DEFAULT_LIMITS, Limits
from archspec.reading import read_source
from archspec.report.diagnostics import as_text
from archspec.source import Source, Span
from archspec.yaml_text import read_yaml


@pytest.fixture(params=["c", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(yaml_events, "PARSER", yaml_events.PARSER_IN_PYTHON)


def read(text: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Any, list[Diagnostic]]:
    findings = Findings()
    return read_yaml(Source("a.yaml", text), findings, limits), list(findings)


def value_of(text: str) -> Any:
    value, found = read(text)
    assert found == []
    return plain(value)


def only(text: str, limits: Limits = DEFAULT_LIMITS) -> Diagnostic:
    _, found = read(text, limits)
    assert len(found) == 1, found
    return found[0]


def under(span: Span) -> str:
    """The text that a span covers, its lines joined as they stand."""
    lines = span.source.lines[span.line : span.end_line + 1]
    lines[-1] = lines[-1][: span.end_column]
    lines[0] = lines[0][span.column :]
    return "\n".join(lines)


def place(span: Span | None) -> tuple[int, int, int, int]:
    assert span is not None
    return span[1:]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None), ("~", None), ("", None), ("NULL", None), ("nUll", "nUll"),
        ("true", True), ("TRUE", True), ("False", False), ("on", "on"), ("no", "no"), ("yes", "yes"), ("y", "y"),
        ("0", 0), ("-12", -12), ("+3", 3), ("010", 10), ("0o17", 15), ("0x1F", 31), ("0b1", "0b1"),
        ("1:2", "1:2"), ("1_000", "1_000"), ("1,000", "1,000"), ("2001-01-01", "2001-01-01"),
        ("1e-4", 1e-4), ("1.", 1.0), (".5", 0.5), ("-1.5E+3", -1500.0), (".", "."), ("1e", "1e"), ("e1", "e1"),
        ("3x3", "3x3"), ("=2*k", "=2*k"), ("=", "="), ("\u0661", "\u0661"), ("9007199254740992", 2**53),
        ("'1'", "1"), ('"null"', "null"), ("''", ""), ('"\\u00e9\\/"', "é/"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    found = value_of(f"a: {text}\n")["a"]
    assert type(found) is type(value)
    assert found == value


@pytest.mark.usefixtures("parser")
def test_keys_are_text_as_written_and_may_lack_a_value() -> None:
    assert value_of("{1: a, true: b, ~: c, 1e3: d}") == {"1": "a", "true": "b", "~": "c", "1e3": "d"}
    assert value_of("{maps, stride: 1}") == {"maps": None, "stride": 1}


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "number", [".inf", "-.INF", ".nan", "1e999", "9007199254740993", "-9007199254740993", "-" + "9" * 4000]
)
def test_a_number_out_of_range_is_refused_where_it_stands(number: str) -> None:
    found = only(f"a: [1, {number}]\n")
    assert (found.code, place(found.span)) == ("E020", (0, 7, 0, 7 + len(number)))


@pytest.mark.usefixtures("parser")
def test_every_bad_number_is_found_in_one_run() -> None:
    value, found = read("a: .inf\nb: .nan\n")
    assert value is None
    assert [place(diagnostic.span)[0] for diagnostic in found] == [0, 1]


SPANS = [
    ('é: "x😀" \n😀b: 😀x\n', {"é": "é", "😀b": "😀b"}, {"é": '"x😀"', "😀b": "😀x"}),
    ("a: 1\r\nb: x  y\r\nc: z", {"c": "c"}, {"a": "1", "b": "x  y", "c": "z"}),
    ("a: 1\rb: 2\r", {"b": "b"}, {"a": "1", "b": "2"}),
    ("a: x\n  y\n\nb : 'q'", {"b": "b"}, {"a": "x\n  y", "b": "'q'"}),
    ("a: |\n  x\n  y\n\nb: 1\n", {"b": "b"}, {"a": "|\n  x\n  y\n\n", "b": "1"}),
    ("a: {b: 1,\n c: [2]}\nd: e # f\n", {"d": "d"}, {"a": "{b: 1,\n c: [2]}", "d": "e"}),
    ("a:\n  - b: 1  # c\n    d: 2\n", {"a": "a"}, {"a": "- b: 1"}),
    ("a:\n- x: {y: 1,\n   z: 2}  \n", {}, {"a": "- x: {y: 1,"}),
    ("a:\n  -\n    b\nc: \n  d:\n    e: 1\n", {}, {"a": "-", "c": "d"}),
    ("? a", {"a": "a"}, {"a": ""}),
    ("a:\n  b: |\n    x\nc:\n", {}, {"a": "b: |", "c": ""}),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("text", "keys", "values"), SPANS)
def test_spans_cover_exactly_what_they_name(text: str, keys: dict[str, str], values: dict[str, str]) -> None:
    document, found = read(text)
    assert found == []
    assert {key: under(document.key_spans[key]) for key in keys} == keys
    assert {key: under(document.value_spans[key]) for key in values} == values


CASES = [
    # text, code, the place counted from 0
    ("layers:\n\t- a\n", "E008", (1, 0, 1, 1)),
    ("a:\n  \tb: 1\n", "E008", (1, 2, 1, 3)),
    ("layers:\n  - {a: 1, b: 2\n  - {a: 2}\n", "E009", (1, 4, 1, 5)),
    ("layers:\n  - {a: 1, b: [1, 2}\n", "E009", (1, 14, 1, 15)),
    ("a: [1, 2\n", "E009", (0, 3, 0, 4)),
    ("a: [1, 2\nb: 1\n", "E009", (0, 3, 0, 4)),
    ("{  ", "E009", (0, 0, 0, 1)),
    ("a: {b: [1,\n", "E009", (0, 7, 0, 8)),
    ('a: "b\nc: 1\n', "E009", (0, 3, 0, 4)),
    ("a: [1]]\n", "E009", (0, 6, 0, 7)),
    ("a:LeNet\nb: 1\n", "E010", (0, 0, 0, 7)),
    ("a:LeNet\nb:1\n", "E010", (0, 0, 1, 3)),
    ("a: 1\nkernel:5\nc: 1\n", "E010", (1, 0, 1, 8)),
    ("[{kernel:5, b: 1}]\n", "E010", (0, 2, 0, 10)),
    ("{maps: =min(4, 8), k: 1}\n", "E011", (0, 7, 0, 17)),
    ("[{maps: =max(4, 8), k: =max(3, 8)}]\n", "E011", (0, 8, 0, 18)),
    ("a: @b # c\n", "E012", (0, 3, 0, 9)),
    ("a: %b\n", "E012", (0, 3, 0, 5)),
    ("a: `b`\n", "E012", (0, 3, 0, 6)),
    ("a: **\n", "E012", (0, 3, 0, 4)),
    ("a: 1\n  b: 2\n", "E013", (1, 2, 1, 3)),
    ("a:\n    b: 1\n  c: 2\n", "E013", (2, 2, 2, 6)),
    ("layers:\n  - a\n - b\n", "E013", (2, 1, 2, 4)),
    ("layers:\n  - a\n  b: 1\n", "E014", (2, 2, 2, 6)),
    ("a: 1\n- b\n", "E014", (1, 0, 1, 3)),
    (r'a: "b\q"' + "\n", "E015", (0, 5, 0, 7)),
    ("a: b: c\n", "E007", (0, 4, 0, 5)),
    ("a: - b\n", "E007", (0, 3, 0, 6)),
    ("{a: 1 b: 2}\n", "E007", (0, 7, 0, 8)),
    ('{\n  "a": 1\n  "b": 2\n}\n', "E007", (2, 2, 2, 8)),
    ('a: "x" y\n', "E007", (0, 7, 0, 8)),
    ("a\nb: 1\n", "E007", (0, 0, 0, 1)),
    ('{\n\t"a" 1\n}\n', "E007", (1, 1, 1, 6)),
    ("a: ,b\n", "E007", (0, 3, 0, 4)),
    ("{a: |}\n", "E007", (0, 4, 0, 5)),
    ("{a: 1:}\n", "E007", (0, 5, 0, 6)),
    ("a: |x\n  b\n", "E007", (0, 4, 0, 5)),
    ("{a: 1}\nb\n", "E007", (1, 0, 1, 1)),
    ("? [1]\n: 2\n", "E019", (0, 2, 0, 3)),
    (": 1\n", "E019", (0, 0, 0, 1)),
    ("{: 1}\n", "E019", (0, 1, 0, 2)),
    ("a: 1\n---\nb: 1\n", "E006", (1, 0, 1, 3)),
    ("a: &b 1\nc: *b\nd: {<<: *b}\n", "E017", (0, 3, 0, 7)),
    ("a: *b\n", "E017", (0, 3, 0, 5)),
    ("*b : 1\n", "E017", (0, 0, 0, 2)),
    ("a: {<<: {b: 1}}\n", "E017", (0, 4, 0, 6)),
    ("a: !!python/object:os.system x\n", "E018", (0, 3, 0, 30)),
    ("a: ! x\n", "E018", (0, 3, 0, 6)),
    ("a: !x!y z\n", "E018", (0, 3, 0, 4)),
    ("%TAG ! tag:x,2000:\n---\na: 1\n", "E018", (0, 0, 1, 3)),
    ("%YAML 3.0\n---\na: 1\n", "E012", (0, 0, 0, 9)),
    ("", "E005", (0, 0, 0, 0)),
    ("---\n", "E005", (0, 0, 0, 0)),
    ("a: b\x07\n", "E004", (0, 4, 0, 5)),
    ("a: 1\r\nb: \ufeffc\n", "E004", (1, 3, 1, 4)),
    ("a: b\x85c: d\n", "E004", (0, 4, 0, 5)),
    ("a: 1 # b\u2028c: d\n", "E004", (0, 8, 0, 9)),
    ("a: \ud800\n", "E004", (0, 3, 0, 4)),
    ("{" + "k" * 1100 + ": 1}", "E023", (0, 1101, 0, 1102)),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("text", "code", "where"), CASES)
def test_what_is_wrong_is_said_once_and_in_its_place(text: str, code: str, where: tuple[int, int, int, int]) -> None:
    value, (first, *_) = read(text)
    assert value is None
    assert (first.code, place(first.span)) == (code, where)
    assert first.help
    assert not any(other.code != code for other in read(text)[1])


@pytest.mark.parametrize("code", [code for code in READING_CODES if code.example], ids=lambda code: code.code)
def test_the_example_of_a_code_has_that_finding_and_no_other(code: Any) -> None:
    assert only(code.example).code == code.code


def test_a_duplicate_key_names_the_first_and_the_rest_is_still_read() -> None:
    value, (found,) = read("{a: 1, b: 2, a: .5, c: 3}")
    assert plain(value) == {"a": 1, "b": 2, "c": 3}
    assert (found.code, place(found.span)) == ("E016", (0, 13, 0, 14))
    assert [place(other.span) for other in found.related] == [(0, 1, 0, 2)]


def test_an_unclosed_bracket_points_to_what_came_instead() -> None:
    found = only("a: {b: [1, 2}\n")
    assert found.help == "put a `]` where it ends"
    assert [place(other.span) for other in found.related] == [(0, 12, 0, 13)]


def test_help_can_be_typed_in() -> None:
    assert only("{maps: =min(4, 8)}").help == 'quote the expression: "=min(4, 8)"'
    assert only("a: 1\nkernel:5\n").help == "`kernel: 5`"


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read_as_it_is(indent: Any) -> None:
    value = {"layers": [{"name": "C1", "maps": 64, "bias": False, "none": None, "text": 'a\tb\\"\n/é😀'}] * 300}
    text = json.dumps(value, indent=indent, ensure_ascii=False).replace("/", "\\/").replace(": ", ":\t")
    assert value_of(text) == value


@pytest.mark.usefixtures("parser")
def test_escaped_surrogates_are_refused_with_the_way_out() -> None:
    found = only(json.dumps({"a": "😀"}))
    assert found.code == "E015"
    assert found.help is not None
    assert "the character itself" in found.help


@pytest.mark.usefixtures("parser")
def test_directives_and_markers_around_one_document_are_fine() -> None:
    assert value_of("%YAML 1.2\n--- # spec\na: 1\n...\n") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "limits", "code"),
    [
        ("[" * 100_000, DEFAULT_LIMITS, "E021"),
        ("- " * 100_000, DEFAULT_LIMITS, "E021"),
        ("{a: " * 100_000, DEFAULT_LIMITS, "E021"),
        ("[" + "1," * 3000 + "]", Limits(nodes=3000), "E022"),
        ("a: " + "1:" * 180_000 + "1", DEFAULT_LIMITS, "E023"),
        ("x" * DEFAULT_LIMITS.source, DEFAULT_LIMITS, "E023"),
        ("a: 1\n", Limits(source=4), "E003"),
    ],
)
def test_bounds_end_the_reading(text: str, limits: Limits, code: str) -> None:
    assert only(text, limits).code == code


def test_at_the_bounds_nothing_is_said() -> None:
    assert value_of("[" * 64 + "]" * 64) is not None
    assert only("[" * 65 + "]" * 65).code == "E021"
    assert read("[1, 2]", Limits(nodes=3))[1] == []
    assert read("a: abc", Limits(scalar=3, source=6))[1] == []


def test_only_a_pasted_table_may_be_long() -> None:
    text = "x" * 5000
    assert value_of(f"table: {text}\n") == {"table": text}
    assert only(f"name: {text}\n").code == "E023"


def test_a_flood_of_mistakes_is_cut_off() -> None:
    assert len(read("{" + "a: 1, " * 100_000 + "}")[1]) == 100


def source_of(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[Source | None, list[Diagnostic]]:
    findings = Findings()
    return read_source(path, path.name, findings, limits), list(findings)


def test_a_file_loses_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    source, found = source_of(path)
    assert found == []
    assert source is not None
    assert (source.name, source.text, source.directory) == ("a.yaml", "a: é\r\n", str(tmp_path))


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"a: 1\nb: \xe9t\xe9\n", (1, 3, 1, 4)),
        (b"\xef\xbb\xbf\xc3\xa9\xff", (0, 1, 0, 2)),
        (b"a: 1\r\nb: \xf0\x9f\x98\x80\xc3", (1, 4, 1, 5)),
        (b"\xff\xfea\0", (0, 0, 0, 1)),
    ],
)
def test_bytes_that_are_not_utf_8_have_a_place(tmp_path: Path, data: bytes, where: tuple[int, int, int, int]) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    source, (found,) = source_of(path)
    assert source is None
    assert (found.code, place(found.span)) == ("E002", where)


def test_what_can_not_be_read_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "lenet.yaml").write_text("a: 1")
    for path, help in [
        (tmp_path / "lenett.yaml", "did you mean `lenet.yaml`?"),
        (tmp_path / "x" / "y", "check the path and its permissions"),
        (tmp_path, f"name a file in it, such as `{tmp_path.name}/spec.yaml`"),
        (Path("a\0b"), "check the path and its permissions"),
    ]:
        source, (found,) = source_of(path)
        assert source is None
        assert (found.code, found.span, found.help) == ("E001", None, help)


def test_a_file_is_read_only_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("abcde")
    assert source_of(path, Limits(source=5))[1] == []
    assert [found.code for found in source_of(path, Limits(source=4))[1]] == ["E003"]


def spans(value: Any) -> Iterator[tuple[Any, Span]]:
    if isinstance(value, Map):
        yield value, value.span
        for key, item in value.items():
            yield key, value.key_spans[key]
            yield item, value.value_spans[key]
            yield from spans(item)
    elif isinstance(value, Seq):
        yield value, value.span
        for item, span in zip(value, value.item_spans, strict=True):
            yield item, span
            yield from spans(item)


def assert_inside(span: Span) -> None:
    lines = span.source.lines
    assert 0 <= span.line <= span.end_line < len(lines)
    assert 0 <= span.column <= len(lines[span.line])
    assert 0 <= span.end_column <= len(lines[span.end_line])
    assert (span.line, span.column) <= (span.end_line, span.end_column)


def check_reading(text: str) -> bool:
    """Read any text at all; True where it is a document."""
    source, findings = Source("a.yaml", text), Findings()
    value = read_yaml(source, findings, Limits(depth=8))
    assert value is not None or findings.has_errors or re.search("null|NULL|Null|~", text)
    for found in findings:
        for span in (found.span, *(other.span for other in found.related)):
            if span is not None:
                assert_inside(span)
        assert found.help
    assert bool(as_text(findings)) == bool(len(findings))
    for item, span in spans(value):
        assert_inside(span)
        written = under(span)
        if isinstance(item, str) and span.line == span.end_line and written[:1] not in ("'", '"', "|", ">"):
            assert written == item
        elif isinstance(item, int | float) and not isinstance(item, bool):
            assert math.isclose(item, float(int(written, 0)) if written[:2] in ("0o", "0x") else float(written))
    return value is not None


PIECES = [
    "layers:\n", "  - ", "- ", "\n", "\n  ", "\r\n", "\r", " ", "  ", "\t", ": ", ":", ",", "{", "}", "[", "]",
    '"', "'", "#", " # c", "|\n  ", ">-\n", "&a ", "*a", "!!x ", "? ", "---\n", "...", "%YAML 1.2\n", "%TAG",
    "@", "`", "<<: ", "\\u00e9", "\\ud83d", "=min(4, 8)", "kernel:5", "1e-4", "0x1f", "0o7", ".inf", "9" * 20,
    "null", "~", "true", "a", "maps", "é", "日本", "😀", "e\u0301", "\ufeff", "\u2028", "\x85", "\x1b[31m", "\x00",
    "{name: C1, type: conv, maps: 6, kernel: 5}\n",
]  # fmt: skip

TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_any_text_ends_in_a_document_or_in_findings(text: str) -> None:
    check_reading(text)


TABLE = """\
name: LeNet-5
input: {maps: 1, height: 32, width: 32}  # comment
blocks:
  pair:
    - {type: conv, maps: =2*k, kernel: "3x3"}
    -
      type: 'max_pool'
      size: [2, 2]
table: |
  In | conv
"""


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(TABLE)), st.integers(0, 5), st.sampled_from(["", *PIECES]), st.booleans())
def test_a_damaged_spec_ends_in_a_document_or_in_findings(at: int, cut: int, piece: str, crlf: bool) -> None:
    text = TABLE[:at] + piece + TABLE[at + cut :]
    check_reading(text.replace("\n", "\r\n") if crlf else text)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Nd", "Zl", "Zp")), max_size=8),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text("ab \"'{é:#", min_size=1), items, max_size=3),
    max_leaves=10,
).filter(lambda value: value is not None), st.sampled_from([None, True, False]))  # fmt: skip
def test_what_yaml_writes_is_read_back(value: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    if "!!" in text or "? " in text or "\ufeff" in text or "<<" in text or "=" in text:
        return
    assert value_of(text) == value


def test_a_value_of_its_own_may_be_null_or_contain_a_colon() -> None:
    """What `--set` gives to a parameter is read as a document too."""
    assert value_of("null") is None
    assert value_of("name:C1") == "name:C1"
    assert value_of("{}") == {}
