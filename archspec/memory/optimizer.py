"""What optimizers keep, and what a step of them needs for a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from archspec.memory.device import Device, given
from archspec.memory.ledger import Ledger
from archspec.memory.tape import NUMBER
from archspec.operators.backward import Size
from archspec.training import SGD, Adam, AdamW, OptimizerKeys, RMSprop

Loop = Literal["fused", "foreach", "for-loop"]
LOOPS: tuple[Loop, ...] = get_args(Loop)
_ONE = Size(1, "float32", per_batch=True)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer as it is set up, and how torch goes through the weights.

    `fused` is one kernel for all weights; `foreach` makes lists of all temporary tensors; `for-loop` takes the
    weights one by one. `torch.optim` chooses `foreach` on a GPU and `for-loop` on a CPU unless told.
    """

    keys: OptimizerKeys
    loop: Loop = "fused"

    @property
    def kind(self) -> str:
        """Its name, as `train:` has it."""
        return self.keys.type

    @property
    def described(self) -> str:
        """Its name, and how torch goes through the weights."""
        return f"{self.kind} ({self.way})"

    @property
    def states(self) -> int:
        """How many tensors of its own a weight has."""
        if isinstance(self.keys, SGD):
            return int(self.keys.momentum > 0)
        if isinstance(self.keys, RMSprop):
            return 1 + int(self.keys.momentum > 0)
        return 2

    def state_bytes(self, weights: Mapping[str, Size], element: int, device: Device) -> int:
        """Bytes of all of them, with the step that Adam and RMSprop count for each weight."""
        # beside a GPU only the fused kernel has them on the device
        counts = not isinstance(self.keys, SGD) and (device == "cpu" or self.way == "fused")
        moments = sum(given(element * size.elements, device) for size in weights.values())
        return self.states * moments + (given(element, device) * len(weights) if counts else 0)

    def step_in_groups(self, ledger: Ledger, weights: Mapping[str, Size], matrices: Collection[str]) -> None:
        """A step of `archspec train`: what is no matrix comes after all else, and has no decay unless asked for."""
        decayed = {name: size for name, size in weights.items() if self.keys.decay_all or name in matrices}
        rest = {name: size for name, size in weights.items() if name not in decayed}
        without_decay = replace(self, keys=self.keys.model_copy(update={"weight_decay": 0.0}))
        for own, group in ((self, decayed), (without_decay, rest)):
            if group:
                own.step(ledger, group)

    def step(self, ledger: Ledger, weights: Mapping[str, Size]) -> None:
        """What comes and goes in one step."""
        if self.way == "fused":
            return
        if self.way == "for-loop":
            self._one_by_one(ledger, weights)
        else:
            self._all_at_once(ledger, weights)

    @property
    def way(self) -> Loop:
        """How it goes through the weights: torch has no fused kernel for RMSprop."""
        return "foreach" if self.loop == "fused" and isinstance(self.keys, RMSprop) else self.loop

    @property
    def _adds_decay(self) -> bool:
        """Whether gradients with the decay in them are tensors of their own."""
        return self.keys.weight_decay > 0 and not isinstance(self.keys, AdamW)

    def _all_at_once(self, ledger: Ledger, weights: Mapping[str, Size]) -> None:
        if not isinstance(self.keys, SGD):  # what is added to the counts of steps
            ledger.drop(ledger.allocate("number", _ONE))
        decayed: list[int] = []
        if self._adds_decay:
            decayed = [ledger.allocate(f"decayed gradient of {name}", size) for name, size in weights.items()]
        if isinstance(self.keys, Adam):  # which lets go of them before it divides
            for storage in decayed:
                ledger.drop(storage)
            decayed = []
        roots: list[int] = []
        if not isinstance(self.keys, SGD):
            roots = [ledger.allocate(f"divisor of {name}", size) for name, size in weights.items()]
        for storage in (*decayed, *roots):
            ledger.drop(storage)

    def _one_by_one(self, ledger: Ledger, weights: Mapping[str, Size]) -> None:
        divisor = gradient = None
        for name, size in weights.items():
            if gradient is not None:
                ledger.drop(gradient)
            gradient = ledger.allocate(f"decayed gradient of {name}", size) if self._adds_decay else None
            if isinstance(self.keys, SGD):
                gradient = self._looked_ahead(ledger, name, size, gradient)
                continue
            made = ledger.allocate(f"root of {name}", size)
            if isinstance(self.keys, Adam):
                root, number = made, ledger.allocate("number", NUMBER)
                made = ledger.allocate(f"divisor of {name}", size)
                ledger.drop(root)
                ledger.drop(number)
            if divisor is not None:  # that of the weight before has the name until now
                ledger.drop(divisor)
            divisor = made
        for storage in (divisor, gradient):
            if storage is not None:
                ledger.drop(storage)

    def _looked_ahead(self, ledger: Ledger, name: str, size: Size, gradient: int | None) -> int | None:
        assert isinstance(self.keys, SGD)
        if not self.keys.momentum:
            return gradient
        ledger.drop(ledger.allocate("number", NUMBER))
        ahead = ledger.allocate(f"gradient ahead of {name}", size) if self.keys.nesterov else None
        if gradient is not None:
            ledger.drop(gradient)
        return ahead
