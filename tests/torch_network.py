"""A graph run in torch node by node: the plainest interpreter there can be, for tests to compare with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from archspec.costs import cost
from archspec.graph import INPUT, Graph, Node
from archspec.memory import kept_for_backward
from archspec.operators.operator import Operator
from archspec.shape import Shape
from tests.calls import instantiate


def unseen_macs(operator: Operator, inputs: Sequence[Shape], output: Shape) -> int:
    """What torch multiplies and archspec does not count: zeros, where an output map of a convolution sees no input."""
    connections = getattr(operator, "connections", None)
    if connections is None:
        return 0
    wires = sum(map(len, connections))
    return operator.macs(inputs, output) // wires * (len(connections) * inputs[0].maps - wires)


def counted_macs(graph: Graph) -> int:
    """What torch counts for an image in inference."""
    unseen = (unseen_macs(node.operator, node.input_shapes, node.shape) for node in graph.inference_nodes)
    return cost(graph).macs + sum(unseen)


class TorchNetwork(nn.Module):
    """Every node of a graph as the module or function it lowers to; nodes that share weights hold the same tensors."""

    def __init__(self, graph: Graph, nodes: Sequence[Node] | None = None) -> None:
        super().__init__()
        self.nodes = tuple(graph.nodes if nodes is None else nodes)
        self.built: dict[str, Callable[..., Tensor]] = {}
        for index, node in enumerate(self.nodes):
            built = instantiate(node.operator.lower(node.input_shapes, node.shape))
            self.built[node.name] = built
            if isinstance(built, nn.Module):
                self.add_module(f"node{index}", built)
                if node.shares is not None:
                    _take_weights(built, self.built[node.shares])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Every tensor by its name."""
        tensors = {INPUT: image}
        for node in self.nodes:
            tensors[node.name] = self.built[node.name](*(tensors[name] for name in node.inputs))
        return tensors

    def state_of(self, node: Node) -> dict[str, Tensor]:
        """The node's part of the `state_dict`."""
        built = self.built[node.name]
        return dict(built.state_dict()) if isinstance(built, nn.Module) else {}

    def kept(self, image: Tensor) -> tuple[set[str], int]:
        """What a forward pass leaves for the backward pass: tensors by name, and the bytes of all others."""
        saved: list[Tensor] = []

        def pack(tensor: Tensor) -> Tensor:
            saved.append(tensor)
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            tensors = self(image)
        storages = _storages(saved)
        for pointer in _storages([*self.parameters(), *self.buffers()]):
            storages.pop(pointer, None)
        named: set[str] = set()
        for name, tensor in tensors.items():  # views follow the tensor whose memory they are
            if storages.pop(tensor.untyped_storage().data_ptr(), None) is not None:
                named.add(name)
        return named, sum(storages.values())


def _take_weights(module: nn.Module, other: Callable[..., Tensor]) -> None:
    assert isinstance(other, nn.Module)
    for path, tensor in [*module.named_parameters(), *module.named_buffers()]:
        holder, _, name = path.rpartition(".")
        theirs = other.get_submodule(holder)
        setattr(module.get_submodule(holder), name, getattr(theirs, name))
        assert tensor.shape == getattr(theirs, name).shape


def _storages(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Bytes of each storage, by its address."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return {storage.data_ptr(): storage.nbytes() for storage in storages}


def on_meta(graph: Graph, nodes: Sequence[Node] | None = None) -> TorchNetwork:
    """The network without memory: shapes alone."""
    with torch.device("meta"):
        return TorchNetwork(graph, nodes)


def stated_kept(graph: Graph, batch: int) -> tuple[set[str], int]:
    """What archspec says is kept: tensors of the graph by name, and the bytes of all others."""
    kept = kept_for_backward(graph, batch=batch)
    tensors = {each.name: each.bytes for each in kept if each.name in graph.by_name or each.name == INPUT}
    for name, size in tensors.items():
        assert size == 4 * batch * graph.shape_of(name).elements
    return set(tensors), sum(each.bytes for each in kept) - sum(tensors.values())


def simulated_inference(graph: Graph, batch: int) -> tuple[int, str]:
    """The peak and its node, found by asking at every node which of torch's storages are still to be read."""
    nodes = graph.inference_nodes
    with torch.no_grad():
        tensors = TorchNetwork(graph, nodes).eval()(torch.zeros(batch, *graph.input))
    storage = {name: tensor.untyped_storage() for name, tensor in tensors.items()}
    results = {output.node for output in graph.outputs if not output.train_only}
    peaks = [(4 * batch * graph.input.elements, INPUT)]
    for index, node in enumerate(nodes):
        wanted = {node.name, *results, *(name for later in nodes[index:] for name in later.inputs)}
        made = {INPUT, *(earlier.name for earlier in nodes[: index + 1])}
        alive = {storage[name].data_ptr(): storage[name].nbytes() for name in wanted & made}
        peaks.append((sum(alive.values()), node.name))
    return max(peaks, key=lambda each: each[0])
