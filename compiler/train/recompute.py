"""Blocks that keep their inputs alone, and compute their inside again when gradients want it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn


def recompute(module: nn.Module) -> None:
    """Let a block be computed again; of a list, which nobody calls, each that is in it."""
    for block in _running(module):
        recompute_together([block])


def recompute_together(blocks: Sequence[nn.Module]) -> None:
    """Let blocks that follow one another be computed again at once: the first keeps its inputs, the others nothing.

    The first runs all of them, and the others hand on what they are given.
    """
    from torch.utils.checkpoint import checkpoint  # which takes a while to import

    first, *others = blocks
    norms = [each for block in blocks for each in block.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    forwards: list[Callable[..., Any]] = [block.forward for block in blocks]

    def is_learning() -> bool:
        return first.training and torch.is_grad_enabled()

    def inside(*inputs: Tensor) -> Any:
        made = forwards[0](*inputs)
        for forward in forwards[1:]:
            made = forward(made)
        return made

    def all_of_them(*inputs: Tensor) -> Any:
        if not is_learning():
            return forwards[0](*inputs)
        return checkpoint(
            inside, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _statistics_stay(norms))
        )

    def handed_on(own: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *inputs: inputs[0] if is_learning() else own(*inputs)

    first.forward = all_of_them
    for block, own in zip(others, forwards[1:], strict=True):
        block.forward = handed_on(own)


@contextmanager
def _statistics_stay(norms: Sequence[nn.modules.batchnorm._BatchNorm]) -> Iterator[None]:
    """Running means move once in a step, however often a norm runs in it."""
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


def _running(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.ModuleList | nn.ModuleDict):
        for child in module.children():
            yield from _running(child)
    else:
        yield module
