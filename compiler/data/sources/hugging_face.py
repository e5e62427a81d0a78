"""A data set of the Hugging Face hub, or a folder of one, through the library `datasets`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
from compiler.data.sources.hub import built, content_of, library, saved
from compiler.data.sources.hub_stream import HubPieces, HubStream
from compiler.data.sources.labels import Written, read_targets
from compiler.data.stream import Stream
from compiler.data.targets import Target, Targets, only

_LABELS = ("label", "labels", "target", "class")
_WINDOW = 10_000


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
        return decode_bytes(self._content(number), self.maps, self.place(number))

    def place(self, number: int) -> str:
        return f"{self.origin}, row {int(self.rows[number])}"

    def size(self, number: int) -> tuple[int, int]:
        return size_of_bytes(self._content(number), self.place(number))

    def _content(self, number: int) -> bytes:
        return content_of(self.table[int(self.rows[number])][self.column], self.place(number))

    def with_targets(self, targets: Targets) -> Rows:
        return Rows(self.table, self.column, targets, self.origin, self.maps, self.rows)

    def only(self, numbers: Tensor) -> Rows:
        targets = only(self.targets, numbers)
        return Rows(self.table, self.column, targets, self.origin, self.maps, self.rows[numbers])

    def in_maps(self, maps: int) -> Rows:
        if maps not in MAPS:
            raise unlike_images(maps)
        return Rows(self.table, self.column, self.targets, self.origin, maps, self.rows)


def hugging_face(keys: HuggingFace, base: Path, wanted: Collection[str]) -> Source:
    """The parts of a data set, its images and what is learnt of them."""
    return _streamed(keys, base, wanted) if keys.streaming else _stored(keys, base, wanted)


def _stored(keys: HuggingFace, base: Path, wanted: Collection[str]) -> Source:
    """A data set that lies on the disk, from where its images are read."""
    if keys.window is not None:
        raise DataError(
            "E734", "`window` is about streams, and these data are stored on the disk", keys.name,
            "streaming: true, or leave `window` out",
        )  # fmt: skip
    found = saved(keys, base)
    parts = _parts(built(keys, base) if found is None else found, keys)
    features = next(iter(parts.values())).features
    image = image_column(features, keys)
    targets, learnt, notes = _learnt(parts, features, keys, wanted)
    examples: dict[str, Examples] = {
        part: Rows(undecoded(table, image), image, learnt[part], f"{keys.name}, {part}")
        for part, table in parts.items()
    }
    return Source(targets, examples, notes=notes)


def _streamed(keys: HuggingFace, base: Path, wanted: Collection[str]) -> Source:
    """A data set whose labels are read now, and whose images when they are wanted."""
    stream = HubStream(keys, base)
    features = next(iter(_parts(stream.parts(), keys).values())).features
    if features is None:
        raise DataError("E734", "nothing says which columns it has", keys.name, "leave `streaming` out")
    image = image_column(features, keys)
    columns = list(dict.fromkeys(target_column(name, features, keys) for name in wanted))
    chosen = library().Features({name: features[name] for name in columns})
    labels = stream.pieces(_parts(stream.parts(columns), keys))
    read = {part: stream.columns(pieces, chosen) for part, pieces in labels.items()}
    targets, learnt, notes = _learnt({part: table for part, (_, table) in read.items()}, features, keys, wanted)
    examples: dict[str, Examples] = {}
    for part, pieces in stream.pieces(_parts(stream.parts([image]), keys)).items():
        origin = f"{keys.name}, {part}"
        in_pieces = HubPieces(pieces, read[part][0], image, origin)
        examples[part] = Stream(in_pieces, learnt[part], origin, keys.window or _WINDOW)
    notes.append(f"{keys.name} is streamed, as `streaming: true` says: nothing of it is stored")
    if not stream.is_columnar:
        notes.append("its labels were read in a pass over all of it: it has no columns that can be read by themselves")
    return Source(targets, examples, notes=notes)


def _learnt(
    tables: Mapping[str, Any], features: Any, keys: HuggingFace, wanted: Collection[str]
) -> tuple[dict[str, Target], dict[str, dict[str, Tensor]], list[str]]:
    """What is learnt, and of each part the tensors, read from columns of its table; and what there is to say of it."""
    targets: dict[str, Target] = {}
    learnt: dict[str, dict[str, Tensor]] = {part: {} for part in tables}
    notes: list[str] = []
    for name in wanted:
        column = target_column(name, features, keys)
        written = {part: _written(table, column, name, f"{keys.name}, {part}") for part, table in tables.items()}
        chosen = keys.classes if name == LABEL else None
        named = features[column]
        if isinstance(named, library().ClassLabel):
            chosen = chosen or tuple(named.names)
        targets[name], tensors = read_targets(name, written, chosen, notes)
        for part, tensor in tensors.items():
            learnt[part][name] = tensor
    return targets, learnt, notes


def _written(table: Any, column: str, name: str, origin: str) -> Written:
    """What each row says; `DataError` where one says nothing, of which an array would make NaN."""
    lacking = np.flatnonzero(table.with_format("arrow")[column][:].is_null())
    if lacking.size:
        more = f", and {lacking.size - 1:,} more like it" if lacking.size > 1 else ""
        raise DataError(
            "E740", f"no {name}: column {column} is null there{more}", f"{origin}, row {lacking[0]}",
            f"leave such rows out: ds.filter(lambda row: row[{column!r}] is not None)",
        )  # fmt: skip
    return Written(np.asarray(table.with_format("numpy")[column][:]), origin)


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
    datasets, known = library(), dict(features)
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
    labels = [each for each, kind in known.items() if isinstance(kind, library().ClassLabel)]
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
    return table.select_columns([column]).cast_column(column, library().Image(decode=False))
