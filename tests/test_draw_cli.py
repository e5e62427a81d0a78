"""`archspec render`: what it writes, what it never overwrites, and what it says where it can't draw."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from xml.etree import ElementTree

import pytest

from archspec.cli.main import main
from archspec.draw import engine, png


@pytest.mark.parametrize("suffix", [".svg", ".html", ".pdf", ".dot", ".gv", ".mmd", ".tex", ".SVG", ".png"])
def test_every_format(suffix: str, tmp_path: Path) -> None:
    if suffix == ".png":
        pytest.importorskip("pypdfium2")
    path = tmp_path / f"net{suffix}"
    assert main(["render", "lenet5", "-o", str(path)]) == 0
    data = path.read_bytes()
    start = {".pdf": b"%PDF-", ".png": b"\x89PNG", ".dot": b"// ", ".gv": b"// ", ".mmd": b"%% ", ".tex": b"% "}
    assert data.startswith(start.get(suffix, b"<!-- "))


def test_a_picture_is_drawn_anew_and_anything_else_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.svg"
    assert main(["render", "lenet5", "-o", str(path)]) == 0
    before = path.read_bytes()
    assert main(["render", "lenet5", "-o", str(path), "--style", "volume"]) == 0
    assert path.read_bytes() != before
    edited = path.read_text().replace("C1", "first")
    path.write_text(edited)
    assert main(["render", "lenet5", "-o", str(path)]) == 1
    assert path.read_text() == edited
    assert "choose another name" in capsys.readouterr().err
    mine = tmp_path / "mine.pdf"
    mine.write_bytes(b"a picture of my own")
    assert main(["render", "lenet5", "-o", str(mine)]) == 1
    assert mine.read_bytes() == b"a picture of my own"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "net"], "end it with one of .svg"),
        (["-o", "net.jpeg"], "end it with one of .svg"),
        (["-o", "net.svg", "--style", "memory", "--depth", "2"], "leave out --depth"),
        (["-o", "net.html", "--style", "volume"], "leave out --style volume"),
        (["-o", "net.dot", "--style", "memory"], "leave out --style memory"),
        (["-o", "net.html", "--depth", "2"], "leave out --depth"),
        (["-o", "net.html", "--columns", "1"], "leave out --columns"),
        (["-o", "net.svg", "--style", "graph", "--columns", "2"], "leave out --columns"),
        (["-o", "net.svg", "--batch", "4"], "are for --style memory"),
        (["-o", "net.mmd", "--theme", "dark"], "leave out --theme"),
        (["-o", "net.svg", "--style", "table", "--engine", "dot"], "--engine dot lays out --style graph"),
        (["-o", "net.html", "--engine", "dot"], "--engine dot lays out --style graph"),
    ],
)
def test_contradictions(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                        capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["render", "lenet5", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_block_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.svg"
    assert main(["render", "resnet50", "-o", str(path), "--expand", "conv7"]) == 1
    assert "did you mean" in (said := capsys.readouterr().err)
    assert "E220" in said
    assert not path.exists()
    assert main(["render", "resnet50", "-o", str(path), "--expand", "conv3", "--expand", "conv4.1"]) == 0
    assert "conv4.1.conv2" in path.read_text()


def test_a_spec_with_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "bad.yaml"
    spec.write_text("input: 1x8x8\nlayers: [{type: konv}]\n")
    assert main(["render", str(spec), "-o", str(tmp_path / "bad.svg")]) == 1
    assert "E105" in capsys.readouterr().err


def test_a_place_that_can_t_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "lenet5", "-o", str(tmp_path / "no" / "net.svg")]) == 1
    assert "can't write" in capsys.readouterr().err
    (tmp_path / "folder.svg").mkdir()
    assert main(["render", "lenet5", "-o", str(tmp_path / "folder.svg")]) == 1
    assert "can't write" in capsys.readouterr().err


def test_png_without_its_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(png, "find_spec", lambda _: None)
    assert main(["render", "lenet5", "-o", str(tmp_path / "net.png")]) == 1
    assert "pip install 'archspec-nn[png]'" in capsys.readouterr().err
    assert not (tmp_path / "net.png").exists()


def test_engine_without_graphviz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["render", "lenet5", "-o", str(tmp_path / "net.svg"), "--engine", "dot"]) == 1
    assert "install Graphviz" in capsys.readouterr().err


def test_engine_that_does_not_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = tmp_path / "dot"
    slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "SECONDS", 0.2)
    assert main(["render", "lenet5", "-o", str(tmp_path / "net.svg"), "--engine", "dot"]) == 1
    assert "dot did not finish in 0.2 s" in capsys.readouterr().err


@pytest.mark.skipif(which("dot") is None, reason="Graphviz is not installed")
def test_engine(tmp_path: Path) -> None:
    path = tmp_path / "net.svg"
    for _ in range(2):  # the second time over the first
        assert main(["render", "googlenet", "-o", str(path), "--engine", "dot", "--title", 'a "b" <c>']) == 0
    assert ElementTree.fromstring(path.read_text()).tag.endswith("svg")
    for suffix in (".pdf", ".png"):
        for _ in range(2):
            assert main(["render", "lenet5", "-o", str(path.with_suffix(suffix)), "--engine", "dot"]) == 0


TITLES = [
    'a "quoted" one',
    "back\\slash \\n \\",
    "[brackets] {braces} <b>&amp;</b>",
    "神経回路網 – ½",
    "50 % of #1; x -> y",
    "",
]


@pytest.mark.skipif(which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("title", TITLES)
def test_graphviz_reads_what_is_written(title: str, tmp_path: Path) -> None:
    spec, path = tmp_path / "net.yaml", tmp_path / "net.dot"
    layers = "[{name: c, type: conv, maps: 2, kernel: 3}, {name: s, type: add, branches: [[], [{type: relu}]]}]"
    spec.write_text(f"name: {json.dumps(title or 'x', ensure_ascii=False)}\ninput: 1x8x8\nlayers: {layers}\n")
    assert main(["render", str(spec), "-o", str(path), "--style", "graph", "--title", title]) == 0
    found = subprocess.run(["dot", "-Tjson"], input=path.read_bytes(), capture_output=True, check=True)
    assert found.stderr == b""
    graph = json.loads(found.stdout)
    # the parser keeps escapes for whoever draws the labels: a backslash stands for itself as two
    assert graph["label"].replace("\\\\", "\\") == (title or json.loads(spec.read_text().partition("\n")[0][6:]))
    labels = [each["label"] for each in graph["objects"] if "nodes" not in each]
    assert [label.partition("\\n")[0] for label in labels if label] == ["input", "c", "s.1.relu1", "s"]
    assert len(graph["edges"]) == 4


@pytest.mark.parametrize("title", TITLES)
def test_mermaid_has_nothing_in_its_labels_that_ends_them(title: str, tmp_path: Path) -> None:
    path = tmp_path / "net.mmd"
    assert main(["render", "googlenet", "-o", str(path), "--depth", "2", "--title", title]) == 0
    front, _, body = path.read_text().partition("flowchart TD\n")
    assert json.loads(front.split("title: ")[1].split("\n")[0]) == (title or "GoogLeNet")
    words = r'[^"\[\]{}<>|`\\]*'
    line = rf' *(?:subgraph )?\w+\["{words}(?:<br/>{words})*"\]| *end|  n\d+ --> n\d+|  class(?:Def)? .*'
    assert [each for each in body.splitlines() if not re.fullmatch(line, each)] == []
