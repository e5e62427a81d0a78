"""Where examples come from: what is read, how it is divided, and what is said of what is wrong."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytest.importorskip("PIL")

from archspec.shape import Shape  # noqa: E402
from archspec.training_data import MNIST, Arrays, Digits, FashionMNIST, PreprocessKeys, Random  # noqa: E402
from compiler.data import DataError  # noqa: E402
from compiler.data.preprocessing import Preprocessing  # noqa: E402
from compiler.data.sources import idx as idx_files  # noqa: E402
from tests.conftest import shared  # noqa: E402
from tests.data_files import GREY, failure, idx, prepared, small_mnist  # noqa: E402

MNIST_INPUT = Shape.of(1, 28, 28)


def counts(data: Any) -> dict[str, list[int]]:
    return {name: torch.bincount(split.targets).tolist() for name, split in data.splits.items()}


# --- digits


def test_digits_are_scikit_learns_in_a_fixed_stratified_split() -> None:
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    bunch = load_digits()
    data = prepared(Digits(), Path(), GREY, PreprocessKeys(normalise="none"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 1437, "test": 360}
    found = torch.cat([split.images.flatten(1) for split in data.splits.values()]) * 16
    targets = torch.cat([split.targets for split in data.splits.values()])
    ours = sorted(zip(found.round().int().tolist(), targets.tolist(), strict=True))
    theirs = sorted(zip(bunch.data.astype(int).tolist(), bunch.target.tolist(), strict=True))
    assert ours == theirs
    for train, test in zip(*counts(data).values(), strict=True):
        assert abs(test - (train + test) * 360 / 1797) <= 1
    again = prepared(Digits(), Path(), GREY, PreprocessKeys(normalise="none"), seed=9)
    assert torch.equal(again.splits["test"].images, data.splits["test"].images)


def test_digits_become_as_large_as_the_input() -> None:
    data = prepared(Digits(validation=0.1), Path(), Shape.of(1, 32, 32))
    assert data.splits["train"].images.shape == (1293, 1, 32, 32)
    assert len(data.splits["validation"]) == 144
    vector = prepared(Digits(), Path(), Shape.of(64), PreprocessKeys(resize=(8, 8)))
    images, _ = next(vector.splits["train"].batches(torch.arange(5), 5, epoch=0, augment=False))
    assert images.shape == (5, 64)


# --- IDX


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files(tmp_path: Path, zipped: bool) -> None:
    small_mnist(tmp_path / "mnist", zipped=zipped)
    data = prepared(MNIST(path="mnist"), tmp_path, MNIST_INPUT, PreprocessKeys(normalise="none"))
    assert counts(data) == {"train": [4] * 10, "test": [2] * 10}
    noise = np.random.default_rng(0).integers(0, 256, (40, 28, 28))
    assert torch.equal((data.splits["train"].images[:, 0] * 255).round().int(), torch.from_numpy(noise).int())


def test_names_with_a_dot(tmp_path: Path) -> None:
    small_mnist(tmp_path, zipped=False)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(prepared(MNIST(path="."), tmp_path, MNIST_INPUT).splits["train"]) == 40


@pytest.mark.parametrize(
    ("keys", "folder", "mean", "deviation"),
    [(MNIST, "data/mnist", 0.1307, 0.3081), (FashionMNIST, "data/fashion-mnist", 0.2860, 0.3530)],
)
def test_the_files_themselves(keys: Any, folder: str, mean: float, deviation: float) -> None:
    data = prepared(keys(path=str(shared(folder))), Path(), MNIST_INPUT)
    assert [len(split) for split in data.splits.values()] == [60000, 10000]
    # as everybody normalises them
    assert data.preprocessing["mean"] == pytest.approx([mean], abs=5e-5)
    assert data.preprocessing["deviation"] == pytest.approx([deviation], abs=5e-5)
    images = data.splits["train"].images.double()
    assert images.mean() == pytest.approx(0, abs=1e-6)
    assert images.std(correction=0) == pytest.approx(1, abs=1e-6)


def test_validation_is_set_aside_from_training(tmp_path: Path) -> None:
    small_mnist(tmp_path, train=60)
    part = prepared(MNIST(path=".", validation=0.5), tmp_path, MNIST_INPUT)
    assert counts(part) == {"train": [3] * 10, "validation": [3] * 10, "test": [2] * 10}
    number = prepared(MNIST(path=".", validation=20), tmp_path, MNIST_INPUT)
    assert counts(number) == {"train": [4] * 10, "validation": [2] * 10, "test": [2] * 10}
    other = prepared(MNIST(path=".", validation=20, split_seed=1), tmp_path, MNIST_INPUT)
    assert not torch.equal(other.splits["validation"].images, number.splits["validation"].images)
    everything = failure(MNIST(path=".", validation=60), tmp_path, MNIST_INPUT)
    assert everything.code == "E736"


def damage(path: Path, what: str) -> None:
    content = path.read_bytes()
    plain = gzip.decompress(content)
    if what == "gzip cut":
        path.write_bytes(content[: len(content) // 2])
    elif what == "gzip flipped":
        path.write_bytes(content[:-6] + bytes([content[-6] ^ 1]) + content[-5:])
    elif what == "cut":
        path.write_bytes(gzip.compress(plain[:-5]))
    elif what == "long":
        path.write_bytes(gzip.compress(plain + b"12"))
    elif what == "magic":
        path.write_bytes(gzip.compress(b"\x89PNG" + plain[4:]))
    elif what == "header":
        path.write_bytes(gzip.compress(plain[:7]))
    elif what == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("what", ["gzip cut", "gzip flipped", "cut", "long", "magic", "header", "empty"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_damaged_idx_files(tmp_path: Path, what: str, name: str) -> None:
    damage(small_mnist(tmp_path) / name, what)
    found = failure(MNIST(path="."), tmp_path, MNIST_INPUT)
    assert found.code == "E723"
    assert name in found.message


def test_idx_files_that_do_not_go_together(tmp_path: Path) -> None:
    small_mnist(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    idx(labels, np.arange(39) % 10)
    found = failure(MNIST(path="."), tmp_path, MNIST_INPUT)
    assert (found.code, "39 labels" in found.message, "40 images" in found.message) == ("E725", True, True)
    idx(labels, np.array([0] * 20 + [12] * 20))
    found = failure(MNIST(path="."), tmp_path, MNIST_INPUT)
    assert (found.code, "label 12 of example 20" in found.message) == ("E726", True)
    idx(labels, np.arange(40) % 9)
    found = failure(MNIST(path="."), tmp_path, MNIST_INPUT)
    assert (found.code, "class 9 in train" in found.message) == ("E727", True)
    (tmp_path / "t10k-images-idx3-ubyte.gz").rename(tmp_path / "images.gz")
    found = failure(MNIST(path="."), tmp_path, MNIST_INPUT)
    assert found.code in ("E720", "E727")
    found = failure(MNIST(path="elsewhere"), tmp_path, MNIST_INPUT)
    assert (found.code, "elsewhere" in found.message) == ("E720", True)
    labels.write_bytes((tmp_path / "train-images-idx3-ubyte.gz").read_bytes())
    found = failure(MNIST(path="."), tmp_path, MNIST_INPUT)
    assert (found.code, "changed places" in str(found.help)) == ("E723", True)


# --- a network


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[str]]]:
    """The files of a folder by HTTP, and what was asked for."""
    site, asked = small_mnist(tmp_path / "site"), []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(site))

        def log_message(self, *arguments: Any) -> None:
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(idx_files.ADDRESSES, "mnist", f"http://127.0.0.1:{server.server_port}/")
    sums = {path.name[:-3]: hashlib.sha256(path.read_bytes()).hexdigest() for path in site.iterdir()}
    monkeypatch.setitem(idx_files.SHA256, "mnist", sums)
    yield site, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_files_are_fetched_once(served: tuple[Path, list[str]], tmp_path: Path) -> None:
    _, asked = served
    for _ in range(2):
        assert len(prepared(MNIST(), tmp_path, MNIST_INPUT).splits["train"]) == 40
    assert len(asked) == 4
    kept = tmp_path / "cache" / "archspec" / "mnist"
    assert len(list(kept.iterdir())) == 4
    damage(kept / "train-images-idx3-ubyte.gz", "gzip cut")
    assert len(prepared(MNIST(), tmp_path, MNIST_INPUT).splits["train"]) == 40
    assert len(asked) == 5


def test_what_came_is_not_what_was_published(served: tuple[Path, list[str]], tmp_path: Path) -> None:
    site, _ = served
    damage(site / "train-images-idx3-ubyte.gz", "gzip cut")
    found = failure(MNIST(), tmp_path, MNIST_INPUT)
    assert (found.code, "checksum" in found.message) == ("E732", True)
    assert not list((tmp_path / "cache").rglob("*.*"))
    (site / "train-images-idx3-ubyte.gz").unlink()
    found = failure(MNIST(), tmp_path, MNIST_INPUT)
    assert (found.code, "404" in found.message) == ("E732", True)
    found = failure(MNIST(download=False), tmp_path, MNIST_INPUT)
    assert (found.code, "download" in found.message) == ("E720", True)


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(idx_files.ADDRESSES, "fashion_mnist", "http://127.0.0.1:9/")
    found = failure(FashionMNIST(), tmp_path, MNIST_INPUT)
    assert found.code == "E732"
    assert "path: FOLDER" in str(found.help)


def test_checksums_are_those_of_the_published_files() -> None:
    for type, folder in (("mnist", "data/mnist"), ("fashion_mnist", "data/fashion-mnist")):
        for name, checksum in idx_files.SHA256[type].items():
            assert hashlib.sha256((shared(folder) / f"{name}.gz").read_bytes()).hexdigest() == checksum


# --- arrays


def test_npz_as_keras_has_it(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8), np.arange(30) % 3
    np.savez(tmp_path / "d.npz", x_train=x[:18], y_train=y[:18], x_test=x[18:], y_test=y[18:, None])
    data = prepared(Arrays(path="d.npz"), tmp_path, GREY, PreprocessKeys(normalise="none"))
    assert counts(data) == {"train": [6] * 3, "test": [4] * 3}
    assert torch.equal((data.splits["test"].images * 255).round()[:, 0].byte(), torch.from_numpy(x[18:]))


def test_arrays_in_one_piece_are_divided(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((200, 8, 8)), np.array(["cat", "dog"])[np.arange(200) % 2]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    pair = prepared(Arrays(images="x.npy", labels="y.npy"), tmp_path, GREY)
    folder = prepared(Arrays(path="."), tmp_path, GREY)
    assert pair.classes == folder.classes == ("cat", "dog")
    assert counts(pair) == counts(folder) == {"train": [75, 75], "validation": [15, 15], "test": [10, 10]}
    chosen = prepared(Arrays(path=".", split=(1.0, 1.0), classes=("dog", "cat")), tmp_path, GREY)
    assert counts(chosen) == {"train": [50, 50], "test": [50, 50]}
    assert chosen.classes == ("dog", "cat")


@pytest.mark.parametrize(
    ("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("int64", 255), ("bool", 1), ("float32", 1), (">f8", 1)]
)
def test_types_of_numbers(tmp_path: Path, dtype: str, white: int) -> None:
    x = np.zeros((20, 8, 8), dtype)
    x[::2] = white
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(20) % 2)
    data = prepared(Arrays(path="d.npz"), tmp_path, GREY, PreprocessKeys(normalise="none"))
    images = torch.cat([split.images for split in data.splits.values()])
    assert sorted(images.flatten(1).amax(1).tolist()) == pytest.approx([0] * 10 + [1] * 10)


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((12, 8, 8, 3), None), ((12, 3, 8, 8), None), ((12, 3, 8, 3), "first"), ((12, 8, 3, 3), "last")],
)
def test_maps_before_or_behind_the_sides(tmp_path: Path, shape: tuple[int, ...], channels: Any) -> None:
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=np.zeros(12, int))
    first = channels == "first" or (channels is None and shape[1] == 3)
    wanted = torch.from_numpy(x if first else x.transpose(0, 3, 1, 2).copy())
    input = Shape.of(*wanted.shape[1:])
    data = prepared(Arrays(path="d.npz", channels=channels), tmp_path, input, PreprocessKeys(normalise="none"))
    found = torch.cat([split.images for split in data.splits.values()])
    assert sorted(found.flatten(1).tolist()) == sorted(wanted.flatten(1).tolist())


def test_features_are_normalised_each_by_itself(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal((5, 1e5, -3), (2, 10, 0.1), (400, 3))
    np.savez(tmp_path / "d.npz", x_train=x, y_train=np.arange(400) % 2, x_test=x[:10], y_test=np.arange(10) % 2)
    data = prepared(Arrays(path="d.npz"), tmp_path, Shape.of(3))
    assert data.preprocessing["mean"] == pytest.approx(x.mean(0), rel=1e-6)
    assert data.preprocessing["deviation"] == pytest.approx(x.std(0), rel=1e-3)
    batch, _ = next(data.splits["train"].batches(torch.arange(400), 400, epoch=0, augment=False))
    assert batch.shape == (400, 3)
    assert batch.std(0, correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-2)


def test_numbers_to_learn(tmp_path: Path) -> None:
    x, y = np.zeros((20, 4), np.float32), np.random.default_rng(0).random((20, 2))
    np.savez(tmp_path / "d.npz", x=x, y=y)
    data = prepared(Arrays(path="d.npz"), tmp_path, Shape.of(4))
    assert data.classes == ()
    _, targets = next(data.splits["train"].batches(torch.arange(3), 3, epoch=0, augment=False))
    assert (targets["label"].shape, targets["label"].dtype) == ((3, 2), torch.float32)


def arrays(**changed: Any) -> dict[str, Any]:
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    found = {"x_train": x, "y_train": np.arange(20) % 2, "x_test": x, "y_test": np.arange(20) % 2, **changed}
    return {name: array for name, array in found.items() if array is not None}


NAN = np.zeros((20, 8, 8), np.float32)
NAN[7, 3, 3] = np.nan


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"y_train": np.arange(19) % 2}, "E725", "19 labels"),
        ({"y_train": np.arange(20) % 2 - 1}, "E726", "label -1 of example 0"),
        ({"y_train": np.arange(20) % 2 + 1, "y_test": np.arange(20) % 2 + 1}, "E727", "no example of class 0"),
        ({"y_test": np.zeros(20, int)}, "E727", "class 1 in test"),
        ({"x_train": NAN}, "E728", "example 7"),
        ({"x_train": NAN[:, 3], "x_test": NAN[:5, 3], "y_test": np.arange(5) % 2}, "E728", "example 7"),
        ({"y_train": NAN[:, 3, 3], "y_test": np.zeros(20)}, "E728", "label 7"),
        ({"x_train": np.zeros((20, 8, 8), np.complex64)}, "E724", "complex64"),
        ({"x_train": np.full((20, 8, 8), 1000)}, "E724", "int64 from 1000 to 1000"),
        ({"x_train": np.array([["a"] * 8] * 20)}, "E724", "type <U1"),
        ({"x_train": np.zeros((20, 8, 8), object)}, "E724", "Python objects"),
        ({"x_train": np.zeros((20, 8, 8, 1, 1))}, "E724", "20x8x8x1x1"),
        ({"x_train": np.zeros((20, 8, 8, 5), np.uint8)}, "E724", "where are the maps"),
        ({"x_train": np.zeros((0, 8, 8), np.uint8), "y_train": np.zeros(0, int)}, "E720", "no examples"),
        ({"x_train": np.zeros((20, 8, 8), np.float32)}, "E724", "several types"),
        ({"y_train": np.eye(20, dtype=int)}, "E724", "rows of several lengths"),
        ({"y_train": np.array(["a", "b"] * 10)}, "E724", "several kinds"),
        ({"y_train": None}, "E724", "x_train, and no y_train"),
        ({"x_train": None, "y_train": None, "x_test": None, "y_test": None, "z": NAN}, "E724", "arrays z"),
        ({"x_train": np.zeros((20, 9, 8), np.uint8)}, "E730", "9x8"),
        ({"x_train": np.zeros((20, 30), np.uint8)}, "E730", "30 features"),
        ({"x_test": np.zeros((20, 9, 8), np.uint8)}, "E729", "9x8"),
    ],
)  # fmt: skip
def test_arrays_that_can_not_be_used(tmp_path: Path, changed: dict[str, Any], code: str, said: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays(**changed))
    found = failure(Arrays(path="d.npz"), tmp_path, GREY)
    assert (found.code, said in found.message) == (code, True), found.message


def test_files_that_hold_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    assert failure(Arrays(path="d.npz"), tmp_path, GREY).code == "E720"
    path.write_text("nothing")
    assert failure(Arrays(path="d.npz"), tmp_path, GREY).code == "E724"
    np.savez_compressed(path, **arrays())
    path.write_bytes(path.read_bytes()[:-300])
    assert failure(Arrays(path="d.npz"), tmp_path, GREY).code == "E724"
    np.save(tmp_path / "x.npy", np.zeros((20, 8, 8), np.uint8))
    assert failure(Arrays(path="x.npy"), tmp_path, GREY).code == "E724"
    (tmp_path / "y.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-5])
    found = failure(Arrays(images="x.npy", labels="y.npy"), tmp_path, GREY)
    assert (found.code, "y.npy" in found.message) == ("E724", True)
    assert failure(Arrays(images="x.npy"), tmp_path, GREY).code == "E724"
    assert failure(Arrays(), tmp_path, GREY).code == "E724"


def test_classes_and_units(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", **arrays())
    found = failure(Arrays(path="d.npz"), tmp_path, GREY, heads={"label": 10})
    assert (found.code, "2 classes" in found.message, "units: 2" in str(found.help)) == ("E731", True, True)
    prepared(Arrays(path="d.npz"), tmp_path, GREY, heads={"label": 1})


# --- random


def test_random_fits_any_network() -> None:
    for input in (Shape.of(3, 9, 5), Shape.of(7)):
        data = prepared(Random(count=40), Path(), input, heads={"label": 4})
        assert len(data.classes) == 4
        batch, targets = next(data.splits["train"].batches(torch.arange(40), 16, epoch=0, augment=False))
        assert (tuple(batch.shape[1:]), len(targets["label"])) == (tuple(input), 16)
    few = prepared(Random(count=1, classes=12), Path(), GREY)
    assert counts(few)["train"] == [1] * 12


@pytest.mark.parametrize(("least", "most", "has_white"), [(0.0, 1.0, True), (-1.0, 1.0, False), (0.0, 255.0, False)])
def test_images_are_not_shown_to_what_learnt_any_numbers(
    tmp_path: Path, least: float, most: float, has_white: bool
) -> None:
    numbers = np.linspace(least, most, 8 * 64, dtype=np.float32).reshape(8, 8, 8)
    np.savez(tmp_path / "d.npz", x=numbers, y=np.arange(8) % 2)
    data = prepared(Arrays(path="d.npz", split=(1.0, 1.0)), tmp_path, Shape.of(1, 8, 8))
    steps = Preprocessing.from_dict(data.preprocessing)
    assert any("not from 0 to 1" in note for note in data.notes) != has_white
    if has_white:
        assert steps.for_full(255.0).factor == pytest.approx(1 / 255)
    else:
        with pytest.raises(DataError, match="nobody can say what an image's white is"):
            steps.for_full(255.0)
