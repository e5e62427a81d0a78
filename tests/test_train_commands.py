"""`train`, `evaluate` and `runs` as commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from archspec.cli.main import main
from archspec.cli.progress import Console
from archspec.report.curve import curve
from archspec.report.training import CURVE, ENVIRONMENT, METRICS, MODEL, RESULTS, RUN, SPEC, WEIGHTS
from tests.conftest import REPOSITORY
from tests.training import SPEC as TEXT
from tests.training import run_in, stopping_at


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two finished runs and one that was stopped."""
    place = tmp_path_factory.mktemp("runs")
    first = run_in(place, "train.epochs=2").folder
    second = run_in(place, "train.epochs=2", "train.optimizer.rate=0.02").folder
    with pytest.MonkeyPatch.context() as patch:
        stopping_at(patch, 9)
        third = run_in(place).folder
    for name, folder in (("one", first), ("two", second), ("three", third)):
        folder.rename(place / name)
    yield place
    torch.set_num_threads(1)


def test_run_leaves_its_files(runs: Path) -> None:
    names = (CURVE, ENVIRONMENT, METRICS, MODEL, RESULTS, RUN, SPEC, WEIGHTS)
    assert all((runs / "one" / name).stat().st_size for name in names)
    environment = json.loads((runs / "one" / ENVIRONMENT).read_text())
    assert environment["versions"]["torch"] == torch.__version__
    assert (environment["threads"], environment["processes"], environment["seed"]) == (1, 1, 0)
    results = json.loads((runs / "one" / RESULTS).read_text())
    assert results["test"]["examples"] == sum(map(sum, results["test"]["confusion"]))


def test_runs_are_listed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--folder", str(runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert sum(" done " in line for line in lines) == 2
    assert sum("1 of 3 epochs" in line for line in lines) == 1


def test_runs_that_are_named_are_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(runs / "one"), str(runs / "two")]) == 0
    said = capsys.readouterr().out
    different = said[said.index("differs") :].splitlines()[2:]
    assert [line.split() for line in different] == [["optimizer.rate", "0.01", "0.02"]]


def test_runs_with_another_number_of_processes(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # long names would leave no room for the other columns
    for name in ("alone", "two"):
        shutil.copytree(runs / "one", tmp_path / name)
    environment = tmp_path / "two" / ENVIRONMENT
    environment.write_text(environment.read_text().replace('"processes": 1', '"processes": 2'))
    assert main(["runs", "alone", "two"]) == 0
    said = capsys.readouterr().out
    assert [line.split() for line in said[said.index("differs") :].splitlines()[2:]] == [["processes", "1", "2"]]
    assert "2 x cpu" in said
    assert main(["runs", "alone", "two", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["processes"] for run in found["runs"]] == [1, 2]
    assert found["differences"] == [{"key": "processes", "values": ["1", "2"]}]
    assert main(["runs", "alone", "alone"]) == 0
    assert "they began alike" in capsys.readouterr().out


def test_runs_for_programs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--folder", str(runs), "--format", "json"]) == 0
    found = {Path(run["path"]).name: run for run in json.loads(capsys.readouterr().out)["runs"]}
    assert (found["three"]["done"], found["three"]["epochs"], found["three"]["planned"]) == (False, 1, 3)
    assert found["one"]["accuracy"] == json.loads((runs / "one" / RESULTS).read_text())["test"]["accuracy"]


def test_no_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--folder", str(tmp_path)]) == 0
    assert "archspec train lenet5" in capsys.readouterr().err


def test_evaluate_prints_what_the_run_had(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(runs / "one"), "--threads", "1", "--format", "json"]) == 0
    results = json.loads((runs / "one" / RESULTS).read_text())
    assert json.loads(capsys.readouterr().out)["test"] == results["test"]
    assert main(["evaluate", str(runs / "one"), "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert f"accuracy {100 * results['test']['accuracy']:.2f}%" in said
    assert "precision" in said
    assert "rows are classes" in said


def test_evaluate_draws_mistakes(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    picture = tmp_path / "mistakes.png"
    assert main(["evaluate", str(runs / "one"), "--threads", "1", "--mistakes", str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.format == "PNG"
    assert main(["evaluate", str(runs / "one"), "--threads", "1", "--mistakes", str(picture)]) == 1
    assert "there already" in capsys.readouterr().err


def test_curve_is_an_image(runs: Path) -> None:
    root = ElementTree.parse(runs / "one" / CURVE).getroot()
    lines = [each for each in root.iter() if each.tag.endswith("polyline")]
    assert len(lines) == 4
    assert all(len(line.attrib["points"].split()) == 2 for line in lines)
    assert "script" not in (runs / "one" / CURVE).read_text()


@pytest.mark.parametrize("values", [[1.0], [0.5, 0.5, 0.5], [float("nan"), 1.0], [0.0, 1e-9], [1e9, 3.0]])
def test_curve_of_any_numbers(values: list[float]) -> None:
    rows = [
        {"epoch": index + 1, "train_loss": value, "train_accuracy": 0.5, "test_loss": value, "test_accuracy": 1.0}
        for index, value in enumerate(values)
    ]
    ElementTree.fromstring(curve(rows, "A < B & C"))


def test_table_of_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.begin(12)
    for epoch in (1, 2):
        console.row({"epoch": epoch, "step": 9, "rate": 0.1, "train_loss": 0.5, "train_accuracy": 0.987654,
                     "validation_loss": 1.25, "validation_accuracy": 1.0, "seconds": 3.25})  # fmt: skip
    console.end([{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.0}])
    heading, first, *_, last = capsys.readouterr().out.splitlines()
    assert "validation accuracy" in heading
    assert first.split() == ["1/12", "1.00e-01", "0.5000", "98.77%", "1.2500", "100.00%", "3.2"]
    assert last.split() == ["train", "loss", "2.000", "█▁", "1.000"]


def test_quiet_prints_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(TEXT)
    assert main(["train", "small.yaml", "--quiet", "--threads", "1", "--set", "train.epochs=1"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert (tmp_path / said.out.strip() / RESULTS).exists()


def test_a_run_needs_neither_the_compiler_of_torch_nor_scipy() -> None:
    """Importing either takes as long as importing torch."""
    code = (
        "import sys, tempfile, os; os.chdir(tempfile.mkdtemp()); from archspec.cli.main import main;"
        "main(['train', 'lenet5', '--quiet', '--threads', '1', '--set', 'train.epochs=1']);"
        "print([name for name in ('torch._dynamo', 'scipy', 'sklearn', 'torch._inductor') if name in sys.modules])"
    )
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_digits_are_learnt(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`archspec train lenet5`: at least 98%."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "lenet5", "--quiet", "--threads", "1"]) == 0
    folder = tmp_path / capsys.readouterr().out.strip()
    assert json.loads((folder / RESULTS).read_text())["test"]["accuracy"] >= 0.98
