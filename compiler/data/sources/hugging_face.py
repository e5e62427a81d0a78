"""A data set of the Hugging Face hub, or a folder of one, through the library `datasets`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archspec.training_data import HuggingFace
from compiler.data.errors import DataError
from compiler.data.examples import WHOLE, Examples, Source, unlike_images
from compiler.data.images import MAPS, decode_bytes
from compiler.data.sources.folder import PART_NAMES

_LABELS = ("label", "labels", "target", "class")


class Rows(Examples):
    """Rows of a table on disk, each with an image."""

    def __init__(self, table: Any, column: str, targets: Tensor, origin: str, maps: int = 3) -> None:
        self.table = table
        self.column = column
        self.targets = targets
        self.origin = origin
        self.maps = maps
        self.rows = torch.arange(len(targets))

    def stored(self, number: int) -> Tensor:
        return decode_cell(self.table[int(self.rows[number])][self.column], self.maps, self.place(number))

    def place(self, number: int) -> str:
        return f"{self.origin}, row {int(self.rows[number])}"

    def only(self, numbers: Tensor) -> Rows:
        found = Rows(self.table, self.column, self.targets[numbers], self.origin, self.maps)
        found.rows = self.rows[numbers]
        return found

    def in_maps(self, maps: int) -> Rows:
        if maps not in MAPS:
            raise unlike_images(maps)
        found = Rows(self.table, self.column, self.targets, self.origin, maps)
        found.rows = self.rows
        return found


def decode_cell(cell: Any, maps: int, place: str) -> Tensor:
    """An image as a table has it: its bytes, or the path of its file."""
    if cell is None:
        raise DataError("E722", "a row without an image", place, "another data set, or `image` with another column")
    content = cell["bytes"]
    return decode_bytes(Path(cell["path"]).read_bytes() if content is None else content, maps, place)


def hugging_face(keys: HuggingFace, base: Path) -> Source:
    """The parts of a data set, its images and its classes."""
    parts = _parts(_loaded(keys, base), keys)
    image, label = columns(next(iter(parts.values())).features, keys)
    classes: tuple[str, ...] | None = keys.classes
    found: dict[str, Examples] = {}
    for part, table in parts.items():
        origin = f"{keys.name}, {part}"
        own, targets = _targets(table, label, origin)
        classes = classes or own
        wrong = ((targets < 0) | (targets >= len(classes))).nonzero()
        if len(wrong):
            at = int(wrong[0])
            raise DataError(
                "E726", f"label {int(targets[at])} of row {at}", origin, f"labels from 0 to {len(classes) - 1}"
            )
        found[part] = Rows(undecoded(table, image), image, targets, origin)
    return Source(classes or (), found)


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


def columns(features: Any, keys: HuggingFace) -> tuple[str, str]:
    """The column of images and that of labels."""
    datasets, known = _library(), dict(features)
    images = [name for name, kind in known.items() if isinstance(kind, datasets.Image)]
    labels = [name for name, kind in known.items() if isinstance(kind, datasets.ClassLabel)]
    labels = labels or [name for name in _LABELS if name in known]
    return _column("image", keys.image, images, known, keys), _column("label", keys.label, labels, known, keys)


def _column(what: str, asked: str | None, fit: list[str], known: dict[str, Any], keys: HuggingFace) -> str:
    if asked is not None and asked not in known:
        raise DataError("E734", f"no column {asked}", keys.name, "it has " + ", ".join(known))
    if asked is not None and what == "image" and asked not in fit:
        raise DataError("E734", f"column {asked} holds {known[asked]}, and no images", keys.name,
                        "columns of images: " + (", ".join(fit) or "none"))  # fmt: skip
    if asked is not None:
        return asked
    if len(fit) != 1:
        several = f"several columns may be the {what}s: {', '.join(fit)}" if fit else f"no column of {what}s"
        raise DataError("E734", several, keys.name, f"{what}: one of {', '.join(fit or known)}")
    return fit[0]


def _targets(table: Any, column: str, origin: str) -> tuple[tuple[str, ...], Tensor]:
    kind = table.features[column]
    values = np.asarray(table.with_format("numpy")[column][:])
    if isinstance(kind, _library().ClassLabel):
        return tuple(kind.names), torch.from_numpy(values.astype(np.int64))
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise DataError("E734", f"labels of type {kind}", origin, "a column of whole numbers from 0, or of classes")
    return tuple(map(str, range(int(values.max()) + 1))), torch.from_numpy(values.astype(np.int64))


def undecoded(table: Any, column: str) -> Any:
    """The table with its images as the bytes that they are stored as, to be decoded as all images are."""
    return table.select_columns([column]).cast_column(column, _library().Image(decode=False))
