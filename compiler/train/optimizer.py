"""The optimizers: torch's own kernels, with the state kept by parameter name.

`torch.optim.Optimizer` imports torch's compiler when it is made, which takes as long as importing torch. The functions
under it do not, and names, unlike positions, mean the same weights whatever number of processes holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from archspec.training import SGD, Adam, AdamW, RMSprop
from compiler.train.shards import copy_into

Keys = SGD | Adam | AdamW | RMSprop


@dataclass
class Group:
    """Parameters with one weight decay."""

    names: list[str]
    params: list[Tensor]
    weight_decay: float


@dataclass
class Optimizer:
    """Takes steps along gradients."""

    keys: Keys
    groups: list[Group]
    rate: float = 0.0
    """the learning rate of the next step"""
    state: dict[str, dict[str, Tensor]] = field(default_factory=dict[str, "dict[str, Tensor]"])
    """for each parameter that has taken a step, its moments"""

    @classmethod
    def of(cls, network: nn.Module, keys: Keys) -> Optimizer:
        """The optimizer of all parameters; weights that are no matrix have no decay unless asked for."""
        named = dict(network.named_parameters())
        decayed = [name for name, param in named.items() if keys.decay_all or param.dim() > 1]
        rest = [name for name in named if name not in set(decayed)]
        groups = [(decayed, keys.weight_decay), (rest, keys.weight_decay if keys.decay_all else 0.0)]
        return cls(keys, [Group(names, [named[name] for name in names], decay) for names, decay in groups if names])

    @property
    def param_groups(self) -> list[dict[str, list[Tensor]]]:
        """The parameters as torch's gradient scaler looks for them."""
        return [{"params": group.params} for group in self.groups]

    @property
    def params(self) -> list[Tensor]:
        """All parameters."""
        return [param for group in self.groups for param in group.params]

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        take = _STEPS[type(self.keys)]
        for group in self.groups:
            moving = [(name, param) for name, param in zip(group.names, group.params, strict=True) if _learns(param)]
            if moving:
                states = [self._state_of(name, param) for name, param in moving]
                take(self.keys, [param for _, param in moving], states, self.rate, group.weight_decay)

    def _state_of(self, name: str, param: Tensor) -> dict[str, Tensor]:
        if name not in self.state:
            self.state[name] = _fresh_state(self.keys, param)
        return self.state[name]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.groups:
            for param in group.params:
                param.grad = None

    def load(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take over a saved state; its numbers are those of the parameters it belongs to."""
        known = {name: param for group in self.groups for name, param in zip(group.names, group.params, strict=True)}
        self.state = {}
        for name, moments in state.items():
            fresh = _fresh_state(self.keys, known[name])
            for each, value in moments.items():
                copy_into(fresh[each], value)
            self.state[name] = fresh


def _learns(param: Tensor) -> bool:
    return param.requires_grad and param.grad is not None


def _fresh_state(keys: Keys, param: Tensor) -> dict[str, Tensor]:
    def moment() -> Tensor:
        return torch.zeros_like(param, memory_format=torch.preserve_format)

    count = torch.zeros((), dtype=torch.float32, device=param.device if _fused(param) else None)
    if isinstance(keys, SGD):
        return {"momentum": moment()} if keys.momentum else {}
    if isinstance(keys, RMSprop):
        state = {"step": torch.zeros(()), "square": moment()}
        return {**state, "momentum": moment()} if keys.momentum else state
    return {"step": count, "mean": moment(), "square": moment()}


def _fused(param: Tensor) -> bool:
    return type(param.data) is Tensor and param.device.type in ("cpu", "cuda") and param.is_floating_point()


State = Sequence[Mapping[str, Tensor]]


def _step_sgd(keys: SGD, params: list[Tensor], states: State, rate: float, decay: float) -> None:
    sgd(
        params,
        [_gradient(param) for param in params],
        [state.get("momentum") for state in states],
        has_sparse_grad=False,
        fused=_fused(params[0]),
        weight_decay=decay,
        momentum=keys.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=keys.nesterov and keys.momentum > 0,
        maximize=False,
    )


def _step_adam(keys: Adam, params: list[Tensor], states: State, rate: float, decay: float) -> None:
    adam(
        params,
        [_gradient(param) for param in params],
        [state["mean"] for state in states],
        [state["square"] for state in states],
        [],
        [state["step"] for state in states],
        fused=_fused(params[0]),
        decoupled_weight_decay=isinstance(keys, AdamW),
        amsgrad=False,
        beta1=keys.betas[0],
        beta2=keys.betas[1],
        lr=rate,
        weight_decay=decay,
        eps=keys.eps,
        maximize=False,
    )


def _step_rmsprop(keys: RMSprop, params: list[Tensor], states: State, rate: float, decay: float) -> None:
    rmsprop(
        params,
        [_gradient(param) for param in params],
        [state["square"] for state in states],
        [],
        [state["momentum"] for state in states] if keys.momentum else [],
        [state["step"] for state in states],
        foreach=True,
        lr=rate,
        alpha=keys.alpha,
        eps=keys.eps,
        weight_decay=decay,
        momentum=keys.momentum,
        centered=False,
    )


def _gradient(param: Tensor) -> Tensor:
    assert param.grad is not None
    return param.grad


_STEPS: dict[type[Keys], Callable[..., None]] = {
    SGD: _step_sgd, Adam: _step_adam, AdamW: _step_adam, RMSprop: _step_rmsprop,
}  # fmt: skip
