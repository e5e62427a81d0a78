"""What preprocessing and colour jitter take from the training examples: means, deviations, principal components."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from compiler.data.preprocessing import Components

_AT_A_TIME = 512


@dataclass(frozen=True)
class Statistics:
    """The numbers, one for each map."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    range: tuple[float, float]
    components: Components | None


def measured(frames: Iterable[Tensor], factor: float, full: float, *, colours: bool) -> Statistics:
    """The statistics of batches of frames, rescaled by `factor`; of colours, too, where asked.

    Sums are made of sums of single images, in 64 bits, so that the number of threads changes none of their bits.
    """
    shift: Tensor | None = None
    count, least, most = 0, float("inf"), -float("inf")
    sums: list[np.ndarray] = []
    squares: list[np.ndarray] = []
    products = np.zeros((3, 3))
    for batch in frames:
        for chunk in batch.split(_AT_A_TIME):
            if shift is None:  # squares of what is far from 0 would lose digits
                shift = chunk[0].double().mean((1, 2), keepdim=True).round()
            wide = chunk.double() - shift
            count += chunk.shape[0] * chunk.shape[2] * chunk.shape[3]
            sums.append(wide.sum((2, 3)).numpy())
            squares.append((wide * wide).sum((2, 3)).numpy())
            if chunk.is_floating_point():
                least, most = min(least, float(chunk.min())), max(most, float(chunk.max()))
            if colours:
                pixels = wide.transpose(0, 1).reshape(3, -1).numpy()
                products += pixels @ pixels.T
    assert shift is not None
    centre = np.concatenate(sums).sum(0) / count
    variance = np.concatenate(squares).sum(0) / count - centre**2
    offset = shift.flatten().numpy()
    deviation = np.sqrt(np.maximum(variance, 0)) * factor
    values = ((centre + offset) * factor).tolist()
    if least > most:
        least, most = 0.0, full
    components = None
    if colours:
        components = _components((products / count - np.outer(centre, centre)) / full**2)
    # a map that is the same everywhere has no deviation to divide by
    return Statistics(
        tuple(values),
        tuple(float(each) if each > 1e-12 else 1.0 for each in deviation),
        (least * factor, most * factor),
        components,
    )


def _components(covariance: np.ndarray) -> Components:
    variances, vectors = np.linalg.eigh(covariance)
    # an eigenvector's sign is free: the larger part of it is made positive, so that every machine has the same
    signs = np.sign(vectors[np.abs(vectors).argmax(0), range(3)])
    return Components(tuple(np.maximum(variances, 0).tolist()), tuple(map(tuple, (vectors * signs).tolist())))
