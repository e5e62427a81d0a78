"""One training step on a clock: what is allocated, held and freed, from the first row to the optimizer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from archspec.graph import INPUT, Graph, Node
from archspec.memory import losses
from archspec.memory.autograd import RANDOM_STATE, Autograd
from archspec.memory.device import Device
from archspec.memory.ledger import LOSS, UNTRACKED, Ledger
from archspec.memory.losses import SCALAR, Objective
from archspec.memory.optimizer import Optimizer
from archspec.memory.prepared import prepared
from archspec.memory.program import Border, Program, Statement
from archspec.memory.tape import CONSTANT, Frame, Value
from archspec.memory.trainer import Trainer
from archspec.operators.backward import Size


class Step:
    """A step of a network's training, recorded without a batch size."""

    def __init__(
        self,
        graph: Graph,
        program: Program,
        *,
        single: bool,
        frozen: Collection[str] = (),
        parts: int = 1,
        recomputed: Collection[str] = (),
        autocast: bool = False,
        objectives: Sequence[Objective] = (),
        trainer: Trainer | None = None,
        device: Device = "cpu",
    ) -> None:
        self.graph = graph
        self.ledger = Ledger()
        self.autograd = Autograd(self.ledger, single, autocast)
        self.program = program
        self.recomputed = recomputed
        self.frozen = frozen
        self.parts = parts
        self.objectives = objectives
        self.trainer = trainer
        self.device: Device = device
        self.weights: dict[str, Size] = {}
        """the weights that learn, by node and name: those that get a gradient"""
        self._able: dict[str, Value] = {}
        """the weights that would learn, if an output depended on them"""
        self._matrices: set[str] = set()
        """those of two dimensions or more"""
        self._figures: list[int] = []
        """what is left of every part of a batch"""
        self._random_state = UNTRACKED
        """of a segment that never runs again"""
        self._owned: dict[str, dict[str, Value]] = {}

    def record(self, optimizer: Optimizer) -> Ledger:
        """Forward, loss, backward and optimizer. Of the parts of a batch two stand for all: the others are alike."""
        self._own_weights()
        if self.trainer is None:
            given, held = self._examples(), list[int]()
            for _ in range(min(self.parts, 2)):
                held = self._pass(given, held)
            self.ledger.mark("optimizer")
        else:
            self._learn(self.trainer)
        records = self.autograd.records
        self.weights = {
            name: value.size for name, value in self._able.items() if records[value.record].gradient is not None
        }
        self._follow(optimizer)
        self.autograd.records.clear()  # frames know this step, and only a search for garbage would find them
        return self.ledger

    def _learn(self, trainer: Trainer) -> None:
        """All parts as `archspec train` takes them: in the end nothing is left but the figures of the batch."""
        ledger = self.ledger
        given, held = self._examples(), list[int]()
        main = next(index for index, output in enumerate(self.graph.outputs) if not output.train_only)
        for index in range(min(self.parts, 2)):
            if index:
                for _ in range(self.parts - 2):
                    self._figures += trainer.figures(ledger)
                before, given = given, self._examples()
                for storage in before.values():
                    ledger.drop(storage)
            held = self._pass(given, held)
            self._figures.append(trainer.judge(ledger, self.objectives[main]))
        ledger.mark("optimizer")
        if self.parts > 1:
            trainer.add_up(ledger, self.parts)
        for storage in (*given.values(), *held, *(self._figures if self.parts > 1 else ())):
            ledger.drop(storage)

    def _follow(self, optimizer: Optimizer) -> None:
        ledger, trainer = self.ledger, self.trainer
        if trainer is None:
            optimizer.step(ledger, self.weights)
            return
        found = trainer.unscale(ledger)
        trainer.clip(ledger, self.weights)
        optimizer.step_in_groups(ledger, self.weights, self._matrices)
        ledger.drop(found)

    def _examples(self) -> dict[str, int]:
        """Images and what they are learnt for, by their names."""
        ledger = self.ledger
        found = {INPUT: ledger.allocate(INPUT, Size(self.graph.input.elements), "input")}
        for objective in self.objectives:
            if objective.target_name not in found:
                found[objective.target_name] = ledger.allocate("targets", objective.target, "input")
        return found

    def record_forward(self) -> Ledger:
        """A forward pass without gradients, of which nothing learns."""
        self.frozen = self.graph.by_name.keys()
        size = Size(self.graph.input.elements)
        tensors = {INPUT: Value(self.ledger.allocate(INPUT, size, "input"), size)}
        self._own_weights()
        self._run_all(self.program.inference(), tensors)
        return self.ledger

    def _own_weights(self) -> None:
        for node in self.graph.nodes:
            if node.shares is not None:
                self._owned[node.name] = self._owned[node.shares]
                continue
            found: dict[str, Value] = {}
            for parameter in self.program.parameters[node.name]:
                if parameter.kind == "trained" and node.name not in self.frozen:
                    name, size = f"{node.name}.{parameter.name}", Size(parameter.size, "weight", per_batch=True)
                    found[parameter.name] = self._able[name] = self.autograd.weight(name, size)
                    if len(parameter.shape) > 1:
                        self._matrices.add(name)
                elif parameter.kind in ("trained", "frozen"):
                    found[parameter.name] = Value(UNTRACKED, Size(parameter.size, "weight", per_batch=True))
            self._owned[node.name] = found

    def _pass(self, given: dict[str, int], held: list[int]) -> list[int]:
        """Forward and backward of one part of a batch; the storages that variables hold before and after."""
        ledger = self.ledger
        ledger.passes.append(len(ledger.events))
        tensors = {INPUT: Value(given[INPUT], Size(self.graph.input.elements))}
        self._run_all(self.program.statements(self.recomputed), tensors)
        outputs = [self.program.real(output.node) for output in self.graph.outputs]
        *results, loss_before = held or (UNTRACKED,)
        for storage in results:
            ledger.drop(storage)
        ledger.mark(LOSS)
        loss = self._loss([tensors[name] for name in outputs], given)
        self.autograd.end_region()
        ledger.drop(loss_before)
        if loss.record != CONSTANT:
            self._go_back(loss)
        return [*(tensors[name].storage for name in dict.fromkeys(outputs)), loss.storage]

    def _go_back(self, loss: Value) -> None:
        if self.trainer is None:
            self.autograd.backward(loss)
            return
        share = self.autograd.run("loss", prepared(losses.share_of_a_part()), [loss], {}, SCALAR)
        self._figures.append(share.storage)
        if not self.trainer.scales:
            self.autograd.backward(share)
            return
        scaled = self.autograd.run("loss", prepared(losses.scaled_up()), [share], {}, SCALAR)
        self.autograd.backward(scaled)
        self.ledger.drop(scaled.storage)

    def _run_all(self, statements: Iterable[Statement], tensors: dict[str, Value]) -> None:
        for statement in statements:
            if isinstance(statement, str):
                self.ledger.drop(tensors.pop(statement).storage)
            elif isinstance(statement, Border):
                self._cross(statement, tensors)
            else:
                node, inputs = statement
                self.ledger.mark(node.name)
                tensors[node.name] = self._run(node, [tensors[name] for name in inputs])

    def _cross(self, border: Border, tensors: dict[str, Value]) -> None:
        if not border.is_begin:
            self.autograd.leave()
            self.ledger.drop(self._random_state)
            self._random_state = UNTRACKED
            return
        segment, given = border.segment, {name: tensors[name] for name in border.segment.inputs}
        if any(value.record != CONSTANT for value in given.values()) or any(map(self._learns, segment.nodes)):

            def again() -> None:
                self._run_all(self.program.again(segment), dict(given))

            storages = [value.storage for value in given.values()]
            self.autograd.enter(Frame(segment.nodes[0].name, again, storages))
        else:  # nothing will run again, which is known at the end
            self._random_state = self.ledger.allocate(f"{segment.nodes[0].name}: random numbers", RANDOM_STATE)

    def _learns(self, node: Node) -> bool:
        return any(value.record != CONSTANT for value in self._owned[node.name].values())

    def _run(self, node: Node, inputs: list[Value]) -> Value:
        is_still = (node.shares or node.name) in self.frozen
        functions = self.program.functions(node, still=is_still, device=self.device)
        return self.autograd.run(node.name, functions, inputs, self._owned[node.name], self.program.outputs[node.name])

    def _loss(self, results: list[Value], given: dict[str, int]) -> Value:
        found: list[Value] = []
        for objective, result in zip(self.objectives, results, strict=True):
            functions = prepared(objective.functions(lowered=result.is_lowered))
            target = Value(given[objective.target_name], objective.target)
            found.append(self.autograd.run(f"loss of {objective.output}", functions, [result, target], {}, SCALAR))
        if len(found) == 1 and self.objectives[0].weight == 1.0:
            return found[0]
        total = self.autograd.run("loss", prepared(losses.weighted_sum(len(found))), found, {}, SCALAR)
        for each in found:
            self.ledger.drop(each.storage)
        return total
