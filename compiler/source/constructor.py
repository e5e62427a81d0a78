"""The `__init__` of a class: its parameters, the attributes it makes, and how their weights start."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from archspec.graph import Graph
from archspec.operators.operator import Call
from archspec.units import Loop, Step, Use
from compiler.source.classes import Class, Classes, Slot
from compiler.source.layout import WIDTH, Bracket, Code, briefly, flat, laid_out
from compiler.source.repeats import Element, Many, One, Turn, elements
from compiler.source.signatures import Signature, signature_of, turn_of_step, turns_of_units
from compiler.source.values import (
    ABSENT,
    WIDE,
    Name,
    Symbols,
    Vector,
    common,
    is_constant,
    literal,
    plain,
    present,
    same,
    type_of,
)  # fmt: skip

_TAKEN: Final = {"self", "nn", "F", "torch", "Tensor", "Callable", "i", "range", "super", "zip"}
_REQUIRED: Final = object()
_MANY: Final = 3
"""arguments in a call that are hard to tell apart without their names"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a constructor."""

    name: str
    annotation: str
    default: Any = _REQUIRED

    def __str__(self) -> str:
        end = "" if self.default is _REQUIRED else f" = {literal(self.default)}"
        return f"{self.name}: {self.annotation}{end}"


class Constructor:
    """Works out one class's constructor, from what its instances have in common."""

    def __init__(self, graph: Graph, owner: Class, classes: Classes) -> None:
        self.graph = graph
        self.owner = owner
        self.classes = classes
        self.symbols = Symbols(self._offered())
        self.flags: dict[str, str] = {}
        """for each optional slot, the parameter that says whether it is there"""
        self.attributes: dict[tuple[str, str], str] = {}
        """for arguments of functions that differ from instance to instance, the attribute that holds them"""
        self.made: dict[str, list[Code]] = {}
        """for each slot, what its attributes are set to, as `name = code`"""
        self._loops: dict[str, list[list[Element]]] = {}
        for slot in owner.slots:
            self._slot(slot)
        self.parameters = self._parameters()
        owner.arguments = {
            unit: {each.name: self._value(each.name, index) for each in self.parameters}
            for index, unit in enumerate(owner.units)
        }
        defaults = {each.name: each.default for each in self.parameters if each.default is not _REQUIRED}
        owner.signature = Signature(defaults, tuple(each.name for each in self.parameters if each.default is _REQUIRED))

    # -- parameters ---------------------------------------------------------------------------------

    def _offered(self) -> dict[str, Vector]:
        """The sizes of the input and the arguments of the block, as far as they can be parameters here."""
        units = self.owner.units
        shapes = [self.graph.shape_of(unit.inputs[0]) for unit in units]
        channels = "in_channels" if shapes[0].is_maps else "in_features"
        found: dict[str, Vector] = {channels: tuple(shape.maps for shape in shapes)}
        for name in units[0].values:
            free = (
                name not in _TAKEN
                and name not in self.classes.named
                and not keyword.iskeyword(name)
                and name not in found
            )
            if free and all(name in unit.values for unit in units):
                vector = tuple(plain(unit.values[name]) for unit in units)
                if ABSENT not in vector:
                    found[name] = vector
        return found

    def _parameters(self) -> list[Parameter]:
        """The parameters that are used, those with a default last."""
        used = [name for name in self.symbols.values if name in self.symbols.used]
        found = [self._parameter(name, index) for index, name in enumerate(used)]
        return sorted(found, key=lambda each: each.default is not _REQUIRED)

    def _parameter(self, name: str, index: int) -> Parameter:
        values = [None if value is ABSENT else value for value in self.symbols.values[name]]
        usual, times = common(values)
        annotation = type_of(values)
        if None in values:
            return Parameter(name, annotation, None)
        is_width = type(usual) is int and usual >= WIDE
        if index and times * 2 > len(values) and not is_width and not isinstance(usual, Name):
            return Parameter(name, annotation, usual)
        return Parameter(name, annotation)

    def _value(self, name: str, index: int) -> Any:
        value = self.symbols.values[name][index]
        return None if value is ABSENT else value

    # -- attributes ---------------------------------------------------------------------------------

    def _slot(self, slot: Slot) -> None:
        if slot.is_optional:
            self.flags[slot.name] = self.symbols.truth(slot.presence, slot.name)
        example = slot.example
        if isinstance(example, Step):
            self._step(slot, example)
        elif isinstance(example, Use):
            turns = [None if not isinstance(item, Use) else self.classes.turn(item.unit) for item in slot.items]
            columns = {name: tuple(ABSENT if t is None else t[name] for t in turns) for name in _names(turns)}
            self.made[slot.name] = [_assigned(slot.name, self._call(columns, slot.name))]
        else:
            self._loop(slot, example)

    def _step(self, slot: Slot, example: Step) -> None:
        steps = turns_of_units([[item] if isinstance(item, Step) else None for item in slot.items])
        turns = [None if each is None else each[0] for each in steps]
        columns = {name: tuple(ABSENT if t is None else t[name] for t in turns) for name in _names(turns)}
        if example.call.is_module:
            if example.shared is None or example.is_tied:
                self.made[slot.name] = [_assigned(slot.name, self._call(columns, slot.name))]
            return
        for name, vector in columns.items():
            self._keep_for_forward(slot, slot.name, name, vector)

    def _loop(self, slot: Slot, example: Loop) -> None:
        loops = [item if isinstance(item, Loop) else None for item in slot.items]
        if example.units:
            turns = [None if loop is None else [self.classes.turn(unit) for unit in loop.units] for loop in loops]
            self.made[slot.name] = [_assigned(slot.name, self._list(turns, slot.name))]
            return
        for place, step in enumerate(example.rows[0]):
            turns = turns_of_units([None if loop is None else [row[place] for row in loop.rows] for loop in loops])
            if step.call.is_module:
                self.made.setdefault(slot.name, []).append(_assigned(step.name, self._list(turns, step.name)))
                continue
            for name in turn_of_step(step):
                vector = tuple(ABSENT if each is None else each[0][name] for each in turns)
                self._keep_for_forward(slot, step.name, name, vector)

    def _keep_for_forward(self, slot: Slot, step: str, name: str, vector: Vector) -> None:
        """An attribute for an argument of a function, where it differs from instance to instance."""
        if is_constant(vector):
            return
        attribute = f"{step}_{name}" if name else step
        self.attributes[step, name] = attribute
        text = self.symbols.express(vector, name or "activation")
        self.made.setdefault(slot.name, []).append(f"self.{attribute} = {text}")

    def _list(self, turns: list[list[Turn] | None], name: str) -> Bracket:
        found = elements(turns)
        assert found is not None
        items: list[Code] = []
        for element in found:
            if isinstance(element, One):
                items.append(self._call(element.arguments, name))
            else:
                items.append(self._comprehension(element, name, alone=len(found) == 1))
        inner = items[0] if len(found) == 1 and isinstance(found[0], Many) else Bracket("[", tuple(items), "]")
        return Bracket("nn.ModuleList(", (inner,), ")")

    def _comprehension(self, element: Many, name: str, *, alone: bool) -> Bracket:
        moving = [key for key, step in element.step.items() if any(each != 0 for each in present(step))]
        call = self._call(element.first, name, {key: element.step[key] for key in moving})
        count = self._count(element, name)
        clause = f"for {'i' if moving else '_'} in range({count})"
        return Bracket("[" if alone else "*(", (call, clause), "]" if alone else ")", "")

    def _count(self, element: Many, name: str) -> str:
        if is_constant(element.total):
            return str(present(element.total)[0] - element.before)
        total = self.symbols.express(element.total, "times" if "times" not in self.symbols.values else f"{name}_times")
        return f"{total} - {element.before}" if element.before else total

    def _call(self, columns: Mapping[str, Vector], name: str, steps: Mapping[str, Vector] | None = None) -> Bracket:
        """The call of a constructor with one expression for each argument."""
        target = present(columns[""])[0].text
        signature, short = self._signature(target)
        leading: dict[str, Code] = {}
        named: list[Code] = []
        for argument, vector in columns.items():
            if not argument or not present(vector):
                continue
            step = (steps or {}).get(argument)
            if step is None and is_constant(vector) and signature.omits(argument, present(vector)[0]):
                continue
            text = self.symbols.express(vector, _parameter_name(name, argument))
            if step is not None:
                text = _progression(text, self.symbols.express(step, f"{_parameter_name(name, argument)}_step"))
            code = _long_tuple(vector, text) or text
            if argument in signature.leading:
                leading[argument] = code
            else:
                named.append(
                    f"{argument}={text}" if isinstance(code, str) else replace(code, head=f"{argument}={code.head}")
                )
        ordered = [(each, leading[each]) for each in signature.leading if each in leading]
        brief = (*(text for _, text in ordered), *named)
        if target not in self.classes.named or len(ordered) < _MANY:
            return Bracket(f"{short}(", brief, ")")
        clear: list[Code] = [
            text if index == 0 or isinstance(text, Bracket) else f"{each}={text}"
            for index, (each, text) in enumerate(ordered)
        ]
        return Bracket(f"{short}(", (*clear, *named), ")", brief=brief)

    def _signature(self, target: str) -> tuple[Signature, str]:
        """A class's signature, and its name in the file."""
        if target in self.classes.named:
            signature = self.classes.named[target].signature
            assert signature is not None
            return signature, target
        return signature_of(target), target.removeprefix("layers.")

    # -- text ---------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """The lines of `__init__`."""
        parameters = Bracket("(", ("self", *map(str, self.parameters)), ")")
        yield from laid_out("def __init__", parameters, " -> None:", 1)
        yield "        super().__init__()"
        for slots in runs(self.owner.slots, lambda slot: self.flags.get(slot.name)):
            made = [(slot, code) for slot in slots for code in self.made.get(slot.name, [])]
            flag = self.flags.get(slots[0].name)
            if flag is None:
                for _, code in made:
                    yield from _statement(code, 2)
                continue
            if is_one_module(slots):
                yield from _choice(*made[0], flag)
                continue
            yield f"        self.{sign(slots)} = {flag if not _has_module(slots) else 'None'}"
            if made:
                yield f"        if {flag}:"
                for _, code in made:
                    yield from _statement(code, 3)

    def resets(self) -> Iterator[str]:
        """The lines of `reset_parameters`; none where every weight starts torch's own way."""
        found: dict[tuple[str | None, tuple[str, ...]], list[str]] = {}
        ties: list[str] = []
        for slots in runs(self.owner.slots, lambda slot: self.flags.get(slot.name)):
            optional = slots[0].name in self.flags
            guard = f"self.{sign(slots)} is not None" if optional else None
            for slot in slots:
                for step, is_list in _module_steps(slot):
                    if step.initial:
                        calls = tuple(f"nn.init.{_initial(name, call)}" for name, call in step.initial.items())
                        found.setdefault((guard, calls), []).append(("*" if is_list else "") + f"self.{step.name}")
                    if step.is_tied:
                        names = [each.name for each in step.node.operator.parameters(step.node.input_shapes)]
                        ties += [f"self.{step.name}.{name} = self.{step.shared}.{name}" for name in names]
        for (guard, calls), layers in found.items():
            depth = 2
            if guard is not None:
                yield f"        if {guard}:"
                depth = 3
            if len(layers) == 1 and not layers[0].startswith("*"):
                for call in calls:
                    yield "    " * depth + call.replace("{}", layers[0])
                continue
            several = Bracket("(", tuple(layers), ")") if len(layers) > 1 else layers[0].removeprefix("*")
            yield from laid_out("for layer in ", several, ":", depth)
            for call in calls:
                yield "    " * (depth + 1) + call.replace("{}", "layer")
        for tie in ties:
            yield f"        {tie}"


def _statement(code: Code, depth: int) -> Iterator[str]:
    yield from laid_out("", code, "", depth)


def _choice(slot: Slot, made: Code, flag: str) -> Iterator[str]:
    """A module that is there or not."""
    assert isinstance(made, Bracket)
    head = f"self.{slot.name} = "
    call = replace(made, head=made.head.removeprefix(head))
    for form in (call, briefly(call)):
        line = f"        {head}{flat(form)} if {flag} else nn.Identity()"
        if len(line) <= WIDTH:
            yield line
            return
    yield from laid_out(head, Bracket("(", (call, f"if {flag}", "else nn.Identity()"), ")", ""))


def _assigned(name: str, call: Bracket) -> Bracket:
    return replace(call, head=f"self.{name} = {call.head}")


def _long_tuple(vector: Vector, text: str) -> Bracket | None:
    """A literal tuple that may need lines of its own."""
    value = present(vector)[0]
    if not isinstance(value, tuple) or text != literal(value) or len(text) < WIDTH // 2:
        return None
    return Bracket("(", tuple(map(literal, value)), ")")


def _names(turns: list[Turn | None]) -> list[str]:
    return list(dict.fromkeys(name for turn in turns if turn is not None for name in turn))


def _parameter_name(name: str, argument: str) -> str:
    """What a new parameter is called, after the attribute and its argument."""
    end = "channels" if argument in ("out_channels", "in_channels", "num_features") else argument
    return f"{name}_{end}"


def _progression(first: str, step: str) -> str:
    step = step if step.replace("_", "a").isalnum() else f"({step})"
    move = "i" if step == "1" else f"{step} * i"
    return move if first == "0" else f"{first} + {move}"


def _initial(name: str, call: Call) -> str:
    arguments = {key: value for key, value in call.arguments.items() if (key, value) != ("mode", "fan_in")}
    texts = [f"{{}}.{name}", *(f"{key}={literal(value)}" for key, value in arguments.items())]
    return f"{call.target.removeprefix('nn.init.')}({', '.join(texts)})"


def runs(slots: list[Slot], key: Any) -> Iterator[list[Slot]]:
    """Neighbours with equal keys, together where the key is not None."""
    found: list[Slot] = []
    for slot in slots:
        if found and (key(slot) is None or not same(key(slot), key(found[0]))):
            yield found
            found = []
        found.append(slot)
    if found:
        yield found


def _module_steps(slot: Slot) -> Iterator[tuple[Step, bool]]:
    """The steps that make a module, and whether they make a list of them."""
    example = slot.example
    if isinstance(example, Step) and example.call.is_module:
        yield example, False
    elif isinstance(example, Loop) and example.rows:
        yield from ((step, True) for step in example.rows[0] if step.call.is_module)


def _has_module(slots: list[Slot]) -> bool:
    return any(not isinstance(slot.example, Step) or slot.example.call.is_module for slot in slots)


def is_one_module(slots: list[Slot]) -> bool:
    """Whether what can be left out is one module of one input: `nn.Identity` stands for it."""
    example = slots[0].example
    if len(slots) > 1 or isinstance(example, Loop) or len(example.inputs) > 1:
        return False
    return isinstance(example, Use) or (example.call.is_module and not example.initial and example.shared is None)


def sign(slots: list[Slot]) -> str:
    """The attribute that says whether optional slots are there: their first module, None where they are not."""
    for slot in slots:
        example = slot.example
        if isinstance(example, Use) or (isinstance(example, Step) and example.call.is_module):
            return slot.name
        if isinstance(example, Loop):
            return next(_module_steps(slot))[0].name if example.rows else slot.name
    return slots[0].name
