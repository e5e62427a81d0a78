"""Figures of a network on examples, summed up on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from compiler.train.losses import Criterion

LARGEST_CONFUSION = 2048
"""classes from which on no confusion matrix is kept"""


@dataclass
class Sums:
    """What figures are made of: sums over examples, which add up over batches and processes."""

    loss: Tensor
    """of the loss, in double precision, so that it does not depend on how examples are divided"""
    count: Tensor
    correct: Tensor
    top5: Tensor
    confusion: Tensor
    """rows are classes, columns what was predicted"""
    has_classes: bool = True

    @classmethod
    def zeros(cls, classes: int, device: torch.device) -> Sums:
        """Nothing seen yet."""
        side = classes if classes <= LARGEST_CONFUSION else 0

        def whole(*size: int) -> Tensor:
            return torch.zeros(size, dtype=torch.int64, device=device)

        wide = torch.float32 if device.type == "mps" else torch.float64
        loss = torch.zeros((), dtype=wide, device=device)
        return cls(loss, whole(), whole(), whole(), whole(side, side), has_classes=classes > 0)

    def add(self, criterion: Criterion, output: Tensor, target: Tensor, loss: Tensor) -> None:
        """Take in a batch; nothing waits for the device."""
        self.count += len(target)
        self.loss += loss.detach().to(self.loss.dtype) * len(target)
        if not self.has_classes:
            return
        if target.is_floating_point():
            target = target.argmax(dim=1)
        predicted = criterion.predict(output)
        self.correct += (predicted == target).sum()
        if output.shape[1] > 5:
            nearest = (-output if criterion.gives == "distances" else output).topk(5, dim=1).indices
            self.top5 += (nearest == target.unsqueeze(1)).any(dim=1).sum()
        side = len(self.confusion)
        if side:
            cells = (target * side + predicted).flatten()
            self.confusion.view(-1).scatter_add_(0, cells, torch.ones_like(cells))

    def tensors(self) -> tuple[Tensor, ...]:
        """All sums, to be added up over processes."""
        return (self.loss, self.count, self.correct, self.top5, self.confusion)

    def figures(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """The figures as plain numbers; where numbers are learnt, there are no classes and only the loss."""
        count = int(self.count)
        found: dict[str, Any] = {"examples": count, "loss": float(self.loss) / max(count, 1)}
        if classes:
            found["accuracy"] = int(self.correct) / max(count, 1)
        if len(classes) > 5:
            found["top5"] = int(self.top5) / max(count, 1)
        if classes and len(self.confusion) == len(classes):
            found["classes"] = per_class(self.confusion.cpu(), classes)
            found["mean_iou"] = sum(each["iou"] for each in found["classes"].values()) / len(classes)
            found["confusion"] = self.confusion.tolist()
        return found


def per_class(confusion: Tensor, classes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and intersection over union of each class; 0 where there is nothing to divide by."""
    right = confusion.diagonal().double()
    predicted, examples = confusion.sum(dim=0).double(), confusion.sum(dim=1).double()
    precision, recall = right / predicted.clamp_min(1), right / examples.clamp_min(1)
    f1 = 2 * right / (predicted + examples).clamp_min(1)
    iou = right / (predicted + examples - right).clamp_min(1)
    return {
        name: {
            "examples": int(examples[index]),
            "precision": float(precision[index]),
            "recall": float(recall[index]),
            "f1": float(f1[index]),
            "iou": float(iou[index]),
        }
        for index, name in enumerate(classes)
    }
