"""`list`, `compare --plot`, `scale` and docs/zoo.md: choosing a network, and making one that is not there."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path

import pytest

from archspec.cli.amount import aim, amount
from archspec.cli.main import main
from archspec.costs import cost
from archspec.graph import Graph
from archspec.loading import Options, compile_spec, load
from archspec.published import accuracy, member_name, paper, year
from archspec.published import members as published_members
from archspec.report.accuracy import accuracy_plot
from archspec.report.compare import figures
from archspec.report.plot import WIDTH, Box, text_width
from archspec.report.zoo import KEYS, Entry, entries, ordered, zoo_table
from archspec.scaling import Candidate, Goal, Rule, Scaler, dimensions_of, total_stride
from archspec.zoo import directory, families, names
from docs.zoo_page import INTRODUCED, lines_of_code, zoo_page
from tests.conftest import REPOSITORY

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def zoo() -> list[Entry]:
    return list(entries())


def output(capsys: pytest.CaptureFixture[str], command: str) -> str:
    """What a command prints, and nothing went wrong."""
    assert main(command.split()) == 0
    return capsys.readouterr().out


# --- what was published


def test_every_family_has_its_paper_and_every_accuracy_its_member_and_source() -> None:
    assert all(paper(family) for family in families())
    assert set(published_members()) <= set(names())
    for name in published_members():
        known = accuracy(name)
        assert known.source or (known.top1 is None and known.top5 is None), name
        assert known.top1 is None or known.top5 is None or 50 < known.top1 < known.top5 < 100, name


def test_the_paper_is_the_one_that_the_spec_cites() -> None:
    for family, path in families().items():
        cited = " ".join(line.lstrip("# ") for line in path.read_text(encoding="utf-8").splitlines()[:2])
        known = paper(family)
        assert known is not None
        if known.title in cited:
            assert f"({known.year})" in cited, family
        else:
            assert family == "fashion_cnn", f"{family}: {known.title}"


def test_members_that_differ_in_training_alone_have_one_accuracy() -> None:
    assert accuracy("inception_v3") == accuracy("inception_v3/no_aux")
    assert accuracy("efficientnet") == accuracy("efficientnet/b0")
    assert year("alexnet/torchvision") == 2014
    assert year("resnet/resnet50") == 2015
    assert accuracy("lenet5").top1 is None
    assert member_name("resnet50") == "resnet/resnet50" == member_name("resnet", "resnet50")
    assert member_name("mine.yaml") is None


def test_the_zoo_is_validated_without_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    specs = [path for path in directory().rglob("*") if path.suffix in (".yaml", ".yml", ".json")]
    assert output(capsys, f"validate {directory()}").startswith(f"{len(specs)} specs checked")


# --- list


def test_list_sorts_with_unknown_values_last(zoo: list[Entry]) -> None:
    for key, value in KEYS.items():
        for written in (key, f"-{key}"):
            found = [value(entry) for entry in ordered(zoo, written)]
            assert len(found) == len(zoo)
            known = [each for each in found if each is not None]
            assert known == sorted(known, reverse=written.startswith("-"))  # pyright: ignore[reportArgumentType]
            assert found[len(known) :] == [None] * (len(found) - len(known))


def test_the_help_names_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "--help"])
    assert f"by {', '.join(KEYS)};" in " ".join(capsys.readouterr().out.split())


def test_list_filters_and_sorts(capsys: pytest.CaptureFixture[str]) -> None:
    command = "list --max-params 10M --max-macs 1.5G --min-top1 75 --sort -top1 --format json"
    found = json.loads(output(capsys, command))["specs"]
    assert [each["name"] for each in found] == ["efficientnet/b2", "efficientnet/b1", "efficientnet", "efficientnet/b0"]
    assert all(each["trainable"] <= 10e6 and each["macs"] <= 1.5e9 and each["top1"] >= 75 for each in found)
    assert output(capsys, "list --names --family resnext --sort -params").split() == [
        "resnext/resnext101_32x8d", "resnext/resnext50_32x4d",
    ]  # fmt: skip
    assert output(capsys, "list --names --family lenet5").split() == ["lenet5", "lenet5/1998"]


def test_list_with_nothing_left_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--family", "lenet5", "--min-top1", "50"]) == 1
    assert "no network of the zoo" in capsys.readouterr().err


def test_list_fits_the_terminal(zoo: list[Entry]) -> None:
    wide = zoo_table(zoo).as_text()
    assert "timm tf_efficientnet_b0.aa_in1k" in wide
    for width in (60, 80, 100, 120):
        lines = zoo_table(zoo).as_text(width).split("\n")
        assert max(map(len, lines)) <= width
        assert len(lines) == len(zoo) + 2
    assert "top-1" in zoo_table(zoo).as_text(80).split("\n")[0]


def test_list_for_programs_and_papers(zoo: list[Entry]) -> None:
    rows = list(csv.DictReader(io.StringIO(zoo_table(zoo, exact=True).as_csv())))
    (row,) = [row for row in rows if row["spec"] == "resnet/resnet50"]
    assert (row["year"], row["parameters"], row["MACs"], row["top-1"]) == ("2015", "25557032", "4089184256", "76.1")
    assert zoo_table(zoo).as_markdown().count("\n") == len(zoo) + 1
    assert r"resnet/resnet50\_v1 & 2015" in zoo_table(zoo).as_latex()


@pytest.mark.parametrize(
    ("text", "number"),
    [("10M", 10e6), ("1.5G", 1.5e9), ("1e7", 1e7), ("2k", 2000), ("3B", 3e9), ("1.5e3 m", 1.5e9), ("7", 7)],
)
def test_amounts(text: str, number: float) -> None:
    assert amount(text) == number


def test_aims() -> None:
    assert aim("2x").of(100) == 200
    assert aim("0.5×").of(100) == 50
    assert aim("800M").of(100) == 800e6


@pytest.mark.parametrize(
    "command",
    [
        "list --max-params ten", "list --max-macs -1", "list --min-top1 101", "list --sort size",
        "list --family resnett",
        "scale resnet50", "scale resnet50 --macs 0x", "scale resnet50 --macs x", "scale resnet50 --macs 2x --phi 1",
        "scale resnet50 --phi 1 --alpha 0",
    ],
)  # fmt: skip
def test_mistakes_of_the_command_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(command.split())
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


# --- compare --plot


@pytest.fixture(scope="module")
def plot(zoo: list[Entry]) -> ElementTree.Element:
    return ElementTree.fromstring(accuracy_plot(entry.figures for entry in zoo))


def _boxes(root: ElementTree.Element) -> list[Box]:
    """The labels of markers as rectangles, an estimate of their width in a wide font included."""
    found: list[Box] = []
    for text in root.iter(f"{SVG}text"):
        if text.get("class") == "label":
            x, y = float(text.get("x", "")), float(text.get("y", ""))
            found.append(Box(x, y - 9, text_width(text.text or "", 11), 11))
    return found


def test_plot_has_a_marker_and_a_label_for_each_accuracy(plot: ElementTree.Element, zoo: list[Entry]) -> None:
    known = [entry for entry in zoo if entry.accuracy.top1 is not None]
    places = {(entry.name.split("/")[0], entry.figures.macs, entry.accuracy.top1) for entry in known}
    markers = [circle for circle in plot.iter(f"{SVG}circle") if circle.get("class") == "marker"]
    assert len(markers) == len(places) == len(_boxes(plot))
    listed = " ".join(text.text or "" for text in plot.iter(f"{SVG}text") if text.get("class") == "quiet")
    for entry in zoo:
        if entry.accuracy.top1 is None:
            assert entry.name in listed


def test_labels_of_the_plot_do_not_overlap(plot: ElementTree.Element) -> None:
    boxes = _boxes(plot)
    assert not [(one, other) for one, other in combinations(boxes, 2) if one.meets(other)]
    assert all(box.x >= 0 and box.x + box.width <= WIDTH for box in boxes)


def test_plot_tells_what_it_shows_and_needs_nothing_else(plot: ElementTree.Element, zoo: list[Entry]) -> None:
    assert plot.get("role") == "img"
    ids = {each.get("id") for each in plot.iter() if each.tag in (f"{SVG}title", f"{SVG}desc")} - {None}
    assert ids == set((plot.get("aria-labelledby") or "").split()) == {"title", "desc"}
    text = accuracy_plot(entry.figures for entry in zoo)
    assert "prefers-color-scheme: dark" in text
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|<script|<image", text)
    assert min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", text)) >= 8  # 6 pt


def _contrast(first: str, second: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_texts_of_the_plot_stand_out_in_light_and_dark() -> None:
    light, dark = accuracy_plot([]).split("@media")
    for style in (light, dark):
        (background,) = re.findall(r"background: (#\w+)", style)
        texts = re.findall(r"(?:text|\.quiet) \{[^}]*fill: (#\w+)", style)
        assert len(texts) == 2
        assert all(_contrast(background, text) >= 4.5 for text in texts)


def test_marker_area_is_in_proportion_to_parameters(plot: ElementTree.Element, zoo: list[Entry]) -> None:
    sizes = {entry.name.split("/")[-1]: entry.figures.trainable for entry in zoo}
    radii: dict[str, float] = {}
    for circle in plot.iter(f"{SVG}circle"):
        title = circle.find(f"{SVG}title")
        if title is not None:
            radii[(title.text or "").split(":")[0].split("/")[-1]] = float(circle.get("r", ""))
    ratio = sizes["vgg16"] / sizes["resnet50"]
    assert (radii["vgg16"] / radii["resnet50"]) ** 2 == pytest.approx(ratio, rel=0.05)


def test_compare_draws_into_a_new_file_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plot.svg"
    assert "resnet18" in output(capsys, f"compare resnet18 lenet5 --plot {file}")
    drawn = file.read_text(encoding="utf-8")
    assert drawn.count('class="marker"') == 1
    assert "without a published top-1: lenet5" in drawn
    assert main(["compare", "vgg11", "vgg13", "--plot", str(file)]) == 1
    captured = capsys.readouterr()
    assert "exists already" in captured.err
    assert not captured.out
    assert file.read_text(encoding="utf-8") == drawn


def test_another_input_has_no_published_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plot.svg"
    output(capsys, f"compare resnet18 --input 3x288x288 --plot {file}")
    assert "without a published top-1: resnet18" in file.read_text(encoding="utf-8")


def test_legend_keeps_clear_of_markers() -> None:
    names = ("vgg/vgg11", "mobilenet_v2", "efficientnet/b0")
    root = ElementTree.fromstring(accuracy_plot(figures(load(name), name) for name in names))
    circles = [tuple(float(each.get(key, "")) for key in ("cx", "cy", "r")) for each in root.iter(f"{SVG}circle")]
    assert len(circles) == 5
    for (x, y, radius), (other_x, other_y, other_radius) in combinations(circles, 2):
        assert (x - other_x) ** 2 + (y - other_y) ** 2 > (radius + other_radius) ** 2


def test_plot_of_nothing_published_still_names_the_models() -> None:
    drawn = accuracy_plot([figures(load("lenet5"), "lenet5")])
    assert "<circle" not in drawn
    assert "without a published top-1: lenet5" in drawn


def test_plot_escapes_names() -> None:
    figure = figures(load("lenet5"), "a<b>&c.yaml")
    assert "a<b>&c.yaml" in (ElementTree.fromstring(accuracy_plot([figure])).findall(f"{SVG}text")[-1].text or "")


# --- scale

SMALL = """\
input: {maps: 3, height: =resolution, width: =resolution}
params: {depth: 2, width: 16, resolution: 32, classes: 10}
layers:
  - {name: down, type: conv, maps: =width, kernel: 3, stride: 2, padding: 1}
  - {name: units, type: conv, maps: =width, kernel: 3, padding: 1, repeat: =depth}
  - {name: pool, type: global_avg_pool}
  - {name: fc, type: dense, units: =classes}
"""


@pytest.mark.parametrize(
    ("spec", "goal"),
    [
        ("efficientnet/b0", "--macs 2x"), ("efficientnet", "--macs 800M"), ("mobilenet_v1", "--params 2x"),
        ("mobilenet_v2", "--macs 100M"), ("mobilenet_v3/large", "--macs 0.5x"),
    ],
)  # fmt: skip
def test_scale_reaches_its_goal_and_the_printed_line_gives_the_same_network(
    spec: str, goal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(output(capsys, f"scale {spec} {goal} --format json"))
    key = {"macs": "macs", "params": "trainable"}[found["goal"]["quantity"]]
    assert found["after"][key] == pytest.approx(found["goal"]["number"], rel=0.05)
    assert found["after"]["parameters"]["resolution"] % found["stride"] == 0
    assert found["stride"] == 32
    again = json.loads(output(capsys, found["command"].removeprefix("archspec ") + " --format json"))
    assert again["macs"] == found["after"]["macs"]
    assert again["parameters"]["trainable"] == found["after"]["trainable"]


def test_a_step_of_efficientnet_is_as_large_as_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(output(capsys, "scale efficientnet/b0 --phi 1 --format json"))
    assert found["growth"] == pytest.approx(1.92, abs=0.005)
    assert found["after"]["parameters"] == {"depth": 1.2, "width": 1.1, "resolution": 256}
    assert cost(load("efficientnet/b1")).macs < found["after"]["macs"] < cost(load("efficientnet/b2")).macs


def test_scaling_by_the_specs_own_coefficient_is_the_same_rule() -> None:
    depth, width = 1.2**8, 1.1**8
    own = load("efficientnet", settings=["phi=8"])
    given = load("efficientnet", settings=[f"depth={depth}", f"width={width}", f"resolution={round(224 * 1.15**8)}"])
    assert own.input == given.input
    assert cost(own) == cost(given)


def test_scale_prints_what_becomes_of_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    printed = output(capsys, "scale mobilenet_v1 --phi -1")
    assert "width * beta^phi, resolution * gamma^phi, phi = -1" in printed
    assert "= 1.92, 4.0% below 2" in printed
    assert re.search(r"^resolution +224 +192 +0\.86$", printed, re.MULTILINE)
    assert "resolution is rounded to a multiple of 32, the total stride" in printed
    assert "archspec summarize mobilenet_v1 --set width=0.9091 --set resolution=192" in printed


def test_scale_keeps_counts_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    found = json.loads(output(capsys, f"scale {path} --macs 8x --set classes=5 --format json"))
    after = found["after"]["parameters"]
    assert found["stride"] == 2
    assert all(isinstance(value, int) for value in after.values())
    assert after["depth"] > 2 < 16 < after["width"]
    assert found["after"]["macs"] == pytest.approx(found["goal"]["number"], rel=0.1)
    assert f"summarize {path} --set classes=5 --set depth=" in found["command"]


def test_scale_says_what_a_spec_has_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "vgg16", "--macs", "2x"]) == 1
    printed = capsys.readouterr().err
    assert "can't be scaled: no parameter of it is a number named depth, width or resolution" in printed
    assert "its parameters are depths, norm, classes" in printed


def test_scale_of_a_spec_with_mistakes_reports_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "efficientnet/b9", "--macs", "2x"]) == 1
    assert "E401" in capsys.readouterr().err


def _scaler(graph: Graph, spec: str, rule: Rule = Rule()) -> Scaler:  # noqa: B008 - frozen
    from archspec.loading import parameters_of

    return Scaler(spec, Options(), rule, Candidate(0.0, dimensions_of(parameters_of(spec, Options())), graph))


def test_scale_to_what_it_costs_changes_nothing() -> None:
    graph = load("efficientnet/b0")
    found = _scaler(graph, "efficientnet/b0").towards(Goal("macs", cost(graph).macs))
    assert found is not None
    assert found.settings == ("depth=1.0", "width=1.0", "resolution=224")


def test_gates_and_auxiliary_heads_make_no_grid_coarser() -> None:
    strides = {"efficientnet/b0": 32, "googlenet": 32, "lenet5": 4, "darknet53": 32, "fcn": 8, "vgg16": 32}
    assert {name: total_stride(load(name)) for name in strides} == strides


# --- docs/zoo.md


def test_the_page_has_every_family_and_is_current() -> None:
    assert set(INTRODUCED) == set(families())
    assert (REPOSITORY / "docs" / "zoo.md").read_text(encoding="utf-8") == zoo_page(), "run `make docs`"


@pytest.mark.parametrize("family", INTRODUCED)
def test_what_the_page_names_is_in_the_spec(family: str) -> None:
    text = families()[family].read_text(encoding="utf-8")
    for other in re.findall(r"(?:use|extends): \[?([^\]\n]*)", text):
        for name in re.split(r",\s*", other):
            found = directory() / (name if name.endswith(".yaml") else f"{name.partition('/')[0]}.yaml")
            if found.is_file():
                text += found.read_text(encoding="utf-8")
    named = re.findall(r"`([^`]+)`", INTRODUCED[family])
    commands = [name for name in named if name.startswith(("--", "archspec "))]
    missing = [name for name in named if name not in commands and not re.search(re.escape(name), text)]
    assert named
    assert not missing


def test_line_counts_leave_comments_out() -> None:
    text = families()["vgg"].read_text(encoding="utf-8").splitlines()
    assert lines_of_code("vgg") == len([line for line in text if line.strip() and line.strip()[0] != "#"]) < len(text)


def test_every_member_of_the_page_compiles(zoo: list[Entry]) -> None:
    page = (REPOSITORY / "docs" / "zoo.md").read_text(encoding="utf-8")
    members = re.findall(r"^\| `([^`]+)`", page, re.MULTILINE)
    assert sorted(members) == sorted(entry.name for entry in zoo)
    assert all(compile_spec(name, Options()).graph is not None for name in members[:5])
