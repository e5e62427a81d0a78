"""The weights of a network that became fully convolutional."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from archspec.graph import Graph
from compiler.source import emitted


def carry(state: Mapping[str, Tensor], graph: Graph, converted: Graph) -> dict[str, Tensor]:
    """The `state_dict` of a graph's module, for the module of what the graph was converted to.

    A dense layer's weights are those of a convolution already, in the same order. `converted` may be at any input.
    """
    paths, new_paths = emitted(graph).paths, emitted(converted).paths
    return {
        f"{new_paths[node.name]}.{each.name}": state[f"{paths[node.name]}.{each.name}"].reshape(each.shape)
        for node in converted.nodes
        for each in node.operator.parameters(node.input_shapes)
    }
