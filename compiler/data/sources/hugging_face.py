"""A data set of the Hugging Face hub, or a folder of one, through the library `datasets`."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archspec.names import LABEL
from archspec.training_data import HuggingFace
from compiler.data.errors import DataError
from compiler.data.examples import WHOLE, Examples, Source, unlike_images
from compiler.data.images import MAPS, decode_bytes, size_of_bytes
from compiler.data.sources.folder import PART_NAMES
from compiler.data.sources.labels import Written, read_targets
from compiler.data.targets import Target, Targets, only

_LABELS = ("label", "labels", "target", "class")


class Rows(Examples):
    """Rows of a table on disk, each with an image."""

    def __init__(
        self, table: Any, column: str, targets: Targets, origin: str, maps: int = 3, rows: Tensor | None = None
    ) -> None:
        self.table = table
        self.column = column
        self.targets = targets
        self.origin = origin
        self.maps = maps
        self.rows = torch.arange(len(self)) if rows is None else rows

    def stored(self, number: int) -> Tensor:
        return decode_cell(self.table[int(self.rows[number])][self.column], self.maps, self.place(number))

    def place(self, number: int) -> str:
        return f"{self.origin}, row {int(self.rows[number])}"

    def size(self, number: int) -> tuple[int, int]:
        place = self.place(number)
        return size_of_bytes(cell_bytes(self.table[int(self.rows[number])][self.column], place), place)

    def with_targets(self, targets: Targets) -> Rows:
        return Rows(self.table, self.column, targets, self.origin, self.maps, self.rows)

    def only(self, numbers: Tensor) -> Rows:
        targets = only(self.targets, numbers)
        return Rows(self.table, self.column, targets, self.origin, self.maps, self.rows[numbers])

    def in_maps(self, maps: int) -> Rows:
        if maps not in MAPS:
            raise unlike_images(maps)
        return Rows(self.table, self.column, self.targets, self.origin, maps, self.rows)


def decode_cell(cell: Any, maps: int, place: str) -> Tensor:
    """An image as a table has it."""
    return decode_bytes(cell_bytes(cell, place), maps, place)


def cell_bytes(cell: Any, place: str) -> bytes:
    """The bytes of an image as a table has it: in the cell, or in the file that it names."""
    if cell is None:
        raise DataError("E722", "a row without an image", place, "another data set, or `image` with another column")
    content = cell["bytes"]
    return Path(cell["path"]).read_bytes() if content is None else content


def hugging_face(keys: HuggingFace, base: Path, wanted: Collection[str]) -> Source:
    """The parts of a data set, its images and what is learnt of them."""
    parts = _parts(_loaded(keys, base), keys)
    features = next(iter(parts.values())).features
    image = image_column(features, keys)
    targets: dict[str, Target] = {}
    learnt: dict[str, dict[str, Tensor]] = {part: {} for part in parts}
    notes: list[str] = []
    for name in wanted:
        column = target_column(name, features, keys)
        written = {part: Written(_column(table, column), f"{keys.name}, {part}") for part, table in parts.items()}
        chosen = keys.classes if name == LABEL else None
        named = features[column]
        if isinstance(named, _library().ClassLabel):
            chosen = chosen or tuple(named.names)
        targets[name], tensors = read_targets(name, written, chosen, notes)
        for part, tensor in tensors.items():
            learnt[part][name] = tensor
    found: dict[str, Examples] = {
        part: Rows(undecoded(table, image), image, learnt[part], f"{keys.name}, {part}")
        for part, table in parts.items()
    }
    return Source(targets, found, notes=notes)


def _column(table: Any, column: str) -> np.ndarray:
    return np.asarray(table.with_format("numpy")[column][:])


def _library() -> Any:
    try:
        return import_module("datasets")
    except ImportError as error:
        raise DataError(
            "E733", "`data: {type: hugging_face}` wants the library `datasets`", None,
            "pip install 'archspec-nn[datasets]'",
        ) from error  # fmt: skip


def _loaded(keys: HuggingFace, base: Path) -> Any:
    datasets = _library()
    here = base / Path(keys.name).expanduser()
    try:
        if (here / "dataset_dict.json").exists() or (here / "state.json").exists():
            return datasets.load_from_disk(str(here))
        if here.is_file():
            return _of_file(datasets, here)
        if keys.name.startswith((".", "~", "/")) and not here.exists():
            raise DataError("E720", "there is no such file or folder", here, "see that its name is right")
        name = str(here) if here.is_dir() else keys.name
        return datasets.load_dataset(name, keys.config, revision=keys.revision)
    except FileNotFoundError as error:  # what the library calls unknown is one too
        raise DataError("E720", f"no such data set: {_first_line(error)}", keys.name, "see its page") from error
    except ValueError as error:
        raise DataError("E734", _first_line(error), keys.name, "see its page for its configurations") from error
    except (OSError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            "E732", f"can't be fetched: {_first_line(error)}", keys.name,
            "a network, or the data set as a folder: its path as `name`",
        ) from error  # fmt: skip


def _of_file(datasets: Any, file: Path) -> Any:
    """The table of a file, all of it."""
    kind = {".parquet": "parquet", ".arrow": "arrow"}.get(file.suffix)
    if kind is None:
        raise DataError("E734", "a file that is neither .parquet nor .arrow", file, "a folder of images, or a table")
    return datasets.load_dataset(kind, data_files=str(file), split="train")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().split("\n")[0]


def _parts(loaded: Any, keys: HuggingFace) -> dict[str, Any]:
    """The tables of train, validation and test, by our names for them."""
    if not isinstance(loaded, dict):
        return {WHOLE: loaded}
    found = {
        part: loaded[name]
        for part, names in PART_NAMES.items()
        if (name := next((each for each in names if each in loaded), None)) is not None
    }
    if "train" not in found:
        raise DataError(
            "E734", "parts " + ", ".join(map(str, loaded)) + ", and no train", keys.name, "another configuration"
        )
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    return found if "test" in found else {WHOLE: found["train"]}


def image_column(features: Any, keys: HuggingFace) -> str:
    """The column of images."""
    datasets, known = _library(), dict(features)
    images = [name for name, kind in known.items() if isinstance(kind, datasets.Image)]
    if keys.image is not None and keys.image in known and keys.image not in images:
        raise DataError("E734", f"column {keys.image} holds {known[keys.image]}, and no images", keys.name,
                        "columns of images: " + (", ".join(images) or "none"))  # fmt: skip
    return _chosen("image", keys.image, images, known, keys)


def target_column(name: str, features: Any, keys: HuggingFace) -> str:
    """The column of what an output learns: one of its name, or that of the labels."""
    known = dict(features)
    if name != LABEL:
        return _chosen(name, name, [], known, keys)
    labels = [each for each, kind in known.items() if isinstance(kind, _library().ClassLabel)]
    return _chosen("label", keys.label, labels or [each for each in _LABELS if each in known], known, keys)


def _chosen(what: str, asked: str | None, fit: list[str], known: dict[str, Any], keys: HuggingFace) -> str:
    if asked is not None and asked not in known:
        raise DataError("E734", f"no column {asked}", keys.name, "it has " + ", ".join(known))
    if asked is not None:
        return asked
    if len(fit) != 1:
        several = f"several columns may be the {what}s: {', '.join(fit)}" if fit else f"no column of {what}s"
        raise DataError("E734", several, keys.name, f"{what}: one of {', '.join(fit or known)}")
    return fit[0]


def undecoded(table: Any, column: str) -> Any:
    """The table with its images as the bytes that they are stored as, to be decoded as all images are."""
    return table.select_columns([column]).cast_column(column, _library().Image(decode=False))
