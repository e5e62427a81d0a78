"""MNIST and Fashion-MNIST: IDX files from a folder, or fetched once into a cache."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import tempfile
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archspec.names import LABEL
from archspec.training_data import MNIST, FashionMNIST
from compiler.data.errors import DataError, reading
from compiler.data.examples import Source, Stack
from compiler.data.targets import labelled

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
ADDRESSES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
}
SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
}
"""Of the gzipped files."""
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
}  # fmt: skip
_SECONDS = 60
_UNSIGNED_BYTES = 8


def idx(keys: MNIST | FashionMNIST, base: Path) -> Source:
    """Train and test of 28x28, from the spec's folder, else from the cache, else from the network."""
    classes = CLASSES[keys.type]
    parts: dict[str, Stack] = {}
    for part, names in FILES.items():
        if keys.path is not None:
            folder = base / Path(keys.path).expanduser()
            images_path, labels_path = (_in_folder(folder, name) for name in names)
        else:
            images_path, labels_path = (_in_cache(keys, name) for name in names)
        images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
        if len(images) != len(labels):
            raise DataError(
                "E725", f"{len(labels):,} labels, and {images_path.name} has {len(images):,} images", labels_path,
                "take both files from one place",
            )  # fmt: skip
        if len(labels) and int(labels.max()) >= len(classes):
            at = int((labels >= len(classes)).nonzero()[0])
            raise DataError(
                "E726", f"label {int(labels[at])} of example {at}, and there are {len(classes)} classes", labels_path,
                f"labels from 0 to {len(classes) - 1}",
            )  # fmt: skip
        parts[part] = Stack(images.unsqueeze(1), {LABEL: labels.long()}, str(images_path))
    return Source(labelled(classes), dict(parts))


def read_idx(path: Path, dimensions: int) -> Tensor:
    """The numbers of an IDX file of unsigned bytes, gzipped or not."""
    with reading(path):
        content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError("E723", f"a damaged gzip file: {error}", path, "get the file again") from error
    start = 4 + 4 * dimensions
    header = content[:start]
    if len(header) < start:
        raise DataError("E723", f"{len(content)} bytes, too few for the header of an IDX file", path, "get it again")
    if header[:2] != b"\0\0" or header[2] != _UNSIGNED_BYTES or header[3] != dimensions:
        wanted = bytes((0, 0, _UNSIGNED_BYTES, dimensions)).hex(" ")
        swapped = header[:3] == bytes((0, 0, _UNSIGNED_BYTES))
        help = "images and labels may have changed places" if swapped else "get the file again, with unsigned bytes"
        raise DataError("E723", f"begins with {header[:4].hex(' ')}, and not with {wanted}", path, help)
    shape = [int.from_bytes(header[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) - start != math.prod(shape):
        raise DataError(
            "E723",
            f"{len(content) - start:,} bytes of data, and its header says {' x '.join(map(str, shape))}, "
            f"which are {math.prod(shape):,}",
            path, "the file is cut off, or has something behind it: get it again",
        )  # fmt: skip
    if not math.prod(shape):
        raise DataError("E720", "no examples: its header says " + " x ".join(map(str, shape)), path, "get it again")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy())


def _in_folder(folder: Path, name: str) -> Path:
    """The file in a folder, gzipped or not, its name as it is written or with a dot, as some archives have it."""
    with reading(folder):
        there = {path.name for path in folder.iterdir()}
    for each in (name, name.replace("-idx", ".idx")):
        for found in (each, f"{each}.gz"):
            if found in there:
                return folder / found
    raise DataError(
        "E720", f"there is no {name} or {name}.gz in it", folder, "give `path` the folder of the four files"
    )


def cache_folder() -> Path:
    """Where files that were fetched stay."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "archspec"


def _in_cache(keys: MNIST | FashionMNIST, name: str) -> Path:
    path = cache_folder() / keys.type / f"{name}.gz"
    checksum = SHA256[keys.type][name]
    if path.exists():
        with reading(path):
            content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == checksum:
            return path
    if not keys.download:
        raise DataError("E720", "not there, and `download` is false", path, "set `path`, or allow the download")
    content = _fetched(ADDRESSES[keys.type] + path.name, keys.type)
    if hashlib.sha256(content).hexdigest() != checksum:
        raise DataError(
            "E732", "what came has another checksum than the published file", ADDRESSES[keys.type] + path.name,
            f"get the files in another way, and set data: {{type: {keys.type}, path: FOLDER}}",
        )  # fmt: skip
    _store(path, content)
    return path


def _fetched(address: str, type: str) -> bytes:
    help = f"get the files in another way, and set data: {{type: {type}, path: FOLDER}}"
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError("E732", f"can't be fetched: {error}", address, help) from error
    except (OSError, ValueError) as error:
        raise DataError("E732", f"can't be fetched: {getattr(error, 'reason', error)}", address, help) from error


def _store(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whoever else writes it too."""
    with reading(path.parent, "set XDG_CACHE_HOME to a folder that can be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        os.replace(file.name, path)
