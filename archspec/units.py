"""A graph as units: what becomes an instance of a class, and in it what becomes a line, an attribute or a loop.

The order in which units and their items stand is that in which the network runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from archspec.graph import INPUT, Graph, GraphRow, Group, Node
from archspec.operators.operator import Call

_INLINED = ("repeat", "branches", "branch")
"""groups whose rows stand in the class around them"""


@dataclass(eq=False, slots=True)
class Step:
    """One operation."""

    name: str
    node: Node
    call: Call
    inputs: tuple[str, ...]
    initial: Mapping[str, Call]
    branch: str | None = None
    """the branch it stands in"""
    ends_row: bool = False
    shared: str | None = None
    """the step of this unit whose weights it uses"""
    is_tied: bool = False
    """it does that with a module of its own, called otherwise: with another dilation, say"""

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.node.name,)

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.node,)


@dataclass(frozen=True, slots=True)
class Use:
    """A unit inside another."""

    name: str
    unit: Unit
    branch: str | None = None
    is_method: bool = False
    """it is no instance of a class, but rows that run in a method of the class around them"""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.unit.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.unit.outputs

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.unit.nodes


@dataclass(frozen=True, slots=True)
class Loop:
    """Turns that follow one another, each a unit or the steps of one row."""

    name: str
    turns: tuple[Unit, ...] | tuple[tuple[Step, ...], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    branch: str | None = None
    taken: str = ""
    """which turns of the list these are, as Python says it, where they are not all"""

    @property
    def units(self) -> tuple[Unit, ...]:
        """The turns, where they are units."""
        return tuple(turn for turn in self.turns if isinstance(turn, Unit))

    @property
    def rows(self) -> tuple[tuple[Step, ...], ...]:
        """The turns, where they are rows."""
        return tuple(turn for turn in self.turns if not isinstance(turn, Unit))

    @property
    def nodes(self) -> tuple[Node, ...]:
        rows = (step.node for row in self.rows for step in row)
        return (*(node for unit in self.units for node in unit.nodes), *rows)


Item = Step | Use | Loop


@dataclass(eq=False, slots=True)
class Unit:
    """What becomes an instance of a class."""

    name: str
    """where it stands in the graph, with a dot behind it"""
    kind: str
    """what the instances of one class have in common: the block's name"""
    values: Mapping[str, Any]
    items: list[Item] = field(default_factory=list[Item])
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(node for item in self.items for node in item.nodes)


@dataclass(slots=True)
class _Tree:
    group: Group
    children: list[_Tree | GraphRow]

    def rows(self) -> Iterator[GraphRow]:
        for child in self.children:
            if isinstance(child, _Tree):
                yield from child.rows()
            else:
                yield child


class Units:
    """Finds the units of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.alias: dict[str, str] = {}
        """for the output of an identity, its input"""
        self.users: dict[str, list[str]] = {}
        """for each tensor, the nodes that read it"""
        self.lowered: dict[str, Call] = {}
        for node in graph.nodes:
            call = self.lowered[node.name] = node.operator.lower(node.input_shapes, node.shape)
            if call.target == "nn.Identity":
                self.alias[node.name] = self.real(node.inputs[0])
                continue
            for tensor in node.inputs:
                self.users.setdefault(self.real(tensor), []).append(node.name)
        self.results = {self.real(output.node) for output in graph.outputs}
        self.in_inference = {node.name for node in graph.inference_nodes}
        self.has_training_nodes = len(self.in_inference) < len(graph.nodes)
        self._enclosing = [""]
        """the kinds of the units that are being made"""
        self.shared_with: dict[str, set[str]] = {}
        for node in graph.nodes:
            if node.shares is not None:
                self.shared_with.setdefault(node.shares, set()).add(node.name)
                self.shared_with.setdefault(node.name, set()).add(node.shares)

    def real(self, tensor: str) -> str:
        """The tensor itself, of one that is another under a second name."""
        return self.alias.get(tensor, tensor)

    def root(self) -> Unit:
        """The network."""
        unit = Unit("", self.graph.name, {})
        unit.items = self._named(self._items(_forest(self.graph), "", None))
        unit.inputs = (INPUT,)
        unit.outputs = tuple(self.real(output.node) for output in self.graph.outputs)
        unit.items = self._hoisted(unit.items)
        return unit

    # -- what a group becomes -----------------------------------------------------------------------

    def _items(self, children: Sequence[_Tree | GraphRow], prefix: str, branch: str | None) -> list[tuple[str, Item]]:
        found: list[tuple[str, Item]] = []
        for child in children:
            if isinstance(child, GraphRow):
                found += self._steps(child, prefix, branch)
            else:
                found += self._group(child, prefix, branch)
        return found

    def _group(self, tree: _Tree, prefix: str, branch: str | None) -> list[tuple[str, Item]]:
        group = tree.group
        local = group.name.removeprefix(prefix)
        if group.kind == "repeat":
            loop = self._loop(tree, local, branch)
            if loop is not None:
                return [(local, loop)]
        if group.kind not in _INLINED:
            unit = self._unit(tree)
            if unit is not None:
                return [(local, Use("", unit, branch))]
        inner = group.name.rpartition(".")[2] if group.kind == "branch" else branch
        return self._items(tree.children, prefix, inner)

    def _unit(self, tree: _Tree) -> Unit | None:
        """The group as a unit; None where its rows have to stand in the class around it."""
        group = tree.group
        nodes = [node for row in tree.rows() for node in row.nodes]
        names = {node.name for node in nodes}
        live = [node for node in nodes if node.name not in self.alias]
        shared = self.shared_with.keys() & names if self.shared_with else ()
        if not live or any(not self.shared_with[name] <= names for name in shared):
            return None
        if self.has_training_nodes and len({node.name in self.in_inference for node in live}) > 1:
            return None
        outputs = tuple(
            node.name
            for node in live
            if node.name in self.results or any(user not in names for user in self.users.get(node.name, ()))
        )
        if not outputs:
            return None
        unit = Unit(f"{group.name}.", self._kind(group), group.values)
        self._enclosing.append(unit.kind)
        unit.items = self._named(self._items(tree.children, unit.name, None))
        self._enclosing.pop()
        unit.inputs = self._sources(live, names)
        unit.outputs = outputs
        return unit

    def _kind(self, group: Group) -> str:
        """The block's name; for rows without a block, that of the row they stand under, in its block."""
        if group.kind not in ("layers", "branches"):
            return group.kind
        row = next(part for part in reversed(group.name.split(".")) if not part.isdigit())
        return f"{self._enclosing[-1]}.{row}"

    def _sources(self, nodes: Sequence[Node], names: set[str]) -> tuple[str, ...]:
        tensors = [tensor for node in nodes for tensor in node.inputs]
        tensors = [self.real(tensor) for tensor in tensors] if self.alias else tensors
        return tuple(dict.fromkeys(tensor for tensor in tensors if tensor not in names))

    def _steps(self, row: GraphRow, prefix: str, branch: str | None) -> list[tuple[str, Item]]:
        found: list[tuple[str, Item]] = []
        for node in row.nodes:
            if node.name not in self.alias:
                found.append((node.name.removeprefix(prefix), self._step(row, node, branch)))
        return found

    def _step(self, row: GraphRow, node: Node, branch: str | None) -> Step:
        inputs = tuple(map(self.real, node.inputs)) if self.alias else node.inputs
        initial = {} if node.shares else node.operator.initial()
        return Step("", node, self.lowered[node.name], inputs, initial, branch, node is row.output, node.shares)

    # -- loops --------------------------------------------------------------------------------------

    def _loop(self, tree: _Tree, local: str, branch: str | None) -> Loop | None:
        """A repetition whose turns each take the one before; None where it is not so simple."""
        turns: list[Unit | tuple[Step, ...]] = []
        for child in tree.children:
            turn = self._row_turn(child) if isinstance(child, GraphRow) else self._unit(child)
            if turn is None:
                return None
            turns.append(turn)
        units = [turn for turn in turns if isinstance(turn, Unit)]
        rows = [turn for turn in turns if not isinstance(turn, Unit)]
        if (units and rows) or not turns:
            return None
        ends = [(unit.inputs, unit.outputs, {node.name for node in unit.nodes}) for unit in units] or [
            (row[0].inputs, row[-1].outputs, {step.node.name for step in row}) for row in rows
        ]
        for (_, outputs, _), (inputs, _, names) in pairwise(ends):
            others = [user for tensor in outputs for user in self.users[tensor] if user not in names]
            if inputs != outputs or others or not self.results.isdisjoint(outputs):
                return None
        if any(len(inputs) != 1 or len(outputs) != 1 for inputs, outputs, _ in ends):
            return None
        if len({tuple(_role_in_turn(step, row) for step in row) for row in rows}) > 1:
            return None
        return Loop("", tuple(units) or tuple(rows), ends[0][0], ends[-1][1], branch)

    def _row_turn(self, row: GraphRow) -> tuple[Step, ...] | None:
        steps = tuple(self._step(row, node, None) for node in row.nodes if node.name not in self.alias)
        for step, following in pairwise(steps):
            if following.inputs != step.outputs or self.users[step.node.name] != [following.node.name]:
                return None
        if not steps or any(len(step.inputs) != 1 or step.node.name in self.shared_with for step in steps):
            return None
        return None if any(step.node.name in self.results for step in steps[:-1]) else steps

    # -- names --------------------------------------------------------------------------------------

    def _named(self, items: list[tuple[str, Item]]) -> list[Item]:
        """The items with names that are theirs alone in the unit."""
        short = [_short(path, item) for path, item in items]
        times = Counter(short)
        taken: set[str] = set()
        by_node: dict[str, Step] = {}
        named: list[Item] = []
        for (path, item), name in zip(items, short, strict=True):
            name = name if times[name] == 1 else identifier(path.replace(".", "_"))
            while name in taken:
                name += "_"
            taken.add(name)
            if isinstance(item, Step):
                owner = by_node.get(item.shared or "")
                step = by_node[item.node.name] = _renamed(item, name, owner)
                named.append(step)
            elif isinstance(item, Use):
                named.append(Use(name, item.unit, item.branch))
            else:
                rows = tuple(tuple(_renamed(step, name + _part(step, row), None) for step in row) for row in item.rows)
                named.append(Loop(name, rows or item.units, item.inputs, item.outputs, item.branch))
        return named

    # -- order --------------------------------------------------------------------------------------

    def _hoisted(self, items: list[Item]) -> list[Item]:
        """The items with those that only training needs as early as they can run.

        What they read could not be freed in inference, if they stood where the spec has them.
        """
        place: dict[str, int] = {INPUT: -1}
        order: list[tuple[int, int, int, Item]] = []
        for index, item in enumerate(items):
            needed = all(node.name in self.in_inference for node in item.nodes)
            position = index if needed else max(place[tensor] for tensor in item.inputs)
            place.update(dict.fromkeys((node.name for node in item.nodes), position))
            order.append((position, not needed, index, item))
        return [item for *_, item in sorted(order, key=lambda each: each[:3])]


def _role_in_turn(step: Step, row: tuple[Step, ...]) -> tuple[object, ...]:
    """What has to be the same in every turn: all of a function, and of a module only that it is one."""
    if step.call.is_module:
        return (_part(step, row),)
    return (_part(step, row), step.call.target, *step.call.arguments.items())


def _renamed(step: Step, name: str, owner: Step | None) -> Step:
    step.name = name
    step.shared = owner.name if owner else None
    step.is_tied = owner is not None and owner.call != step.call
    return step


def _part(step: Step, row: tuple[Step, ...]) -> str:
    """What a step's name adds to that of its row: `_norm`, `_activation`."""
    main = min((each.node.name for each in row), key=len)
    return step.node.name.removeprefix(main).removesuffix(".").replace(".", "_")


def _short(path: str, item: Item) -> str:
    """The name without the name of the branch group, which its branches make plain."""
    parts = path.split(".")
    if item.branch is not None and item.branch in parts:
        parts = parts[parts.index(item.branch) :]
    return identifier("_".join(parts))


def identifier(name: str) -> str:
    """Branches of a list are named by their numbers."""
    return f"branch{name}" if name[0].isdigit() else name


def _forest(graph: Graph) -> list[_Tree | GraphRow]:
    """The groups as trees; those without rows left out."""
    stack: list[_Tree] = []
    for group in graph.groups:
        if group.start == group.stop:
            continue
        first = len(stack)
        while first and stack[first - 1].group.start >= group.start:
            first -= 1
        inner, stack[first:] = stack[first:], []
        stack.append(_Tree(group, _with_rows(graph, inner, group.start, group.stop)))
    return _with_rows(graph, stack, 0, len(graph.rows))


def _with_rows(graph: Graph, trees: Sequence[_Tree], start: int, stop: int) -> list[_Tree | GraphRow]:
    found: list[_Tree | GraphRow] = []
    for tree in trees:
        found += graph.rows[start : tree.group.start]
        found.append(tree)
        start = tree.group.stop
    return [*found, *graph.rows[start:stop]]
