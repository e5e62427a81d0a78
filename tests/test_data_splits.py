"""Batches: the same examples, whoever loads them, in whatever batches, from wherever a run goes on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

from archspec.shape import Shape  # noqa: E402
from archspec.training_data import MNIST, Arrays, AugmentKeys, Digits, Folder, PreprocessKeys, Statistics  # noqa: E402
from compiler.data import DataError, Preprocessing, preparation  # noqa: E402
from tests.data_files import COLOURED, GREY, failure, folders, image, prepared, small_mnist  # noqa: E402

EVERYTHING = AugmentKeys(
    shift=(1, 1), horizontal_flip=0.5, rotation=10.0, zoom=(0.9, 1.1), brightness=(0.8, 1.2), contrast=(0.8, 1.2),
    pca_jitter=0.1, erasing=0.3, mixup=0.2, cutmix=1.0,
)  # fmt: skip
AUGMENTED = [AugmentKeys(shift=(1, 1)), AugmentKeys(crop=1, horizontal_flip=0.5), EVERYTHING]
names = pytest.mark.parametrize("augment", AUGMENTED, ids=["shift", "crop", "everything"])


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders(tmp_path_factory.mktemp("pets"), {"cats": 30, "dogs": 23})


def run(data: Any, batch: int, *, epoch: int = 0, augment: bool = True, part: str = "train", **more: Any) -> Any:
    split = data.splits[part]
    order = torch.arange(len(split)).flip(0)
    batches = list(split.batches(order, batch, epoch=epoch, augment=augment, **more))
    return torch.cat([images for images, _ in batches]), torch.cat([targets["label"] for _, targets in batches])


def same(first: Any, second: Any) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@names
def test_loading_changes_nothing(pets: Path, augment: AugmentKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    held = prepared(Folder(path="."), pets, COLOURED, augment=augment)
    assert held.splits["train"].images.dtype == torch.float32
    wanted = run(held, 8)
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "MOST_FLOAT", 0)
        as_bytes = prepared(Folder(path="."), pets, COLOURED, augment=augment)
    assert as_bytes.splits["train"].images.dtype == torch.uint8
    assert same(run(as_bytes, 8), wanted)
    for workers in (0, 1, 2):
        loaded = prepared(Folder(path=".", resident=False, workers=workers), pets, COLOURED, augment=augment)
        assert loaded.preprocessing == held.preprocessing
        assert same(run(loaded, 8), wanted)
        assert same(run(loaded, 8, augment=False, part="test"), run(held, 8, augment=False, part="test"))


@names
def test_the_size_of_batches_changes_nothing(pets: Path, augment: AugmentKeys) -> None:
    data = prepared(Folder(path="."), pets, COLOURED, augment=augment)
    wanted = run(data, 64)
    for batch in (1, 3, 16):
        assert same(run(data, batch), wanted)


@names
@pytest.mark.parametrize("resident", [True, False])
def test_going_on_in_the_middle_of_an_epoch(pets: Path, augment: AugmentKeys, resident: bool) -> None:
    data = prepared(Folder(path=".", resident=resident, workers=0), pets, COLOURED, augment=augment)
    images, targets = run(data, 7)
    assert same(run(data, 7, start=2), (images[14:], targets[14:]))
    assert list(data.splits["train"].batches(torch.arange(10), 5, epoch=0, augment=True, start=2)) == []


def test_epochs_and_seeds_differ(pets: Path) -> None:
    data = prepared(Folder(path="."), pets, COLOURED, augment=EVERYTHING)
    other = prepared(Folder(path="."), pets, COLOURED, augment=EVERYTHING, seed=1)
    assert same(run(data, 8), run(data, 8))
    assert not same(run(data, 8), run(data, 8, epoch=1))
    assert not same(run(data, 8), run(other, 8))
    assert same(run(data, 8, augment=False), run(other, 8, augment=False, epoch=4))
    alone = prepared(Folder(path="."), pets, COLOURED, augment=AugmentKeys(shift=(3, 3)))
    assert not same(run(alone, 8), run(alone, 8, epoch=1))


def test_workers_stay_and_a_run_left_in_the_middle_does_not_matter(pets: Path) -> None:
    data = prepared(Folder(path=".", resident=False, workers=2), pets, COLOURED)
    split = data.splits["train"]
    wanted = run(data, 4)
    for _ in zip(range(2), split.batches(torch.arange(len(split)), 4, epoch=0, augment=True), strict=False):
        pass
    assert same(run(data, 4), wanted)


def test_targets_follow_their_images(pets: Path) -> None:
    data = prepared(Folder(path="."), pets, COLOURED)
    split = data.splits["train"]
    order = torch.tensor([3, 3, len(split) - 1, 0])
    ((images, targets),) = split.batches(order, 4, epoch=0, augment=False)
    assert torch.equal(images, split.images[order])
    assert torch.equal(targets["label"], split.targets[order])


def test_mixed_targets_are_shares_of_the_classes_of_both(pets: Path) -> None:
    data = prepared(Folder(path="."), pets, COLOURED, augment=AugmentKeys(mixup=1.0))
    split = data.splits["train"]
    order = torch.arange(len(split))
    ((images, found),) = split.batches(order, len(split), epoch=0, augment=True)
    targets = found["label"]
    assert targets.shape == (len(split), 2)
    assert torch.allclose(targets.sum(1), torch.ones(len(split)))
    own = targets.gather(1, split.targets[:, None])[:, 0]
    # where the partner has the other class, the target says how much of each image there is
    mixed = own < 0.999
    assert mixed.any()
    for number in mixed.nonzero()[:5, 0].tolist():
        share, rest = own[number], images[number] - own[number] * split.images[number]
        other = split.images[split.targets != split.targets[number]] * (1 - share)
        assert (other - rest).flatten(1).abs().amax(1).min() < 1e-4


# --- what the network sees


def test_own_statistics_make_mean_0_and_deviation_1(pets: Path) -> None:
    data = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(pad=(1, 1, 0, 0), center_crop=(6, 8)))
    images = data.splits["train"].images.double()
    assert images.mean((0, 2, 3)).abs().max() < 1e-6
    assert (images.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-6
    test = data.splits["test"].images
    assert (test.mean((0, 2, 3)).abs() > 1e-3).any()  # its own mean is not taken


@pytest.mark.parametrize("threads", [1, 2])
def test_statistics_do_not_depend_on_threads(pets: Path, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = prepared(Folder(path="."), pets, COLOURED, augment=EVERYTHING).preprocessing
    finally:
        torch.set_num_threads(before)
    train = np.stack([image(number) for number in _numbers_of_train(pets)]).reshape(-1, 3) / 255
    assert found["mean"] == pytest.approx(train.mean(0), rel=1e-12)
    assert found["deviation"] == pytest.approx(train.std(0), rel=1e-12)
    values, vectors = np.linalg.eigh(np.cov(train.T, bias=True))
    assert found["components"]["variances"] == pytest.approx(values, rel=1e-9)
    assert np.abs(np.sum(np.array(found["components"]["vectors"]) * vectors, 0)) == pytest.approx([1, 1, 1])


def _numbers_of_train(pets: Path) -> list[int]:
    split = prepared(Folder(path="."), pets, COLOURED).splits["train"]
    return [int(Path(split.place(number)).stem) for number in range(len(split))]


def test_given_statistics_rescaling_and_none(pets: Path) -> None:
    plain = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(normalise="none")).splits["train"].images
    assert 0 <= plain.min() < 0.01
    assert 0.99 < plain.max() <= 1
    raw = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(normalise="none", rescale=False))
    assert torch.equal(raw.splits["train"].images, (plain * 255).round())
    half = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(normalise="none", rescale=0.5))
    assert torch.equal(half.splits["train"].images, (plain * 255).round() / 2)
    given = Statistics(mean=(0.5,), deviation=(0.25,))
    centred = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(normalise=given)).splits["train"].images
    assert torch.allclose(centred, (plain - 0.5) / 0.25, atol=1e-6)
    imagenet = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(normalise="imagenet")).splits["train"].images
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    assert torch.allclose(imagenet, (plain - mean.view(3, 1, 1)) / deviation.view(3, 1, 1), atol=1e-5)


@pytest.mark.parametrize(("how", "pillow", "size", "most"), [
    ("bilinear", "BILINEAR", (5, 9), 1),
    ("bilinear", "BILINEAR", (20, 13), 1),
    ("bicubic", "BICUBIC", (5, 9), 8),  # of noise, where rounding between rows and columns shows
    ("bicubic", "BICUBIC", (20, 13), 8),
    ("nearest", "NEAREST", (16, 24), 0),
])  # fmt: skip
def test_resizing_is_pillows(tmp_path: Path, how: Any, pillow: str, size: tuple[int, int], most: int) -> None:
    folders(tmp_path, {"a": 5, "b": 5})
    keys = PreprocessKeys(resize=size, interpolation=how, normalise="none", rescale=False)
    split = prepared(Folder(path=".", split=(1.0, 1.0)), tmp_path, Shape.of(3, *size), keys).splits["train"]
    for number, found in enumerate(split.images):
        with Image.open(split.place(number)) as stored:
            resized = stored.resize(size[::-1], Image.Resampling[pillow])
        difference = np.abs(found.numpy() - np.asarray(resized, np.float32).transpose(2, 0, 1))
        assert difference.max() <= most
        assert difference.mean() < 0.5


def test_shorter_side_then_middle_then_pad(tmp_path: Path) -> None:
    stripes = np.zeros((10, 40), np.uint8)
    stripes[:, 15:25] = 255  # the middle square is white
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.fromarray(stripes).save(tmp_path / part / name / "1.png")
    keys = PreprocessKeys(resize=20, center_crop=(18, 18), pad=(1, 1, 1, 1), fill=0.2, normalise="none")
    images = prepared(Folder(path="."), tmp_path, Shape.of(1, 20, 20), keys).splits["train"].images
    assert (images[0, 0, 1:-1, 2:-2] > 0.95).all()
    for edge in (images[0, 0, 0], images[0, 0, -1], images[0, 0, :, 0], images[0, 0, :, -1]):
        assert torch.allclose(edge, torch.tensor(51 / 255))


def test_steps_that_give_the_size_back_are_done_all_the_same(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(20) % 2)
    keys = PreprocessKeys(resize=16, center_crop=(8, 8), normalise="none")
    closer = prepared(Arrays(path="d.npz"), tmp_path, GREY, keys).splits["train"].images
    plain = prepared(Arrays(path="d.npz"), tmp_path, GREY, PreprocessKeys(normalise="none")).splits["train"].images
    assert not torch.allclose(closer, plain, atol=0.2)


def test_crops_are_random_in_training_and_from_the_middle_otherwise(tmp_path: Path) -> None:
    small_mnist(tmp_path)
    keys = PreprocessKeys(normalise="none")
    data = prepared(MNIST(path="."), tmp_path, Shape.of(1, 20, 24), keys, AugmentKeys(crop=0))
    split = data.splits["train"]
    assert split.images.shape == (40, 1, 28, 28)
    images, _ = run(data, 16, augment=False)
    assert torch.equal(images, split.images.flip(0)[:, :, 4:24, 2:26])
    varied, _ = run(data, 16)
    assert varied.shape == images.shape
    assert not torch.equal(varied, images)


def test_preprocessing_is_plain_data_that_repeats_itself(pets: Path) -> None:
    data = prepared(Folder(path="."), pets, COLOURED, PreprocessKeys(resize="input"), EVERYTHING)
    again = Preprocessing.from_dict(json.loads(json.dumps(data.preprocessing)))
    assert again.as_dict() == data.preprocessing
    split = data.splits["test"]
    stored = torch.from_numpy(np.asarray(Image.open(split.place(0))).transpose(2, 0, 1).copy())
    assert torch.equal(again.normalised(again.frame(stored)), split.images[0])


def test_a_runs_statistics_are_used_again(pets: Path, tmp_path: Path) -> None:
    trained = prepared(Folder(path="."), pets, COLOURED)
    folders(tmp_path, {"cats": 10, "dogs": 10}, first=500)
    other = prepared(Folder(path="."), tmp_path, COLOURED, preprocessing=trained.preprocessing)
    assert other.preprocessing["mean"] == trained.preprocessing["mean"]
    assert other.preprocessing["deviation"] == trained.preprocessing["deviation"]
    assert any("they were train 40, validation 8, test 5, and are train 15" in note for note in other.notes)
    again = prepared(Folder(path="."), pets, COLOURED, preprocessing=trained.preprocessing)
    assert not any("changed" in note for note in again.notes)


def test_a_map_that_is_the_same_everywhere(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8), np.uint8)
    x[:, 1] = 7
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(20) % 2)
    images = prepared(Arrays(path="d.npz"), tmp_path, COLOURED).splits["train"].images
    assert images.isfinite().all()
    assert images[:, 1].abs().max() < 1e-6


def test_what_is_chosen_is_said(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = prepared(Folder(path="."), pets, COLOURED)
    assert any("held on cpu" in note for note in held.notes)
    monkeypatch.setattr(preparation, "free_memory", lambda _: 10_000)
    loaded = prepared(Folder(path="."), pets, COLOURED)
    assert any("loaded when they are wanted" in note for note in loaded.notes)
    assert type(loaded.splits["train"]).__name__ == "Streamed"
    monkeypatch.setattr(preparation, "free_memory", lambda _: 20_000)
    asked = prepared(Folder(path=".", resident=True), pets, COLOURED)
    assert type(asked.splits["train"]).__name__ == "Resident"
    assert asked.splits["train"].images.dtype == torch.uint8
    monkeypatch.setattr(preparation, "free_memory", lambda _: 1000)
    found = failure(Folder(path=".", resident=True), pets, COLOURED)
    assert found.code == "E738"


def test_worker_that_the_system_ends(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = prepared(Folder(path=".", resident=False, workers=1), pets, COLOURED)
    split = data.splits["train"]
    monkeypatch.setattr(split.loader._loader.dataset.reader, "read", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    batches = split.batches(torch.arange(8), 4, epoch=0, augment=False)
    if split.loader._loader._iterator is not None:  # the workers that took the statistics are gone with their loader
        pytest.skip("workers are there already")
    with pytest.raises(DataError) as caught:
        next(batches)
    assert caught.value.diagnostic.code == "E738"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@names
def test_a_gpu_makes_the_same_choices(pets: Path, augment: AugmentKeys) -> None:
    here = run(prepared(Folder(path="."), pets, COLOURED, augment=augment), 8)
    for resident in (True, False):
        there = prepared(Folder(path=".", resident=resident, workers=1), pets, COLOURED, augment=augment, device="cuda")
        for one, other in zip(here, run(there, 8), strict=True):
            assert other.is_cuda
            assert torch.allclose(one, other.cpu(), atol=1e-4)


def test_images_for_a_network_that_was_trained_on_another_range() -> None:
    data = prepared(Digits(), Path(), GREY)
    steps = Preprocessing.from_dict(data.preprocessing).for_full(255.0)
    split = data.splits["test"]
    as_image = (split.steps.shown(split.images) * 255).round().to(torch.uint8)
    # 16 levels as 8 bits are off by half of one at most
    assert (steps.normalised(as_image) - split.images).abs().max() < 0.51 / 255 / steps.deviation[0]
