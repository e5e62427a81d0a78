"""Batch norms folded into the convolutions and dense layers before them: the same outputs, fewer operations.

In inference a batch norm multiplies each map by a number and adds another, which its convolution can do with its
own weights and a bias. The result is a graph like any other, so that its source stays readable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from archspec.costs import cost
from archspec.graph import Graph, Node
from archspec.operators.operator import Call
from archspec.subgraph import with_nodes
from compiler.module import built_with
from compiler.weights import paths_of
from compiler.weights.names import entries_of

State = Mapping[str, Tensor]


def _rows(weight: Tensor, factor: Tensor) -> Tensor:
    """A weight whose first axis is that of the outputs."""
    return weight * factor.view(-1, *[1] * (weight.dim() - 1))


def _columns(weight: Tensor, factor: Tensor) -> Tensor:
    """A weight whose second axis is that of one group's outputs."""
    groups = factor.numel() // weight.shape[1]
    by_group = weight.unflatten(0, (groups, -1)) * factor.view(groups, 1, -1, *[1] * (weight.dim() - 2))
    return by_group.flatten(0, 1)


_FOLDABLE: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "nn.Conv2d": ("", _rows),
    "layers.UnevenConv2d": ("", _rows),
    "nn.Linear": ("", _rows),
    "nn.ConvTranspose2d": ("", _columns),
    "layers.UnevenConvTranspose2d": ("", _columns),
    "layers.PartialConv2d": ("", _rows),
    "layers.SeparableConv2d": ("pointwise.", _rows),
}
"""The layers that can take a norm in: the part that does, and how its weight is multiplied."""
_NORMS = ("nn.BatchNorm1d", "nn.BatchNorm2d")


@dataclass(frozen=True)
class Folded:
    """A graph without the norms that its other layers could take in."""

    graph: Graph
    original: Graph
    norms: dict[str, str]
    """the norms that went, and the nodes that they went into"""

    @property
    def parameters_saved(self) -> int:
        """Trained parameters that the norms had, less the biases that took their place."""
        return cost(self.original).trainable - cost(self.graph).trainable

    @property
    def macs_saved(self) -> int:
        """The multiply-add that each norm spends on each element in inference."""
        needed = {node.name for node in self.original.inference_nodes}
        return sum(self.original.by_name[norm].shape.elements for norm in self.norms if norm in needed)

    def as_text(self) -> str:
        """What was saved, in a line."""
        return (
            f"{len(self.norms)} batch norms folded: {self.parameters_saved:,} parameters and "
            f"{self.macs_saved:,} multiply-adds an image saved"
        )

    def weights(self, state: State) -> dict[str, Tensor]:
        """The folded network's `state_dict`, from that of the original."""
        norm_of = {into: norm for norm, into in self.norms.items()}
        paths, folded_paths = paths_of(self.original), paths_of(self.graph)
        found: dict[str, Tensor] = {}
        for node in self.graph.nodes:
            tensors = _own(self.original.by_name[node.name], state, paths)
            if node.name in norm_of:
                norm = self.original.by_name[norm_of[node.name]]
                _fold(node, tensors, norm, _own(norm, state, paths))
            found.update({f"{folded_paths[node.name]}.{name}": tensor for name, tensor in tensors.items()})
        return found

    def module(self, original: nn.Module) -> nn.Module:
        """The folded network, in inference, with the weights of the original."""
        return built_with(self.graph, self.weights(original.state_dict()))


def _own(node: Node, state: State, paths: Mapping[str, str]) -> dict[str, Tensor]:
    """A node's tensors by the names that its operator gives them."""
    return {each.name: state[name] for name, each in entries_of(node, paths).items()}


def _fold(node: Node, tensors: dict[str, Tensor], norm: Node, statistics: State) -> None:
    """Put a norm into the tensors of the node before it."""
    call = _call(node)
    part, scaled = _FOLDABLE[call.target]
    eps, connections = _call(norm).arguments["eps"], call.arguments.get("connections", ())
    assert isinstance(eps, float)
    assert isinstance(connections, tuple)
    weight, bias = tensors[f"{part}weight"], tensors.get(f"{part}bias")
    exact = {name: tensor.double() for name, tensor in statistics.items()}
    factor = exact.get("weight", 1.0) / torch.sqrt(exact["running_var"] + eps)
    shift = exact.get("bias", 0.0) - exact["running_mean"] * factor
    if bias is not None:
        shift = shift + bias.double() * factor
    if connections:  # each has a kernel of its own
        factor = factor[[target for target, seen in enumerate(connections) for _ in seen]]  # pyright: ignore
    tensors[f"{part}weight"] = scaled(weight.double(), factor).to(weight.dtype)
    tensors[f"{part}bias"] = shift.to(weight.dtype)


def _call(node: Node) -> Call:
    return node.operator.lower(node.input_shapes, node.shape)


def fold(graph: Graph) -> Folded:
    """The graph without the batch norms that directly follow a layer whose result nothing else reads."""
    norms = _foldable(graph)
    with_bias = set(norms.values())

    def rewired(node: Node) -> Node | None:
        if node.name in norms:
            return None
        operator = node.operator.model_copy(update={"bias": True}) if node.name in with_bias else node.operator
        return replace(node, operator=operator, inputs=tuple(norms.get(name, name) for name in node.inputs))

    outputs = [replace(output, node=norms.get(output.node, output.node)) for output in graph.outputs]
    return Folded(with_nodes(graph, rewired, outputs), graph, norms)


def _foldable(graph: Graph) -> dict[str, str]:
    """The norms that can go, and the nodes that take them in."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    results = {output.node for output in graph.outputs}
    shared = {node.shares for node in graph.nodes} | {node.name for node in graph.nodes if node.shares}
    norms: dict[str, str] = {}
    for node in graph.nodes:
        if _call(node).target not in _NORMS:
            continue
        before = graph.by_name.get(node.inputs[0])
        if before is None or _call(before).target not in _FOLDABLE or before.name in results:
            continue
        if len(readers[before.name]) == 1 and not {node.name, before.name} & shared:
            norms[node.name] = before.name
    return norms
