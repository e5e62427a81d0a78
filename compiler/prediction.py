"""What a trained network says of images, each brought to it as in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archspec.diagnostic import Diagnostic
from compiler.data import DataError, Preprocessing
from compiler.data.images import decode, quietly
from compiler.data.preprocessing import center
from compiler.train.folder import RunFolder
from compiler.train.losses import Criterion, criteria_of
from compiler.train.run import read_run, source_of, weights_of
from compiler.train.session import network_of, recipe_of
from compiler.weights import read_weights

_WHITE = 255.0
_AT_A_TIME = 64


@dataclass(frozen=True)
class Prediction:
    """What the network says of one image."""

    file: str
    classes: tuple[tuple[str, float], ...] = ()
    """the likeliest first, with their probabilities"""
    numbers: tuple[float, ...] = ()
    """what it says where it learnt numbers, and no classes"""
    note: str | None = None
    """what was done to the image that was not done in training"""
    finding: Diagnostic | None = None
    """why there is no prediction"""

    def as_dict(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "file": self.file,
            "classes": [{"class": name, "probability": chance} for name, chance in self.classes],
            "numbers": list(self.numbers),
            "note": self.note,
            "error": None if self.finding is None else self.finding.message,
        }


@dataclass
class Predictor:
    """The network of a run with the weights it has left."""

    network: torch.nn.Module
    criterion: Criterion
    steps: Preprocessing
    device: torch.device
    classes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = self.steps.classes

    @classmethod
    def of_run(cls, run: Path, device: torch.device | str = "cpu") -> Predictor:
        """The network of a run; `TrainingError` where it has not reached its end."""
        folder = RunFolder.existing(run)
        graph, about, _ = read_run(folder)
        weights = weights_of(folder)
        steps = Preprocessing.from_dict(about["preprocessing"])
        network = network_of(source_of(folder, about)).to(device)
        network.load_state_dict(read_weights(weights).tensors)
        criteria = criteria_of(graph, recipe_of(graph), classes=bool(steps.classes))
        main = next(each for each in criteria if not each.train_only)
        return cls(network.eval(), main, steps.for_full(_WHITE), torch.device(device))

    def predict(self, paths: Sequence[Path], top: int) -> Iterator[Prediction]:
        """What the network says of each image; an image that can't be read does not keep it from the others."""
        for at in range(0, len(paths), _AT_A_TIME):
            some = paths[at : at + _AT_A_TIME]
            found = [self._read(path) for path in some]
            good = [image for image, _ in found if isinstance(image, Tensor)]
            outputs = iter(self._outputs(torch.stack(good)) if good else ())
            for path, (image, note) in zip(some, found, strict=True):
                if isinstance(image, DataError):
                    yield Prediction(str(path), finding=image.diagnostic)
                else:
                    yield self._said(path, next(outputs), top, note)

    def _read(self, path: Path) -> tuple[Tensor | DataError, str | None]:
        steps, note = self.steps, None
        try:
            with quietly():
                image = decode(path, steps.maps)
            size = (image.shape[1], image.shape[2])
            if steps.stored not in (None, size) and steps.resize is None:
                assert steps.stored is not None
                note = f"{size[0]}x{size[1]}, resized to the {steps.stored[0]}x{steps.stored[1]} of the training images"
                image = replace(steps, center_crop=None, pad=(0, 0, 0, 0), resize=steps.stored).frame(image)
            frame = steps.frame(image)
            if len(steps.input) > 1:
                frame = center(frame, (steps.input[1], steps.input[2]))
        except DataError as error:
            return (error if error.given[2] else error.of(path)), None
        return steps.normalised(frame.contiguous()).reshape(steps.input), note

    @torch.no_grad()
    def _outputs(self, images: Tensor) -> Tensor:
        outputs = self.network(images.to(self.device))
        first = outputs if isinstance(outputs, Tensor) else outputs[0]
        return (self.criterion.probabilities(first) if self.classes else first.float()).cpu()

    def _said(self, path: Path, output: Tensor, top: int, note: str | None) -> Prediction:
        if not self.classes:
            return Prediction(str(path), numbers=tuple(output.tolist()), note=note)
        chances, best = output.topk(min(top, len(self.classes)))
        named = tuple(
            (self.classes[each], chance) for each, chance in zip(best.tolist(), chances.tolist(), strict=True)
        )
        return Prediction(str(path), classes=named, note=note)
