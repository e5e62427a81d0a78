"""Eager PyTorch's autograd, followed tensor by tensor: what the forward pass records, and how the engine goes back.

The rules were found by watching torch 2.13; `docs/memory.md` lists them, and the tests compare with torch itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush

from archspec.memory.ledger import UNTRACKED, Ledger
from archspec.operators.backward import OUTPUT, Argument, Function, Ref, Size, saved_by

NUMBER = Size(1, "float64", per_batch=True)
RANDOM_STATE = Size(5056, "bool", per_batch=True)
CONSTANT = -1
"""the record of what has no gradient"""
REPEATED = -2
"""the record of what runs a second time, and has one from the first"""
_COPY = Argument(0, "same")


@dataclass(slots=True)
class Value:
    """A tensor as a name holds it."""

    storage: int
    size: Size
    record: int = CONSTANT
    """the function that made it"""
    is_part: bool = False
    """its images are not next to one another"""


@dataclass(slots=True)
class _Record:
    """A function that was run, as the engine finds it."""

    label: str
    edges: list[tuple[int, Argument, Size]]
    """records that gradients go to, with how they are made and their sizes"""
    saved: list[int]
    wasted: tuple[Size, ...] = ()
    """gradients that are made and not needed"""
    size: Size = NUMBER
    """its result's"""
    is_contiguous: bool = False
    """whether it copies a gradient that is a part of another"""
    frame: Frame | None = None
    """where what it would have saved is computed again"""
    is_weight: bool = False
    """a weight, at which gradients end"""
    gradient: int | None = None
    """the gradient that it has already"""


@dataclass(slots=True)
class Frame:
    """A part of the network that saves its inputs alone, and runs again when gradients want its inside."""

    again: Callable[[], None]
    """runs it"""
    inputs: list[int]
    """what it saves"""
    records: list[_Record] = field(default_factory=list[_Record])
    """its functions that save something, in order"""
    waiting: int = 0
    """how many of them gradients have not yet passed"""
    is_done: bool = False
    """whether it has run again"""


class _Enough(Exception):
    """Everything that gradients want is there: what is left does not run again."""


@dataclass(slots=True)
class _Gradient:
    storage: int
    is_view: bool = False
    is_part: bool = False


@dataclass
class Autograd:
    """The tape of one step."""

    ledger: Ledger
    single: bool
    """one image in the batch: any part of its maps is a whole in memory"""
    records: list[_Record] = field(default_factory=list[_Record])
    _frame: Frame | None = None
    """the frame that runs for the first time"""
    _again: list[_Record] | None = None
    """the records of the frame that runs again, those to come, the next one last"""

    # -- forward ------------------------------------------------------------------------------------

    def weight(self, name: str, size: Size) -> Value:
        """A weight that learns."""
        self.records.append(_Record(name, [], [], is_weight=True))
        return Value(UNTRACKED, size, len(self.records) - 1)

    def run(
        self,
        label: str,
        functions: Sequence[Function],
        inputs: Sequence[Value],
        weights: Mapping[str, Value],
        output: Size,
    ) -> Value:
        """What functions make of values."""
        ledger = self.ledger
        if not functions:
            given = inputs[0]
            return Value(ledger.hold(given.storage), given.size, given.record, given.is_part)
        values: dict[Ref, Value] = {**dict(enumerate(inputs)), **weights}
        ending = _ending(functions)
        for index, function in enumerate(functions):
            made = self._run(label, function, values, output)
            values[function.result] = made
            for name in ending[index]:
                ledger.drop(values[name].storage)
        return values[OUTPUT]

    def _run(self, label: str, function: Function, values: dict[Ref, Value], output: Size) -> Value:
        ledger = self.ledger
        read = [(argument, values[argument.value]) for argument in function.arguments]
        differentiated = [argument for argument, value in read if value.record != CONSTANT]
        number = ledger.allocate("number", NUMBER) if function.number else UNTRACKED
        local = values
        copies: list[int] = []
        if any(argument.contiguous and value.is_part and not self.single for argument, value in read):
            local = dict(values)
            for argument, value in read:
                local[argument.value] = self._copied(label, value)
                copies.append(local[argument.value].storage)
        # what a kernel makes to be saved is gone with it where nothing is saved
        is_saving = bool(differentiated) and self._frame is None
        again = self._next_again(function, differentiated)
        if again is not None and not self._again:
            self._save_last(label, function, again, list(saved_by(function, differentiated)), local)
            raise _Enough
        fresh = {name: ledger.allocate(f"{label}: {name}", size) for name, size in function.fresh if is_saving}
        name = label if function.result == OUTPUT else f"{label}: {function.result}"
        if function.size is None:
            base = local[function.arguments[0].value]
            size = output if function.result == OUTPUT else base.size
            made = Value(ledger.hold(base.storage), size, is_part=base.is_part or function.is_part)
        else:
            made = Value(ledger.allocate(name, function.size), function.size)
        if differentiated:
            refs = list(saved_by(function, differentiated))
            made.record = len(self.records)
            if self._again is None:
                edges = [(local[each.value].record, each, local[each.value].size) for each in differentiated]
                others = (value.size for _, value in read if value.record == CONSTANT and function.together)
                record = _Record(name, edges, [], tuple(others), made.size, frame=self._frame if refs else None)
                record.is_contiguous = any(argument.contiguous for argument in function.arguments)
                self.records.append(record)
                if function.number == "saved":
                    record.saved.append(ledger.hold(number))
            else:
                record = again
                made.record = REPEATED
            if record is not None and is_saving:
                stored = {**fresh, function.result: made.storage}
                self._save_all(record, [stored[ref] if ref in stored else local[ref].storage for ref in refs])  # pyright: ignore[reportArgumentType]
            elif record is not None and refs:
                assert self._frame is not None
                self._frame.records.append(record)
                self._frame.waiting += 1
        for storage in (*fresh.values(), *copies, number):
            ledger.drop(storage)
        return made

    def _save_last(
        self, label: str, function: Function, record: _Record, refs: list[Ref], values: Mapping[Ref, Value]
    ) -> None:
        """Save for the last record of a frame. The kernel is left with that: what it made besides goes with it."""
        made = {**dict(function.fresh), **({function.result: function.size} if function.size else {})}
        storages = {
            ref: self.ledger.allocate(f"{label}: {ref}", size) for ref, size in made.items() if size and ref in refs
        }
        for ref in refs:
            self._save(record, storages[ref] if ref in storages else values[ref].storage)  # pyright: ignore[reportArgumentType]

    def _next_again(self, function: Function, differentiated: list[Argument]) -> _Record | None:
        """Of a frame that runs again, the record that takes what this function saves."""
        if self._again is None or not differentiated or not list(saved_by(function, differentiated)):
            return None
        return self._again.pop()

    def _save_all(self, record: _Record, storages: Iterable[int]) -> None:
        for storage in storages:
            self._save(record, storage)

    def enter(self, frame: Frame) -> None:
        """What runs from here on saves nothing but what it is given."""
        for storage in frame.inputs:
            self.ledger.hold(storage)
            if self.ledger.kinds[storage] == "temporary":
                self.ledger.kinds[storage] = "kept"
        frame.inputs.append(self.ledger.allocate("state of the random numbers", RANDOM_STATE))
        self._frame = frame

    def leave(self) -> None:
        """The frame has run."""
        self._frame = None

    def _run_again(self, frame: Frame) -> None:
        ledger = self.ledger
        before = ledger.owners()
        kept = [list(record.saved) for record in frame.records]
        ledger.allocate("state of the random numbers", RANDOM_STATE)
        self._again = frame.records[::-1]
        with suppress(_Enough):
            frame.again()
        self._again = None
        frame.is_done = True
        held = Counter[int]()
        for record, numbers in zip(frame.records, kept, strict=True):
            held.update(record.saved[len(numbers) :])
        ledger.settle(before, held)

    def _copied(self, label: str, value: Value) -> Value:
        made = Value(self.ledger.allocate(f"{label}: copy of its input", value.size), value.size)
        if value.record != CONSTANT and self._again is None:
            made.record = len(self.records)
            self.records.append(_Record(f"{label}: copy", [(value.record, _COPY, value.size)], []))
        return made

    def _save(self, record: _Record, storage: int) -> None:
        if storage != UNTRACKED:
            record.saved.append(self.ledger.hold(storage))
            if self.ledger.kinds[storage] == "temporary":
                self.ledger.kinds[storage] = "kept"

    # -- backward -----------------------------------------------------------------------------------

    def backward(self, root: Value) -> None:
        """Gradients of all weights that a loss depends on."""
        ledger = self.ledger
        seed = ledger.allocate("gradient of the loss", root.size)
        waiting = self._edges_into(root.record)
        arrived: dict[int, _Gradient] = {root.record: _Gradient(ledger.hold(seed))}
        ready = [(1, -root.record)]
        while ready:
            index = -heappop(ready)[1]
            record, gradient = self.records[index], arrived.pop(index)
            if record.is_weight:
                self._keep(record, gradient)
                continue
            frame = record.frame
            if frame is not None and not frame.is_done:
                self._run_again(frame)
            ledger.mark(f"backward of {record.label}")
            wasted = [ledger.allocate(f"gradient for nothing of {record.label}", size) for size in record.wasted]
            if gradient.is_part and not self.single and record.is_contiguous:
                wasted.append(ledger.allocate(f"copy of the gradient of {record.label}", record.size))
            made = [(edge[0], self._gradient(edge, gradient)) for edge in record.edges]
            for storage in wasted:
                ledger.drop(storage)
            if frame is not None:  # what was computed again has no other owner
                self._release(record)
            made = [(target, self._summed(edge, each)) for edge, (target, each) in zip(record.edges, made, strict=True)]
            ledger.drop(gradient.storage)
            self._release(record)
            if frame is not None:
                self._pass(frame)
            for (target, _, size), (_, each) in zip(record.edges, made, strict=True):
                self._arrive(arrived, target, each, size)
                waiting[target] -= 1
                if waiting[target] == 0:
                    # what ends at a weight goes before everything else, later functions before earlier ones
                    heappush(ready, (0 if self.records[target].is_weight else 1, -target))
        ledger.drop(seed)

    def _release(self, record: _Record) -> None:
        for storage in record.saved:
            self.ledger.drop(storage)
        record.saved = []

    def _pass(self, frame: Frame) -> None:
        """Gradients have passed one of a frame's functions; behind the last of them its inputs are free."""
        frame.waiting -= 1
        if frame.waiting == 0:
            for storage in frame.inputs:
                self.ledger.drop(storage)

    def _edges_into(self, root: int) -> dict[int, int]:
        """How many gradients each record waits for."""
        counts = {root: 0}
        stack = [root]
        while stack:
            for target, _, _ in self.records[stack.pop()].edges:
                if target not in counts:
                    counts[target] = 0
                    stack.append(target)
                counts[target] += 1
        return counts

    def _gradient(self, edge: tuple[int, Argument, Size], gradient: _Gradient) -> _Gradient:
        _, argument, size = edge
        ledger = self.ledger
        if argument.gradient != "new":
            ledger.hold(gradient.storage)
            is_view = gradient.is_view or argument.gradient in ("view", "part")
            return _Gradient(gradient.storage, is_view, gradient.is_part or argument.gradient == "part")
        name = f"gradient of {self.records[edge[0]].label}"
        scratch = [ledger.allocate(name, each) for each in argument.scratch]
        made = ledger.allocate(name, argument.whole or size)
        for storage in scratch:
            ledger.drop(storage)
        return _Gradient(made)

    def _summed(self, edge: tuple[int, Argument, Size], gradient: _Gradient) -> _Gradient:
        _, argument, size = edge
        if argument.whole is None and argument.gradient != "summed":
            return gradient
        made = self.ledger.allocate(f"gradient of {self.records[edge[0]].label}", size)
        self.ledger.drop(gradient.storage)
        return _Gradient(made)

    def _arrive(self, arrived: dict[int, _Gradient], target: int, gradient: _Gradient, size: Size) -> None:
        """Add a gradient to what is there: in place where nobody else sees that."""
        there = arrived.get(target)
        if there is None:
            arrived[target] = gradient
            return
        ledger = self.ledger
        if there.is_view or not ledger.is_alone(there.storage):
            made = ledger.allocate(f"gradient of {self.records[target].label}", size)
            ledger.drop(there.storage)
            arrived[target] = _Gradient(made)
        ledger.drop(gradient.storage)

    def _keep(self, record: _Record, gradient: _Gradient) -> None:
        ledger = self.ledger
        if record.gradient is not None:  # added in place
            ledger.drop(gradient.storage)
            return
        if not gradient.is_view and not ledger.is_alone(gradient.storage):
            shared = gradient.storage
            gradient = _Gradient(ledger.allocate(record.label, ledger.sizes[shared]))
            ledger.drop(shared)
        record.gradient = gradient.storage
        ledger.kinds[gradient.storage] = "gradient"
        ledger.names[gradient.storage] = f"gradient of {record.label}"


def _ending(functions: Sequence[Function]) -> list[list[str]]:
    """For each function, what no name holds after it."""
    last: dict[str, int] = {}
    for index, function in enumerate(functions):
        last[function.result] = index
        for name in (*(argument.value for argument in function.arguments), *function.saves, *function.holds):
            if name in last:
                last[name] = index  # pyright: ignore[reportArgumentType]
    last.pop(OUTPUT)
    ending: list[list[str]] = [[] for _ in functions]
    for name, index in last.items():
        ending[index].append(name)
    return ending
