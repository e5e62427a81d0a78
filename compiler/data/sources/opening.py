"""The source that a spec names, opened, and divided into train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from archspec.names import LABEL
from archspec.shape import Shape
from archspec.training_data import MNIST, Arrays, DataKeys, Digits, Folder, HuggingFace, Random
from compiler.data.division import PARTS, divide, set_aside
from compiler.data.errors import DataError
from compiler.data.examples import WHOLE, Examples, Source
from compiler.data.sources.arrays import arrays
from compiler.data.sources.digits import SHARES, digits
from compiler.data.sources.folder import folder
from compiler.data.sources.hugging_face import hugging_face
from compiler.data.sources.idx import idx
from compiler.data.sources.noise import noise

_SPLIT = (75.0, 15.0, 10.0)


def open_source(keys: DataKeys, *, input: Shape, base: Path, heads: Mapping[str, int | None]) -> Source:
    """Examples in the parts that a run reads, with what `heads` names; of each the units that learn it."""
    source = _opened(keys, input, base, heads)
    _check_targets(source, heads)
    if WHOLE in source.parts:
        _divide(source, keys)
    if not isinstance(keys, Random) and keys.validation is not None:
        _set_aside(source, keys.validation, keys.split_seed)
    source.parts = {part: source.parts[part] for part in PARTS if part in source.parts}
    _check_classes(source)
    return source


def _opened(keys: DataKeys, input: Shape, base: Path, heads: Mapping[str, int | None]) -> Source:
    match keys:
        case Digits():
            return digits()
        case MNIST():
            return idx(keys, base)
        case Folder():
            return folder(keys, base, heads)
        case Arrays():
            return arrays(keys, base, input, heads)
        case HuggingFace():
            return hugging_face(keys, base, heads)
        case Random():
            return noise(keys, input, heads)


def _divide(source: Source, keys: DataKeys) -> None:
    whole = source.parts.pop(WHOLE)
    shares, seed = (SHARES if isinstance(keys, Digits) else _SPLIT), 0
    if isinstance(keys, Folder | Arrays | HuggingFace):
        shares, seed = keys.split or shares, keys.split_seed
    for part, numbers in divide(_strata(whole, source), shares, seed, source.strata, whole.origin).items():
        source.parts[part] = whole.only(numbers)
    counts = ", ".join(f"{part} {len(source.parts[part]):,}" for part in PARTS if part in source.parts)
    source.notes.append(f"divided into {counts}, every class alike" if source.strata else f"divided into {counts}")


def _set_aside(source: Source, wanted: float, seed: int) -> None:
    train = source.parts["train"]
    if "validation" in source.parts:
        raise DataError(
            "E736", "`validation` sets training examples aside, and these data have a validation part", train.origin,
            "leave `validation` out",
        )  # fmt: skip
    count = wanted if isinstance(wanted, int) else max(1, round(len(train) * wanted))
    for part, numbers in set_aside(_strata(train, source), count, seed, source.strata, train.origin).items():
        source.parts[part] = train.only(numbers)


def _strata(examples: Examples, source: Source) -> Tensor:
    """What examples are divided by: their classes, or nothing."""
    return examples.targets[LABEL] if source.strata else torch.zeros(len(examples), dtype=torch.int64)


def _check_targets(source: Source, heads: Mapping[str, int | None]) -> None:
    """What outputs learn is there."""
    missing = [name for name in heads if name not in source.targets]
    if missing:
        raise DataError(
            "E740", f"no {missing[0]}, which an output learns: there are {', '.join(source.targets) or 'no targets'}",
            next(iter(source.parts.values())).origin,
            "data of type arrays, folder or hugging_face may have them; or another `target` of the output",
        )  # fmt: skip


def _check_classes(source: Source) -> None:
    """Every part has examples of every class."""
    for (name, target), (part, examples) in product(source.targets.items(), source.parts.items()):
        if target.kind != "classes":
            continue
        counts = torch.bincount(examples.targets[name], minlength=len(target.classes))
        missing = [each for each, count in zip(target.classes, counts.tolist(), strict=True) if not count]
        if missing:
            listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5:,} more" if len(missing) > 5 else "")
            raise DataError(
                "E727", f"no example of class {listed} in {part}", examples.origin,
                "examples of it, or numbers of classes that begin at 0 and leave none out",
            )  # fmt: skip
