"""The side that weights go to: the places of a graph that hold tensors, and how they hang together."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from archspec.graph import INPUT, Graph, Node
from compiler.port.source import Key, Shape, listed_shapes

Trait = Literal["shortcut", "pool", "auxiliary"]


@dataclass(frozen=True, eq=False)
class Slot:
    """The tensors of one node, or of one part of a node that has several."""

    index: int
    node: Node
    part: str
    """`depthwise.` or `pointwise.` of a separable convolution, else empty"""
    shapes: dict[str, Shape]
    counters: tuple[str, ...]
    producers: tuple[int, ...]
    """the slots whose results it gets, with nothing that has weights in between"""
    image: Shape
    """the shape of its input; of a vector that was maps, theirs"""

    @cached_property
    def components(self) -> frozenset[str]:
        """The words of the row's name."""
        return frozenset(part for part in re.split("[.-]", self.node.name.lower()) if not part.isdecimal())

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall("[a-z]{3,}", self.node.name.lower()))

    @property
    def name(self) -> str:
        """The node's name, with that of the part."""
        return f"{self.node.name}.{self.part}".rstrip(".")

    def __str__(self) -> str:
        return f"{self.name} ({listed_shapes(self.shapes)})"


class Target:
    """The slots of a graph in an order in which they can run."""

    def __init__(self, graph: Graph, nodes: Sequence[Node], wanted: Container[str] | None = None) -> None:
        self.graph = graph
        self.slots: list[Slot] = []
        self.upstream: dict[str, int] = {INPUT: 0}
        """for each tensor of the graph, the slots that it depends on, as bits"""
        nearest: dict[str, tuple[int, ...]] = {INPUT: ()}
        for node in nodes:
            upstream = 0
            for name in node.inputs:
                upstream |= self.upstream[name]
            producers = tuple(dict.fromkeys(slot for name in node.inputs for slot in nearest[name]))
            for part, shapes, counters in _parts(node):
                if wanted is not None and f"{node.name}.{part}".rstrip(".") not in wanted:
                    continue
                slot = Slot(len(self.slots), node, part, shapes, counters, producers, self._image(node))
                self.slots.append(slot)
                upstream |= 1 << slot.index
                producers = (slot.index,)
            self.upstream[node.name] = upstream
            nearest[node.name] = producers
        self._depends = [self.upstream[slot.node.name] for slot in self.slots]

    def _image(self, node: Node) -> Shape:
        before = self.graph.by_name.get(node.inputs[0])
        shape = node.input_shapes[0]
        while not shape.is_maps and before is not None and len(before.inputs) == 1:
            if before.operator.role == "dense" or before.input_shapes[0].elements != shape.elements:
                break
            shape = before.input_shapes[0]
            before = self.graph.by_name.get(before.inputs[0])
        return shape

    @cached_property
    def traits(self) -> list[set[Trait]]:
        """What the names of the source may say of each slot."""
        inference = {node.name for node in self.graph.inference_nodes}
        traits: list[set[Trait]] = [set() for _ in self.slots]
        for slot in self.slots:
            if slot.node.name not in inference:
                traits[slot.index].add("auxiliary")
            if self._follows_pool(slot.node):
                traits[slot.index].add("pool")
        for node in filter(_is_join, self.graph.nodes):
            addends = [self.upstream[name] for name in node.inputs]
            alone = [bits & ~_union(addends[:at] + addends[at + 1 :]) for at, bits in enumerate(addends)]
            longest = max(bits.bit_count() for bits in alone)
            for bits in alone:
                if bits.bit_count() < longest:
                    for index in _indices(bits):
                        traits[index].add("shortcut")
        return traits

    def _follows_pool(self, node: Node) -> bool:
        before = self.graph.by_name.get(node.inputs[0])
        while before is not None and before.operator.role != "pool":
            first, *others = before.inputs
            if others or before.operator.parameters(before.input_shapes):
                return False
            before = self.graph.by_name.get(first)
        return before is not None

    def is_order_free(self, one: int, other: int) -> bool:
        """Whether two slots lie on paths that do not follow each other and then meet as equals."""
        if self._depends[one] >> other & 1 or self._depends[other] >> one & 1:
            return False
        both = 1 << one | 1 << other
        for node in self.graph.nodes:
            if self.upstream[node.name] & both == both:
                return _is_join(node)
        return True


def _is_join(node: Node) -> bool:
    """Whether a node combines equals, so that their order does not matter."""
    return node.operator.role == "combine" and all(shape == node.shape for shape in node.input_shapes)


def _union(sets: Iterable[int]) -> int:
    union = 0
    for bits in sets:
        union |= bits
    return union


def _indices(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _parts(node: Node) -> Iterator[tuple[str, dict[str, Shape], tuple[str, ...]]]:
    """The node's tensors by the module that owns them: shapes of those that count, names of the counters."""
    parts: dict[str, tuple[dict[str, Shape], list[str]]] = {}
    for parameter in node.parameters():
        path, dot, role = parameter.name.rpartition(".")
        shapes, counters = parts.setdefault(path + dot, ({}, []))
        if parameter.kind == "counter":
            counters.append(role)
        else:
            shapes[role] = parameter.shape
    for part, (shapes, counters) in parts.items():
        yield part, shapes, tuple(counters)


def depth_first(graph: Graph) -> list[Node]:
    """The nodes so that each path is followed as far as it goes before the next one is begun."""
    waiting = {node.name: len(set(node.inputs) - {INPUT}) for node in graph.nodes}
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
    found: list[Node] = []
    ready = [node for node in reversed(graph.nodes) if waiting[node.name] == 0]
    while ready:
        node = ready.pop()
        found.append(node)
        for reader in reversed(readers.get(node.name, [])):
            waiting[reader.name] -= 1
            if waiting[reader.name] == 0:
                ready.append(reader)
    return found


class Keys:
    """What both sides are compared by: roles and shapes, a 1x1 convolution being a dense layer.

    So is a convolution that sees its whole input at once, and a dense layer behind maps may come as the
    convolution that it is.
    """

    def __init__(self, slots: Iterable[Slot]) -> None:
        plain: set[Shape] = set()
        flat: set[Shape] = set()
        for slot in slots:
            weight: Shape = slot.shapes.get("weight", ())
            if len(weight) == 4 and not _is_dense(slot):
                plain.add(weight)
            elif len(weight) == 4:
                flat.add(weight)
            elif len(weight) == 2 and len(slot.image) == 3:
                flat.add((weight[0], *slot.image))
        self._flat = flat - plain

    def of(self, shapes: dict[str, Shape]) -> Key:
        """What a unit or a slot is compared by."""
        return frozenset((role, self._canonical(shape)) for role, shape in shapes.items())

    def _canonical(self, shape: Shape) -> Shape:
        if shape in self._flat:
            rows, *columns = shape
            size = 1
            for each in columns:
                size *= each
            return (rows, size)
        while len(shape) > 1 and shape[-1] == 1:
            shape = shape[:-1]
        return shape


def _is_dense(slot: Slot) -> bool:
    """Whether a convolution's kernel covers its whole input, all of whose maps it sees."""
    return slot.shapes["weight"][1:] == tuple(slot.image) and slot.node.shape.area == 1
