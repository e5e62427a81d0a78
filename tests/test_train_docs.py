"""docs/training.md: its commands run, in order, on a folder of images; its tables have every key."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from archspec.cli.main import main
from archspec.training import SECTIONS, TrainKeys
from tests.conftest import REPOSITORY
from tests.test_docs import BLOCKS

PAGE = REPOSITORY / "docs" / "training.md"
CLASSES = ("daisy", "rose", "tulip")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files of the page, and images of three classes that can be told apart."""
    place = tmp_path_factory.mktemp("training")
    boxes = ["file,left,top,right,bottom"]
    for number, name in enumerate(CLASSES):
        folder = place / "flowers" / name
        folder.mkdir(parents=True)
        for index in range(24):
            colour = [40 + 3 * index] * 3
            colour[number] = 230
            Image.new("RGB", (40, 36), tuple(colour)).save(folder / f"{index:03}.png")
            boxes.append(f"{name}/{index:03}.png,0.1,0.2,0.6,0.9")
    (place / "flowers" / "boxes.csv").write_text("\n".join(boxes))
    for block in BLOCKS[PAGE]:
        if block.saved_as:
            (place / block.saved_as).write_text(block.text)
    return place


def words_of(line: str, place: Path) -> list[str]:
    """A command's words, patterns of files put in as a shell does."""
    words: list[str] = []
    for word in shlex.split(line):
        found = sorted(str(path.relative_to(place)) for path in place.glob(word)) if "*" in word else []
        words += found or [word]
    return words


def test_every_command_runs(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(place)
    for block in BLOCKS[PAGE]:
        for line in block.text.splitlines() if block.language == "sh" else ():
            program, *words = words_of(line, place)
            if program == "cp":
                shutil.copy(*words)
                continue
            assert program == "archspec"
            code = main([*words, "--threads", "1"] if words[0] == "train" else words)
            assert code == 0, f"{block}: {line}\n{capsys.readouterr()}"
    assert (place / "batch.png").stat().st_size > 1000
    assert len(list((place / "runs").iterdir())) == 6


def test_python_of_the_page_runs(tmp_path: Path) -> None:
    (block,) = [each for each in BLOCKS[PAGE] if each.language == "python"]
    names: dict[str, object] = {}
    exec(compile(block.text, str(block), "exec"), names)
    torch.set_num_threads(1)
    names["test_train_from_python"](tmp_path)  # type: ignore[operator]


def test_every_key_has_its_line() -> None:
    text = PAGE.read_text()
    missing = [name for name in TrainKeys.model_fields if f"| `{name}` |" not in text]
    assert missing == []
    words = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    for section in ("optimizer", "schedule", "loss", "unfreeze", "early_stop"):
        for model in SECTIONS[section]:
            own = {name for name in model.model_fields if name != "type" and not any(name in word for word in words)}
            assert own == set(), (section, model)


def test_defaults_in_the_table_are_those_of_the_keys() -> None:
    text = PAGE.read_text()
    keys = TrainKeys.model_validate({"data": "random"})
    for name in ("epochs", "batch", "accumulate", "seed", "precision", "channels_last", "compile", "keep_memory"):
        (line,) = re.findall(rf"^\| `{name}` \|.*\| `?([^|`]+?)`? \|$", text, re.MULTILINE)
        assert line == str(getattr(keys, name)).lower()
