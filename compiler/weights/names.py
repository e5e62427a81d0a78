"""The names and shapes of a network's tensors, known without building it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from archspec.graph import Graph, Node
from archspec.operators.operator import Parameter
from compiler.source import emitted


def paths_of(graph: Graph) -> dict[str, str]:
    """For each node that is a module, where it is in the network's module."""
    return emitted(graph).paths


def entries_of(node: Node, paths: Mapping[str, str]) -> dict[str, Parameter]:
    """A node's tensors under their names in the `state_dict`.

    A node that shares weights has them too: under the owner's names where both are one module, else under its own.
    """
    found = node.operator.parameters(node.input_shapes)
    return {f"{paths[node.name]}.{each.name}": each for each in found}


def blank_state(graph: Graph) -> dict[str, Tensor]:
    """The network's `state_dict` without memory: names, shapes and types."""
    paths = paths_of(graph)
    return {
        name: torch.empty(each.shape, device="meta", dtype=torch.int64 if each.kind == "counter" else torch.float32)
        for node in graph.nodes
        for name, each in entries_of(node, paths).items()
    }


def carried(state: Mapping[str, Tensor], paths: Mapping[str, str], graph: Graph) -> dict[str, Tensor]:
    """The `state_dict` of a graph's module, out of that of another whose nodes have these `paths`.

    The nodes have the same names and weights of the same values; a dense layer may be the convolution that it is.
    """
    new = paths_of(graph)
    return {
        name: state[old].reshape(each.shape)
        for node in graph.nodes
        for (name, each), old in zip(entries_of(node, new).items(), entries_of(node, paths), strict=True)
    }
