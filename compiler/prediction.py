"""What a trained network says of images, each brought to it as in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archspec.diagnostic import Diagnostic
from compiler.data import DataError, Preprocessing
from compiler.data.boxes import Window, middle
from compiler.data.images import SUFFIXES, decode, quietly
from compiler.data.preprocessing import center
from compiler.data.targets import Target
from compiler.train.folder import RunFolder
from compiler.train.losses import Criterion, criteria_of
from compiler.train.run import read_run, source_of, weights_of
from compiler.train.session import network_of, recipe_of

_WHITE = 255.0
_AT_A_TIME = 64


@dataclass(frozen=True)
class Said:
    """What one output says of an image."""

    output: str
    classes: tuple[tuple[str, float], ...] = ()
    """the likeliest first, with their probabilities"""
    numbers: tuple[float, ...] = ()
    box: tuple[float, ...] = ()
    """left, top, right and bottom, in pixels of the image"""

    def as_dict(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "classes": [{"class": name, "probability": chance} for name, chance in self.classes],
            "numbers": list(self.numbers),
            "box": list(self.box),
        }


@dataclass(frozen=True)
class Prediction:
    """What the network says of one image."""

    file: str
    outputs: tuple[Said, ...] = ()
    """that of the main output first"""
    note: str | None = None
    """what was done to the image that was not done in training"""
    finding: Diagnostic | None = None
    """why there is no prediction"""

    def as_dict(self) -> dict[str, Any]:
        """The same for programs."""
        main = self.outputs[0] if self.outputs else Said("")
        several = {"outputs": {each.output: each.as_dict() for each in self.outputs}} if len(self.outputs) > 1 else {}
        return {
            "file": self.file,
            **main.as_dict(),
            **several,
            "note": self.note,
            "error": None if self.finding is None else self.finding.message,
        }


@dataclass(frozen=True)
class Seen:
    """An image as the network sees it."""

    input: Tensor
    size: tuple[int, int]
    """of the image"""
    window: Window
    """the part of the image that the network sees"""
    note: str | None


@dataclass
class Predictor:
    """The network of a run with the weights it has left."""

    network: torch.nn.Module
    criteria: tuple[Criterion, ...]
    steps: Preprocessing
    device: torch.device

    @classmethod
    def of_run(cls, run: Path, device: torch.device | str = "cpu") -> Predictor:
        """The network of a run; `TrainingError` where it has not reached its end."""
        folder = RunFolder.existing(run)
        graph, about, _ = read_run(folder)
        weights = weights_of(folder)
        network = network_of(source_of(folder, about)).to(device)
        network.load_state_dict(weights)
        targets = {name: Target.from_dict(each) for name, each in about["targets"].items()}
        criteria = criteria_of(graph, recipe_of(graph), targets)
        steps = Preprocessing.from_dict(about["preprocessing"]).for_full(_WHITE)
        lasting = tuple(each for each in criteria if not each.train_only)
        return cls(network.eval(), lasting, steps, torch.device(device))

    def predict(self, paths: Sequence[Path], top: int) -> Iterator[Prediction]:
        """What the network says of each image; an image that can't be read does not keep it from the others."""
        for at in range(0, len(paths), _AT_A_TIME):
            some = paths[at : at + _AT_A_TIME]
            found = [self.read(path) for path in some]
            good = [each.input for each in found if isinstance(each, Seen)]
            outputs = iter(self.outputs(torch.stack(good)) if good else ())
            for path, each in zip(some, found, strict=True):
                if isinstance(each, DataError):
                    yield Prediction(str(path), finding=each.diagnostic)
                else:
                    said = zip(self.criteria, next(outputs), strict=True)
                    yield Prediction(str(path), tuple(_said(*pair, top, each) for pair in said), each.note)

    def read(self, path: Path) -> Seen | DataError:
        """The image of a file as the network sees it, or why there is none."""
        steps, note = self.steps, None
        if path.is_dir():
            return DataError("E721", "a folder, where an image is wanted", path, _images_in(path))
        try:
            with quietly():
                image = decode(path, steps.maps)
            size = (image.shape[1], image.shape[2])
            before = size
            if steps.stored not in (None, size) and steps.resize is None:
                assert steps.stored is not None
                note = f"{size[0]}x{size[1]}, resized to the {steps.stored[0]}x{steps.stored[1]} of the training images"
                image = replace(steps, center_crop=None, pad=(0, 0, 0, 0), resize=steps.stored).frame(image)
                before = steps.stored
            window = steps.window(*torch.tensor(before))
            frame = steps.frame(image)
            if len(steps.input) > 1:
                cut = (steps.input[1], steps.input[2])
                window = window.part(middle((frame.shape[1], frame.shape[2]), cut))
                frame = center(frame, cut)
        except DataError as error:
            return error if error.given[2] else error.of(path)
        return Seen(steps.normalised(frame.contiguous()).reshape(steps.input), size, window, note)

    @torch.no_grad()
    def outputs(self, images: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """For each image what each output says, as probabilities where these are classes."""
        outputs = self.network(images.to(self.device))
        several = (outputs,) if isinstance(outputs, Tensor) else outputs
        judged = [
            (each.probabilities(output) if each.target.classes else output.float()).cpu()
            for each, output in zip(self.criteria, several, strict=True)
        ]
        return zip(*judged, strict=True)


def _images_in(folder: Path) -> str:
    """How to name the images of a folder."""
    for pattern in ("*", "*/*", "*/*/*"):
        suffix = next((each.suffix for each in sorted(folder.glob(pattern)) if each.suffix.lower() in SUFFIXES), None)
        if suffix is not None:
            return f"name the images in it: {folder}/{pattern}{suffix}"
    return f"there are none in {folder}: name files of images"


def _said(criterion: Criterion, output: Tensor, top: int, seen: Seen) -> Said:
    target = criterion.target
    if target.kind == "boxes":
        height, width = seen.size
        left, top_side, right, bottom = seen.window.whole(output.double()).clamp(0, 1).tolist()
        return Said(criterion.output, box=(left * width, top_side * height, right * width, bottom * height))
    if not target.classes:
        return Said(criterion.output, numbers=tuple(output.tolist()))
    chances, best = output.topk(min(top, len(target.classes)))
    ranked = zip(best.tolist(), chances.tolist(), strict=True)
    return Said(criterion.output, tuple((target.classes[each], chance) for each, chance in ranked))
