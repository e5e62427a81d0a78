"""The source that a spec names, opened, and divided into train, validation and test."""

from __future__ import annotations

from pathlib import Path

import torch

from archspec.shape import Shape
from archspec.training_data import MNIST, Arrays, DataKeys, Digits, Folder, HuggingFace, Random
from compiler.data.division import PARTS, divide, set_aside
from compiler.data.errors import DataError
from compiler.data.examples import WHOLE, Source
from compiler.data.sources.arrays import arrays
from compiler.data.sources.digits import SHARES, digits
from compiler.data.sources.folder import folder
from compiler.data.sources.hugging_face import hugging_face
from compiler.data.sources.idx import idx
from compiler.data.sources.noise import noise

_SPLIT = (75.0, 15.0, 10.0)


def open_source(keys: DataKeys, *, input: Shape, base: Path, units: int | None) -> Source:
    """Examples in the parts that a run reads."""
    source = _opened(keys, input, base, units)
    if WHOLE in source.parts:
        _divide(source, keys)
    if not isinstance(keys, Random) and keys.validation is not None:
        _set_aside(source, keys.validation, keys.split_seed)
    source.parts = {part: source.parts[part] for part in PARTS if part in source.parts}
    _check_classes(source)
    return source


def _opened(keys: DataKeys, input: Shape, base: Path, units: int | None) -> Source:
    match keys:
        case Digits():
            return digits()
        case MNIST():
            return idx(keys, base)
        case Folder():
            return folder(keys, base)
        case Arrays():
            return arrays(keys, base, input)
        case HuggingFace():
            return hugging_face(keys, base)
        case Random():
            return noise(keys, input, units)


def _divide(source: Source, keys: DataKeys) -> None:
    whole = source.parts.pop(WHOLE)
    shares, seed = (SHARES if isinstance(keys, Digits) else _SPLIT), 0
    if isinstance(keys, Folder | Arrays | HuggingFace):
        shares, seed = keys.split or shares, keys.split_seed
    for part, numbers in divide(whole.targets, shares, seed, source.classes, whole.origin).items():
        source.parts[part] = whole.only(numbers)
    counts = ", ".join(f"{part} {len(source.parts[part]):,}" for part in PARTS if part in source.parts)
    source.notes.append(f"divided into {counts}, every class alike")


def _set_aside(source: Source, wanted: float, seed: int) -> None:
    train = source.parts["train"]
    if "validation" in source.parts:
        raise DataError(
            "E736", "`validation` sets training examples aside, and these data have a validation part", train.origin,
            "leave `validation` out",
        )  # fmt: skip
    count = wanted if isinstance(wanted, int) else max(1, round(len(train) * wanted))
    for part, numbers in set_aside(train.targets, count, seed, source.classes, train.origin).items():
        source.parts[part] = train.only(numbers)


def _check_classes(source: Source) -> None:
    """Every part has examples of every class."""
    if not source.classes:
        return
    for part, examples in source.parts.items():
        counts = torch.bincount(examples.targets, minlength=len(source.classes))
        missing = [name for name, count in zip(source.classes, counts.tolist(), strict=True) if not count]
        if missing:
            listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
            raise DataError(
                "E727", f"no example of class {listed} in {part}", examples.origin,
                "examples of it, or numbers of classes that begin at 0 and leave none out",
            )  # fmt: skip
