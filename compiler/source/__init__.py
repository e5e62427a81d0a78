"""A graph as the source of a module that a person would have written."""

from __future__ import annotations

import inspect
import keyword
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import compiler.layers as layers
from archspec.costs import cost
from archspec.graph import Graph
from archspec.stretch import Stretches, methods
from archspec.units import Loop, Step, Unit, Units, Use
from compiler.source.classes import Class, Classes, outline
from compiler.source.constructor import Constructor
from compiler.source.forward import Forward
from compiler.source.layout import WIDTH

_IMPORTS = (
    ("Callable[", "from collections.abc import Callable\n"),
    ("torch.", "import torch"),
    ("F.", "import torch.nn.functional as F"),
)


@dataclass(frozen=True, slots=True)
class Emitted:
    """The source of a network's module."""

    text: str
    class_name: str
    paths: dict[str, str]
    """for each node that is a module, where it is in the network's module"""
    units: dict[str, str]
    """for each unit, where it is"""
    methods: dict[str, str]
    """for each stretch of the network's own rows and blocks, the method that runs it"""


def emitted(graph: Graph, stretches: Sequence[str] = ()) -> Emitted:
    """The source of a graph's module, with what is known of it; stretches of rows get methods of their own."""
    return _File(graph, stretches).emitted()


def emit(graph: Graph) -> str:
    """The source of a graph's module: a file that needs torch alone."""
    return emitted(graph).text


class _File:
    """The file of one network."""

    def __init__(self, graph: Graph, stretches: Sequence[str]) -> None:
        self.graph = graph
        self.units = Units(graph)
        self.root = self.units.root()
        self.stretches = Stretches(self.units, self.root)
        found = [unit for name in stretches if (unit := self.stretches.find(name)) is not None]
        self.methods = methods(found, (item.name for item in self.root.items))
        self.taken = {
            "F",
            "Tensor",
            "Callable",
            "Module",
            *(name for name, _ in inspect.getmembers(layers, inspect.isclass)),
        }
        self.root_name = self._free_name(_network_name(graph))
        self.constructors: dict[Class, Constructor] = {}
        self.classes = Classes(self.root, self._settle)

    def _settle(self, owner: Class, classes: Classes) -> None:
        is_root = self.root in owner.units
        owner.name = self.root_name if is_root else self._free_name(_camel(owner.kind.rpartition(".")[2]))
        self.constructors[owner] = Constructor(self.graph, owner, classes)

    def _free_name(self, name: str) -> str:
        free, number = name, 1
        while free in self.taken or keyword.iskeyword(free):
            number += 1
            free = f"{name}{number}"
        self.taken.add(free)
        return free

    def emitted(self) -> Emitted:
        body = "\n\n\n".join("\n".join(self._class(owner)) for owner in self.classes.ordered)
        sources = self._layers()
        text = "\n\n\n".join([*sources, body])
        lines = [*textwrap.wrap(_comment(self._title()), WIDTH, initial_indent="# ", subsequent_indent="# "), ""]
        standard = [line for sign, line in _IMPORTS if sign == "Callable[" and sign in text]
        third = [line for sign, line in _IMPORTS if sign != "Callable[" and re.search(rf"\b{re.escape(sign)}", text)]
        lines += [*standard, *third, "from torch import Tensor, nn", "", "", text]
        paths, units = dict(self._paths(self.root, "")), dict(_unit_paths(self.root, ""))
        methods = {unit.name.removesuffix("."): method for method, unit in self.methods.items()}
        return Emitted("\n".join(lines) + "\n", self.root_name, paths, units, methods)

    def _title(self) -> str:
        numbers = cost(self.graph)
        counts = f"{numbers.trainable:,} parameters, {numbers.macs:,} MACs"
        return f"{self.graph.name}, written by archspec: {counts} at {self.graph.input}"

    def _layers(self) -> list[str]:
        """The layers that torch lacks and this network uses."""
        targets = dict.fromkeys(call.target for call in self.units.lowered.values())
        used = [target.removeprefix("layers.") for target in targets if target.startswith("layers.")]
        return [inspect.getsource(getattr(layers, name)).rstrip() for name in used]

    def _class(self, owner: Class) -> Iterator[str]:
        constructor = self.constructors[owner]
        yield f"class {owner.name}(nn.Module):"
        resets = list(constructor.resets())
        yield from constructor.lines()
        if resets:
            yield "        self.reset_parameters()"
            yield ""
            yield "    def reset_parameters(self) -> None:"
            yield from resets
        yield ""
        if self.root not in owner.units:
            yield from Forward(owner, constructor, (), is_network=False).lines()
            return
        for method, unit in self.methods.items():
            yield from Forward(outline(unit), constructor, (), is_network=True).lines(method)
            yield ""
        train_only = tuple(output.train_only for output in self.graph.outputs)
        network = outline(self.stretches.gathered(self.methods)) if self.methods else owner
        yield from Forward(network, constructor, train_only, is_network=True).lines()

    def _paths(self, unit: Unit, prefix: str) -> Iterator[tuple[str, str]]:
        for item in unit.items:
            if isinstance(item, Step):
                if item.call.is_module:
                    owner = item.shared if item.shared and not item.is_tied else item.name
                    yield item.node.name, prefix + owner
            elif isinstance(item, Use):
                yield from self._paths(item.unit, f"{prefix}{item.name}.")
            else:
                yield from self._paths_of_loop(item, prefix)

    def _paths_of_loop(self, loop: Loop, prefix: str) -> Iterator[tuple[str, str]]:
        for index, unit in enumerate(loop.units):
            yield from self._paths(unit, f"{prefix}{loop.name}.{index}.")
        for index, row in enumerate(loop.rows):
            for step in row:
                if step.call.is_module:
                    yield step.node.name, f"{prefix}{step.name}.{index}"


def _unit_paths(unit: Unit, prefix: str) -> Iterator[tuple[str, str]]:
    for item in unit.items:
        inside: list[tuple[Unit, str]] = []
        if isinstance(item, Use):
            inside.append((item.unit, prefix + item.name))
        elif isinstance(item, Loop):
            inside += [(each, f"{prefix}{item.name}.{index}") for index, each in enumerate(item.units)]
        for each, path in inside:
            yield each.name.removesuffix("."), path
            yield from _unit_paths(each, f"{path}.")


def _network_name(graph: Graph) -> str:
    """`ResNet (resnet50)` gives `ResNet50`."""
    name = graph.name.removesuffix(f" ({graph.variant})") if graph.variant else graph.name
    family = _camel(name)
    if not graph.variant:
        return family
    if graph.variant.lower().startswith(name.lower()):
        return family + _camel(graph.variant[len(name) :], first="")
    return family + _camel(graph.variant, first="")


def _camel(text: str, *, first: str = "Net") -> str:
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words)
    return first + name if not name or (first and name[0].isdigit()) else name


def _comment(text: str) -> str:
    """A text that stays on the line of its comment."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
