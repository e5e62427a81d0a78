"""The graph: nodes in the order they run, every shape known. Only `check` makes one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from archspec.names import LABEL
from archspec.operators.operator import Operator, Parameter
from archspec.shape import Shape

if TYPE_CHECKING:
    import networkx
    import torch

    from archspec.steps import Origin
    from archspec.training import TrainKeys

INPUT = "in"
"""The name of the network's input tensor."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. Its name is its output tensor's name too."""

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    shares: str | None = None
    """the node whose weights it uses"""

    def parameters(self) -> tuple[Parameter, ...]:
        """The tensors that belong to this node alone."""
        return () if self.shares else self.operator.parameters(self.input_shapes)

    def macs(self) -> int:
        return self.operator.macs(self.input_shapes, self.shape)


@dataclass(frozen=True, slots=True)
class GraphRow:
    """A row of the expanded table: the node of its operator and the nodes of its sugar."""

    name: str
    nodes: tuple[Node, ...]
    main: Node
    origin: Origin

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    @property
    def shape(self) -> Shape:
        return self.output.shape


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that came from one row of the spec: a block, a branch group, an instance of a repetition."""

    name: str
    kind: str
    """the block's name, or `branches`, `branch`, `layers`, `repeat`"""
    start: int
    stop: int
    """its rows are `graph.rows[start:stop]`"""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """the arguments of a block, or what `each` gives to its instance"""


@dataclass(frozen=True, slots=True)
class Output:
    """A result of the network."""

    name: str
    node: str
    train_only: bool = False
    loss: str | None = None
    weight: float = 1.0
    target: str = LABEL
    """what of an example it learns"""


@dataclass(frozen=True, eq=False)
class Graph:
    """A checked network."""

    name: str
    input: Shape
    rows: tuple[GraphRow, ...]
    groups: tuple[Group, ...]
    outputs: tuple[Output, ...]
    variant: str | None = None
    description: str | None = None
    train: TrainKeys | None = field(default=None, repr=False)
    warnings: Sequence[object] = field(default=(), repr=False)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for row in self.rows for node in row.nodes)

    @cached_property
    def by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def row_of(self) -> dict[str, GraphRow]:
        """The row that each node belongs to."""
        return {node.name: row for row in self.rows for node in row.nodes}

    def shape_of(self, tensor: str) -> Shape:
        """The shape of the input or of a node's output."""
        return self.input if tensor == INPUT else self.by_name[tensor].shape

    @cached_property
    def last_use(self) -> dict[str, int]:
        """For each tensor, the position of the last node that reads it."""
        return {tensor: index for index, node in enumerate(self.nodes) for tensor in node.inputs}

    def with_rows(self, rows: Sequence[GraphRow | None]) -> Graph:
        """This graph with other rows in the places of its own; where there is None, there is no row."""
        before = list(accumulate((row is not None for row in rows), initial=0))
        groups = tuple(replace(group, start=before[group.start], stop=before[group.stop]) for group in self.groups)
        return replace(self, rows=tuple(row for row in rows if row is not None), groups=groups)

    @cached_property
    def inference_nodes(self) -> tuple[Node, ...]:
        """The nodes that the outputs need, those only for training left out."""
        needed = {output.node for output in self.outputs if not output.train_only}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return tuple(node for node in self.nodes if node.name in needed)

    def edges(self) -> Iterator[tuple[str, str]]:
        """Every (producer, consumer)."""
        for node in self.nodes:
            for tensor in node.inputs:
                yield (tensor, node.name)

    def build(
        self, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None, seed: int = 0
    ) -> torch.nn.Module:
        """The PyTorch module, its weights started as the spec says; needs torch."""
        from compiler import build

        return build(self, device=device, dtype=dtype, seed=seed)

    def networkx(self) -> networkx.MultiDiGraph[str]:
        """The same graph for questions that networkx answers."""
        import networkx

        graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        graph.add_node(INPUT)
        graph.add_nodes_from(node.name for node in self.nodes)
        graph.add_edges_from(self.edges())
        return graph
