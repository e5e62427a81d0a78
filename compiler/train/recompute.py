"""Blocks and rows that keep their inputs alone, and compute their inside again when gradients want it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

Norm = nn.modules.batchnorm._BatchNorm


def recompute_together(blocks: Sequence[nn.Module]) -> None:
    """Let blocks that follow one another be computed again at once: the first keeps its inputs, the others nothing.

    The first runs all of them, and the others hand on what they are given.
    """
    first, *others = blocks
    norms = [each for block in blocks for each in block.modules() if isinstance(each, Norm)]
    forwards: list[Callable[..., Any]] = [block.forward for block in blocks]

    def all_of_them(*inputs: Tensor) -> Any:
        made = forwards[0](*inputs)
        for forward in forwards[1:]:
            made = forward(made)
        return made

    def handed_on(own: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *inputs: inputs[0] if _is_learning(first) else own(*inputs)

    first.forward = _again(first, forwards[0], all_of_them, norms)
    for block, own in zip(others, forwards[1:], strict=True):
        block.forward = handed_on(own)


def recompute_method(network: nn.Module, name: str, modules: Iterable[nn.Module]) -> None:
    """Let a method of the network, which runs these modules, be computed again."""
    norms = [each for module in modules for each in module.modules() if isinstance(each, Norm)]
    own = getattr(network, name)
    setattr(network, name, _again(network, own, own, norms))


def _again(
    owner: nn.Module, once: Callable[..., Any], inside: Callable[..., Any], norms: Sequence[Norm]
) -> Callable[..., Any]:
    """What runs `inside`, twice while its owner learns, and `once` at other times."""
    from torch.utils.checkpoint import checkpoint  # which takes a while to import

    def run(*inputs: Tensor) -> Any:
        if not _is_learning(owner):
            return once(*inputs)
        return checkpoint(
            inside, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _statistics_stay(norms))
        )

    return run


def _is_learning(module: nn.Module) -> bool:
    return module.training and torch.is_grad_enabled()


@contextmanager
def _statistics_stay(norms: Sequence[Norm]) -> Iterator[None]:
    """Running means move once in a step, however often a norm runs in it."""
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
