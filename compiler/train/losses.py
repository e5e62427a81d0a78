"""Losses of a network's outputs, and what an output predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from archspec.graph import Graph, Output
from archspec.operators.operator import Gives
from archspec.training import MSE, BinaryCrossEntropy, CrossEntropy, RBFLoss, TrainKeys, type_of

Loss = CrossEntropy | BinaryCrossEntropy | MSE | RBFLoss
_LEAST = 1e-12
"""below it the logarithm of a probability is not taken"""


@dataclass(frozen=True)
class Criterion:
    """The loss of one output: a mean over examples."""

    output: str
    loss: Loss
    weight: float
    gives: Gives
    train_only: bool

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch. Targets are numbers of classes, or shares of all classes for mixed images."""
        output = output.float()
        if isinstance(self.loss, CrossEntropy):
            return self._cross_entropy(output, target, self.loss.label_smoothing)
        if isinstance(self.loss, RBFLoss):
            return _rbf(output, target, self.loss.penalty)
        wanted = _against_units(output, target)
        if isinstance(self.loss, MSE):
            return F.mse_loss(output, wanted)
        if self.gives in ("chances", "probabilities"):
            return F.binary_cross_entropy(output, wanted)
        return F.binary_cross_entropy_with_logits(output, wanted)

    def _cross_entropy(self, output: Tensor, target: Tensor, smoothing: float) -> Tensor:
        # the softmax of a logarithm of probabilities is these probabilities again
        scores = output.clamp_min(_LEAST).log() if self.gives == "probabilities" else output
        return F.cross_entropy(scores, target, label_smoothing=smoothing)

    def predict(self, output: Tensor) -> Tensor:
        """The class of each example."""
        if self.gives == "distances":
            return output.argmin(dim=1)
        if output.shape[1] == 1:
            return (output[:, 0] > (0.5 if self.gives in ("chances", "probabilities") else 0.0)).long()
        return output.argmax(dim=1)

    def probabilities(self, output: Tensor) -> Tensor:
        """How likely each class is."""
        output = output.float()
        if self.gives == "probabilities":
            return output
        if isinstance(self.loss, BinaryCrossEntropy):
            chance = output if self.gives == "chances" else output.sigmoid()
            return torch.cat([1 - chance, chance], dim=1) if chance.shape[1] == 1 else chance
        return (-output if self.gives == "distances" else output).softmax(dim=1)


def _rbf(distances: Tensor, target: Tensor, penalty: float) -> Tensor:
    """Equation 9 of LeCun et al. (1998): the distance to the right code, and a term for wrong ones that are near."""
    if target.is_floating_point():
        right = (distances * target).sum(dim=1)
    else:
        right = distances.gather(1, target.unsqueeze(1)).squeeze(1)
    floor = distances.new_full((len(distances), 1), -penalty)
    return (right + torch.cat([-distances, floor], dim=1).logsumexp(dim=1)).mean()


def _against_units(output: Tensor, target: Tensor) -> Tensor:
    """Targets as the units are to be: 0 and 1 for classes."""
    if target.is_floating_point():
        return target
    if output.shape[1] == 1:
        return target.unsqueeze(1).to(output.dtype)
    return F.one_hot(target, output.shape[1]).to(output.dtype)


def criteria_of(graph: Graph, keys: TrainKeys, *, classes: bool = True) -> tuple[Criterion, ...]:
    """The loss of each output: its own, else that of the recipe, else what its last row and the data ask for."""
    return tuple(_criterion(graph, output, keys, classes) for output in graph.outputs)


def _criterion(graph: Graph, output: Output, keys: TrainKeys, classes: bool) -> Criterion:
    gives = graph.by_name[output.node].operator.gives
    natural: Loss = (RBFLoss() if gives == "distances" else CrossEntropy()) if classes else MSE()
    loss = keys.loss or natural
    if output.loss is not None and output.loss != type_of(type(loss)):
        loss = next(kind() for kind in (CrossEntropy, BinaryCrossEntropy, MSE, RBFLoss) if type_of(kind) == output.loss)
    return Criterion(output.name, loss, output.weight, gives, output.train_only)


def total_loss(criteria: Sequence[Criterion], outputs: Sequence[Tensor], target: Tensor) -> Tensor:
    """The weighted sum over outputs."""
    losses = [each(output, target) for each, output in zip(criteria, outputs, strict=True)]
    if len(losses) == 1 and criteria[0].weight == 1.0:
        return losses[0]
    return torch.stack([each.weight * loss for each, loss in zip(criteria, losses, strict=True)]).sum()
