"""Images in folders: one for each class, inside folders for train, validation and test or not."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

import torch

from archspec.names import BOXES, LABEL
from archspec.training_data import Folder
from compiler.data.errors import DataError, reading
from compiler.data.examples import WHOLE, Examples, Files, Source
from compiler.data.sources import misplaced
from compiler.data.sources.box_table import BOX_TABLE, read_boxes
from compiler.data.sources.misplaced import is_image
from compiler.data.targets import Target, labelled

PART_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}
_HIDDEN = frozenset(("thumbs.db", "desktop.ini", "__macosx", "@eadir", "ehthumbs.db"))
_MOST_NAMED = 5


def folder(keys: Folder, base: Path, wanted: Collection[str]) -> Source:
    """The images of a folder, their classes named by folders, in the order of the names; boxes from a table beside."""
    root = base / Path(keys.path).expanduser()
    if root.is_file():
        raise DataError("E720", "a file, where a folder of images is wanted", root, "unpack it, if it is an archive")
    notes: list[str] = []
    top = _folders(root, notes)
    parts = _parts(root, top)
    if not parts:
        return _with_boxes(_whole(root, top, keys, wanted), root, keys.boxes.format, wanted)
    beside = sorted(name for name in top if top[name] not in parts.values())
    if beside:
        notes.append(f"left out, beside the parts: {_listed(beside)}")
    found = {name: _classes(path, notes) for name, path in parts.items()}
    classes = keys.classes or tuple(found["train"])
    _check_classes(found, parts, classes, chosen=keys.classes is not None)
    if LABEL in wanted and len(found["train"]) == 1:
        raise _one_class(parts["train"], found["train"], ())
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
        notes.append(f"there is no test folder: {parts['validation']} is the test, and there is no validation")
    if "test" not in found:
        notes.append(f"{parts['train']} is divided: there is neither a validation nor a test folder")
        found = {WHOLE: found["train"]}
    roots = {**parts, WHOLE: parts["train"], "test": parts.get("test", root)}
    files: dict[str, Examples] = {name: _files(each, classes, roots[name]) for name, each in found.items()}
    return _with_boxes(Source(labelled(classes), files, notes=notes), root, keys.boxes.format, wanted)


def _with_boxes(source: Source, root: Path, format: str, wanted: Collection[str]) -> Source:
    if BOXES in wanted:
        paths = {part: each.paths for part, each in source.parts.items() if isinstance(each, Files)}
        for part, boxes in read_boxes(root, paths, format, source.notes).items():
            examples = source.parts[part]
            source.parts[part] = examples.with_targets({**examples.targets, BOXES: boxes})
        source.targets[BOXES] = Target("boxes", width=4)
    return source


def _whole(root: Path, top: dict[str, Path], keys: Folder, wanted: Collection[str]) -> Source:
    notes: list[str] = []
    if not top:
        images = [entry for entry in _entries(root, notes) if is_image(entry.name)]
        if images:
            raise DataError(
                "E720", f"{len(images):,} image{'s' if len(images) != 1 else ''}, and no folders of classes", root,
                misplaced.of_no_folders(root),
            )  # fmt: skip
        said = "a folder without folders and images" if any(root.iterdir()) else "an empty folder"
        raise DataError("E720", said, root, misplaced.of_nothing(root))
    used = (BOX_TABLE,) if BOXES in wanted else ()
    found = _classes(root, notes, used)
    if LABEL in wanted and len(found) == 1:
        raise _one_class(root, found, used, keys.path)
    classes = keys.classes or tuple(found)
    _check_classes({WHOLE: found}, {WHOLE: root}, classes, chosen=keys.classes is not None)
    return Source(labelled(classes), {WHOLE: _files(found, classes, root)}, notes=notes)


def _parts(root: Path, top: dict[str, Path]) -> dict[str, Path]:
    """The folders of train, validation and test; none without train."""
    found: dict[str, Path] = {}
    for part, names in PART_NAMES.items():
        there = [path for name, path in top.items() if name.lower() in names]
        if len(there) > 1:
            both = " and ".join(path.name for path in there)
            raise DataError("E735", f"two folders for {part}: {both}", root, "put them together, or rename one")
        if there:
            found[part] = there[0]
    if "train" in found:
        return found
    if found and len(found) == len(top):
        raise DataError("E720", f"no train folder beside {_listed([path.name for path in found.values()])}", root,
                        f"add {root}/train, with the images to learn from")  # fmt: skip
    return {}


def _folders(root: Path, notes: list[str]) -> dict[str, Path]:
    """The folders inside of a folder, by name; `DataError` for two whose names differ in case alone."""
    found: dict[str, Path] = {}
    lower: dict[str, str] = {}
    for entry in _entries(root, notes):
        if _is_folder(entry):
            before = lower.setdefault(entry.name.casefold(), entry.name)
            if before != entry.name:
                raise DataError(
                    "E735", f"{before} and {entry.name} differ in case alone", root, "put them together, or rename one"
                )
            found[entry.name] = Path(entry.path)
    return found


def _entries(root: Path, notes: list[str]) -> list[os.DirEntry[str]]:
    """What is in a folder, in the order of the names; what systems put there is left out."""
    with reading(root), os.scandir(root) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    shown = [entry for entry in entries if not _is_hidden(entry.name)]
    if len(shown) < len(entries):
        hidden = [entry.name for entry in entries if _is_hidden(entry.name)]
        notes.append(f"left out in {root}: {_listed(hidden)}")
    return shown


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with reading(Path(entry.path), "remove the link"):
        return entry.is_dir()


def _check_file(entry: os.DirEntry[str]) -> None:
    """A link that leads nowhere is found now, and not in the middle of a run; a pipe would be waited for."""
    with reading(Path(entry.path)):
        is_file = stat.S_ISREG(entry.stat().st_mode) if entry.is_symlink() else entry.is_file()
    if not is_file:
        raise DataError("E721", "no file, but a pipe or a device", entry.path, "remove it")


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _HIDDEN


def _classes(root: Path, notes: list[str], used: Collection[str] = ()) -> dict[str, list[str]]:
    """The images of each class; `DataError` for a class that has none."""
    found: dict[str, list[str]] = {}
    for name, path in _folders(root, notes).items():
        other: list[str] = []
        found[name] = list(_images(path, other, notes, frozenset()))
        if other:
            notes.append(f"left out in {path}, no images by their names: {_listed(other)}")
        if not found[name]:
            raise DataError(
                "E720", "no images in the folder of a class" + (f", but {_listed(other)}" if other else ""), path,
                misplaced.of_no_images(path, other),
            )  # fmt: skip
        _note_twins(found[name], path, notes)
    loose = _loose(root, used)
    if loose:
        notes.append(f"left out in {root}, in no folder of a class: {_listed(loose)}")
    if not found:
        raise DataError("E720", "no folders of classes", root, f"folders of images, such as {root.name}/cats")
    return found


def _loose(root: Path, used: Collection[str]) -> list[str]:
    """The files that stand beside the folders of classes."""
    return [entry.name for entry in _entries(root, []) if entry.name not in used and not _is_folder(entry)]


def _one_class(root: Path, found: Collection[str], used: Collection[str], path: str | None = None) -> DataError:
    (name,) = found
    help = misplaced.of_one_class(root, name, _loose(root, used), path)
    return DataError("E731", f"one class alone, {name}: there is nothing to tell apart", root, help)


def _images(root: Path, other: list[str], notes: list[str], inside: frozenset[str]) -> Iterator[str]:
    """The images in a folder and the folders inside; a link back to a folder that leads here is not followed."""
    own = os.path.realpath(root)
    if any(each == own or each.startswith(own + os.sep) for each in inside):
        notes.append(f"left out: {root}, a link that leads back to a folder that it stands in")
        return
    for entry in _entries(root, notes):
        if _is_folder(entry):
            yield from _images(Path(entry.path), other, notes, inside | {own})
        elif is_image(entry.name):
            _check_file(entry)
            yield entry.path
        else:
            other.append(entry.name)


def _note_twins(paths: list[str], root: Path, notes: list[str]) -> None:
    seen: dict[str, str] = {}
    twins = [os.path.basename(path) for path in paths if seen.setdefault(path.casefold(), path) != path]
    if twins:
        notes.append(f"in {root}, names that differ from another in case alone: {_listed(twins)}")


def _check_classes(
    found: dict[str, dict[str, list[str]]], roots: dict[str, Path], classes: tuple[str, ...], *, chosen: bool
) -> None:
    """Every part has every class, and no other unless the spec chooses."""
    for part, root in roots.items():
        here = found[part]
        missing = [name for name in classes if name not in here]
        if missing:
            alike = {name.casefold(): name for name in here}
            other = alike.get(missing[0].casefold())
            help = f"{other} differs in case alone: rename it to {missing[0]}" if other else (
                "these folders: " + _listed(list(here)) if chosen
                else f"images of it in {root / missing[0]}, or `classes` with those to take"
            )  # fmt: skip
            raise DataError("E727", f"no class {_listed(missing)}", root, help)
        extra = [name for name in here if name not in classes]
        if extra and not chosen:
            raise DataError(
                "E727", f"class {_listed(extra)}, which train does not have", root,
                f"images of it in {roots['train'] / extra[0]}, or `classes` with those to take",
            )  # fmt: skip


def _files(found: dict[str, list[str]], classes: tuple[str, ...], root: Path) -> Files:
    paths = [path for name in classes for path in found[name]]
    counts = torch.tensor([len(found[name]) for name in classes])
    return Files(paths, {LABEL: torch.arange(len(classes)).repeat_interleave(counts)}, str(root))


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED:,} more"
