"""The `forward` of a class: a line for each operation, and names that let go of what is no longer needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final

from archspec.units import Loop, Step, Use, identifier
from compiler.source.classes import IN, Class, Ref, Slot
from compiler.source.constructor import Constructor, is_one_module, runs, sign
from compiler.source.layout import Bracket, laid_out, with_comment
from compiler.source.signatures import function_name, turn_of_step
from compiler.source.values import literal

_RESERVED: Final = {"self", "torch", "nn", "F", "Tensor", "zip", "in"}
_BRANCHES: Final = 2
"""the rows outside of branches, and one branch: fewer need no names to tell them apart"""
_OPERATORS: Final = {"operator.add": " + ", "operator.mul": " * "}


class Forward:
    """Writes one class's `forward`."""

    def __init__(
        self, owner: Class, constructor: Constructor, train_only: tuple[bool, ...], *, is_network: bool
    ) -> None:
        self.owner = owner
        self.constructor = constructor
        self.is_network = is_network
        self.train_only = any(train_only)
        left_out = train_only if self.train_only else (False,) * len(owner.outputs)
        self.inference = [ref for ref, out in zip(owner.outputs, left_out, strict=True) if not out]
        """the results that not only training has"""
        self.names: dict[Ref, str] = {}
        self.until: dict[str, int] = {}
        """for each name, the last line that reads what it holds"""
        self.overwritten: set[str] = set()
        """arguments whose names hold something else by now"""
        self.taken = set(_RESERVED)
        self.arguments: list[str] = []
        self.last: dict[Ref, int] = {}
        self.slots = self._needed(owner.outputs)
        self._training_slots = {slot.name for slot in self.slots} - {slot.name for slot in self._needed(self.inference)}
        for index, slot in enumerate(self.slots):
            self.last.update(dict.fromkeys(slot.inputs, index))
        self.last.update(dict.fromkeys(self.inference, len(self.slots)))
        for ref in owner.outputs:
            if ref[0] in self._training_slots or ref[0] == IN:
                self.last[ref] = len(self.slots)
        self.results: dict[Ref, str] = {}
        """the names of results that only training has, of tensors that inference has on the way"""
        self.later: dict[Ref, str] = {}
        """for tensors of which the next line takes the first name, the second"""
        self.nested: set[str] = set()
        """slots whose call stands inside the next one's"""
        self.position = {slot.name: index for index, slot in enumerate(self.slots)}
        self.has_branches = len({slot.example.branch for slot in self.slots}) > _BRANCHES
        for index in range(owner.inputs):
            name = self._fresh("x" if index == 0 else "y")
            self._bind((IN, index), name)
            self.arguments.append(name)

    def _bind(self, ref: Ref, name: str) -> None:
        """Say that from here on a name holds a tensor."""
        self.names[ref] = name
        self.until[name] = max(self.until.get(name, -1), self.last.get(ref, -1))
        if ref[0] != IN and name in self.arguments:
            self.overwritten.add(name)

    def _needed(self, results: Iterable[Ref]) -> list[Slot]:
        """The slots that results need; rows that nothing uses have weights, but never run."""
        needed = {name for name, _ in results}
        for slot in reversed(self.owner.slots):
            if slot.name in needed:
                needed.update(name for name, _ in slot.inputs)
        return [slot for slot in self.owner.slots if slot.name in needed]

    # -- lines --------------------------------------------------------------------------------------

    def lines(self, method: str = "forward") -> Iterator[str]:
        """The lines of `forward`, or of a method for a part of it."""
        body = list(self._body())
        several = len(self.owner.outputs) > 1
        result = "Tensor" if not several else f"tuple[{', '.join(['Tensor'] * len(self.owner.outputs))}]"
        if self.train_only:
            result = "Tensor | tuple[Tensor, ...]" if len(self.inference) == 1 else "tuple[Tensor, ...]"
        parameters = Bracket("(", ("self", *(f"{name}: Tensor" for name in self.arguments)), ")")
        yield from laid_out(f"def {method}", parameters, f" -> {result}:", 1)
        yield from body

    def _body(self) -> Iterator[str]:
        groups = list(runs(self.slots, lambda slot: self._condition_key(slot)))
        index = 0
        for group in groups:
            key = self._condition_key(group[0])
            final = group is groups[-1] and self._ends_in(group[-1])
            if key is None:
                yield from self._one(group[0], index, 2, final=final)
                if final:
                    return
                yield from self._keep_for_later(group[0], index)
            elif key == "training":
                yield "        if self.training:"
                for offset, slot in enumerate(group):
                    yield from self._one(slot, index + offset, 3)
                yield from self._let_go(group, index, 2)
            elif is_one_module(group):
                yield from self._one(group[0], index, 2, final=final)
                if final:
                    return
            else:
                yield from self._optional(group, index)
            for slot in group:
                yield from self._keep_for_training(slot)
            index += len(group)
        yield from self._returns()

    def _condition_key(self, slot: Slot) -> str | None:
        if slot.name in self._training_slots:
            return "training"
        return self.constructor.flags.get(slot.name)

    def _ends_in(self, slot: Slot) -> bool:
        """Whether the last line can return what it makes."""
        return not self.train_only and self.owner.outputs == slot.outputs and not isinstance(slot.example, Loop)

    def _returns(self) -> Iterator[str]:
        everything = ", ".join(self.results.get(ref, self.names[ref]) for ref in self.owner.outputs)
        if not self.train_only:
            yield f"        return {everything}"
            return
        yield "        if self.training:"
        yield f"            return {everything}"
        yield f"        return {', '.join(self.names[ref] for ref in self.inference)}"

    def _keep_for_later(self, slot: Slot, index: int) -> Iterator[str]:
        """A second name for a tensor that a skip connection takes to a later line of the network.

        The next line goes on with the first name, so that the names of a chain stay the same throughout.
        """
        for ref in slot.inputs:
            if ref in self.later:
                self.names[ref] = self.later.pop(ref)
        following = self.slots[index + 1] if index + 1 < len(self.slots) else None
        if following is None or not self.is_network or self._condition_key(following) is not None:
            return
        if following.example.branch is not None:  # branches have names of their own
            return
        for ref in slot.outputs:
            if ref in following.inputs and self.last[ref] > index + 1 and ref[0] not in self.nested:
                self.later[ref] = self._fresh(self._row_name(slot))
                self.until[self.names[ref]] = index + 1
                self.until[self.later[ref]] = self.last[ref]
                yield f"        {self.later[ref]} = {self.names[ref]}"

    def _row_name(self, slot: Slot) -> str:
        """The name of the row that a slot ends."""
        example = slot.example
        ends_row = example.ends_row if isinstance(example, Step) else isinstance(example, Use) and example.is_method
        if not ends_row:
            return slot.name
        return identifier(self.constructor.graph.row_of[example.outputs[0]].name.replace(".", "_"))

    def _keep_for_training(self, slot: Slot) -> Iterator[str]:
        """A second name, in training alone, for a tensor that is a result there: inference can let go of it."""
        for ref in slot.outputs:
            if ref in self.owner.outputs and ref not in self.inference and slot.name not in self._training_slots:
                self.results[ref] = self._fresh(slot.name)
                yield "        if self.training:"
                yield f"            {self.results[ref]} = {self.names[ref]}"

    def _optional(self, group: list[Slot], index: int) -> Iterator[str]:
        """Lines behind an `if`; without them the name of their input is that of their output."""
        through, made = group[0].inputs[0], group[-1].outputs[0]
        end = index + len(group) - 1
        original = name = self.names[through]
        if self.until[original] > end:
            name = self._name_for(group[-1])
            yield f"        {name} = {original}"
        yield f"        if self.{sign(group)}{' is not None' if self._tests_module(group) else ''}:"
        uses = [index + offset for offset, slot in enumerate(group) if through in slot.inputs]
        if name != original and uses == [index]:  # the first line takes the second name, and nothing else the first
            self.names[through], self.until[name] = name, index
        for offset, slot in enumerate(group):
            yield from self._one(slot, index + offset, 3, wanted=name if slot is group[-1] else None)
        self.names[through] = original
        self._bind(made, name)

    def _tests_module(self, group: list[Slot]) -> bool:
        made = (code for slot in group for code in self.constructor.made.get(slot.name, ()))
        return any(isinstance(code, Bracket) for code in made)

    # -- one operation ------------------------------------------------------------------------------

    def _one(
        self, slot: Slot, index: int, depth: int, *, final: bool = False, wanted: str | None = None
    ) -> Iterator[str]:
        """The lines of one slot."""
        if isinstance(slot.example, Loop):
            yield from self._loop(slot, slot.example, index, depth, wanted)
            return
        if self._can_nest(slot, index):
            self.nested.add(slot.name)
            return
        call = self._call(slot)
        comment = self._comment(slot)
        if final:
            yield from with_comment(list(laid_out("return ", call, "", depth)), comment)
            return
        dying = self._dying(slot, index)
        targets = self._targets(slot, dying, wanted)
        yield from with_comment(list(laid_out(f"{', '.join(targets)} = ", call, "", depth)), comment)
        if slot.name not in self._training_slots:
            yield from self._delete(dying, targets, index, depth)

    def _loop(self, slot: Slot, loop: Loop, index: int, depth: int, wanted: str | None) -> Iterator[str]:
        source = self.names[slot.inputs[0]]
        dying = self._dying(slot, index)
        (name,) = self._targets(slot, dying, wanted)
        if name != source:
            yield f"{'    ' * depth}{name} = {source}"
        comment = self._comment(slot)
        if loop.units:
            kinds = dict.fromkeys(self.constructor.classes.of[unit].name for unit in loop.units)
            turn = self._fresh(_snake(next(iter(kinds))) if len(kinds) == 1 else "block", keep=False)
            yield from with_comment([f"{'    ' * depth}for {turn} in self.{slot.name}:"], comment)
            yield f"{'    ' * (depth + 1)}{name} = {turn}({name})"
            return
        steps = loop.rows[0]
        modules = [step for step in steps if step.call.is_module]
        turns = {step.name: self._fresh(step.name, keep=False) for step in modules}
        lists = tuple(f"self.{step.name}{loop.taken}" for step in modules)
        source = Bracket("zip(", (*lists, "strict=True"), ")") if len(modules) > 1 else lists[0]
        head = laid_out(f"for {', '.join(turns.values())} in ", source, ":", depth)
        yield from with_comment(list(head), comment)
        for step in steps:
            if step.name in turns:
                yield f"{'    ' * (depth + 1)}{name} = {turns[step.name]}({name})"
            else:
                yield from laid_out(f"{name} = ", self._step_call(step.name, step, [name]), "", depth + 1)

    def _can_nest(self, slot: Slot, index: int) -> bool:
        """Whether a module's output can stay without a name: the next line combines it, and holds nothing longer."""
        following = self.slots[index + 1] if index + 1 < len(self.slots) else None
        if following is None or not isinstance(following.example, Step) or len(following.inputs) < 2:
            return False
        # of three that are added, Python would add the first two before it computes the last
        folds = following.example.call.is_folded and len(following.inputs) == 2
        combines = folds or following.example.call.packed
        makes = isinstance(slot.example, Use) or (isinstance(slot.example, Step) and slot.example.call.is_module)
        alike = self._condition_key(slot) == self._condition_key(following) or is_one_module([slot])
        single = following.inputs.count(slot.outputs[0]) == 1 and self.last[slot.outputs[0]] == index + 1
        held = all(self.names[ref] in self.arguments and ref[0] == IN for ref in slot.inputs)
        last = following.inputs[-1] == slot.outputs[0]
        return combines and makes and alike and single and held and last and len(slot.outputs) == 1

    def _call(self, slot: Slot) -> Bracket | str:
        example = slot.example
        inputs = [self._operand(ref) for ref in slot.inputs]
        if isinstance(example, Use):
            return Bracket(f"self.{slot.name}(", tuple(inputs), ")")
        assert isinstance(example, Step)
        return self._step_call(slot.name, example, inputs)

    def _operand(self, ref: Ref) -> str:
        if ref[0] in self.nested:
            slot = self.slots[self.position[ref[0]]]
            code = self._call(slot)
            assert isinstance(code, Bracket)
            return f"{code.head}{', '.join(map(str, code.items))}{code.tail}"
        return self.names[ref]

    def _step_call(self, name: str, step: Step, inputs: list[str]) -> Bracket | str:
        call = step.call
        if call.is_module:
            own = self.constructor.made.get(name)
            attribute = name if own is not None or step.shared is None else step.shared
            return Bracket(f"self.{attribute}(", tuple(inputs), ")")
        if call.is_folded:
            return _OPERATORS[call.target].join(inputs)
        held = self.constructor.attributes
        function = f"self.{held[name, '']}" if (name, "") in held else function_name(call.target)
        given = [
            f"{key}=self.{held[name, key]}" if (name, key) in held else f"{key}={literal(value)}"
            for key, value in turn_of_step(step).items()
            if key
        ]
        first: tuple[str | Bracket, ...] = (Bracket("[", tuple(inputs), "]"),) if call.packed else tuple(inputs)
        return Bracket(f"{function}(", (*first, *given), ")")

    def _comment(self, slot: Slot) -> str | None:
        """The output's shape, where it is the same in every instance and a row of the spec ends."""
        if len(self.owner.units) > 1 or len(slot.outputs) > 1:
            return None
        example = slot.example
        if isinstance(example, Step) and not example.ends_row:
            return None
        return str(self.constructor.graph.shape_of(example.outputs[0]))

    # -- names --------------------------------------------------------------------------------------

    def _fresh(self, base: str, *, keep: bool = True) -> str:
        name = base = base.partition("[")[0]  # of some turns of a list
        for number in count(2):
            if name not in self.taken:
                break
            name = f"{base}{number}"
        if keep:
            self.taken.add(name)
        return name

    def _dying(self, slot: Slot, index: int) -> list[str]:
        """The names that nothing needs after a slot, in the order of its inputs."""
        sources = [source for ref in slot.inputs for source in self._held(ref)]
        return [name for name in dict.fromkeys(sources) if self.until[name] <= index]

    def _held(self, ref: Ref) -> list[str]:
        if ref[0] in self.nested:
            slot = self.slots[self.position[ref[0]]]
            return [name for inner in slot.inputs for name in self._held(inner)]
        return [self.names[ref]]

    def _targets(self, slot: Slot, dying: list[str], wanted: str | None) -> list[str]:
        if wanted is not None:
            chosen = [wanted]
        elif slot.name in self._training_slots:
            free = [name for name in dying if name in self._made_in_training]
            chosen = free[:1] or [self._name_for(slot)]
        else:
            chosen = [self._reused(slot, dying) or self._name_for(slot)]
        while len(chosen) < len(slot.outputs):
            chosen.append(self._fresh("y"))
        for ref, name in zip(slot.outputs, chosen, strict=True):
            self._bind(ref, name)
        return chosen

    @property
    def _made_in_training(self) -> set[str]:
        return {name for ref, name in self.names.items() if ref[0] in self._training_slots}

    def _reused(self, slot: Slot, dying: list[str]) -> str | None:
        """The name of an input that ends here, if there is a good one."""
        branch = slot.example.branch
        if not dying:
            return None
        if branch is not None and all(ref[0] == IN for ref in slot.inputs) and self.has_branches:
            return None
        if len(slot.inputs) > 1 and "x" in dying and not self._is_folded(slot):
            return "x"
        return dying[0]

    def _is_folded(self, slot: Slot) -> bool:
        return isinstance(slot.example, Step) and slot.example.call.is_folded

    def _name_for(self, slot: Slot) -> str:
        branch = slot.example.branch
        if slot.name in self._training_slots:
            return self._fresh(slot.name)
        if branch is not None:
            return self._fresh(identifier(branch))
        following = self.slots[self.position[slot.name] + 1 : self.position[slot.name] + 2]
        is_kept = not following or slot.outputs[0] not in following[0].inputs
        return self._fresh(slot.name if is_kept and not slot.is_optional else "y")

    def _delete(self, dying: list[str], targets: list[str], index: int, depth: int) -> Iterator[str]:
        """A line that frees what nothing needs, where other lines follow."""
        names = [name for name in dying if name not in targets and not self._is_argument(name)]
        if names and index + 1 < len(self.slots):
            yield f"{'    ' * depth}del {', '.join(names)}"

    def _is_argument(self, name: str) -> bool:
        """Whether a name is still that of what the caller gave, which the caller holds anyway."""
        return name in self.arguments and name not in self.overwritten

    def _let_go(self, group: list[Slot], index: int, depth: int) -> Iterator[str]:
        """A line behind an `if self.training` that frees what only it read."""
        end = index + len(group) - 1
        read = {ref for slot in group for ref in slot.inputs if ref[0] not in self._training_slots}
        found = dict.fromkeys(self.names[ref] for ref in sorted(read))
        names = [name for name in found if self.until[name] <= end and not self._is_argument(name)]
        if names and end + 1 < len(self.slots):
            yield f"{'    ' * depth}del {', '.join(names)}"


def _snake(name: str) -> str:
    text = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return text.strip("_")
