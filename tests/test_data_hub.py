"""Data sets streamed from a hub: what is fetched of them, and what happens where the network fails."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")
datasets = pytest.importorskip("datasets")
constants = pytest.importorskip("huggingface_hub.constants")

import archspec  # noqa: E402
from archspec.training_data import HuggingFace, PreprocessKeys  # noqa: E402
from compiler.data import stream  # noqa: E402
from tests.data_files import COLOURED, failure, image, prepared  # noqa: E402
from tests.hub import NAME, Hub, serving  # noqa: E402

SMALL = PreprocessKeys(resize="input", normalise="imagenet")
STREAMED = HuggingFace(name=NAME, streaming=True, window=12, resident=False, workers=1)


def rows(first: int, count: int) -> Any:
    cells = []
    for number in range(first, first + count):
        content = io.BytesIO()
        Image.fromarray(image(number, (200, 200))).save(content, "PNG", compress_level=0)
        cells.append({"bytes": content.getvalue(), "path": None})
    kinds = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=["cat", "dog"]))
    labels = [number % 2 for number in range(first, first + count)]
    return datasets.Dataset.from_dict({"image": cells, "label": labels}, features=kinds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 images of 117 KiB in two files, in row groups of 12, and 12 for the test."""
    place = tmp_path_factory.mktemp("hub") / "pets"
    place.mkdir()
    for name, first, count in (("train-0", 0, 48), ("train-1", 48, 48), ("test", 96, 12)):
        rows(first, count).to_parquet(place / f"{name}.parquet", batch_size=12)
    return place


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(folder) as server:
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", server.address)
        links = "/datasets/{repo_id}/resolve/{revision}/{path}"
        monkeypatch.setattr(datasets.config, "HUB_DATASETS_URL", server.address + links)
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        links = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.address + links)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        for name in ("STREAMING_READ_MAX_RETRIES", "STREAMING_OPEN_MAX_RETRIES"):
            monkeypatch.setattr(datasets.config, name, 1)
        for name in ("STREAMING_READ_RETRY_INTERVAL", "STREAMING_OPEN_RETRY_INTERVAL"):
            monkeypatch.setattr(datasets.config, name, 0)
        monkeypatch.setattr(stream, "WAITS", (0.0, 0.0, 0.0))
        yield server


def test_labels_take_little_and_an_epoch_takes_the_images_once(hub: Hub, folder: Path, tmp_path: Path) -> None:
    train = prepared(STREAMED, tmp_path, COLOURED, SMALL).splits["train"]
    size = sum(file.stat().st_size for file in folder.glob("train*"))
    assert hub.given < size / 2  # two looks at the first row group, of eight, among them
    hub.given = 0
    order = train.order(0)
    found = list(train.batches(order, 16, epoch=0, augment=False))
    assert size < hub.given < 1.2 * size
    hub.given = 0
    rest = list(train.batches(order, 16, epoch=0, augment=False, start=4))
    assert hub.given < 0.6 * size
    assert [torch.equal(*pair) for pair in zip((images for images, _ in found[4:]), (images for images, _ in rest),
                                               strict=True)] == [True, True]  # fmt: skip
    assert not list(tmp_path.rglob("*.arrow"))
    stored = prepared(HuggingFace(name=str(folder)), tmp_path, COLOURED, SMALL).splits["train"]
    for (images, targets), (others, wanted) in zip(
        found, stored.batches(order, 16, epoch=0, augment=False), strict=True
    ):
        assert torch.equal(images, others)
        assert torch.equal(targets["label"], wanted["label"])


def test_network_that_fails_for_a_while_and_for_good(hub: Hub, tmp_path: Path) -> None:
    train = prepared(STREAMED, tmp_path, COLOURED, SMALL).splits["train"]
    order = train.order(0)
    wanted = list(train.batches(order, 16, epoch=0, augment=False))
    hub.failures = 3
    found = list(train.batches(order, 16, epoch=0, augment=False))
    assert not hub.failures
    assert all(torch.equal(images, others) for (images, _), (others, _) in zip(found, wanted, strict=True))
    hub.failures = 10**9
    with pytest.raises(archspec.SpecError, match=r"the stream breaks: .*403") as caught:
        list(train.batches(order, 16, epoch=0, augment=False))
    (said,) = caught.value.diagnostics
    assert said.code == "E741"
    assert "archspec train --resume" in str(said.help)
    assert failure(STREAMED, tmp_path, COLOURED, SMALL).code == "E732"


def test_images_that_are_files_of_their_own(hub: Hub, tmp_path: Path) -> None:
    hub.folder = tmp_path / "files"
    hub.folder.mkdir()
    lines = ["file_name,label"]
    for number in range(24):
        Image.fromarray(image(number)).save(hub.folder / f"{number:02}.png")
        lines.append(f"{number:02}.png,{'cat' if number % 2 else 'dog'}")
    (hub.folder / "metadata.csv").write_text("\n".join(lines))
    train = prepared(STREAMED, tmp_path, COLOURED, PreprocessKeys(normalise="none")).splits["train"]
    order = train.order(0)
    found = torch.cat([images for images, _ in train.batches(order, 8, epoch=0, augment=False)])
    rows = [int(train.place(number).rpartition(" ")[2]) for number in order.tolist()]
    wanted = torch.stack([torch.from_numpy(image(row)).permute(2, 0, 1) for row in rows])
    assert torch.equal((found * 255).round().byte(), wanted)
    hub.failures, hub.failing = 10**9, ".png"
    with pytest.raises(archspec.SpecError, match=r"row \d+: hf://.*png can't be read") as caught:
        list(train.batches(order, 8, epoch=0, augment=False))
    assert caught.value.diagnostics[0].code == "E741"
