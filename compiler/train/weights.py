"""The weights that a run leaves, with what an image has to go through before them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from archspec.graph import Graph
from compiler.data import Data
from compiler.weights import save


def write_weights(weights: Mapping[str, Tensor], path: Path, graph: Graph, data: Data) -> None:
    """Write a safetensors file; its metadata say for what network, classes and preprocessing it is."""
    about = {"classes": json.dumps(data.classes), "preprocessing": json.dumps(data.preprocessing)}
    save(weights, path, spec=graph.name, about=about, replace=True)
