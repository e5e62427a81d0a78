"""Losses of a network's outputs, and what an output predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from archspec.graph import Graph, Output
from archspec.losses import Loss, loss_of, losses_for
from archspec.names import LABEL
from archspec.operators.operator import Gives
from archspec.training import MSE, BinaryCrossEntropy, CrossEntropy, RBFLoss, SmoothL1, TrainKeys, type_of
from compiler.data.targets import Target, Targets
from compiler.train.failure import TrainingError

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
    learns: str = LABEL
    """the name of its target"""
    target: Target = field(default_factory=lambda: Target("classes"))

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
        if isinstance(self.loss, SmoothL1):
            return F.smooth_l1_loss(output, wanted, beta=self.loss.beta)
        if self.gives in ("chances", "probabilities"):
            with torch.autocast(output.device.type, enabled=False):  # which refuses it on a GPU, in float32 too
                return F.binary_cross_entropy(output, wanted)
        return F.binary_cross_entropy_with_logits(output, wanted)

    def _cross_entropy(self, output: Tensor, target: Tensor, smoothing: float) -> Tensor:
        # the softmax of a logarithm of probabilities is these probabilities again
        scores = output.clamp_min(_LEAST).log() if self.gives == "probabilities" else output
        return F.cross_entropy(scores, target, label_smoothing=smoothing)

    def predict(self, output: Tensor) -> Tensor:
        """The class of each example; of flags, whether it has each of the classes."""
        if self.target.kind == "flags":
            return output > self._even
        if self.gives == "distances":
            return output.argmin(dim=1)
        if output.shape[1] == 1:
            return (output[:, 0] > self._even).long()
        return output.argmax(dim=1)

    @property
    def _even(self) -> float:
        """What a unit gives of a class that is as likely as not."""
        return 0.5 if self.gives in ("chances", "probabilities") or isinstance(self.loss, MSE) else 0.0

    def probabilities(self, output: Tensor) -> Tensor:
        """How likely each class is."""
        output = output.float()
        if self.gives == "probabilities":
            return output
        if output.shape[1] == 1 or self.target.kind == "flags" or isinstance(self.loss, BinaryCrossEntropy):
            chance = self._chances(output)
            two = output.shape[1] == 1 and self.target.kind == "classes"
            return torch.cat([1 - chance, chance], dim=1) if two else chance
        return (-output if self.gives == "distances" else output).softmax(dim=1)

    def _chances(self, output: Tensor) -> Tensor:
        """How likely each class is by itself."""
        if self.gives == "chances":
            return output
        return output.clamp(0, 1) if isinstance(self.loss, MSE) else output.sigmoid()


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


def criteria_of(graph: Graph, keys: TrainKeys, targets: Mapping[str, Target]) -> tuple[Criterion, ...]:
    """The loss of each output: its own, else that of the recipe where it suits, else the natural one."""
    suiting = [_suiting(graph, output, targets[output.target]) for output in graph.outputs]
    if keys.loss is not None and not any(isinstance(keys.loss, suit) for suit in suiting):
        learnt = " and ".join(dict.fromkeys(_learnt(graph, each, targets) for each in graph.outputs))
        raise TrainingError("E911", f"the loss is {keys.loss.type}, and what is learnt are {learnt}", _use(*suiting))
    criteria: list[Criterion] = []
    for output, suit in zip(graph.outputs, suiting, strict=True):
        loss = loss_of(output.loss, keys.loss, suit)
        if loss is None:
            learnt = _learnt(graph, output, targets)
            message = f"output {output.name} learns {learnt}, and its loss is {output.loss}"
            raise TrainingError("E911", message, _use(suit))
        gives, target = graph.by_name[output.node].operator.gives, targets[output.target]
        criteria.append(Criterion(output.name, loss, output.weight, gives, output.train_only, output.target, target))
    return tuple(criteria)


def _suiting(graph: Graph, output: Output, target: Target) -> tuple[type[Loss], ...]:
    units = graph.shape_of(output.node).elements
    return losses_for(target.kind, graph.by_name[output.node].operator.gives, units)


def _learnt(graph: Graph, output: Output, targets: Mapping[str, Target]) -> str:
    kind = targets[output.target].kind
    has_one_unit = kind == "classes" and graph.shape_of(output.node).elements == 1
    return kind + (" with one unit" if has_one_unit else "")


def _use(*suiting: tuple[type[Loss], ...]) -> str:
    losses = dict.fromkeys(type_of(loss) for suit in suiting for loss in suit)
    return f"use loss: {' or '.join(losses)}; labels that are classes are whole numbers or names"


def losses_of(criteria: Sequence[Criterion], outputs: Sequence[Tensor], targets: Targets) -> list[Tensor]:
    """The loss of each output."""
    return [each(output, targets[each.learns]) for each, output in zip(criteria, outputs, strict=True)]


def together(criteria: Sequence[Criterion], losses: Sequence[Tensor]) -> Tensor:
    """The weighted sum over outputs."""
    if len(losses) == 1 and criteria[0].weight == 1.0:
        return losses[0]
    return torch.stack([each.weight * loss for each, loss in zip(criteria, losses, strict=True)]).sum()


def total_loss(criteria: Sequence[Criterion], outputs: Sequence[Tensor], targets: Targets) -> Tensor:
    """The weighted sum of the losses of a batch."""
    return together(criteria, losses_of(criteria, outputs, targets))
