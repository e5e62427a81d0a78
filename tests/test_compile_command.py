"""`archspec compile`: the files it writes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import archspec
from archspec.cli.main import main
from compiler import build, emit, emitted
from tests.emitted import from_text

NET = """
name: net
input: 1x8x8
defaults: {conv: {padding: half, norm: batch, activation: relu, bias: false}}
blocks:
  unit: {params: {maps}, layers: [{name: a, type: conv, maps: =maps, kernel: 3, repeat: 2}]}
layers:
  - {name: stem, type: conv, maps: 4, kernel: 3}
  - {name: units, type: unit, maps: 6, repeat: 2}
  - {name: pool, type: max_pool, kernel: 2}
  - {name: out, type: dense, units: 10}
train: {data: digits, epochs: 1, batch: 128}
"""
Line = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)

    def line(*arguments: str) -> tuple[int, str, str]:
        code = main(["compile", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return line


def test_source_to_a_file_or_on_standard_output(run: Line) -> None:
    source = emit(archspec.load("net.yaml"))
    assert run("net.yaml") == (0, source, "")
    assert run("net.yaml", "-o", "net.py")[0] == 0
    assert Path("net.py").read_text() == source


def test_weights_and_source_go_together(run: Line) -> None:
    assert run("net.yaml", "--seed", "4", "-o", "net.py", "-o", "net.safetensors")[0] == 0
    module = from_text(emitted(archspec.load("net.yaml")))
    module.load_state_dict(load_file("net.safetensors"))
    wanted = build(archspec.load("net.yaml"), seed=4).eval()
    image = torch.rand(2, 1, 8, 8)
    assert torch.equal(module.eval()(image), wanted(image))
    assert run("net.yaml", "--weights", "net.safetensors", "-o", "again.safetensors")[0] == 0
    again = load_file("again.safetensors")
    assert all(torch.equal(tensor, again[name]) for name, tensor in load_file("net.safetensors").items())


def test_a_changed_head_is_fresh_where_that_is_asked_for(run: Line) -> None:
    run("net.yaml", "-o", "net.safetensors")
    Path("three.yaml").write_text(NET.replace("units: 10", "units: 3"))
    code, _, err = run("three.yaml", "--weights", "net.safetensors", "-o", "three.safetensors")
    assert code == 1
    assert "out.weight" in err
    assert not Path("three.safetensors").exists()
    code, _, err = run("three.yaml", "--weights", "net.safetensors", "--partial", "-o", "three.safetensors")
    assert code == 0
    assert "fresh" in err
    assert "out.weight" in err
    assert torch.equal(load_file("three.safetensors")["stem.weight"], load_file("net.safetensors")["stem.weight"])


def test_files_stay_unless_told(run: Line) -> None:
    Path("net.py").write_text("mine")
    code, _, err = run("net.yaml", "-o", "net.py")
    assert code == 1
    assert "net.py is there already" in err
    assert Path("net.py").read_text() == "mine"
    assert run("net.yaml", "-o", "net.py", "--force")[0] == 0
    assert Path("net.py").read_text() != "mine"


def test_folded_and_slid(run: Line) -> None:
    code, out, err = run("net.yaml", "--fold")
    assert code == 0
    assert "BatchNorm" not in out
    assert "5 batch norms folded" in err
    code, out, err = run("net.yaml", "--fully-convolutional", "--input", "1x16x12")
    assert code == 0
    assert "Linear" not in out
    assert "# 10x5x3" in out
    assert "inputs from 8x8" in err


@pytest.mark.parametrize("size", ["3xfoo", "x", "", "1x8"])
def test_sizes_that_are_none(run: Line, size: str) -> None:
    code, out, err = run("net.yaml", "--fully-convolutional", "--input", size)
    assert code in (1, 2)
    assert out == ""
    assert err


@pytest.mark.parametrize("arguments", [["net.yaml", "-o", "net.txt"], ["net.yaml", "--seed", "-1"], []])
def test_command_lines_that_are_wrong(run: Line, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2


def test_a_spec_with_mistakes(run: Line) -> None:
    Path("bad.yaml").write_text("input: 1x8x8\nlayers: [{type: conv, maps: 4, kernel: 9}]\n")
    code, out, err = run("bad.yaml", "-o", "bad.py")
    assert (code, out) == (1, "")
    assert "error[E203]" in err
    assert not Path("bad.py").exists()


def test_a_run_is_compiled_with_what_it_learnt(run: Line) -> None:
    assert main(["train", "net.yaml", "--quiet"]) == 0
    (folder,) = Path("runs").iterdir()
    assert run(str(folder), "-o", "run.safetensors", "-o", "run.pt2")[0] == 0
    space: dict[str, type[torch.nn.Module]] = {}
    exec((folder / "model.py").read_text(), space)
    trained = space["Net"]()
    trained.load_state_dict(load_file(str(folder / "weights.safetensors")))
    image = torch.rand(2, 1, 8, 8)
    with torch.no_grad():
        wanted = trained.eval()(image)
        torch.testing.assert_close(torch.export.load("run.pt2").module()(image), wanted)


def test_a_folder_that_is_no_run(run: Line) -> None:
    Path("empty").mkdir()
    code, _, err = run("empty")
    assert code == 1
    assert "is no run" in err
