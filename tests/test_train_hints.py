"""The wrong thing in the right place: a folder, a file, a run or a key that is not what a command wants."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from archspec.cli.main import main
from archspec.report.training import SPEC, WEIGHTS
from tests.training import SPEC as TEXT
from tests.training import run_in

Line = Callable[[str], tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a spec, a folder of runs with two in it, and some images."""
    place = tmp_path_factory.mktemp("hints")
    (place / "small.yaml").write_text(TEXT)
    first = run_in(place / "runs", "train.epochs=1").folder
    shutil.copytree(first, place / "runs" / "small-2")
    first.rename(place / "runs" / "small-1")
    for at, name in enumerate(("small-1", "small-2")):
        os.utime(place / "runs" / name / "run.json", (at, at))
    (place / "images" / "cats").mkdir(parents=True)
    for name in ("a.PNG", "b.PNG", "notes.txt"):
        Image.new("L", (8, 8), 99).save(place / "images" / "cats" / name, "PNG")
    return place


@pytest.fixture
def line(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    monkeypatch.chdir(trained)

    def run(words: str) -> tuple[int, str, str]:
        try:
            code = main(shlex.split(words))
        except SystemExit as error:
            code = int(str(error.code))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def helped(said: str) -> str:
    (help,) = re.findall(r"= help: (.*)", said)
    return help


@pytest.mark.parametrize(
    "command",
    ["evaluate {}", "predict {} a.png", "train --resume {}", "runs {}", "compile {} --with-preprocessing -o a.onnx",
     "compile {} --probabilities -o a.pt2"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "said", "help"),
    [
        ("runs/smal-1", "there is no run runs/smal-1", "did you mean runs/small-1?"),
        ("small-1", "there is no run small-1", "did you mean runs/small-1?"),
        ("runs/small", "there is no run runs/small", "did you mean runs/small-2?"),
        ("runs/small-1/checkpoints", "no run: it has no spec.yaml and run.json", "the run is runs/small-1"),
        ("nothing", "there is no run nothing", "name one of those in runs, the newest being runs/small-2"),
        ("runs", "no run: it has no spec.yaml and run.json", "the newest being runs/small-2"),
        ("images", "no run: it has no spec.yaml and run.json", "the newest being runs/small-2"),
    ],
)
def test_a_path_that_is_no_run(line: Line, command: str, path: str, said: str, help: str) -> None:
    code, out, err = line(command.format(path))
    assert (code, out) == (1, "")
    assert err.startswith("error[E906]: ")
    assert said in err
    assert help in helped(err)


@pytest.mark.parametrize(
    ("path", "help"),
    [
        ("small.yaml", "make a run of it: archspec train small.yaml"),
        ("runs/small-1/spec.yaml", "the run is runs/small-1"),
    ],
)
def test_a_file_that_is_no_run(line: Line, path: str, help: str) -> None:
    code, _, err = line(f"evaluate {path}")
    assert (code, helped(err)) == (1, help)
    assert f"{path} is a file, and a run is a folder" in err


def test_no_runs_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: Line) -> None:
    monkeypatch.chdir(tmp_path)
    assert "`archspec train SPEC` makes one" in helped(line("evaluate nothing")[2])


def test_what_only_a_run_has_of_a_spec(line: Line) -> None:
    code, _, err = line("compile small.yaml --probabilities -o a.pt2")
    assert code == 2
    assert "`archspec train small.yaml`" in err


def test_a_run_where_a_spec_is_wanted(line: Line) -> None:
    code, _, err = line("train runs/small-1")
    assert code == 1
    command = re.search(r"archspec (train --resume \S+);", helped(err))
    assert command is not None
    assert line(command[1])[0] == 0
    code, _, err = line("summarize runs/small-1")
    assert code == 1
    assert helped(err) == f"name a file in it: runs/small-1/{SPEC}"
    assert line(f"summarize {helped(err).split(': ')[1]}")[0] == 0
    assert "`archspec list`" in helped(line("summarize images")[2])


def test_names_without_their_suffix(line: Line) -> None:
    assert helped(line("summarize ./small")[2]) == "did you mean `small.yaml`?"
    assert helped(line("summarize ./runs/small-1/spec")[2]) == "did you mean `runs/small-1/spec.yaml`?"
    assert helped(line("compile runs/smal-1")[2]) == "did you mean `runs/small-1`?"


def test_the_data_of_a_run(line: Line) -> None:
    code, out, _ = line("data runs/small-1")
    assert code == 0
    assert out == line("data small.yaml")[1]
    code, _, err = line("data runs/small-1 --set train.batch=3")
    assert code == 2
    assert "leave out --set" in err


def test_a_folder_of_runs_is_checked_by_their_specs(line: Line) -> None:
    code, out, _ = line("validate runs")
    assert (code, out) == (0, "2 specs checked: no errors\n")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("epochs=3", "train.epochs=3"),
        ("epoch=3", "train.epochs=3"),
        ("batch=16", "train.batch=16"),
        ("batch_size=16", "train.batch=16"),
        ("lr=0.1", "train.optimizer.rate=0.1"),
        ("momentum=0.8", "train.optimizer.momentum=0.8"),
        ("optimizer.rate=0.1", "train.optimizer.rate=0.1"),
        ("data=digits", "train.data=digits"),
        ("warmup=1", "train.schedule.warmup=1"),
        ("resize=input", "train.preprocess.resize=input"),
    ],
)
def test_keys_of_training_are_set_with_their_section(line: Line, given: str, meant: str) -> None:
    code, _, err = line(f"summarize small.yaml --set {given}")
    assert code == 1
    assert helped(err) == f"of `train:` it is --set {meant}"
    sgd = " --set train.optimizer.type=sgd" if "momentum" in given else ""
    assert line(f"summarize small.yaml --set train.schedule=cosine{sgd} --set {meant}")[0] == 0


@pytest.mark.parametrize(
    "setting", ["optimizer.rate=0.1", "schedule.warmup=1", "checkpoint.keep=3", "optimizer.type=sgd"]
)
def test_a_part_of_what_the_spec_leaves_out_is_set(line: Line, tmp_path: Path, setting: str) -> None:
    spec = tmp_path / "a.yaml"
    spec.write_text("input: 1x8x8\nlayers: [{type: dense, units: 10}]\ntrain: {data: digits}\n")
    code, out, _ = line(f"resolve {spec} --set train.{setting}")
    assert code == 0
    section, _, key = setting.partition(".")
    written = re.search(rf"^  {section}:(.*(\n    .*)*)", out, re.MULTILINE)
    assert written is not None
    assert key.replace("=", ": ").removeprefix("type: ") in written[1]
    if section == "optimizer" and "rate" in key:
        assert "adam" in written[1]


def test_settings_that_nothing_is_like(line: Line) -> None:
    assert helped(line("summarize small.yaml --set width=3")[2]) == "it has no parameters at all"
    (help,) = set(re.findall("= help: (.*)", line("summarize efficientnet/b0 --set widht=3")[2]))
    assert help == "did you mean `width`?"


@pytest.mark.parametrize(("given", "meant"), [("8", "8GiB"), ("8192", "8192MiB"), ("'16'", "16GiB")])
def test_memory_without_a_unit(line: Line, given: str, meant: str) -> None:
    code, _, err = line(f'validate small.yaml --set "train.memory={given}"')
    assert (code, err) == (1, "")
    code, out, _ = line(f'validate small.yaml --set "train.memory={given}"')
    assert f"such as {meant} ({meant[:-3]} alone is bytes)" in out
    assert helped(out) == "for example memory: 8GiB"
    assert line(f"validate small.yaml --set train.memory={meant}")[0] == 0


def test_a_folder_where_an_image_is_wanted(line: Line) -> None:
    for folder, pattern in (("images/cats", "images/cats/*.PNG"), ("images", "images/*/*.PNG")):
        code, out, err = line(f"predict runs/small-1 {folder}")
        assert (code, out) == (1, "")
        assert "E721" in err
        assert helped(err) == f"name the images in it: {pattern}"
        assert len(list(Path().glob(pattern))) == 2
    assert helped(line("predict runs/small-1 runs/small-1/checkpoints")[2]).startswith("there are none in")


def test_weights_that_fit_in_part(line: Line, tmp_path: Path) -> None:
    file, other = f"runs/small-1/{WEIGHTS}", tmp_path / "other.yaml"
    other.write_text(TEXT.replace("units: 3", "units: =classes").replace("layers:", "params: {classes: 4}\nlayers:"))
    code, _, err = line(f"weights check {file} {other} --set classes=5")
    assert code == 1
    assert "2 of another shape" in err
    command = re.search("`archspec (compile .*)` loads what fits", helped(err))
    assert command is not None
    assert line(command[1].replace("new.safetensors", str(tmp_path / "new.safetensors")))[0] == 0
    made = load_file(tmp_path / "new.safetensors")
    assert made["fc.weight"].shape[0] == 5
    assert made["stem.weight"].equal(load_file(file)["stem.weight"])


def test_files_of_weights_that_are_not_there(line: Line) -> None:
    assert helped(line("weights show runs/small-1/weight.safetensors")[2]) == f"did you mean runs/small-1/{WEIGHTS}?"
    assert helped(line("weights show nothing.pt")[2]) == "see that its name is right, and may be read"


def test_a_spec_and_a_run(line: Line) -> None:
    assert "leave out small.yaml" in line("train small.yaml --resume runs/small-1")[2]


def test_a_part_of_a_checkpoint_is_compiled(line: Line, tmp_path: Path) -> None:
    import torch

    tensors = load_file(f"runs/small-1/{WEIGHTS}")
    torch.save({"model": {}, "ema": tensors, "epoch": 3}, tmp_path / "a.pth")
    assert line(f"compile small.yaml --weights {tmp_path / 'a.pth'} --key ema -o {tmp_path / 'a.safetensors'}")[0] == 0
    assert load_file(tmp_path / "a.safetensors")["fc.weight"].equal(tensors["fc.weight"])
    code, _, err = line("compile small.yaml --key ema")
    assert (code, "--key says how to load" in err) == (2, True)
