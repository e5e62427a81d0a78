"""Data as files, small, for the tests: images in folders, IDX files, and what `prepare` makes of them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archspec.diagnostic import Diagnostic
from archspec.shape import Shape
from archspec.training_data import AugmentKeys, DataKeys, PreprocessKeys
from compiler.data import Data, DataError, prepare

GREY = Shape.of(1, 8, 8)
COLOURED = Shape.of(3, 8, 8)


def image(number: int, size: tuple[int, int] = (8, 8), maps: int = 3) -> np.ndarray:
    """Noise that no other number has."""
    noise = np.random.default_rng(number).integers(0, 256, (*size, maps), np.uint8)
    return noise if maps > 1 else noise[:, :, 0]


def save(path: Path, number: int, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image(number, size)).save(path)
    return path


def folders(root: Path, counts: Mapping[str, int], first: int = 0) -> Path:
    """So many images in each folder."""
    for folder, count in counts.items():
        for _ in range(count):
            save(root / folder / f"{first:03}.png", first)
            first += 1
    return root


def idx(path: Path, array: np.ndarray, *, zipped: bool = True) -> Path:
    """An IDX file of unsigned bytes."""
    header = bytes((0, 0, 8, array.ndim)) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


def small_mnist(root: Path, *, zipped: bool = True, train: int = 40, test: int = 20, size: int = 28) -> Path:
    """The four files, with few examples."""
    end = ".gz" if zipped else ""
    for name, count, seed in (("train", train, 0), ("t10k", test, 1)):
        noise = np.random.default_rng(seed).integers(0, 256, (count, size, size))
        idx(root / f"{name}-images-idx3-ubyte{end}", noise, zipped=zipped)
        idx(root / f"{name}-labels-idx1-ubyte{end}", np.arange(count) % 10, zipped=zipped)
    return root


def prepared(
    keys: DataKeys,
    base: Path,
    input: Shape,
    preprocess: PreprocessKeys | None = None,
    augment: AugmentKeys | None = None,
    **more: Any,
) -> Data:
    more = {"seed": 0, "device": "cpu", **more}
    return prepare(keys, preprocess, augment, input=input, base=base, **more)


def failure(
    keys: DataKeys, base: Path, input: Shape, preprocess: PreprocessKeys | None = None, **more: Any
) -> Diagnostic:
    """What is said of data that can't be used: one finding, with help."""
    with pytest.raises(DataError) as caught:
        prepared(keys, base, input, preprocess, **more)
    (found,) = caught.value.diagnostics
    assert found.help
    assert found.message == found.message.strip()
    return found
