"""Parameters and multiply-accumulates of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from archspec.graph import INPUT, Graph, Node

CONVENTION = "MACs: multiply-accumulates of convolutions and matrix products; 1 MAC = 2 FLOPs"


class NodeCost(NamedTuple):
    """What one node costs."""

    trainable: int
    other: int
    """weights that are not trained, and running statistics"""
    macs: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a network costs: for each node, and in sum."""

    nodes: dict[str, NodeCost]
    trainable: int
    other: int
    macs: int
    """of one image in inference: auxiliary heads left out"""

    @property
    def flops(self) -> int:
        return 2 * self.macs


def node_cost(node: Node) -> NodeCost:
    """What one node costs; shared weights cost nothing again."""
    trainable = other = 0
    for parameter in node.parameters():
        if parameter.kind == "trained":
            trainable += parameter.size
        elif parameter.kind != "counter":
            other += parameter.size
    return NodeCost(trainable, other, node.macs())


def cost(graph: Graph) -> Cost:
    """Parameters and MACs of a graph."""
    nodes = {node.name: node_cost(node) for node in graph.nodes}
    return Cost(
        nodes,
        sum(each.trainable for each in nodes.values()),
        sum(each.other for each in nodes.values()),
        sum(nodes[node.name].macs for node in graph.inference_nodes),
    )


def training_macs(graph: Graph) -> int:
    """Multiply-accumulates of a training step for one image, auxiliary heads included.

    Going back, a layer has a product for its weights, and another of equal size for an input that needs a gradient.
    """
    needs = {INPUT: False}
    total = 0
    for node in graph.nodes:
        inputs = any(needs[tensor] for tensor in node.inputs)
        trains = any(each.kind == "trained" for each in node.operator.parameters(node.input_shapes))
        needs[node.name] = inputs or trains
        total += node.macs() * (1 + inputs + trains)
    return total


def weight_depth(graph: Graph) -> int:
    """The layers with weights on the longest path: what the number in a network's name counts."""
    longest: dict[str, int] = {}
    for node in graph.inference_nodes:
        above = max((longest.get(tensor, 0) for tensor in node.inputs), default=0)
        longest[node.name] = above + (node.operator.role in ("conv", "dense"))
    return max(longest.values(), default=0)
