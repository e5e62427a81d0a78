"""Figures of a network on examples, summed up on the device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from compiler.data.boxes import overlap
from compiler.data.targets import Target, Targets
from compiler.train.losses import Criterion, losses_of, together

LARGEST_CONFUSION = 2048
"""classes from which on no confusion matrix is kept"""
_FOUND = 0.5
"""the intersection over union from which on an object counts as found"""


class Tally(ABC):
    """What the figures of one output are made of: sums over examples, which add up over batches and processes."""

    def __init__(self, target: Target, device: torch.device) -> None:
        self.target = target
        self.loss = _real(device)

    def sums(self) -> list[Tensor]:
        """All sums, to be added up over processes."""
        return [each for each in vars(self).values() if isinstance(each, Tensor)]

    @abstractmethod
    def add(self, criterion: Criterion, output: Tensor, target: Tensor) -> None:
        """Take in a batch; nothing waits for the device."""

    @abstractmethod
    def figures(self, count: int) -> dict[str, Any]:
        """The figures as plain numbers."""


class ClassTally(Tally):
    """Of one class for each example."""

    def __init__(self, target: Target, device: torch.device) -> None:
        super().__init__(target, device)
        side = len(target.classes) if len(target.classes) <= LARGEST_CONFUSION else 0
        self.correct, self.top5, self.confusion = _whole(device), _whole(device), _whole(device, side, side)

    def add(self, criterion: Criterion, output: Tensor, target: Tensor) -> None:
        predicted = criterion.predict(output)
        self.correct += (predicted == target).sum()
        if output.shape[1] > 5:
            nearest = (-output if criterion.gives == "distances" else output).topk(5, dim=1).indices
            self.top5 += (nearest == target.unsqueeze(1)).any(dim=1).sum()
        side = len(self.confusion)
        if side:
            cells = (target * side + predicted).flatten()
            self.confusion.view(-1).scatter_add_(0, cells, torch.ones_like(cells))

    def figures(self, count: int) -> dict[str, Any]:
        classes = self.target.classes
        found: dict[str, Any] = {"accuracy": int(self.correct) / max(count, 1)}
        if len(classes) > 5:
            found["top5"] = int(self.top5) / max(count, 1)
        if len(self.confusion) == len(classes):
            right = self.confusion.diagonal()
            found["classes"] = per_class(classes, right, self.confusion.sum(dim=0), self.confusion.sum(dim=1))
            found["mean_iou"] = _mean_of(found["classes"], "iou")
            found["confusion"] = self.confusion.tolist()
        return found


class FlagTally(Tally):
    """Of any number of classes for each example."""

    def __init__(self, target: Target, device: torch.device) -> None:
        super().__init__(target, device)
        width = target.width
        self.exact, self.correct = _whole(device), _whole(device)
        self.right, self.predicted, self.are = (_whole(device, width) for _ in range(3))

    def add(self, criterion: Criterion, output: Tensor, target: Tensor) -> None:
        predicted, are = criterion.predict(output), target > 0.5
        agrees = predicted == are
        self.exact += agrees.all(dim=1).sum()
        self.correct += agrees.sum()
        self.right += (predicted & are).sum(dim=0)
        self.predicted += predicted.sum(dim=0)
        self.are += are.sum(dim=0)

    def figures(self, count: int) -> dict[str, Any]:
        classes = per_class(self.target.classes, self.right, self.predicted, self.are)
        return {
            "accuracy": int(self.correct) / max(count * self.target.width, 1),
            "exact": int(self.exact) / max(count, 1),
            "classes": classes,
            "mean_f1": _mean_of(classes, "f1"),
        }


class NumberTally(Tally):
    """Of numbers."""

    def __init__(self, target: Target, device: torch.device) -> None:
        super().__init__(target, device)
        self.absolute, self.squares, self.total, self.total_squares = (_real(device, target.width) for _ in range(4))

    def add(self, criterion: Criterion, output: Tensor, target: Tensor) -> None:
        wanted = target.to(self.total.dtype)
        error = output.to(self.total.dtype) - wanted
        self.absolute += error.abs().sum(dim=0)
        self.squares += error.square().sum(dim=0)
        self.total += wanted.sum(dim=0)
        self.total_squares += wanted.square().sum(dim=0)

    def figures(self, count: int) -> dict[str, Any]:
        examples, width = max(count, 1), self.target.width
        spread = self.total_squares - self.total.square() / examples
        found = {
            "mean_absolute_error": float(self.absolute.sum()) / (examples * width),
            "root_mean_squared_error": (float(self.squares.sum()) / (examples * width)) ** 0.5,
        }
        if bool((spread > 1e-12 * self.total_squares).all()):  # else there is nothing to explain
            found["r2"] = float((1 - self.squares / spread).mean())
        return found


class BoxTally(Tally):
    """Of one box for each example."""

    def __init__(self, target: Target, device: torch.device) -> None:
        super().__init__(target, device)
        self.overlap, self.found = _real(device), _whole(device)

    def add(self, criterion: Criterion, output: Tensor, target: Tensor) -> None:
        each = overlap(output.to(self.overlap.dtype), target.to(self.overlap.dtype))
        self.overlap += each.sum()
        self.found += (each >= _FOUND).sum()

    def figures(self, count: int) -> dict[str, Any]:
        return {"mean_iou": float(self.overlap) / max(count, 1), "found": int(self.found) / max(count, 1)}


_TALLIES = {"classes": ClassTally, "flags": FlagTally, "numbers": NumberTally, "boxes": BoxTally}


class Sums:
    """The sums of all outputs, that of the main one first."""

    def __init__(self, criteria: Sequence[Criterion], device: torch.device) -> None:
        self.criteria = tuple(criteria)
        self.loss = _real(device)
        """in double precision, so that it does not depend on how examples are divided"""
        self.count = _whole(device)
        self.tallies = [_TALLIES[each.target.kind](each.target, device) for each in criteria]

    def add(self, outputs: Sequence[Tensor], targets: Targets) -> None:
        """Take in a batch; nothing waits for the device."""
        losses = [loss.detach().to(self.loss.dtype) for loss in losses_of(self.criteria, outputs, targets)]
        count = len(outputs[0])
        self.count += count
        self.loss += together(self.criteria, losses) * count
        for criterion, tally, output, loss in zip(self.criteria, self.tallies, outputs, losses, strict=True):
            tally.loss += loss * count
            tally.add(criterion, output, targets[criterion.learns])

    def tensors(self) -> list[Tensor]:
        """All sums, to be added up over processes."""
        return [self.loss, self.count, *(each for tally in self.tallies for each in tally.sums())]

    def figures(self) -> dict[str, Any]:
        """The figures as plain numbers: those of the main output, and of each by its name where there are several."""
        count = int(self.count)
        each = [tally.figures(count) for tally in self.tallies]
        found: dict[str, Any] = {"examples": count, "loss": float(self.loss) / max(count, 1), **each[0]}
        if len(each) > 1:
            found["outputs"] = {
                criterion.output: {
                    "learns": criterion.target.kind,
                    "loss": float(tally.loss) / max(count, 1),
                    **figures,
                }
                for criterion, tally, figures in zip(self.criteria, self.tallies, each, strict=True)
            }
        return found


def per_class(classes: Sequence[str], right: Tensor, predicted: Tensor, are: Tensor) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and intersection over union of each class; 0 where there is nothing to divide by."""
    right, predicted, are = (each.double().cpu() for each in (right, predicted, are))
    precision, recall = right / predicted.clamp_min(1), right / are.clamp_min(1)
    f1 = 2 * right / (predicted + are).clamp_min(1)
    iou = right / (predicted + are - right).clamp_min(1)
    return {
        name: {
            "examples": int(are[index]),
            "precision": float(precision[index]),
            "recall": float(recall[index]),
            "f1": float(f1[index]),
            "iou": float(iou[index]),
        }
        for index, name in enumerate(classes)
    }


def _mean_of(classes: dict[str, dict[str, float]], figure: str) -> float:
    return sum(each[figure] for each in classes.values()) / len(classes)


def _whole(device: torch.device, *size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.int64, device=device)


def _real(device: torch.device, *size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
