"""What may stand around an exported network: the preprocessing before it, and probabilities behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archspec.graph import Graph
from compiler.data import Preprocessing
from compiler.data.preprocessing import center
from compiler.data.targets import Target
from compiler.failure import failure
from compiler.train.losses import Criterion, criteria_of
from compiler.train.session import recipe_of

_WHITE = 255.0


class _Shelled(nn.Module):
    """A network that takes the pixels of images, or gives probabilities, or both."""

    gain: Tensor
    offset: Tensor

    def __init__(self, network: nn.Module, shell: Shell) -> None:
        super().__init__()
        self.network = network
        self.shell = shell
        steps = shell.steps
        if steps is not None:
            self.register_buffer("gain", steps.gain)
            self.register_buffer("offset", steps.offset)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        outputs = self.network(images if self.shell.steps is None else self._prepared(images, self.shell.steps))
        if not self.shell.gives_probabilities:
            return outputs
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        judged = tuple(
            each.probabilities(output) if each.target.classes else output
            for each, output in zip(self.shell.criteria, several, strict=True)
        )
        return judged if isinstance(outputs, tuple) else judged[0]

    def _prepared(self, images: Tensor, steps: Preprocessing) -> Tensor:
        frames = images.to(torch.float32)
        top, bottom, left, right = steps.pad
        if any(steps.pad):
            frames = F.pad(frames, (left, right, top, bottom), value=round(steps.fill * steps.full))
        if len(steps.input) > 1:
            frames = center(frames, (steps.input[1], steps.input[2]))
        return torch.addcmul(self.offset, frames, self.gain).flatten(1).unflatten(1, steps.input)


@dataclass(frozen=True)
class Shell:
    """What stands around a network."""

    steps: Preprocessing | None
    """for pixels of 8 bits; None where the network takes its input as it is"""
    gives_probabilities: bool
    criteria: tuple[Criterion, ...]
    """of the outputs that are left in inference"""

    @classmethod
    def of_run(cls, graph: Graph, about: Mapping[str, Any], *, preprocessing: bool, probabilities: bool) -> Shell:
        """What a run says of what comes before its network and behind it."""
        targets = {name: Target.from_dict(each) for name, each in about["targets"].items()}
        criteria = tuple(each for each in criteria_of(graph, recipe_of(graph), targets) if not each.train_only)
        steps = Preprocessing.from_dict(about["preprocessing"]).for_full(_WHITE) if preprocessing else None
        if steps is not None and steps.stored in (None, (1, 1)):
            raise failure(
                "E807",
                f"{graph.name} learnt from rows of features, which no image gives",
                "leave --with-preprocessing out",
            )
        return cls(steps, probabilities, criteria)

    def around(self, network: nn.Module) -> nn.Module:
        """The network with what stands around it."""
        return _Shelled(network, self)

    @property
    def size(self) -> tuple[int, int, int] | None:
        """Maps, height and width of the images that it takes: resized and cropped already, not yet padded."""
        if self.steps is None:
            return None
        assert self.steps.stored is not None
        height, width = self.steps.size_of(*self.steps.stored)
        top, bottom, left, right = self.steps.pad
        return self.steps.maps, height - top - bottom, width - left - right

    def examples(self, batch: int) -> Tensor | None:
        """Images to try it with; None where it takes the network's input."""
        if self.size is None:
            return None
        noise = torch.Generator().manual_seed(batch)
        return torch.randint(256, (batch, *self.size), generator=noise, dtype=torch.uint8)

    @property
    def said(self) -> str:
        """What it takes, and what it leaves to others."""
        if self.size is None or self.steps is None:
            return "takes the network's input"
        maps, height, width = self.size
        colours = {1: "grey", 3: "red, green and blue"}.get(maps, f"{maps} maps")
        before = [
            name for name, asked in (("resized", self.steps.resize), ("cropped", self.steps.center_crop)) if asked
        ]
        outside = f", {' and '.join(before)} already" if before else ""
        return f"takes uint8 images of {maps}x{height}x{width}, {colours}, 0 to 255{outside}"

    def metadata(self) -> dict[str, str]:
        """What a file says of it."""
        found = {each.output: list(each.target.classes) for each in self.criteria if each.target.classes}
        return {"classes": json.dumps(found), "input": self.said}
