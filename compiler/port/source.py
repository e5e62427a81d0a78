"""The side that weights come from: its tensors by module, and its modules as a tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from torch import Tensor

from compiler.weights.load import COUNTER

_ROLES = {
    "kernel": "weight", "gamma": "weight", "scale": "weight", "beta": "bias", "moving_mean": "running_mean",
    "mean": "running_mean", "moving_variance": "running_var", "var": "running_var",
    "depthwise_kernel": "depthwise.weight", "pointwise_kernel": "pointwise.weight",
}  # fmt: skip
"""What other frameworks call the tensors of a layer."""

_FOREIGN = ("total_ops", "total_params")
"""What profilers leave in modules."""

Shape = tuple[int, ...]
Key = frozenset[tuple[str, Shape]]
"""What a module holds, as roles and shapes: only modules of one key can stand for each other."""


@dataclass(frozen=True, eq=False)
class Unit:
    """The tensors that one module of the source owns itself."""

    path: str
    position: int
    """where it comes in the file"""
    entries: dict[str, str] = field(default_factory=dict[str, str])
    """the names of its tensors by their role, as torch calls it"""
    shapes: dict[str, Shape] = field(default_factory=dict[str, Shape])
    """what they have in torch's layout"""

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall("[a-z]+", self.path.lower()))

    @property
    def components(self) -> list[str]:
        return self.path.split(".")

    @property
    def name(self) -> str:
        """The path, for people."""
        return self.path or "(top)"

    def __str__(self) -> str:
        return f"{self.name} ({listed_shapes(self.shapes)})"


def listed_shapes(shapes: Mapping[str, Shape]) -> str:
    """Roles with their shapes: `weight 64x3x7x7, bias 64`."""
    return ", ".join(f"{role} {'x'.join(map(str, shape)) or 'of one number'}" for role, shape in shapes.items())


def units(tensors: Mapping[str, Tensor]) -> list[Unit]:
    """The modules that own tensors, in the order of the file."""
    found: dict[str, Unit] = {}
    for name, tensor in tensors.items():
        path, leaf = _split(name)
        if leaf in _FOREIGN:
            continue
        part, _, role = _ROLES.get(leaf, leaf).rpartition(".")
        path = f"{path}.{part}" if part else path
        unit = found.setdefault(path, Unit(path, len(found)))
        if role in unit.entries:
            role = leaf
        unit.entries[role] = name
        if role != COUNTER:
            unit.shapes[role] = torch_shape(leaf, tuple(tensor.shape))
    return [unit for unit in found.values() if unit.shapes]


def _split(name: str) -> tuple[str, str]:
    path, _, leaf = name.removesuffix(":0").replace("/", ".").rpartition(".")
    return path, leaf


def torch_shape(leaf: str, shape: Shape) -> Shape:
    """The shape that a tensor has in torch's layout: other frameworks keep the output's maps last."""
    if leaf == "depthwise_kernel" and len(shape) == 4:
        height, width, maps, multiplier = shape
        return (maps * multiplier, 1, height, width)
    if leaf in ("kernel", "pointwise_kernel"):
        return (*shape[:-3:-1], *shape[:-2]) if len(shape) > 1 else shape
    return shape


def in_torch_layout(name: str, tensor: Tensor) -> Tensor:
    """The tensor in that layout."""
    leaf = _split(name)[1]
    if leaf == "depthwise_kernel" and tensor.dim() == 4:
        return tensor.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)
    if leaf in ("kernel", "pointwise_kernel") and tensor.dim() > 1:
        return tensor.movedim((-1, -2), (0, 1))
    return tensor


def has_maps_last(name: str) -> bool:
    """Whether the framework that wrote it flattens maps with the maps as the last axis."""
    return _split(name)[1] == "kernel"


@dataclass(eq=False)
class Module:
    """A module of the source with its children, or a leaf with its unit."""

    name: str
    unit: Unit | None = None
    children: dict[str, Module] = field(default_factory=dict[str, "Module"])

    def leaves(self) -> Iterable[Unit]:
        if self.unit is not None:
            yield self.unit
        for child in self.children.values():
            yield from child.leaves()


Grouping = Literal["modules", "numbers", "words", "none"]
"""What is taken for a module: what the dots say; siblings of one number (`conv.1`, `norm.1`); what stands between
dots and underscores; nothing."""


def groupings(found: Sequence[Unit]) -> tuple[Grouping, ...]:
    """The ways to see modules in the names, the likeliest first."""
    if any("." in unit.path for unit in found):
        return ("modules", "numbers", "words", "none")
    return ("words", "modules", "none")


def tree(found: Iterable[Unit], grouping: Grouping) -> Module:
    """The modules with the units as their leaves."""
    top = Module("")
    for unit in found:
        _insert(top, parts(unit.path, grouping), unit)
    _settle(top)
    if grouping == "numbers":
        _group_by_number(top)
    return top


def parts(path: str, grouping: Grouping) -> list[str]:
    """The names of a unit's module and of those around it, from the top."""
    if grouping == "none":
        return [path]
    return [part for part in re.split(r"[._]" if grouping == "words" else r"\.", path) if part]


def _insert(top: Module, path: list[str], unit: Unit) -> None:
    module = top
    for name in path:
        module = module.children.setdefault(name, Module(name))
    if module.unit is not None:  # `a_b` and `a.b`, both cut into words
        module = module.children.setdefault(unit.path, Module(unit.path))
    module.unit = unit


def _settle(module: Module) -> None:
    """The tensors of a module that has children too become a child without a name."""
    for child in module.children.values():
        _settle(child)
    if module.unit is not None and module.children:
        module.children[""] = Module("", module.unit)
        module.unit = None


def _group_by_number(module: Module) -> None:
    """`conv.1`, `conv.2`, `norm.1`, `norm.2` become two modules of a conv and a norm."""
    lists: dict[frozenset[str], list[Module]] = {}
    for child in module.children.values():
        if child.children and all(map(str.isdecimal, child.children)):
            lists.setdefault(frozenset(child.children), []).append(child)
    for numbers, alike in lists.items():
        if len(alike) < 2:
            continue
        for each in alike:
            del module.children[each.name]
        for number in sorted(numbers, key=int):
            members = {each.name: each.children[number] for each in alike}
            for name, member in members.items():
                member.name = name
            module.children.setdefault(number, Module(number)).children.update(members)
    for child in module.children.values():
        _group_by_number(child)
