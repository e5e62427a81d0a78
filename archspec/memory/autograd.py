"""Eager PyTorch's autograd, followed tensor by tensor: what the forward pass records, and how the engine goes back.

The rules were found by watching torch 2.13; `docs/memory.md` lists them, and the tests compare with torch itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush

from archspec.memory.ledger import BACKWARD, UNTRACKED, Demand, Ledger
from archspec.memory.prepared import Prepared
from archspec.memory.tape import (
    CONSTANT,
    NUMBER,
    REPEATED,
    Edge,
    Frame,
    Gradient,
    Record,
    Value,
    edge_to,
    makes_lowered,
    typed,
)
from archspec.operators.backward import OUTPUT, Argument, Function, Ref, Size, saved_by

RANDOM_STATE = Size(5056, "bool", per_batch=True)
_COPY = Argument(0, "same")
_CAST = Argument(0)
_RANDOM = "state of the random numbers"


class _Enough(Exception):
    """Everything that gradients want is there: what is left does not run again."""


@dataclass
class Autograd:
    """The tape of one step."""

    ledger: Ledger
    single: bool
    """one image in the batch: any part of its maps is a whole in memory"""
    autocast: bool = False
    """products are computed in a lower type, of which weights get copies"""
    records: list[Record] = field(default_factory=list[Record])
    _frame: Frame | None = None
    """the frame that runs for the first time"""
    _again: list[Record] | None = None
    """the records of the frame that runs again, those to come, the next one last"""
    _copies: dict[int, Value] = field(default_factory=dict[int, Value])
    """weights in autocast's type, by their records"""

    # -- forward ------------------------------------------------------------------------------------

    def weight(self, name: str, size: Size) -> Value:
        """A weight that learns."""
        self.records.append(Record(name, [], [], is_weight=True))
        return Value(UNTRACKED, size, len(self.records) - 1)

    def run(
        self,
        label: str,
        functions: Sequence[Prepared],
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
        originals: dict[Ref, Value] = {}
        for prepared in functions:
            function = prepared.function
            if function.once and self._again is not None:
                continue
            if self.autocast and function.casts:
                self._cast_all(label, function, values, originals)
            values[function.result] = self._run(label, prepared, values, output)
            for name in prepared.results_end:
                ledger.drop((originals.get(name) or values[name]).storage)
            for ref in prepared.casts_end if originals else ():
                if ref in originals:
                    ledger.drop_within(values[ref].storage)
                    values[ref] = originals[ref]
        return values[OUTPUT]

    def end_region(self) -> None:
        """Autocast ends, and forgets the copies of weights that it has."""
        for value in self._copies.values():
            self.ledger.drop(value.storage)
        self._copies = {}

    def _cast_all(self, label: str, function: Function, values: dict[Ref, Value], originals: dict[Ref, Value]) -> None:
        """Put copies in autocast's type, or in float32, in the place of what a function reads."""
        lowered = function.to == "lowered"
        if function.to == "widest":
            lowered = all(values[ref].is_lowered for ref in function.casts)
        for ref in function.casts:
            value = values[ref]
            if value.is_lowered != lowered:
                name = "input" if isinstance(ref, int) else ref
                originals[ref] = value
                values[ref] = self._cast(f"{label}: cast of {name}", value, lowered=lowered)

    def _cast(self, name: str, value: Value, *, lowered: bool) -> Value:
        ledger = self.ledger
        known = self._copies.get(value.record)
        if known is not None:
            ledger.hold(known.storage)
            return known
        size = Size(value.size.elements, "lowered" if lowered else "float32", value.size.per_batch)
        made = Value(ledger.allocate(name, size), size)
        if value.record == CONSTANT:
            return made
        is_weight = value.record >= 0 and self.records[value.record].is_weight
        if self._again is None:
            made.record = len(self.records)
            self.records.append(Record(name, [Edge(value.record, _CAST, value.size)], [], size=size))
        else:
            made.record = REPEATED
        if is_weight:
            self._copies[value.record] = made
            ledger.hold(made.storage)
        return made

    def _run(self, label: str, prepared: Prepared, values: dict[Ref, Value], output: Size) -> Value:
        ledger, function = self.ledger, prepared.function
        number = ledger.allocate("number", NUMBER) if function.number else UNTRACKED
        copies: list[int] = []
        if prepared.is_contiguous and not self.single:
            values = values.copy()
            for argument in function.arguments:
                if argument.contiguous and values[argument.value].is_part:
                    values[argument.value] = self._copied(label, values[argument.value])
                    copies.append(values[argument.value].storage)
        lowered = self.autocast and makes_lowered(function, values)
        differentiated = [each for each in function.arguments if values[each.value].record != CONSTANT]
        refs = list(saved_by(function, differentiated)) if differentiated else []
        again = self._again.pop() if self._again is not None and refs else None
        if again is not None and not self._again:
            self._save_last(label, function, again, refs, values, lowered=lowered)
            raise _Enough
        # what a kernel makes to be saved is gone with it where nothing is saved
        is_saving = bool(differentiated) and self._frame is None
        demand = self._demand(function, values, lowered=lowered) if function.kernel is not None else None
        fresh: dict[Ref, int] = {}
        if is_saving or function.returns_fresh:
            for name, size in function.fresh:
                fresh[name] = ledger.allocate(f"{label}: {name}", typed(size, lowered) if lowered else size)
        name = label if function.result == OUTPUT else f"{label}: {function.result}"
        if function.size is None:
            base = values[function.arguments[0].value]
            size = base.size if function.result != OUTPUT else typed(output, lowered) if lowered else output
            made = Value(ledger.hold(base.storage), size, CONSTANT, base.is_part or function.is_part)
        else:
            size = typed(function.size, lowered) if lowered else function.size
            made = Value(UNTRACKED if function.inner else ledger.allocate(name, size), size)
        if differentiated:
            record = again
            made.record = REPEATED
            if self._again is None:
                made.record = len(self.records)
                record = Record(
                    name,
                    [
                        edge_to(values[each.value], each, function, lowered=lowered, single=self.single)
                        for each in differentiated
                    ],
                    [],
                )
                record.size, record.is_contiguous = size, prepared.is_contiguous
                record.demand, record.main = demand, function.arguments[0]
                if function.together:
                    edges = [
                        edge_to(values[each.value], each, function, lowered=lowered, single=self.single)
                        for each in function.arguments
                    ]
                    record.wasted = tuple(each.first or each.size for each in edges if each.target == CONSTANT)
                self.records.append(record)
                if function.number == "saved":
                    record.saved.append(ledger.hold(number))
            if record is not None and refs:
                if self._frame is None:
                    fresh[function.result] = made.storage
                    for ref in refs:
                        self._save(record, fresh[ref] if ref in fresh else values[ref].storage)
                    del fresh[function.result]
                else:
                    record.frame = self._frame
                    self._frame.records.append(record)
                    self._frame.waiting += 1
        for storage in fresh.values():
            ledger.drop(storage)
        for storage in copies:
            ledger.drop(storage)
        ledger.drop(number)
        return made

    def _save_last(
        self,
        label: str,
        function: Function,
        record: Record,
        refs: list[Ref],
        values: Mapping[Ref, Value],
        *,
        lowered: bool,
    ) -> None:
        """Save for the last record of a frame. The kernel is left with that: what it made besides goes with it."""
        made = {**dict(function.fresh), **({function.result: function.size} if function.size else {})}
        if any(ref in refs for ref in made):
            self._demand(function, values, lowered=lowered)
        storages = {
            ref: self.ledger.allocate(f"{label}: {ref}", typed(size, lowered))
            for ref, size in made.items()
            if ref in refs
        }
        for ref in refs:
            self._save(record, storages[ref] if ref in storages else values[ref].storage)  # pyright: ignore[reportArgumentType]

    def _demand(self, function: Function, values: Mapping[Ref, Value], *, lowered: bool) -> Demand | None:
        """Note that a kernel runs, where it holds more than its result."""
        if function.kernel is None:
            return None
        return self.ledger.demand(function.kernel, lowered, values[function.arguments[0].value].is_part)

    def enter(self, frame: Frame) -> None:
        """What runs from here on saves nothing but what it is given."""
        for storage in frame.inputs:
            self.ledger.hold(storage)
            if self.ledger.kinds[storage] == "temporary":
                self.ledger.kinds[storage] = "kept"
        frame.inputs.append(self.ledger.allocate(f"{frame.label}: {_RANDOM}", RANDOM_STATE, "kept"))
        self._frame = frame

    def leave(self) -> None:
        """The frame has run. If gradients want nothing of its inside, nothing is left of it."""
        frame, self._frame = self._frame, None
        if frame is None:
            return
        self.ledger.frames.append((frame.label, tuple(frame.inputs), frame.waiting > 0))
        if not frame.waiting:
            for storage in frame.inputs:
                self.ledger.drop(storage)

    def _run_again(self, frame: Frame) -> None:
        ledger = self.ledger
        before = ledger.snapshot(frame.inputs)
        outer, self._copies = self._copies, {}
        kept = [list(record.saved) for record in frame.records]
        ledger.mark(frame.label)
        ledger.allocate(f"{frame.label}: {_RANDOM}", RANDOM_STATE)
        self._again = frame.records[::-1]
        with suppress(_Enough):
            frame.again()
        self._again = None
        self._copies = outer
        frame.is_done = True
        held = Counter[int]()
        for record, numbers in zip(frame.records, kept, strict=True):
            held.update(record.saved[len(numbers) :])
        ledger.settle(before, held)

    def _copied(self, label: str, value: Value) -> Value:
        made = Value(self.ledger.allocate(f"{label}: copy of its input", value.size), value.size)
        if value.record != CONSTANT and self._again is None:
            made.record = len(self.records)
            self.records.append(Record(f"{label}: copy", [Edge(value.record, _COPY, value.size)], []))
        return made

    def _save(self, record: Record, storage: int) -> None:
        if storage != UNTRACKED:
            record.saved.append(self.ledger.hold(storage))
            if self.ledger.kinds[storage] == "temporary":
                self.ledger.kinds[storage] = "kept"

    # -- backward -----------------------------------------------------------------------------------

    def backward(self, root: Value) -> None:
        """Gradients of all weights that a loss depends on."""
        ledger = self.ledger
        if not ledger.savers:
            ledger.savers = [(record.label, tuple(record.saved)) for record in self.records if record.saved]
        seed = ledger.allocate("gradient of the loss", root.size)
        waiting = self._edges_into(root.record)
        arrived: dict[int, Gradient] = {root.record: Gradient(ledger.hold(seed))}
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
            ledger.mark(BACKWARD + record.label)
            record.demand_again(ledger, gradient)
            wasted = [ledger.allocate(f"gradient for nothing of {record.label}", size) for size in record.wasted]
            if gradient.is_part and not self.single and record.is_contiguous:
                wasted.append(ledger.allocate(f"copy of the gradient of {record.label}", record.size))
            made = [self._gradient(edge, gradient) for edge in record.edges]
            for storage in wasted:
                ledger.drop(storage)
            if frame is not None:  # what was computed again has no other owner
                self._release(record)
            for place, edge in enumerate(record.edges):
                if edge.fitted:
                    made[place] = self._fitted(edge, made[place])
            ledger.drop(gradient.storage)
            self._release(record)
            if frame is not None:
                self._pass(frame)
            for edge, each in zip(record.edges, made, strict=True):
                target = edge.target
                self._arrive(arrived, target, each, edge.size)
                waiting[target] -= 1
                if waiting[target] == 0:
                    # what ends at a weight goes before everything else, later functions before earlier ones
                    heappush(ready, (0 if self.records[target].is_weight else 1, -target))
        ledger.drop(seed)

    def _release(self, record: Record) -> None:
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
            for edge in self.records[stack.pop()].edges:
                if edge.target not in counts:
                    counts[edge.target] = 0
                    stack.append(edge.target)
                counts[edge.target] += 1
        return counts

    def _gradient(self, edge: Edge, gradient: Gradient) -> Gradient:
        ledger, argument = self.ledger, edge.argument
        if argument.gradient != "new":
            ledger.hold(gradient.storage)
            is_view = gradient.is_view or argument.gradient in ("view", "part")
            return Gradient(gradient.storage, is_view, gradient.is_part or argument.gradient == "part")
        name = f"gradient of {self.records[edge.target].label}"
        scratch = [ledger.allocate(name, each) for each in edge.scratch]
        made = ledger.allocate(name, edge.first or edge.size)
        for storage in scratch:
            ledger.drop(storage)
        return Gradient(made)

    def _fitted(self, edge: Edge, gradient: Gradient) -> Gradient:
        """Summed over what was broadcast, and in the type of what it is the gradient of."""
        for size in edge.fitted:
            made = self.ledger.allocate(f"gradient of {self.records[edge.target].label}", size)
            self.ledger.drop(gradient.storage)
            gradient = Gradient(made, is_view=edge.argument.gradient == "summed")
        return gradient

    def _arrive(self, arrived: dict[int, Gradient], target: int, gradient: Gradient, size: Size) -> None:
        """Add a gradient to what is there: in place where nobody else sees that."""
        there = arrived.get(target)
        if there is None:
            arrived[target] = gradient
            return
        ledger = self.ledger
        if there.is_view or not ledger.is_alone(there.storage):
            made = ledger.allocate(f"gradient of {self.records[target].label}", size)
            ledger.drop(there.storage)
            arrived[target] = Gradient(made)
        ledger.drop(gradient.storage)

    def _keep(self, record: Record, gradient: Gradient) -> None:
        ledger = self.ledger
        if record.gradient is not None:  # added in place
            ledger.drop(gradient.storage)
            return
        if not gradient.is_view and not ledger.is_alone(gradient.storage):
            shared = gradient.storage
            gradient = Gradient(ledger.allocate(record.label, ledger.sizes[shared]))
            ledger.drop(shared)
        record.gradient = gradient.storage
        ledger.kinds[gradient.storage] = "gradient"
        ledger.names[gradient.storage] = f"gradient of {record.label}"
