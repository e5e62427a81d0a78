"""The names and shapes of a network's tensors, known without building it."""

from __future__ import annotations

import torch
from torch import Tensor

from archspec.graph import Graph
from compiler.source import emitted


def paths_of(graph: Graph) -> dict[str, str]:
    """For each node that is a module, where it is in the network's module."""
    return emitted(graph).paths


def blank_state(graph: Graph) -> dict[str, Tensor]:
    """The network's `state_dict` without memory: names, shapes and types."""
    paths = paths_of(graph)
    return {
        f"{paths[node.name]}.{parameter.name}": torch.empty(
            parameter.shape, device="meta", dtype=torch.int64 if parameter.kind == "counter" else torch.float32
        )
        for node in graph.nodes
        for parameter in node.parameters()
    }
