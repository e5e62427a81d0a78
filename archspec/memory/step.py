"""One training step on a clock: what is allocated, held and freed, from the first row to the optimizer."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from archspec.graph import INPUT, Graph, Node
from archspec.memory import losses
from archspec.memory.autograd import Autograd
from archspec.memory.ledger import LOSS, UNTRACKED, Ledger
from archspec.memory.optimizer import Optimizer
from archspec.memory.prepared import prepared
from archspec.memory.program import Border, Program, Statement
from archspec.memory.tape import CONSTANT, Frame, Value
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
    ) -> None:
        self.graph = graph
        self.ledger = Ledger()
        self.autograd = Autograd(self.ledger, single, autocast)
        self.program = program
        self.recomputed = recomputed
        self.frozen = frozen
        self.parts = parts
        self.weights: dict[str, Size] = {}
        """the weights that learn, by node and name"""
        self._owned: dict[str, dict[str, Value]] = {}

    def record(self, optimizer: Optimizer) -> Ledger:
        """Forward, loss, backward and optimizer. Of the parts of a batch two stand for all: the others are alike."""
        ledger = self.ledger
        image = ledger.allocate(INPUT, Size(self.graph.input.elements), "input")
        shapes = (self.graph.shape_of(output.node) for output in self.graph.outputs)
        for positions in {shape[1:]: losses.targets(shape) for shape in shapes}.values():
            ledger.allocate("targets", positions, "input")
        self._own_weights()
        held: list[int] = []
        for _ in range(min(self.parts, 2)):
            held = self._pass(image, held)
        ledger.mark("optimizer")
        optimizer.step(ledger, self.weights)
        return ledger

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
                    self.weights[name] = size
                    found[parameter.name] = self.autograd.weight(name, size)
                elif parameter.kind in ("trained", "frozen"):
                    found[parameter.name] = Value(UNTRACKED, Size(parameter.size, "weight", per_batch=True))
            self._owned[node.name] = found

    def _pass(self, image: int, held: list[int]) -> list[int]:
        """Forward and backward of one part of a batch; the storages that variables hold before and after."""
        ledger = self.ledger
        ledger.passes.append(len(ledger.events))
        tensors = {INPUT: Value(image, Size(self.graph.input.elements))}
        self._run_all(self.program.statements(self.recomputed), tensors)
        outputs = [self.program.real(output.node) for output in self.graph.outputs]
        *results, loss_before = held or (UNTRACKED,)
        for storage in results:
            ledger.drop(storage)
        ledger.mark(LOSS)
        loss = self._loss([tensors[name] for name in outputs])
        self.autograd.end_region()
        ledger.drop(loss_before)
        if loss.record != CONSTANT:
            self.autograd.backward(loss)
        return [*(tensors[name].storage for name in dict.fromkeys(outputs)), loss.storage]

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
            return
        segment, given = border.segment, {name: tensors[name] for name in border.segment.inputs}
        if any(value.record != CONSTANT for value in given.values()) or any(map(self._learns, segment.nodes)):

            def again() -> None:
                self._run_all(self.program.again(segment), dict(given))

            storages = [value.storage for value in given.values()]
            self.autograd.enter(Frame(segment.nodes[0].name, again, storages))

    def _learns(self, node: Node) -> bool:
        return any(value.record != CONSTANT for value in self._owned[node.name].values())

    def _run(self, node: Node, inputs: list[Value]) -> Value:
        functions = self.program.functions(node, still=node.name in self.frozen)
        return self.autograd.run(node.name, functions, inputs, self._owned[node.name], Size(node.shape.elements))

    def _loss(self, results: list[Value]) -> Value:
        found: list[Value] = []
        for output, result in zip(self.graph.outputs, results, strict=True):
            functions = losses.cross_entropy(self.graph.shape_of(output.node), lowered=result.is_lowered)
            found.append(self.autograd.run(f"loss of {output.name}", prepared(functions), [result], {}, losses.SCALAR))
        if len(found) == 1:
            return found[0]
        total = self.autograd.run("loss", prepared(losses.weighted_sum(len(found))), found, {}, losses.SCALAR)
        for each in found:
            self.ledger.drop(each.storage)
        return total
