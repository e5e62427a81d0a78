"""Tensors of which each process may hold a part only."""

from __future__ import annotations

import torch
from torch import Tensor


def is_sharded(tensor: Tensor) -> bool:
    """Whether a tensor is a part of a larger one."""
    return hasattr(tensor, "device_mesh")


def whole(tensor: Tensor) -> Tensor:
    """A copy of all of a tensor, in main memory; every process has to ask."""
    full = tensor.full_tensor() if is_sharded(tensor) else tensor  # pyright: ignore[reportAttributeAccessIssue]
    return full.detach().cpu().clone()


@torch.no_grad()
def copy_into(target: Tensor, value: Tensor) -> None:
    """Give a tensor, or this process's part of it, the numbers of a whole one."""
    if is_sharded(target):
        from torch.distributed.tensor import distribute_tensor

        mesh, placements = target.device_mesh, target.placements  # pyright: ignore[reportAttributeAccessIssue]
        target.copy_(distribute_tensor(value.to(target.device), mesh, placements))
    else:
        target.copy_(value)
