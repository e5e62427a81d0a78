"""The weights that a run leaves, with what an image has to go through before them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from archspec import __version__
from archspec.graph import Graph
from compiler.atomic import whole_file
from compiler.data import Data


def write_weights(weights: Mapping[str, Tensor], path: Path, graph: Graph, data: Data) -> None:
    """Write a safetensors file; its metadata say for what network, classes and preprocessing it is."""
    metadata = {
        "format": "pt",
        "archspec": __version__,
        "spec": graph.name,
        "classes": json.dumps(data.classes),
        "preprocessing": json.dumps(data.preprocessing),
    }
    # safetensors refuses tensors that share their memory, as shared weights do
    own = {name: tensor.contiguous().clone() for name, tensor in weights.items()}
    with whole_file(path, replace=True) as written:
        written.write_bytes(_ordered(save(own, metadata)))


def _ordered(file: bytes) -> bytes:
    """The file with its metadata in order: safetensors writes them in one that changes from time to time."""
    size = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file[8 + size :]
