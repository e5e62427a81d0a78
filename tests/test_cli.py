"""The command line: every command in every format, exit codes, standard input, directories, widths of terminals."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

import archspec
from archspec.cli.main import main, parser
from archspec.limits import Limits
from archspec.report.table import Column, Table, display_width

TEXTBOOK = """\
input: 3x150x100
layers:
  - {name: C1, type: conv, maps: 200, kernel: 5, padding: same}
"""
DENSE = """\
input: 3x150x100
layers:
  - {name: F1, type: dense, units: 3000000}
"""
BAD = """\
input: 1x32x32
layers:
  - {name: C1, type: conv, maps: 6, kernal: 5}
  - {name: F2, type: dense, units: 10}
"""
WARNED = """\
input: 1x32x32
params: {width: 3}
layers: [{type: dense, units: 10}]
"""
FAMILY = """\
input: 1x32x32
params: {maps}
variants:
  small: {maps: 4}
  large: {maps: 8}
layers:
  - {name: C, type: conv, maps: =maps, kernel: 3, repeat: 2}
  - {name: out, type: dense, units: 10}
"""
FOLDED = """\
input: 3x8x8
params: {kinds: [relu, unit]}
blocks: {unit: {params: {maps: 4}, layers: [{type: conv, maps: =maps, kernel: 1}]}}
layers:
  - {name: stage, type: unit, each: {maps: [2, 4]}, repeat: 3, maps: =maps}
  - {name: pair, repeat: 2, layers: [{type: relu}, {type: tanh}]}
  - {name: sum, type: add, branches: [[{type: relu}], [{type: relu}]]}
  - {name: mixed, type: "=kinds[i]", repeat: 2}
"""


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class Line:
    """A command line in a directory of its own."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: bytes = b"", columns: int | None = None) -> Ran:
        if columns is None:
            self._monkeypatch.delenv("COLUMNS", raising=False)
        else:
            self._monkeypatch.setenv("COLUMNS", str(columns))
        self._monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return Ran(code, *self._capsys.readouterr())

    def write(self, name: str, text: str) -> str:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.chdir(tmp_path)
    return Line(tmp_path, capsys, monkeypatch)


COMMANDS = (
    ("summarize", "lenet5"),
    ("summarize", "resnet", "--variants"),
    ("compare", "lenet5", "lenet5/1998"),
    ("compare", "lenet5", "resnet18", "alexnet"),
    ("list", "--family", "lenet5"),
)


def ids(commands: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(command) for command in commands]


# --- every format


@pytest.mark.parametrize("command", COMMANDS, ids=ids(COMMANDS))
def test_json_is_json_and_the_same_each_time(run: Line, command: tuple[str, ...]) -> None:
    first, second = run(*command, "--format", "json"), run(*command, "--format", "json", columns=40)
    assert first == second
    assert (first.code, first.err) == (0, "")
    assert isinstance(json.loads(first.out), dict)
    assert re.search("NaN|Infinity", first.out) is None


@pytest.mark.parametrize("command", COMMANDS, ids=ids(COMMANDS))
def test_csv_has_as_many_cells_in_every_line(run: Line, command: tuple[str, ...]) -> None:
    out = run(*command, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert rows
    assert all(None not in row and None not in row.values() for row in rows)
    assert all("," not in row["parameters"] for row in rows)


@pytest.mark.parametrize("command", COMMANDS, ids=ids(COMMANDS))
def test_markdown_is_a_table(run: Line, command: tuple[str, ...]) -> None:
    lines = [line for line in run(*command, "--format", "markdown").out.split("\n") if line.startswith("|")]
    assert len(lines) > 2
    assert re.fullmatch(r"\|(-+:?\|)+", lines[1])


@pytest.mark.parametrize("command", COMMANDS, ids=ids(COMMANDS))
def test_latex_is_a_tabular(run: Line, command: tuple[str, ...]) -> None:
    out = run(*command, "--format", "latex").out
    assert out.startswith(r"\begin{tabular}")
    assert out.rstrip().endswith(r"\end{tabular}")
    assert not re.search(r"(?<!\\)[_%#]", out), "a sign that LaTeX does not print"
    spec = re.match(r"\\begin\{tabular\}\{([lr]+)\}", out)
    assert spec
    body = [line for line in out.split("\n") if line.endswith(r"\\")]
    assert {len(re.split(r"(?<!\\)&", line)) for line in body} == {len(spec[1])}


def test_formats_agree(run: Line) -> None:
    rows = list(csv.DictReader(io.StringIO(run("summarize", "lenet5", "--format", "csv").out)))
    layers = json.loads(run("summarize", "lenet5", "--format", "json").out)["layers"]
    text = run("summarize", "lenet5").out
    markdown = run("summarize", "lenet5", "--format", "markdown").out
    assert [row["name"] for row in rows] == ["in", *(layer["name"] for layer in layers)]
    for row, layer in zip(rows[1:], layers, strict=True):
        assert row["parameters"] == (str(layer["parameters"]) if layer["parameters"] else "-")
        assert row["MACs"] == (str(layer["macs"]) if layer["macs"] else "-")
        if layer["parameters"]:
            assert f"{layer['parameters']:,}" in text
            assert f"{layer['parameters']:,}" in markdown


# --- the width of the terminal


@pytest.mark.parametrize("columns", [200, 100, 80, 60])
@pytest.mark.parametrize(
    "command",
    [
        *COMMANDS,
        ("summarize", "googlenet", "--depth", "1"),
        ("summarize", "resnet50"),
        ("compare", "fashion_cnn", "lenet5"),
        ("explain", "resnet50", "conv2"),
        ("explain", "resnet50", "conv3.0.conv2"),
    ],
    ids=" ".join,
)
def test_text_fits_the_terminal(run: Line, command: tuple[str, ...], columns: int) -> None:
    out = run(*command, columns=columns).out
    widest = max(out.split("\n"), key=display_width)
    assert display_width(widest) <= columns, widest


def test_columns_go_before_anything_is_cut(run: Line) -> None:
    run("new", "mynet")
    unlimited, wide, narrow = (run("summarize", "mynet.yaml", columns=columns).out for columns in (None, 160, 80))
    assert unlimited == wide
    assert "field" in wide
    assert "field" not in narrow
    assert "…" not in narrow


def test_numbers_are_never_cut() -> None:
    table = Table([Column("name"), Column("count", right=True)], [["a_name_that_is_long", "1,234,567,890"]])
    assert table.as_text(23).split("\n")[-1] == "a_name_…  1,234,567,890"
    assert table.as_text(3) == table.as_text(23), "the name is as short as it gets"


# --- exit codes


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sumarize", "lenet5"),
        ("summarize",),
        ("summarize", "lenet5", "--format", "pdf"),
        ("summarize", "lenet5", "--batch", "0"),
        ("summarize", "lenet5", "--batch", "-1"),
        ("summarize", "lenet5", "--batch", "1.5"),
        ("summarize", "lenet5", "--batch", "9" * 5000),
        ("summarize", "lenet5", "--batch", "²"),
        ("summarize", "lenet5", "--depth", "x"),
        ("summarize", "lenet5", "--dtype", "int8"),
        ("validate", "lenet5", "--format", "markdown"),
        ("validate", "lenet5", "--limit", "row=5"),
        ("validate", "lenet5", "--limit", "rows"),
        ("validate", "lenet5", "--limit", "rows=0"),
        ("validate", "lenet5", "--limit", "rows=nan"),
        ("validate", "lenet5", "--limit", "rows=1e999"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40] or "nothing",
)
def test_mistakes_of_the_command_line_are_2(run: Line, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("usage: archspec")


@pytest.mark.parametrize("command", ["summarize", "resolve", "compare", "validate"])
def test_a_spec_with_mistakes_is_1(run: Line, command: str) -> None:
    ran = run(command, run.write("bad.yaml", BAD))
    assert ran.code == 1
    said, silent = (ran.out, ran.err) if command == "validate" else (ran.err, ran.out)
    assert "error[E102]" in said
    assert "did you mean `kernel`?" in said
    assert silent == ""


@pytest.mark.parametrize("command", ["summarize", "resolve", "compare", "validate"])
@pytest.mark.parametrize("name", ["nothing.yaml", "no_such_net", "resnet/resnet51", "resnet", ""])
def test_what_does_not_exist_is_1(run: Line, command: str, name: str) -> None:
    if (command, name) == ("validate", "resnet"):
        assert run(command, name).code == 0  # every member is checked
        return
    ran = run(command, name)
    assert ran.code == 1
    assert "error[E" in ran.out + ran.err


def test_a_row_that_does_not_exist_is_1(run: Line) -> None:
    ran = run("explain", "lenet5", "C33")
    assert (ran.code, ran.out) == (1, "")
    assert "error[E220]" in ran.err
    assert "did you mean `C3`?" in ran.err


def test_an_unknown_command_names_the_known_ones(run: Line) -> None:
    assert "summarize" in run("sumarize", "lenet5").err


# --- validate


def test_validate_reports_every_file(run: Line) -> None:
    run.write("good.yaml", TEXTBOOK)
    ran = run("validate", run.write("a.yaml", BAD), run.write("b.yaml", BAD), "good.yaml", "lenet5")
    assert ran.code == 1
    assert [f"--> {name}.yaml:3:37" in ran.out for name in "ab"] == [True, True]
    assert ran.out.endswith("4 specs checked: 2 errors\n")


def test_validate_takes_directories(run: Line) -> None:
    run.write("specs/good.yaml", TEXTBOOK)
    run.write("specs/deeper/bad.yml", BAD)
    run.write("specs/other.json", '{"input": 4, "layers": [{"type": "relu"}]}')
    run.write("specs/notes.txt", "not a spec")
    run.write("specs/README.md", "# Not a table\n")
    ran = run("validate", "specs")
    assert ran.code == 1
    assert ran.out.endswith("3 specs checked: 1 error\n")
    assert "specs/deeper/bad.yml:3:" in ran.out


def test_validate_of_a_directory_without_specs_is_no_success(run: Line) -> None:
    run.write("empty/notes.txt", "")
    ran = run("validate", "empty")
    assert ran.code == 1
    assert ran.err == "no specs in empty\n"


def test_warnings_fail_only_when_strict(run: Line) -> None:
    name = run.write("warned.yaml", WARNED)
    lenient, strict = run("validate", name), run("validate", "--strict", name)
    assert (lenient.code, strict.code) == (0, 1)
    assert lenient.out == strict.out
    assert "warning[W204]" in lenient.out
    assert run("validate", "--strict", "lenet5").code == 0


def test_validate_as_json(run: Line) -> None:
    ran = run("validate", run.write("bad.yaml", BAD), "--format", "json")
    assert ran.code == 1
    (found,) = json.loads(ran.out)["diagnostics"]
    assert (found["code"], found["file"], found["line"], found["column"]) == ("E102", "bad.yaml", 3, 37)
    assert run("validate", "lenet5", "--format", "json").out == '{\n  "diagnostics": []\n}\n'


def test_validate_for_github(run: Line) -> None:
    ran = run("validate", run.write("bad.yaml", BAD), "--format", "github")
    assert ran.code == 1
    assert ran.out.startswith("::error file=bad.yaml,line=3,col=37,endLine=3,endColumn=")
    assert ran.out.count("\n") == 1
    assert run("validate", "lenet5", "--format", "github") == (0, "", "")


def test_validate_checks_every_member(run: Line) -> None:
    text = FAMILY.replace("large: {maps: 8}", "large: {maps: 0}")
    ran = run("validate", run.write("family.yaml", text))
    assert ran.code == 1
    assert run("validate", "family.yaml", "--variant", "small").code == 0


def test_only_as_many_diagnostics_as_the_limit(run: Line) -> None:
    rows = "".join(f"  - {{name: C{index}, type: dense, unit: 1}}\n" for index in range(30))
    name = run.write("many.yaml", f"input: 4\nlayers:\n{rows}")
    assert run("validate", name).out.count("error[E102]") == 20
    assert "... and 10 more" in run("validate", name).out
    assert run("validate", name, "--limit", "shown=100").out.count("error[E102]") == 30
    assert len(json.loads(run("validate", name, "--format", "json").out)["diagnostics"]) == 30


# --- standard input


@pytest.mark.parametrize("command", ["summarize", "resolve", "compare", "validate"])
def test_dash_is_standard_input(run: Line, command: str) -> None:
    ran = run(command, "-", stdin=TEXTBOOK.encode())
    assert (ran.code, ran.err) == (0, "")
    assert run("explain", "-", "C1", stdin=TEXTBOOK.encode()).code == 0


def test_diagnostics_of_standard_input_say_so(run: Line) -> None:
    ran = run("validate", "-", stdin=BAD.encode())
    assert ran.code == 1
    assert "--> <stdin>:3:37" in ran.out


def test_byte_order_mark_and_strange_bytes_of_standard_input(run: Line) -> None:
    assert run("validate", "-", stdin=b"\xef\xbb\xbf" + TEXTBOOK.encode()).code == 0
    assert run("validate", "-", stdin=b"\xff\xfe\x00").code == 1


# --- what the options change


def totals(run: Line, *arguments: str) -> dict[str, Any]:
    ran = run("summarize", *arguments, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


def test_the_textbooks_convolution(run: Line) -> None:
    name = run.write("textbook.yaml", TEXTBOOK)
    one, hundred = totals(run, name), totals(run, name, "--batch", "100")
    assert one["parameters"] == {"trainable": 15_200, "other": 0}
    assert one["macs"] == 225_000_000
    assert one["layers"][0]["output_bytes"] == 12_000_000
    assert hundred["layers"][0]["output_bytes"] == 1_200_000_000
    assert hundred["macs"] == one["macs"]
    assert "12.0 MB" in run("summarize", name).out
    assert "1.20 GB" in run("summarize", name, "--batch", "100").out
    explained = run("explain", name, "C1").out
    assert "= 200 x 3 x 5 x 5 + 200 = 15,200" in explained
    assert "= 135,003,000,000" in explained
    assert "= 200 x 150 x 100 x 4 = 12.0 MB" in explained


def test_the_textbooks_dense_layer_needs_a_higher_limit(run: Line) -> None:
    name = run.write("dense.yaml", DENSE)
    refused = run("summarize", name, "--limit", "maps=3e6")
    assert refused.code == 1
    assert "error[E605]" in refused.err
    assert totals(run, name, "--limit", "maps=3e6", "--limit", "parameters=1e12")["parameters"]["trainable"] == (
        135_003_000_000
    )


def test_dtype_changes_bytes_alone(run: Line) -> None:
    single, half = totals(run, "lenet5"), totals(run, "lenet5", "--dtype", "float16")
    assert half["memory"]["weights"] * 2 == single["memory"]["weights"]
    assert half["memory"]["inference"] * 2 == single["memory"]["inference"]
    assert half["macs"] == single["macs"]
    assert totals(run, "lenet5", "--dtype", "float64")["memory"]["weights"] == 2 * single["memory"]["weights"]


def test_batch_multiplies_tensors_and_no_weights(run: Line) -> None:
    one, eight = totals(run, "alexnet"), totals(run, "alexnet", "--batch", "8")
    assert eight["memory"]["inference"] == 8 * one["memory"]["inference"]
    assert eight["memory"]["weights"] == one["memory"]["weights"]
    assert eight["macs"] == one["macs"]


def test_compare_takes_batch_and_dtype(run: Line) -> None:
    (model,) = json.loads(run("compare", "alexnet", "--batch", "8", "--dtype", "float16", "--format", "json").out)[
        "models"
    ]
    memory = totals(run, "alexnet", "--batch", "8", "--dtype", "float16")["memory"]
    assert (model["weights"], model["inference"], model["kept"]) == (
        memory["weights"],
        memory["inference"],
        memory["kept_for_backward"],
    )


def test_input_replaces_the_input(run: Line) -> None:
    assert totals(run, "resnet50", "--input", "3x288x288")["input"] == [3, 288, 288]
    assert run("summarize", "resnet50", "--input", "3x288").code == 1
    assert run("summarize", "resnet50", "--input", "large").code == 1


def test_set_gives_parameters_values(run: Line) -> None:
    assert totals(run, "resnet50", "--set", "classes=7")["outputs"] == {"fc": [7]}
    unknown = run("summarize", "resnet50", "--set", "clases=7")
    assert unknown.code == 1
    assert "did you mean `classes`?" in unknown.err
    assert run("summarize", "resnet50", "--set", "classes").code == 1
    assert run("summarize", "resnet50", "--set", "classes=[").code == 1


def test_variant_and_variants(run: Line) -> None:
    name = run.write("family.yaml", FAMILY)
    assert totals(run, name, "--variant", "large")["variant"] == "large"
    models = json.loads(run("summarize", name, "--variants", "--format", "json").out)["models"]
    assert [model["name"] for model in models] == ["small", "large"]
    assert [model["trainable"] for model in models] == [
        totals(run, name, "--variant", variant)["parameters"]["trainable"] for variant in ("small", "large")
    ]
    unknown = run("summarize", name, "--variant", "smal")
    assert unknown.code == 1
    assert "did you mean `small`?" in unknown.err
    alone = run("summarize", run.write("alone.yaml", TEXTBOOK), "--variants")
    assert (alone.code, alone.out, alone.err) == (1, "", "alone.yaml has no variants\n")
    missing = run("summarize", "nothing.yaml", "--variants")
    assert missing.code == 1
    assert "error[E001]" in missing.err


@pytest.mark.parametrize("depth", range(5))
def test_depth_folds_and_keeps_the_totals(run: Line, depth: int) -> None:
    whole, folded = totals(run, "densenet121"), totals(run, "densenet121", "--depth", str(depth))
    layers = folded["layers"]
    assert all(layer["name"].count(".") < max(depth, 1) for layer in layers)
    assert sum(layer["rows"] for layer in layers) == len(whole["layers"])
    for key in ("parameters", "other_parameters", "macs"):
        assert sum(layer[key] for layer in layers) == sum(layer[key] for layer in whole["layers"])
    assert {key: folded[key] for key in ("parameters", "macs", "memory")} == {
        key: whole[key] for key in ("parameters", "macs", "memory")
    }
    assert layers[-1]["shape"] == [1000]


def test_folded_lines_say_what_they_stand_for(run: Line) -> None:
    name = run.write("folded.yaml", FOLDED)
    for depth, expected in (
        (1, ["2 x 3 x unit", "2 x group", "add", "2 parts"]),
        (2, ["3 x unit", "3 x unit", "group", "group", "branch", "branch", "add", "relu", "unit"]),
    ):
        assert [layer["type"] for layer in totals(run, name, "--depth", str(depth))["layers"]] == expected


def test_explain_of_a_block_lists_its_rows(run: Line) -> None:
    text = run("explain", "resnet18", "conv2.0").out
    found = json.loads(run("explain", "resnet18", "conv2.0", "--format", "json").out)
    names = [row["name"] for row in found["rows"]]
    assert names[0] == "conv2.0.conv1"
    assert all(name in text for name in names)


def test_explain_of_a_row_as_json(run: Line) -> None:
    found = json.loads(run("explain", "lenet5", "C3", "--format", "json").out)
    assert found["name"] == "C3"
    assert {"name": "maps", "value": "16"}.items() <= next(
        attribute for attribute in found["attributes"] if attribute["name"] == "maps"
    ).items()
    assert {formula["quantity"]: formula["result"] for formula in found["formulas"]}["parameters"] == "2,416"


def test_compare_of_two_shows_what_differs(run: Line) -> None:
    name = run.write("one.yaml", TEXTBOOK)
    other = run.write("two.yaml", TEXTBOOK.replace("kernel: 5", "kernel: 3, activation: relu"))
    found = json.loads(run("compare", name, other, "--format", "json").out)["differences"]
    assert [each["row"] for each in found] == ["C1"]
    assert found[0]["first"] == "conv 15,200 parameters, kernel 5"
    assert found[0]["second"] == "conv 5,600 parameters, kernel 3, relu"
    assert json.loads(run("compare", name, name, "--format", "json").out)["differences"] == []


def test_resolve_gives_a_spec_of_the_same_network(run: Line) -> None:
    flat = run("resolve", "googlenet").out
    plain = run("resolve", "googlenet", "--plain").out
    assert "#" in flat
    assert "#" not in plain
    assert totals(run, run.write("flat.yaml", flat))["layers"] == totals(run, "googlenet")["layers"]
    assert run("resolve", "-", "--plain", stdin=plain.encode()).out == plain


def test_note_of_a_table_goes_to_standard_error(run: Line) -> None:
    table = "Layer,Type,Maps,Size,Kernel\nIn,Input,3,32x32,\nC1,Convolution,8,32x32,3\n"
    ran = run("resolve", run.write("table.csv", table), "--plain")
    assert ran.code == 0
    assert "note[N501]" in ran.err
    assert "padding: same" in ran.out


# --- list, schema, new, help


def test_list_names_can_be_summarized(run: Line) -> None:
    names = run("list", "--names").out.split()
    assert {"lenet5", "lenet5/1998", "resnet/resnet50"} <= set(names)
    listed = [spec["name"] for spec in json.loads(run("list", "--format", "json").out)["specs"]]
    assert set(listed) <= set(names)
    assert len(set(listed)) == len(listed)
    assert {"lenet5", "lenet5/1998", "resnet/resnet50"} <= set(listed)


def test_schema_is_printed_or_written(run: Line) -> None:
    printed = run("schema")
    assert json.loads(printed.out)["$schema"].startswith("https://json-schema.org/")
    assert run("schema", "-o", "schema.json") == (0, "", "")
    assert (run.directory / "schema.json").read_text() == printed.out
    again = run("schema", "-o", "schema.json")
    assert again.code == 1
    assert "exists already" in again.err


def test_new_writes_a_spec_and_overwrites_none(run: Line) -> None:
    first = run("new", "mynet")
    assert first == (0, "wrote mynet.yaml; next: archspec summarize mynet.yaml\n", "")
    written = (run.directory / "mynet.yaml").read_bytes()
    (run.directory / "mynet.yaml").write_bytes(written + b"# mine\n")
    for name in ("mynet", "mynet.yaml"):
        again = run("new", name)
        assert (again.code, again.out) == (1, "")
        assert "mynet.yaml exists already, and nothing was written" in again.err
    assert (run.directory / "mynet.yaml").read_bytes() == written + b"# mine\n"
    assert run("validate", "mynet.yaml", "--strict").code == 0


@pytest.mark.parametrize("name", ["no/such/directory", "a\0b", ""])
def test_new_says_why_it_can_not_write(run: Line, name: str) -> None:
    ran = run("new", name)
    assert ran.code in (1, 2)
    assert ran.err
    assert "Traceback" not in ran.err
    assert list(run.directory.iterdir()) == []


@pytest.mark.parametrize("name", ["net with spaces", "été", "null", "a'b", 'a"b', "#1", "1998"])
def test_new_takes_any_name_of_a_file(run: Line, name: str) -> None:
    assert run("new", name).code == 0
    assert totals(run, f"{name}.yaml")["name"] == name


SUBCOMMANDS = next(list(action.choices) for action in parser()._actions if isinstance(action.choices, dict))


@pytest.mark.parametrize("command", SUBCOMMANDS)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_of_every_command(run: Line, command: str, columns: int) -> None:
    ran = run(command, "--help", columns=columns)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: archspec {command}")
    assert "None" not in ran.out
    assert max(map(len, ran.out.split("\n"))) <= columns


def test_help_names_commands_and_limits(run: Line) -> None:
    out = run("--help", columns=100).out
    assert set(SUBCOMMANDS) >= {"validate", "summarize", "explain", "compare", "resolve", "list", "schema", "new"}
    assert all(f"{name}=" in out for name in Limits.names())
    assert max(map(len, out.split("\n"))) <= 100


def test_version(run: Line) -> None:
    assert run("--version").out == f"archspec {archspec.__version__}\n"


# --- as a process


def process(arguments: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "archspec", *arguments], **options)


@pytest.mark.parametrize("arguments", [("resolve", "resnet152"), ("list", "--names")], ids=" ".join)
def test_reader_that_has_enough(arguments: tuple[str, ...]) -> None:
    with process(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == b""
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, False), ({"TERM": "dumb"}, False)],
)
def test_color_on_a_terminal_that_wants_it(tmp_path: Path, environment: dict[str, str], colored: bool) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    master, slave = pty.openpty()
    plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    running = process(
        ("validate", "bad.yaml"), stdout=slave, cwd=tmp_path, env={**plain, "TERM": "xterm", **environment}
    )
    os.close(slave)
    printed = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # what Linux says when the other end has closed
            break
        if not part:
            break
        printed += part
    os.close(master)
    assert running.wait() == 1
    assert b"E102" in printed
    assert (b"\x1b[" in printed) == colored


def test_no_color_in_a_pipe(run: Line) -> None:
    assert "\x1b" not in run("validate", run.write("bad.yaml", BAD)).out
