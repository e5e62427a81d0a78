"""The moving mean of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compiler.train.shards import copy_into


class MovingMean:
    """Of every parameter the exponential mean over steps; a short run forgets its start sooner."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.params = dict(network.named_parameters())
        self.means = {name: param.detach().clone() for name, param in self.params.items()}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        weights = [param.detach() for param in self.params.values()]
        torch._foreach_lerp_(list(self.means.values()), weights, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The means in place of the weights."""
        weights = {name: param.detach().clone() for name, param in self.params.items()}
        self._put(self.means)
        try:
            yield
        finally:
            self._put(weights)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, param in self.params.items():
            param.copy_(values[name])

    def load(self, means: Mapping[str, Tensor]) -> None:
        """Take over saved means."""
        for name, mean in means.items():
            copy_into(self.means[name], mean)
