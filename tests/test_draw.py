"""Pictures: nothing overlaps, every number is the network's own, and the same bytes come out everywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

import archspec
from archspec.draw.figures import Figures, shape_text
from archspec.draw.letters import LETTERS, WIDTHS, fitted, label, width
from archspec.draw.lifetimes import inference, training
from archspec.draw.mark import is_unchanged
from archspec.draw.opened import closed, names_to_open, opened
from archspec.draw.palette import DARK, LIGHT
from archspec.draw.parts import Part
from archspec.draw.render import Format, Look, NoSuchPart, Style, render, scene
from archspec.draw.scene import Box, Group, Rect, Route, Scene, Text, walk
from archspec.draw.scene import Path as Shape
from archspec.graph import INPUT, Graph
from archspec.memory import inference_memory
from archspec.memory.training import StepCourse
from archspec.report.units import bytes_text
from archspec.report.zoo import members
from docs.gallery import pictures
from tests.conftest import REPOSITORY
from tests.picture import crossings, problems
from tests.test_random_specs import specs

ZOO = [name for name, _ in members()]
A4 = (595, 842)
LOOKS = [
    Look("table"),
    Look("table", columns=1),
    Look("table", depth=9),
    Look("volume"),
    Look("volume", columns=1),
    Look("graph"),
    Look("graph", depth=2),
    Look("memory"),
]
HARD = {
    "u-net": """
name: U-Net
input: 1x64x64
defaults: {conv: {kernel: 3, padding: same, activation: relu}}
layers:
  - {name: d1, type: conv, maps: 16}
  - {name: p1, type: max_pool, kernel: 2}
  - {name: d2, type: conv, maps: 32}
  - {name: p2, type: max_pool, kernel: 2}
  - {name: bottom, type: conv, maps: 64}
  - {name: u2, type: transposed_conv, maps: 32, kernel: 2, stride: 2}
  - {name: c2, type: concat, from: [d2, u2]}
  - {name: u1, type: transposed_conv, maps: 16, kernel: 2, stride: 2}
  - {name: c1, type: concat, from: [d1, u1]}
  - {name: out, type: conv, maps: 2, kernel: 1, activation: none}
""",
    "tangled": """
name: "a <&\\"' 神経回路網 with a name that goes on and on, longer than any heading has room for in a figure of a paper"
input: 3x32x32
defaults: {conv: {kernel: 3, padding: same}}
layers:
  - {name: a_row_with_a_name_of_sixty_letters_and_more_which_nobody_types_twice, type: conv, maps: 8}
  - {name: left, type: conv, maps: 8}
  - {name: right, type: conv, maps: 8, from: a_row_with_a_name_of_sixty_letters_and_more_which_nobody_types_twice}
  - {name: x1, type: add, from: [left, right]}
  - {name: x2, type: concat, from: [left, right]}
  - {name: y, type: conv, maps: 8, from: x2}
  - {name: z, type: concat, from: [x1, y, left]}
  - {name: s, layers: [{name: p, type: conv, maps: 4}, {name: q, type: concat, from: [p, x1]}, {name: r, type: relu}]}
  - {name: w, type: concat, from: [s, x2, y]}
  - {name: aside, type: dense, units: 4, from: right}
outputs: {w: {}, aside: {train_only: true}}
""",
    "heads": """
name: heads
input: 3x48x48
defaults: {conv: {kernel: 3, padding: same, activation: relu}}
layers:
  - {name: c1, type: conv, maps: 16}
  - {name: p1, type: max_pool, kernel: 2}
  - {name: c2, type: conv, maps: 24}
  - {name: c3, type: conv, maps: 24}
  - {name: age, type: dense, units: 1}
  - {name: sex_of_a_person_as_a_name_that_is_long, type: dense, units: 2, from: c3}
  - {name: hidden, type: dense, units: 64, from: c3}
  - {name: kind, type: dense, units: 5}
  - {name: mask, type: conv, maps: 1, kernel: 1, activation: none, from: c2}
outputs: {kind: {}, age: {}, sex_of_a_person_as_a_name_that_is_long: {}, mask: {}, c3: {}}
""",
    "over everything": """
input: 1x16x16
defaults: {conv: {kernel: 3, padding: same}}
layers: [{type: conv, maps: 4, repeat: 9}, {name: out, type: conv, maps: 1}, {name: sum, type: add, from: [in, out]}]
""",
    "chain": "input: 3x16x16\ndefaults: {conv: {kernel: 3, padding: same}}\nlayers:\n"
    + "".join(f"  - {{name: c{i}, type: conv, maps: {8 + i % 5}}}\n" for i in range(80)),
    "one row": "input: 7\nlayers: [{type: dense, units: 3}]",
    "odd shapes": """
input: 1x300x20
layers: [{type: conv, maps: 3, kernel: 1x7}, {type: max_pool, kernel: 3x1}, {type: upsample, to: [200, 200]},
         {type: flatten}, {type: dense, units: 12}, {type: softmax}]
""",
    "dense by hand": "input: 3x16x16\ndefaults: {conv: {maps: 4, kernel: 3, padding: same}}\nlayers:\n"
    "  - {name: c0, type: conv}\n"
    + "".join(
        f"  - {{name: k{i}, type: concat, from: [{', '.join(f'c{j}' for j in range(i + 1))}]}}\n"
        if half
        else f"  - {{name: c{i}, type: conv, from: {f'k{i - 1}' if i > 1 else 'c0'}}}\n"
        for i in range(1, 25)
        for half in (0, 1)
    ),
}


@cache
def graph_of(name: str) -> Graph:
    return archspec.loads(HARD[name]) if name in HARD else archspec.load(name)


@cache
def picture(name: str, look: Look) -> Scene:
    return scene(graph_of(name), look)


def titled(drawn: Scene) -> dict[str, Group]:
    """The layers of a picture by name."""
    return {item.name: item for item in walk(drawn.items) if isinstance(item, Group) and item.kind == "layer"}


@pytest.mark.parametrize("name", [*ZOO, *HARD])
def test_nothing_overlaps_and_no_edge_runs_through_a_card(name: str) -> None:
    for look in LOOKS:
        assert problems(picture(name, look)) == [], look


@pytest.mark.parametrize("name", ZOO)
def test_a_table_fits_on_a_page_and_a_figure_into_its_columns(name: str) -> None:
    drawn = picture(name, Look("table"))
    assert drawn.width <= A4[0]
    assert drawn.height <= A4[1]
    for style in ("table", "volume", "memory"):
        for columns, most in ((1, 252), (2, 516)):
            assert picture(name, Look(style, columns=columns)).width <= most + 0.01


@pytest.mark.parametrize("name", [each for each in ZOO if each.startswith(("lenet", "vgg", "googlenet", "resnet/"))])
def test_no_edges_cross(name: str) -> None:
    for look in (Look("table"), Look("graph"), Look("graph", depth=1), Look("volume"), Look("volume", columns=1)):
        assert crossings(picture(name, look)) == [], look


@pytest.mark.parametrize("name", ["googlenet", "resnet/resnet50"])
def test_no_edges_cross_whichever_block_is_open(name: str) -> None:
    for block in names_to_open(Figures(graph_of(name))):
        for style in ("table", "volume", "graph"):
            drawn = picture(name, Look(style, expand=(block,), depth=1))
            assert (problems(drawn), crossings(drawn)) == ([], []), (block, style)


@given(specs())
@settings(max_examples=25, deadline=None)
def test_any_network(text: str) -> None:
    graph = archspec.loads(text)
    for look in LOOKS:
        assert problems(scene(graph, look)) == [], look
    for format in ("svg", "html", "dot", "mermaid", "tikz", "pdf"):
        assert is_unchanged(render(graph, format))


def test_edges_cross_only_where_they_must() -> None:
    for style in ("graph", "table", "volume"):
        assert crossings(picture("u-net", Look(style))) == []
    assert crossings(picture("u-net", Look("volume", columns=1))) == []
    assert crossings(picture("tangled", Look("graph")))  # x1 and x2 have the same two sources


@pytest.mark.parametrize("name", [*ZOO, *HARD])
def test_every_row_stands_once_in_the_graph_with_the_numbers_of_summarize(name: str) -> None:
    graph = graph_of(name)
    summary = archspec.summarize(graph)
    shown = titled(picture(name, Look("graph")))
    assert sorted(shown) == sorted([INPUT, *(line.name for line in summary.lines)])
    for line in summary.lines:
        said = shown[line.name].title
        assert ("parameters" in said) == bool(line.trainable or line.other)
        assert not line.trainable or f"{line.trainable:,} parameters" in said
        assert not line.macs or f"{line.macs:,} MACs" in said
    cards = [
        item for item in walk(picture(name, Look("graph")).items) if isinstance(item, Group) and item.kind == "layer"
    ]
    assert len(cards) == len(shown)


@pytest.mark.parametrize("name", ZOO)
def test_closed_blocks_have_the_totals_of_what_is_in_them(name: str) -> None:
    graph = graph_of(name)
    figures = Figures(graph)
    summary = archspec.summarize(graph)
    lines = {line.name: line for line in summary.lines}
    rows = [row.name for row in graph.rows]
    for depth in (1, 2, None):
        units = closed(opened(figures, depth))[1:]
        assert [name for unit in units for name in rows[unit.start : unit.stop]] == rows
        for unit in units:
            inside = [lines[each] for each in rows[unit.start : unit.stop]]
            assert unit.trainable == sum(line.trainable for line in inside)
            assert unit.other == sum(line.other for line in inside)
            assert unit.macs == sum(line.macs for line in inside)
            assert unit.shape == inside[-1].shape
    for part in figures.parts:
        _check_stacks(part)


def _check_stacks(part: Part) -> None:
    if part.kind == "stack":
        assert part.times == len(part.parts) > 1
        assert [part.start, *(each.stop for each in part.parts)] == [*(each.start for each in part.parts), part.stop]
    for each in part.parts:
        _check_stacks(each)


# blocks and how often each stands, as the papers' tables have them
@pytest.mark.parametrize(
    ("name", "stacks"),
    [
        ("resnet/resnet50", {"conv2": 3, "conv3": 4, "conv4": 6, "conv5": 3}),
        ("resnet/resnet152", {"conv2": 3, "conv3": 8, "conv4": 36, "conv5": 3}),
        ("densenet/densenet121", {f"stage.{i}.dense": n for i, n in enumerate((6, 12, 24, 16))}),
        ("vgg/vgg16", {f"stage.{i}.conv": n for i, n in enumerate((2, 2, 3, 3, 3))}),
        ("mobilenet_v2", {f"stage.{i}.0–{n - 1}": n for i, n in ((1, 2), (2, 3), (3, 4), (4, 3), (5, 3))}),
        ("inception_v4", {"a": 4, "b": 7, "c": 3}),
        ("googlenet", {}),
        ("lenet5", {}),
    ],
)  # fmt: skip
def test_stacks(name: str, stacks: dict[str, int]) -> None:
    units = [Figures(graph_of(name)).unit(part) for part in Figures(graph_of(name)).parts]
    assert {unit.name: unit.times for unit in units if unit.times > 1} == stacks
    drawn = titled(picture(name, Look("table")))
    for stack, times in stacks.items():
        assert f"×{times}" in [item.text for item in drawn[stack].items if isinstance(item, Text)]


def test_words_of_cards() -> None:
    figures = Figures(graph_of("resnet/resnet50"))
    units = {unit.name: unit for unit in map(figures.unit, figures.parts)}
    assert (units["conv1"].title, units["conv1"].detail) == ("7×7 conv, 64, /2", "batch norm · ReLU")
    assert (units["conv4"].title, units["conv4"].detail) == (
        "bottleneck 256 – 256 – 1024",
        "1×1 · 3×3 (first /2) · 1×1",
    )
    assert figures.unit(Figures(graph_of("googlenet")).parts[7]).kind == "block"
    inception = Figures(graph_of("googlenet"))
    assert inception.unit(inception.parts[7]).detail == "4 branches · 6 conv"


def test_blocks_open_by_name_and_by_depth() -> None:
    graph = graph_of("resnet/resnet50")
    figures = Figures(graph)
    assert {"conv3", "conv3.0", "conv4.5"} <= set(names_to_open(figures))
    shown = [unit.name for unit in closed(opened(figures, 1, ["conv3.0"]))]
    assert {"conv3.0.conv2", "conv3.0.shortcut.project", "conv3.1–3", "conv4"} <= set(shown)
    assert [node.unit.name for node in opened(figures, 1, ["conv3.0"]) if node.inner] == ["conv3.0"]
    with pytest.raises(NoSuchPart, match="conv9"):
        render(graph, "svg", Look(expand=("conv9",)))


@pytest.mark.parametrize("name", ["lenet5", "googlenet", "densenet/densenet121", "tangled"])
@pytest.mark.parametrize("style", ["table", "volume", "graph", "memory"])
def test_svg(name: str, style: Style) -> None:
    look = Look(style)
    text = render(graph_of(name), "svg", look).decode()
    root = ElementTree.fromstring(text)
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    prefix = ids[0].removesuffix("title")
    assert len(ids) == len(set(ids))
    assert all(each.startswith(prefix) for each in ids)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{prefix}title {prefix}desc"
    assert not re.findall(r"(?:href|url\(|@import|src=)", text)
    assert "prefers-color-scheme: dark" in text
    assert float(min(re.findall(r'font-size="([\d.]+)"', text), key=float)) >= 6
    groups = {each.get("data-name"): each for each in root.iter("{http://www.w3.org/2000/svg}g")}
    for layer, group in titled(picture(name, look)).items():
        found = groups[layer].find("{http://www.w3.org/2000/svg}title")
        assert found is not None
        assert found.text == group.title
    assert not {
        letter for item in walk(picture(name, look).items) if isinstance(item, Text) for letter in item.text
    } - set(LETTERS)


def test_a_name_too_long_is_shortened_and_whole_in_the_title() -> None:
    name = "a_row_with_a_name_of_sixty_letters_and_more_which_nobody_types_twice"
    layer = titled(picture("tangled", Look("table")))[name]
    assert layer.title.startswith(f"{name}: ")
    written = [item.text for item in layer.items if isinstance(item, Text) and item.text.startswith("a_row")]
    assert len(written) == 1
    assert "..." in written[0]


def test_a_title_is_a_heading() -> None:
    text = render(graph_of("lenet5"), "svg", Look(title='<Net> & "co" 卷 \x00')).decode()
    title = ElementTree.fromstring(text).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == '<Net> & "co" 卷 \ufffd'
    assert "U+5377" in text
    assert problems(scene(graph_of("lenet5"), Look(title="x" * 500))) == []


def test_themes_have_contrast() -> None:
    for inks in (LIGHT, DARK):
        for role, ink in inks.items():
            if role == "paper" or role.endswith(".fill"):
                assert _contrast(inks["text"], ink) >= 4.5
                assert _contrast(inks["quiet"], ink) >= 4.5
            if role.endswith(".edge"):
                assert _contrast(ink, inks["paper"]) >= 3
    dark = render(graph_of("lenet5"), "svg", Look(theme="dark")).decode()
    assert DARK["paper"] in dark
    assert LIGHT["paper"] not in dark
    assert "<style>" not in dark


def _contrast(first: str, second: str) -> float:
    """As WCAG 2 defines it."""

    def luminance(ink: str) -> float:
        parts = [int(ink[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "import sys, zlib, archspec\nfrom archspec.draw.render import Look, render\n"
        "for name in ('googlenet', 'mobilenet_v2'):\n"
        "    graph = archspec.load(name)\n"
        "    for style in ('table', 'volume', 'graph', 'memory'):\n"
        "        for format in ('svg', 'pdf', 'tikz'): print(zlib.crc32(render(graph, format, Look(style))))\n"
        "    for format in ('html', 'dot', 'mermaid'): print(zlib.crc32(render(graph, format)))\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "4294967295")
    }
    assert len(runs) == 1


# widths of Helvetica and Helvetica-Bold from Adobe's font metrics
@pytest.mark.parametrize(
    ("letter", "regular", "bold"),
    [(" ", 278, 278), ("A", 667, 722), ("M", 833, 833), ("W", 944, 944), ("a", 556, 556), ("i", 222, 278),
     ("@", 1015, 975), ("0", 556, 556), ("×", 584, 584), ("·", 333, 333), ("–", 556, 556),
     ("ß", 611, 611), ("Æ", 1000, 1000)],
)  # fmt: skip
def test_letters_are_as_wide_as_helvetica_s(letter: str, regular: int, bold: int) -> None:
    # the dot in the middle is narrower in Adobe's font, 278: the wider of both keeps texts inside
    assert abs(WIDTHS[False][letter] - regular) <= 1
    assert abs(WIDTHS[True][letter] - bold) <= 1


def test_labels() -> None:
    assert label("añ – ×") == "añ – ×"
    assert label("ā\n卷") == "a U+5377"
    assert fitted("short", 8, 100) == "short"
    shortened = fitted("conv_with_a_long_name", 8, 50)
    assert shortened.startswith("con")
    assert shortened.endswith("ame")
    assert width(shortened, 8) <= 50
    assert fitted("anything", 8, 0) == ""


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet/resnet50", "googlenet", "densenet/densenet121", "efficientnet/b0", "u-net"]
)
@pytest.mark.parametrize("batch", [1, 16])
def test_memory_over_time_has_the_peak_of_the_analysis(name: str, batch: int) -> None:
    graph = graph_of(name)
    course = inference(graph, batch, "float32")
    expected = inference_memory(graph, batch=batch)
    at_peak = course.moments[course.peak]
    assert max(moment.bytes for moment in course.moments) == at_peak.bytes == expected.peak
    assert at_peak.name == expected.at
    assert {(tensor.name, tensor.bytes) for tensor in course.tensors} == set(expected.alive)
    step = training(graph, batch, "fp16")
    memory = StepCourse(graph, precision="fp16").memory(batch)
    assert step.moments[step.peak].bytes == memory.peak
    assert sum(tensor.bytes for tensor in step.tensors) + step.resident == memory.peak
    shown = [item.text for item in walk(scene(graph, Look("memory", batch=batch)).items) if isinstance(item, Text)]
    assert any(text.startswith(f"{bytes_text(expected.peak)} at {expected.at}") for text in shown)
    assert any(text.startswith(f"{bytes_text(StepCourse(graph).peak(batch))} at ") for text in shown)


def test_volumes_of_lenet5_are_those_of_the_paper() -> None:
    drawn = picture("lenet5/1998", Look("volume"))
    texts = [item.text for item in walk(drawn.items) if isinstance(item, Text)]
    for size in ("1 @ 32×32", "6 @ 28×28", "6 @ 14×14", "16 @ 10×10", "16 @ 5×5", "120 @ 1×1", "84", "10"):
        assert size in texts
    for count in ("156", "12", "1,516", "32", "48,120", "10,164", "840 (fixed)"):
        assert count in texts
    shapes = [item.box for item in titled(drawn).values() if item.box]
    assert shapes == sorted(shapes, key=lambda box: box.x)
    solids = {name: group.box for name, group in titled(drawn).items() if group.box}
    assert solids[INPUT].height > solids["C1"].height > solids["S2"].height > solids["C3"].height > solids["S4"].height


def test_pdf_keeps_its_text_and_its_fonts() -> None:
    pypdfium2 = pytest.importorskip("pypdfium2")
    for name, style in (("googlenet", "table"), ("tangled", "graph"), ("densenet/densenet121", "graph")):
        look = Look(style)
        data = render(graph_of(name), "pdf", look)
        assert data.count(b"/FontFile2") == 2
        page = pypdfium2.PdfDocument(data)[0]
        read = page.get_textpage().get_text_bounded()
        drawn = picture(name, look)
        wide, high = page.get_size()
        assert wide / high == pytest.approx(drawn.width / drawn.height, rel=1e-3)
        for item in walk(drawn.items):
            if isinstance(item, Text):
                assert item.text.strip() in read, item.text


def test_png_is_drawn_with_its_letters() -> None:
    pytest.importorskip("pypdfium2")
    data = render(graph_of("lenet5"), "png", Look("volume"))
    drawn = picture("lenet5", Look("volume"))
    wide, high = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    assert (wide, high) == (
        pytest.approx(drawn.width * 300 / 72, abs=1.5),
        pytest.approx(drawn.height * 300 / 72, abs=1.5),
    )
    at = data.index(b"IDAT")
    pixels = zlib.decompress(data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")])
    name = next(item for item in walk(drawn.items) if isinstance(item, Text) and item.text == "F6")
    scale, stride = 300 / 72, 1 + 3 * wide
    dark = 0
    for row in range(int(name.box.y * scale), int(name.box.bottom * scale)):
        start = row * stride + 1 + 3 * int(name.box.x * scale)
        line = pixels[start : start + 3 * int(name.box.width * scale)]
        dark += sum(value < 90 for value in line[::3])
    assert dark > 100  # letters, not an empty place


@pytest.mark.parametrize("format", ["svg", "html", "dot", "mermaid", "tikz", "pdf", "png"])
def test_the_mark_tells_whether_a_file_was_changed(format: Format) -> None:
    if format == "png":
        pytest.importorskip("pypdfium2")
    data = render(graph_of("lenet5"), format)
    assert is_unchanged(data)
    assert not is_unchanged(data + b"\n")
    middle = len(data) // 2
    assert not is_unchanged(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    assert not is_unchanged(b"")
    assert not is_unchanged(b"<svg/>")


def test_dot_and_mermaid_have_every_edge() -> None:
    graph = graph_of("tangled")
    figures = Figures(graph)
    units = closed(opened(figures, None))
    edges = figures.edges([(unit.start, unit.stop) for unit in units])
    assert len(edges) == 19
    dot, mermaid = render(graph, "dot", Look("graph")).decode(), render(graph, "mermaid", Look("graph")).decode()
    assert dot.count(" -> ") == mermaid.count(" --> ") == len(edges)
    assert '\\"' in dot
    assert 'title: "a <&\\"' in mermaid


def test_tikz_compiles(tmp_path: Path) -> None:
    from shutil import which

    program = which("pdflatex")
    if program is None or subprocess.run(["kpsewhich", "tikz.sty"], capture_output=True, check=False).returncode:
        pytest.skip("no LaTeX with TikZ here")
    pictures = [
        ("lenet5", "volume"), ("tangled", "graph"), ("tangled", "volume"), ("googlenet", "table"),
        ("resnet/resnet18", "memory"),
    ]  # fmt: skip
    for index, (name, style) in enumerate(pictures):
        (tmp_path / f"p{index}.tex").write_bytes(
            render(graph_of(name), "tikz", Look(style, title="50 % of #1 ~ $x_1^2$ {é} \\ <>|"))
        )
    body = "\n\n".join(f"\\noindent\\input{{p{index}}}" for index in range(len(pictures)))
    document = f"\\documentclass{{article}}\\usepackage{{tikz}}\\begin{{document}}{body}\\end{{document}}"
    (tmp_path / "all.tex").write_text(document)
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert "Missing character" not in (tmp_path / "all.log").read_text(errors="replace")


def test_draw_needs_no_graphviz_and_no_torch() -> None:
    code = (
        "import sys, archspec\nfrom archspec.draw.render import Look, render\n"
        "graph = archspec.load('googlenet')\n"
        "for style in ('table', 'volume', 'graph', 'memory'): render(graph, 'svg', Look(style))\n"
        "render(graph, 'html')\n"
        "print([n for n in ('torch', 'graphviz', 'numpy', 'networkx', 'pypdfium2') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PATH": ""}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_problems_are_found() -> None:
    """The checks of `tests/picture.py` see what they look for."""
    card = Group(
        "layer", "a", (Rect(Box(10, 10, 50, 20), "paper"), Text(30, 24, "wide text here")), box=Box(10, 10, 50, 20)
    )
    other = Group("layer", "b", (), box=Box(40, 20, 50, 20))
    edge = Group("edge", "c", (Route(((20, 0), (20, 50)), "c", "d"),))
    through = Group("edge", "e", (Route(((0, 40), (60, 40)), "e", "f"),))
    found = problems(Scene("x", 80, 60, "", "", (card, other, edge, through, Shape(()), Text(70, 50, "over the edge"))))
    assert any("overlap" in each for each in found)
    assert any("stands half" in each for each in found)
    assert any("runs through a" in each for each in found)
    assert any("reaches over" in each for each in found)
    assert crossings(Scene("x", 80, 60, "", "", (edge, through)))


def test_fonts_have_the_widths_of_the_table() -> None:
    for bold, file in ((False, "regular"), (True, "bold")):
        data = (REPOSITORY / f"archspec/draw/fonts/sans-{file}.ttf").read_bytes()
        tables = {
            data[at : at + 4]: int.from_bytes(data[at + 8 : at + 12], "big")
            for at in range(12, 12 + 16 * int.from_bytes(data[4:6], "big"), 16)
        }
        unit = int.from_bytes(data[tables[b"head"] + 18 : tables[b"head"] + 20], "big")
        count = int.from_bytes(data[tables[b"hhea"] + 34 : tables[b"hhea"] + 36], "big")
        advances = [
            round(int.from_bytes(data[tables[b"hmtx"] + 4 * index :][:2], "big") * 1000 / unit)
            for index in range(count)
        ]
        # the glyphs are those of the letters in their order, behind the one for what is missing; some share one
        assert set(WIDTHS[bold].values()) <= set(advances)


def test_the_gallery_is_current() -> None:
    for name, picture in pictures().items():
        assert (REPOSITORY / "docs/images" / name).read_bytes() == picture, f"{name}: run `make docs`"


def test_the_gallery_s_picture_of_a_run_shows_its_network() -> None:
    data = (REPOSITORY / "docs/images/learnt.svg").read_bytes()
    assert is_unchanged(data)
    root = ElementTree.fromstring(data.decode())
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    for row in graph_of("lenet5").rows:
        assert row.name in texts
        assert any(each and each.startswith(shape_text(row.shape)) for each in texts)
