"""Data sets of the library `datasets` that are streamed teach what they teach when they are stored."""

from __future__ import annotations

import csv
import io
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
datasets = pytest.importorskip("datasets")
load_file = pytest.importorskip("safetensors.torch").load_file

import archspec  # noqa: E402
from archspec.report.training import METRICS, WEIGHTS  # noqa: E402
from archspec.training_data import AugmentKeys, HuggingFace, PreprocessKeys  # noqa: E402
from compiler.data import DataError  # noqa: E402
from compiler.data.sources.hub_stream import HubPieces  # noqa: E402
from compiler.data.splits import Streamed  # noqa: E402
from compiler.data.stream import Stream  # noqa: E402
from compiler.train import checkpoint  # noqa: E402
from tests.conftest import REPOSITORY  # noqa: E402
from tests.data_files import COLOURED, failure, folders, image, prepared  # noqa: E402
from tests.training import go_on, leavings, run_in, stopping_at  # noqa: E402

PLAIN = PreprocessKeys(normalise="none")


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def rows(first: int, count: int, **more: Any) -> Any:
    kinds = {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=["cat", "dog"]),
        **{name: kind for name, (kind, _) in more.items()},
    }
    cells = [{"bytes": png(first + each), "path": None} for each in range(count)]
    columns = {"image": cells, "label": [each % 2 for each in range(count)]}
    columns |= {name: values for name, (_, values) in more.items()}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))


def png(number: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image(number)).save(content, "PNG")
    return content.getvalue()


def pets(root: Path, group: int = 7) -> Path:
    """Two files of training examples, 30 and 31, and one of 12 for the test, in row groups of seven."""
    (root / "pets").mkdir(parents=True)
    for name, first, count in (("train-00000-of-00002", 0, 30), ("train-00001-of-00002", 30, 31), ("test", 100, 12)):
        rows(first, count).to_parquet(root / "pets" / f"{name}.parquet", batch_size=group)
    return root


def batches(keys: HuggingFace, base: Path, part: str = "train", epoch: int = 1, **more: Any) -> list[Any]:
    split = prepared(keys, base, COLOURED, **more).splits[part]
    return list(split.batches(split.order(epoch), 8, epoch=epoch, augment=part == "train"))


def assert_equal(these: list[Any], those: list[Any]) -> None:
    assert len(these) == len(those)
    for (images, targets), (others, wanted) in zip(these, those, strict=True):
        assert torch.equal(images, others)
        assert targets.keys() == wanted.keys()
        assert all(torch.equal(targets[name], wanted[name]) for name in targets)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_streaming_changes_nothing_where_the_window_takes_in_all(tmp_path: Path, resident: bool, workers: int) -> None:
    pets(tmp_path)
    augment = AugmentKeys(shift=(1, 1), mixup=0.3)
    streamed = HuggingFace(name="pets", streaming=True, resident=resident, workers=workers)
    for part in ("train", "test"):
        found = batches(streamed, tmp_path, part, augment=augment)
        assert_equal(found, batches(HuggingFace(name="pets", resident=True), tmp_path, part, augment=augment))


def test_what_is_streamed_into_memory_has_the_order_of_the_stream(tmp_path: Path) -> None:
    pets(tmp_path)
    found = [
        batches(HuggingFace(name="pets", streaming=True, window=9, resident=resident), tmp_path, augment=augment)
        for augment in (AugmentKeys(horizontal_flip=0.5), AugmentKeys(cutmix=1.0))
        for resident in (True, False)
    ]
    assert_equal(*found[:2])
    assert_equal(*found[2:])


def test_images_are_mixed_with_some_that_come_in_about_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = HuggingFace(name="pets", streaming=True, window=12, resident=False)
    data = prepared(keys, pets(tmp_path), COLOURED, augment=AugmentKeys(mixup=0.3))
    wanted: list[list[int]] = []
    train = data.splits["train"]
    assert isinstance(train, Streamed)
    monkeypatch.setattr(train.loader, "frames", lambda order, _: wanted.append(order.tolist()) or iter(()))
    order = train.order(3)
    assert list(train.batches(order, 8, epoch=3, augment=True)) == []
    place = {number: at for at, number in enumerate(order.tolist())}
    taken = torch.tensor([place[number] for number in wanted[0]])
    assert len(taken) == 2 * 61
    batches = [pairs.view(2, -1) for pairs in taken.split(16)]
    assert torch.equal(torch.cat([own for own, _ in batches]), torch.arange(61))
    apart = torch.cat([other - own for own, other in batches])
    assert apart.abs().max() < 6
    assert len(apart.unique()) >= 6


def test_network_keeps_its_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        batches(HuggingFace(name="pets", streaming=True, resident=False, workers=2), pets(tmp_path))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_row_groups_are_the_pieces(tmp_path: Path) -> None:
    data = prepared(HuggingFace(name="pets", streaming=True, window=9, resident=False), pets(tmp_path), COLOURED)
    train = data.splits["train"]
    assert isinstance(train, Streamed)
    assert train.examples.windows is not None
    assert list(train.examples.windows.pieces) == [7, 7, 7, 7, 2, 7, 7, 7, 7, 3]
    assert "each epoch takes its 10 pieces in any order, and examples mixed within a window of 9" in data.notes
    assert any("nothing of it is stored" in note for note in data.notes)
    assert not list((tmp_path / "cache").rglob("*.arrow"))
    assert train.place(33) == "pets, train, row 33"


def as_files(root: Path) -> str:
    folders(root / "files", {"train/cat": 9, "train/dog": 9, "test/cat": 4, "test/dog": 4})
    return "files"


def as_saved(root: Path) -> str:
    datasets.DatasetDict(train=rows(0, 20), test=rows(50, 8)).save_to_disk(str(root / "saved"))
    return "saved"


def as_parquet(root: Path) -> str:
    rows(0, 40).to_parquet(root / "pets.parquet", batch_size=6)
    return "pets.parquet"


def as_arrow(root: Path) -> str:
    rows(0, 40).save_to_disk(root / "one")
    (file,) = (root / "one").glob("*.arrow")
    return f"./one/{file.name}"


def as_archives(root: Path) -> str:
    (root / "web").mkdir()
    for part, count in (("train-0", 12), ("train-1", 8), ("test-0", 6)):
        with tarfile.open(root / "web" / f"{part}.tar", "w") as file:
            for number in range(count):
                for kind, content in (("png", png(number)), ("cls", str(number % 2).encode())):
                    entry = tarfile.TarInfo(f"{number:05}.{kind}")
                    entry.size = len(content)
                    file.addfile(entry, io.BytesIO(content))
    return "web"


@pytest.mark.parametrize("written", [as_files, as_saved, as_parquet, as_arrow, as_archives])
def test_whatever_the_data_set_is_written_as(tmp_path: Path, written: Any) -> None:
    name = written(tmp_path)
    more = {"label": "cls"} if name == "web" else {}
    split = (3.0, 1.0) if "." in name else None
    found, wanted = (
        batches(HuggingFace(name=name, split=split, resident=False, workers=0, **more, **keys), tmp_path)
        for keys in ({"streaming": True}, {})
    )
    assert_equal(found, wanted)


def test_labels_are_read_without_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from compiler.data.sources import hub_stream

    pets(tmp_path)
    seen: list[set[str]] = []
    plain = hub_stream.HubStream.columns

    def columns(stream: Any, pieces: Any, features: Any) -> Any:
        seen.extend(set(row) for opened in pieces for row in opened())
        return plain(stream, pieces, features)

    monkeypatch.setattr(hub_stream.HubStream, "columns", columns)
    prepared(HuggingFace(name="pets", streaming=True, resident=False), tmp_path, COLOURED, PLAIN)
    assert len(seen) == 73
    assert all(each == {"label"} for each in seen)


def test_labels_are_checked_before_anything_is_learnt(tmp_path: Path) -> None:
    hidden = {"label": (datasets.Value("int64"), [-1] * 8)}
    for part, more in (("train", {}), ("test", hidden)):
        (tmp_path / "pets").mkdir(exist_ok=True)
        table = rows(0, 8, **more) if more else rows(0, 8).cast_column("label", datasets.Value("int64"))
        table.to_parquet(tmp_path / "pets" / f"{part}.parquet")
    found = failure(HuggingFace(name="pets", streaming=True), tmp_path, COLOURED)
    assert (found.code, "pets, test: label -1 of example 0" in found.message) == ("E726", True)


def test_damaged_image_is_named_when_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    cells = [{"bytes": png(each)[: 50 if each == 5 else None], "path": None} for each in range(8)]
    table = rows(0, 8).remove_columns("image").add_column("image", cells).cast_column("image", datasets.Image())
    table.to_parquet(tmp_path / "pets" / "train.parquet")
    rows(9, 4).to_parquet(tmp_path / "pets" / "test.parquet")
    keys = HuggingFace(name="pets", streaming=True, resident=False)
    train = prepared(keys, tmp_path, COLOURED, PLAIN).splits["train"]
    with pytest.raises(archspec.SpecError, match="pets, train, row 5: a damaged image"):
        list(train.batches(torch.arange(8), 4, epoch=0, augment=False))


def test_what_can_not_be_streamed(tmp_path: Path) -> None:
    assert failure(HuggingFace(name="./nowhere", streaming=True), tmp_path, COLOURED).code == "E720"
    found = failure(HuggingFace(name="nobody/nothing-of-this-name", streaming=True), tmp_path, COLOURED)
    assert found.code in ("E720", "E732")
    pets(tmp_path)
    found = failure(HuggingFace(name="pets", window=100), tmp_path, COLOURED)
    assert (found.code, "streaming: true" in str(found.help)) == ("E734", True)
    found = failure(HuggingFace(name="pets", streaming=True, label="colour"), tmp_path, COLOURED)
    assert (found.code, "no column colour" in found.message) == ("E734", True)
    (tmp_path / "pets" / "test.parquet").write_bytes(b"PAR1 and no more")
    assert failure(HuggingFace(name="pets", streaming=True), tmp_path, COLOURED).code in ("E732", "E734")


class _GoneError(Exception):
    """As the libraries below have them, each of its own kind."""


@pytest.mark.parametrize(("raised", "seen"), [
    (_GoneError("no route"), OSError), (ValueError("no Parquet"), DataError), (TypeError("a slip of ours"), TypeError),
])  # fmt: skip
def test_errors_of_libraries_are_those_of_a_stream_that_breaks(raised: Exception, seen: type[Exception]) -> None:
    class Broken:
        def skip(self, _: int) -> Any:
            raise raised

    with pytest.raises(seen, match=str(raised)):
        list(HubPieces([Broken], [10], "image", "pets, train").read(0, 3))


def test_boxes_are_seen_from_the_sizes_of_all_images(tmp_path: Path) -> None:
    boxes = (datasets.Sequence(datasets.Value("float32")), [[0.1, 0.2, 0.5, 0.6]] * 8)
    (tmp_path / "pets").mkdir()
    for part, first in (("train", 0), ("test", 9)):
        rows(first, 8, boxes=boxes).to_parquet(tmp_path / "pets" / f"{part}.parquet", batch_size=3)
    keys, heads = HuggingFace(name="pets", streaming=True, resident=False), {"label": 2, "boxes": 4}
    data = prepared(keys, tmp_path, COLOURED, heads=heads)
    _, targets = next(data.splits["test"].batches(torch.arange(3), 3, epoch=0, augment=False))
    assert torch.allclose(targets["boxes"], torch.tensor([0.1, 0.2, 0.5, 0.6]))


def test_more_than_the_disk_takes_is_said_before_it_is_fetched(tmp_path: Path) -> None:
    pets(tmp_path)
    about = "---\ndataset_info:\n  download_size: 10\n  dataset_size: 9000000000000000\n---\n"
    (tmp_path / "pets" / "README.md").write_text(about)
    found = failure(HuggingFace(name="pets"), tmp_path, COLOURED)
    assert (found.code, "8,381,903.2 GiB" in found.message, "streaming: true" in str(found.help)) == (
        "E742", True, True,
    )  # fmt: skip
    assert prepared(HuggingFace(name="pets", streaming=True), tmp_path, COLOURED).classes == ("cat", "dog")


# --- runs

SPEC = """
name: small
input: 3x8x8
layers:
  - {name: stem, type: conv, maps: 4, kernel: 3, norm: batch, activation: relu}
  - {name: pool, type: max_pool, kernel: 2}
  - {name: fc, type: dense, units: 2}
train:
  data: {type: hugging_face, name: pets, streaming: true, window: 20, resident: false, workers: 1}
  augment: {shift: 1, horizontal_flip: true, mixup: 0.2}
  epochs: 2
  batch: 8
  accumulate: 2
  optimizer: {type: adamw, rate: 0.01}
"""


def spec(*settings: str) -> Any:
    return archspec.loads(SPEC, settings=list(settings))


def test_run_ends_with_the_weights_of_data_that_are_stored(tmp_path: Path) -> None:
    pets(tmp_path)
    stored = run_in(tmp_path, spec=spec("train.data={type: hugging_face, name: pets}"))
    streamed = run_in(tmp_path, spec=spec("train.data.window=61"))
    mixed_less = run_in(tmp_path, spec=spec())
    found, wanted, other = (leavings(each.folder) for each in (streamed, stored, mixed_less))
    assert {**found, "weights": None} == {**wanted, "weights": None}
    learnt, wished = (load_file(each.folder / WEIGHTS) for each in (streamed, stored))
    assert learnt.keys() == wished.keys()
    assert all(torch.equal(learnt[name], wished[name]) for name in wished)
    assert other["state"]["network"] != wanted["state"]["network"]


@pytest.mark.parametrize("step", [3, 13])
def test_run_goes_on_as_if_it_had_not_been_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    pets(tmp_path)
    whole = leavings(run_in(tmp_path, spec=spec()).folder)
    stopping_at(monkeypatch, step)
    stopped = run_in(tmp_path, spec=spec())
    assert stopped.results is None
    stopping_at(monkeypatch, None)
    assert go_on(stopped.folder).results is not None
    assert leavings(stopped.folder) == whole


def test_state_is_saved_where_the_network_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = spec("train.accumulate=1")
    whole = leavings(run_in(pets(tmp_path / "whole"), spec=network).folder)
    images, epochs = Stream.images, 0

    def failing(stream: Stream, numbers: list[int]) -> Any:
        nonlocal epochs
        epochs += len(numbers) == 2 * 61  # each with its partner
        for at, each in enumerate(images(stream, numbers)):
            if epochs == 2 and at == 70:  # in the fifth batch of the second epoch
                raise DataError("E741", "no route")
            yield each

    place = pets(tmp_path / "broken")
    with monkeypatch.context() as patch:
        patch.setattr(Stream, "images", failing)
        with pytest.raises(DataError, match="no route"):
            run_in(place, spec=network)
    (folder,) = place.glob("small*")
    assert checkpoint.found_in(folder / "checkpoints")[0].step == 12
    assert go_on(folder).results is not None
    assert leavings(folder) == whole


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    text = SPEC.replace(", norm: batch", "").replace("accumulate: 2", "seed: 1")  # norms have statistics of their own
    (pets(tmp_path) / "small.yaml").write_text(text)
    alone = run_in(tmp_path, spec=archspec.loads(text))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore",
        "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home"),
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "-m", "archspec", "train", "small.yaml", "--threads", "1"]
    both = [
        subprocess.Popen(
            command, cwd=tmp_path, env={**common, "RANK": rank, "LOCAL_RANK": rank}, stderr=subprocess.PIPE
        )
        for rank in ("0", "1")
    ]
    said = [each.communicate(timeout=300)[1].decode() for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    (folder,) = (tmp_path / "runs").iterdir()
    assert losses(folder) == pytest.approx(losses(alone.folder), abs=1e-5)


def losses(folder: Path) -> list[float]:
    with (folder / METRICS).open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) for name in ("train_loss", "test_loss")]
