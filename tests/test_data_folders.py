"""Folders of images, as they should be and as people have them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")

from archspec.shape import Shape  # noqa: E402
from archspec.training_data import MNIST, Folder, PreprocessKeys  # noqa: E402
from tests.data_files import COLOURED, GREY, failure, folders, image, prepared, save  # noqa: E402

PETS = {"cats": 12, "dogs": 8}
PLAIN = PreprocessKeys(normalise="none")


def parts(root: Path, **counts: int) -> Path:
    for number, (part, count) in enumerate(counts.items()):
        folders(root / part, {"cats": count, "dogs": count}, first=100 * number)
    return root


def pixels(split: Any) -> list[list[int]]:
    """The images of a split, as they are stored, in their order."""
    return [(each * 255).round().int().flatten().tolist() for each in split.images]


def stored(number: int) -> list[int]:
    return image(number).transpose(2, 0, 1).flatten().tolist()


def test_classes_are_folders_in_the_order_of_their_names(tmp_path: Path) -> None:
    parts(tmp_path, train=3, test=1)
    data = prepared(Folder(path="."), tmp_path, COLOURED, PLAIN)
    assert data.classes == ("cats", "dogs")
    assert data.splits["train"].targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert pixels(data.splits["train"]) == [stored(number) for number in range(6)]
    assert pixels(data.splits["test"]) == [stored(number) for number in (100, 101)]
    assert data.splits["test"].place(1) == str(tmp_path / "test" / "dogs" / "101.png")


@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_parts_may_have_the_names_that_people_give_them(tmp_path: Path, name: str) -> None:
    parts(tmp_path, **{"Train": 3, name: 2, "test": 1})
    data = prepared(Folder(path="."), tmp_path, COLOURED)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 6, "validation": 4, "test": 2}


def test_what_was_called_validation_is_the_test_where_there_is_no_other(tmp_path: Path) -> None:
    parts(tmp_path, train=3, val=2)
    data = prepared(Folder(path="."), tmp_path, COLOURED)
    assert {part: len(split) for part, split in data.splits.items()} == {"train": 6, "test": 4}
    assert any("no test folder" in note for note in data.notes)


def test_division_is_stratified_and_follows_from_its_seed(tmp_path: Path) -> None:
    folders(tmp_path, {"cats": 60, "dogs": 40})
    data = prepared(Folder(path="."), tmp_path, COLOURED, PLAIN)
    counts = {part: torch.bincount(split.targets).tolist() for part, split in data.splits.items()}
    assert counts == {"train": [45, 30], "validation": [9, 6], "test": [6, 4]}
    everything = [each for split in data.splits.values() for each in pixels(split)]
    assert sorted(everything) == sorted(stored(number) for number in range(100))
    again = prepared(Folder(path="."), tmp_path, COLOURED, PLAIN, seed=3)
    assert pixels(again.splits["test"]) == pixels(data.splits["test"])
    other = prepared(Folder(path=".", split_seed=3), tmp_path, COLOURED, PLAIN)
    assert pixels(other.splits["test"]) != pixels(data.splits["test"])
    halves = prepared(Folder(path=".", split=(1.0, 1.0)), tmp_path, COLOURED, PLAIN)
    assert {part: len(split) for part, split in halves.splits.items()} == {"train": 50, "test": 50}


def test_small_classes_are_in_every_part(tmp_path: Path) -> None:
    folders(tmp_path, {"many": 40, "few": 3})
    data = prepared(Folder(path="."), tmp_path, COLOURED)
    assert all(torch.bincount(split.targets)[0] == 1 for split in data.splits.values())
    most_for_the_test = prepared(Folder(path=".", split=(5.0, 5.0, 90.0)), tmp_path, COLOURED)
    assert all(torch.bincount(split.targets)[0] == 1 for split in most_for_the_test.splits.values())
    shutil.rmtree(tmp_path / "few")
    folders(tmp_path, {"few": 2})
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert (found.code, "2 examples of class few" in found.message) == ("E736", True)


def test_only_some_classes(tmp_path: Path) -> None:
    folders(tmp_path, {"cats": 10, "dogs": 10, "eels": 10})
    data = prepared(Folder(path=".", classes=("eels", "cats")), tmp_path, COLOURED)
    assert data.classes == ("eels", "cats")
    assert sum(len(split) for split in data.splits.values()) == 20
    found = failure(Folder(path=".", classes=("eels", "Cats")), tmp_path, COLOURED)
    assert (found.code, "cats differs in case alone" in str(found.help)) == ("E727", True)


def test_grey_networks_see_colours_as_grey(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    data = prepared(Folder(path="."), tmp_path, GREY, PLAIN)
    first = data.splits["train"].place(0)
    with Image.open(first) as found:
        wanted = np.asarray(found.convert("L"))
    assert torch.equal((data.splits["train"].images[0, 0] * 255).round().byte(), torch.from_numpy(wanted.copy()))


@pytest.mark.parametrize(("features", "maps"), [(64, 1), (192, 3)])
def test_vectors_of_images(tmp_path: Path, features: int, maps: int) -> None:
    folders(tmp_path, PETS)
    data = prepared(Folder(path="."), tmp_path, Shape.of(features))
    batch, _ = next(data.splits["train"].batches(torch.arange(4), 4, epoch=0, augment=False))
    assert batch.shape == (4, features)
    assert data.preprocessing["maps"] == maps
    found = failure(Folder(path="."), tmp_path, Shape.of(100))
    assert found.code == "E730"


def test_what_systems_leave_in_folders_is_left_out(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    for name in (".DS_Store", "cats/.DS_Store", "cats/Thumbs.db", "cats/._000.png", "dogs/desktop.ini"):
        (tmp_path / name).write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "cats" / "notes.txt").write_text("cats")
    (tmp_path / "labels.csv").write_text("cats")
    data = prepared(Folder(path="."), tmp_path, COLOURED)
    assert sum(len(split) for split in data.splits.values()) == 20
    said = "\n".join(data.notes)
    assert len(set(data.notes)) == len(data.notes)
    for name in (".DS_Store", "Thumbs.db", "._000.png", "desktop.ini", "notes.txt", "labels.csv", "__MACOSX"):
        assert name in said


def test_capital_endings_and_folders_inside_of_classes(tmp_path: Path) -> None:
    folders(tmp_path, {"cats/black": 4, "cats/white": 4, "dogs": 8})
    for path in list((tmp_path / "dogs").iterdir()):
        path.rename(path.with_suffix(".PNG"))
    data = prepared(Folder(path="."), tmp_path, COLOURED)
    assert data.classes == ("cats", "dogs")
    assert sum(len(split) for split in data.splits.values()) == 16


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    folders(tmp_path / "elsewhere", {"cats": 6})
    folders(tmp_path / "here", {"dogs": 6})
    (tmp_path / "here" / "cats").symlink_to(tmp_path / "elsewhere" / "cats", target_is_directory=True)
    (tmp_path / "here" / "dogs" / "again").symlink_to(tmp_path / "here" / "dogs", target_is_directory=True)
    data = prepared(Folder(path="here"), tmp_path, COLOURED)
    assert sum(len(split) for split in data.splits.values()) == 12
    assert any("leads back" in note for note in data.notes)
    (tmp_path / "here" / "dogs" / "zero.png").symlink_to(tmp_path / "gone.png")
    found = failure(Folder(path="here"), tmp_path, COLOURED)
    assert (found.code, "zero.png: a link" in found.message) == ("E720", True)


# --- what is wrong


def test_paths_that_are_no_folder_of_classes(tmp_path: Path) -> None:
    found = failure(Folder(path="nowhere"), tmp_path, COLOURED)
    assert (found.code, "nowhere" in found.message) == ("E720", True)
    (tmp_path / "empty").mkdir()
    assert "an empty folder" in failure(Folder(path="empty"), tmp_path, COLOURED).message
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert "a file" in failure(Folder(path="a.zip"), tmp_path, COLOURED).message
    for number in range(3):
        save(tmp_path / "loose" / f"{number}.png", number)
    assert "3 images, and no folders of classes" in failure(Folder(path="loose"), tmp_path, COLOURED).message


def test_class_without_images(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    (tmp_path / "eels").mkdir()
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert (found.code, "eels: no images" in found.message) == ("E720", True)
    (tmp_path / "eels" / "eel.heic").write_bytes(b"eel")
    assert "eel.heic" in failure(Folder(path="."), tmp_path, COLOURED).message


@pytest.mark.parametrize("lacking", ["train", "test"])
def test_class_that_a_part_lacks(tmp_path: Path, lacking: str) -> None:
    parts(tmp_path, train=3, test=2)
    shutil.rmtree(tmp_path / lacking / "dogs")
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert (found.code, "dogs" in found.message) == ("E727", True)
    folders(tmp_path / lacking, {"Dogs": 2})
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert found.code == "E727"


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    folders(tmp_path, {"Cats": 3, "cats": 3})
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system takes them for one")
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert (found.code, "Cats and cats" in found.message) == ("E735", True)
    shutil.rmtree(tmp_path / "Cats")
    folders(tmp_path, {"dogs": 6})
    save(tmp_path / "cats" / "X.png", 77)
    save(tmp_path / "cats" / "x.png", 78)
    data = prepared(Folder(path="."), tmp_path, COLOURED)
    assert any("differ" in note and "x.png" in note for note in data.notes)
    (tmp_path / "both" / "train").mkdir(parents=True)
    (tmp_path / "both" / "Train").mkdir()
    assert failure(Folder(path="both"), tmp_path, COLOURED).code == "E735"


def test_damaged_images_are_all_named(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    for name in ("cats/003.png", "dogs/015.png", "dogs/016.png"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:60])
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert found.code == "E722"
    for name in ("003.png", "015.png", "016.png"):
        assert name in found.message


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("workers", [0, 2])
def test_damaged_image_is_named_when_it_is_wanted(tmp_path: Path, resident: bool, workers: int) -> None:
    folders(tmp_path, PETS)
    if resident:
        (tmp_path / "dogs/012.png").write_bytes(b"")
        found = failure(Folder(path=".", workers=workers), tmp_path, COLOURED)
        assert (found.code, "012.png" in found.message) == ("E722", True)
        return
    data = prepared(Folder(path=".", resident=False, workers=workers), tmp_path, COLOURED)
    train = data.splits["train"]
    Path(train.place(5)).write_bytes(b"")
    from compiler.data import DataError

    with pytest.raises(DataError) as caught:
        list(train.batches(torch.arange(len(train)), 4, epoch=0, augment=False))
    assert train.place(5) in caught.value.diagnostic.message


def test_several_sizes_want_a_resize(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    save(tmp_path / "dogs" / "900.png", 900, (10, 16))
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert (found.code, "900.png" in found.message, "resize" in str(found.help)) == ("E729", True, True)
    prepared(Folder(path="."), tmp_path, COLOURED, PreprocessKeys(resize="input"))
    prepared(Folder(path="."), tmp_path, COLOURED, PreprocessKeys(resize=8, center_crop=(8, 8)))
    found = failure(Folder(path="."), tmp_path, COLOURED, PreprocessKeys(resize=8))
    assert (found.code, "8x13" in found.message) == ("E729", True)


@pytest.mark.parametrize(
    ("input", "said", "help"),
    [
        (Shape.of(3, 12, 12), "8x8 and the input is 3x12x12", "pad: 2"),
        (Shape.of(3, 6, 6), "8x8 and the input is 3x6x6", "center_crop: 6x6"),
        (Shape.of(3, 12, 6), "8x8 and the input is 3x12x6", "resize: input"),
        (Shape.of(4, 8, 8), "the input has 4", "3xHxW"),
    ],
)
def test_images_of_another_size_than_the_input(tmp_path: Path, input: Shape, said: str, help: str) -> None:
    folders(tmp_path, PETS)
    found = failure(Folder(path="."), tmp_path, input)
    assert found.code == "E730"
    assert said in found.message
    assert help in str(found.help)


@pytest.mark.parametrize("keys", [{"resize": (10**6, 10**6)}, {"pad": (10**9,) * 4}, {"resize": 10**9}])
def test_sizes_beyond_reason_are_refused_before_anything_is_made(tmp_path: Path, keys: dict[str, Any]) -> None:
    folders(tmp_path, PETS)
    assert failure(Folder(path="."), tmp_path, COLOURED, PreprocessKeys(**keys)).code == "E730"


def test_center_crop_of_what_is_smaller(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    found = failure(Folder(path="."), tmp_path, Shape.of(3, 9, 9), PreprocessKeys(center_crop=(9, 9)))
    assert (found.code, ".png" in found.message, "8x8" in found.message) == ("E730", True, True)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read everything")
def test_folder_that_may_not_be_read(tmp_path: Path) -> None:
    folders(tmp_path, PETS)
    (tmp_path / "dogs").chmod(0)
    try:
        assert failure(Folder(path="."), tmp_path, COLOURED).code == "E721"
    finally:
        (tmp_path / "dogs").chmod(0o755)


def test_links_that_lead_to_themselves_or_above(tmp_path: Path) -> None:
    pets = folders(tmp_path / "pets", {"cat": 4, "dog": 4})
    (pets / "cat" / "all").symlink_to(pets)  # which would make cats of all dogs
    data = prepared(Folder(path="pets"), tmp_path, COLOURED)
    assert sum(map(len, data.splits.values())) == 8
    assert any("leads back" in note for note in data.notes)
    for name in ("pets/cat/self.png", "pets/self"):
        link = tmp_path / name
        link.symlink_to(link.name)
        found = failure(Folder(path="pets"), tmp_path, COLOURED)
        assert (found.code, name in found.message) == ("E721", True), found.message
        link.unlink()


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pets = folders(tmp_path / "pets", {"cat": 4, "dog": 4})
    os.mkfifo(pets / "cat" / "pipe.png")
    assert "pipe.png" in failure(Folder(path="pets"), tmp_path, COLOURED).message


# --- folders that are laid out in another way


def test_the_folder_around_the_classes(tmp_path: Path) -> None:
    folders(tmp_path / "flowers" / "data" / "images", {"cats": 20, "dogs": 20})
    found = failure(Folder(path="flowers"), tmp_path, COLOURED)
    assert (found.code, found.help) == ("E731", "if the classes are cats, dogs: path: flowers/data/images")
    path = str(found.help).rpartition("path: ")[2]
    assert prepared(Folder(path=path), tmp_path, COLOURED).classes == ("cats", "dogs")


def test_the_folder_of_one_class(tmp_path: Path) -> None:
    folders(tmp_path / "pets", {"cats": 20, "dogs": 20})
    found = failure(Folder(path="pets/cats"), tmp_path, COLOURED)
    assert (found.code, "if cats, dogs are classes" in str(found.help)) == ("E720", True)
    assert str(found.help).endswith(f": {tmp_path / 'pets'}")


def test_a_folder_between_a_part_and_its_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        folders(tmp_path / part / "images", {"cats": 4, "dogs": 4})
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert found.code == "E731"
    assert found.help == f"if the classes are cats, dogs, move their folders up into {tmp_path / 'train'}"


def test_labels_that_are_in_files(tmp_path: Path) -> None:
    folders(tmp_path / "a", {"images": 20})
    (tmp_path / "a" / "labels.csv").write_text("file,label")
    found = failure(Folder(path="a"), tmp_path, COLOURED)
    assert (found.code, "a table of labels is not read, labels.csv" in str(found.help)) == ("E731", True)
    folders(tmp_path / "b", {"images": 20})
    (tmp_path / "b" / "labels").mkdir()
    (tmp_path / "b" / "labels" / "0.txt").write_text("0 0.5 0.5 0.1 0.1")
    found = failure(Folder(path="b"), tmp_path, COLOURED)
    assert (found.code, "a folder for each class" in str(found.help)) == ("E720", True)


def test_one_class_that_is_one(tmp_path: Path) -> None:
    folders(tmp_path, {"cats": 20})
    found = failure(Folder(path="."), tmp_path, COLOURED)
    assert (found.code, found.help) == ("E731", "folders of images of two classes or more")


def test_an_archive_that_is_packed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pets.tar.gz").write_bytes(b"")
    found = failure(Folder(path="data"), tmp_path, COLOURED)
    assert (found.code, found.help) == ("E720", f"unpack {tmp_path / 'data' / 'pets.tar.gz'}")


def test_paths_that_are_nearly_right(tmp_path: Path) -> None:
    folders(tmp_path / "flowers", {"cats": 20, "dogs": 20})
    found = failure(Folder(path="flower"), tmp_path, COLOURED)
    assert (found.code, found.help) == ("E720", f"did you mean {tmp_path / 'flowers'}?")
    found = failure(Folder(path="other/place/flowers"), tmp_path, COLOURED)
    assert found.help == f"there is no {tmp_path / 'other' / 'place'} either; {tmp_path} is there"
    found = failure(MNIST(path="flowers/cats/000.png"), tmp_path, COLOURED)
    assert (found.code, "a file, where a folder is wanted" in found.message) == ("E721", True)
