"""Folders of images that are laid out in another way than one folder for each class: what to do about each."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from compiler.data.images import SUFFIXES

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_TABLES = (".csv", ".tsv", ".txt", ".json", ".xml")
_BESIDE = ("labels", "annotations", "masks")
"""folders that stand beside one of all images, where something else than folders says what is in these"""


def is_image(name: str) -> bool:
    """Whether a file of this name should be an image."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def of_one_class(root: Path, name: str, loose: Collection[str], path: str | None) -> str:
    """Help where all images are in one folder `name`; `path` is what the spec calls `root`, None for a part of it."""
    deep = _with_classes(root / name)
    if deep is not None:
        below = ", ".join(each.name for each in _folders(deep)[:3])
        if path is not None:
            return f"if the classes are {below}: path: {(Path(path) / deep.relative_to(root)).as_posix()}"
        return f"if the classes are {below}, move their folders up into {root}"
    table = next((each for each in loose if each.lower().endswith(_TABLES)), None)
    if table is not None:
        return f"a table of labels is not read, {table} neither: put images into a folder for each class"
    return "folders of images of two classes or more"


def of_no_images(folder: Path, other: Collection[str]) -> str:
    """Help for a folder of a class without images."""
    if folder.name.lower() in _BESIDE:
        return f"put images into a folder for each class; what is in {folder} is not read (boxes are, from boxes.csv)"
    return "names of images end with " + ", ".join(sorted(SUFFIXES)) if other else "put some there, or remove it"


def of_no_folders(root: Path) -> str:
    """Help for images that stand in no folder of a class."""
    classes = [each.name for each in _folders(root.parent) if _has_images(each)]
    if len(classes) > 1:
        return f"if {', '.join(classes[:3])} are classes, the path is that of the folder above: {root.parent}"
    return f"one folder for each class: {root}/cats, {root}/dogs, …"


def of_nothing(root: Path) -> str:
    """Help for a folder without folders and images."""
    archive = next((each.name for each in sorted(root.iterdir()) if each.name.lower().endswith(_ARCHIVES)), None)
    return f"unpack {root / archive}" if archive is not None else "folders of images in it, one for each class"


def _with_classes(folder: Path) -> Path | None:
    """The first folder on the way down that has several folders, all folders above it having one."""
    while not _has_images(folder):
        inside = _folders(folder)
        if len(inside) != 1:
            return folder if inside else None
        folder = inside[0]
    return None


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _has_images(folder: Path) -> bool:
    return any(is_image(each.name) for each in folder.iterdir())
