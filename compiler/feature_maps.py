"""The maps that an image makes in a trained network, as small numbers to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from archspec.draw.learnt import MOST_PIXELS, MOST_TILES, Filters, Learnt, Sides, Tiles
from archspec.graph import Graph, Output
from compiler.data import DataError, prepare
from compiler.failure import failure
from compiler.module import built_with
from compiler.prediction import Predictor
from compiler.train.folder import RunFolder
from compiler.train.losses import Criterion
from compiler.train.run import read_run, weights_of
from compiler.train.session import heads_of, recipe_of, settings_of
from compiler.weights import carried

_CLASSES = 5
_LARGEST_IMAGE = 160
"""pixels along a side of the image that is shown"""


def graph_of_run(run: Path) -> Graph:
    """The network of a run; `TrainingError` where the folder is none."""
    return read_run(RunFolder.existing(run))[0]


def feature_maps(run: Path, nodes: Sequence[str], image: Path | None) -> Learnt:
    """What some nodes give for an image of a file, or for the first example of the run's test data."""
    folder = RunFolder.existing(run)
    graph, about, _ = read_run(folder)
    state = weights_of(folder)
    filters = _filters(graph, state, about["modules"])
    predictor = Predictor.of_run(run)
    # with one thread, sums have the same last digit however many processors there are
    with settings_of(recipe_of(graph), 1), torch.no_grad():
        seen = _example(graph, about, predictor) if image is None else _of_file(predictor, image)
        observed = replace(graph, outputs=tuple(Output(f"node{index}", node) for index, node in enumerate(nodes)))
        found = built_with(observed, carried(state, about["modules"], observed))(seen.input)
        outputs = next(predictor.outputs(seen.input))
    maps = [found] if isinstance(found, Tensor) else list(found)
    layers = {node: _tiles(each[0]) for node, each in zip(nodes, maps, strict=True)}
    shown = predictor.steps.shown(seen.input)[0]
    picture = _smaller(shown if shown.shape[0] == 3 else shown[:1].expand(3, -1, -1), _LARGEST_IMAGE)
    _, rows, columns = picture.shape
    classes, boxes = _index_of(predictor, "classes"), _index_of(predictor, "boxes")
    return Learnt(
        _bytes(picture), rows, columns, seen.file, filters, layers,
        () if classes is None else _likeliest(predictor.criteria[classes], outputs[classes]), seen.truth, seen.note,
        None if boxes is None else _sides(outputs[boxes]), seen.true_box,
        tuple(each.output for at, each in enumerate(predictor.criteria) if at not in (classes, boxes)),
    )  # fmt: skip


@dataclass(frozen=True)
class _Image:
    """An image as the network sees it, in a batch of one."""

    input: Tensor
    file: str
    truth: str | None = None
    note: str | None = None
    true_box: Sides | None = None


def _of_file(predictor: Predictor, path: Path) -> _Image:
    seen = predictor.read(path)
    if isinstance(seen, DataError):
        raise seen
    return _Image(seen.input.unsqueeze(0), path.name, note=seen.note)


def _example(graph: Graph, about: Mapping[str, Any], predictor: Predictor) -> _Image:
    """The first example of the test data, or of the validation data where there are none."""
    keys = recipe_of(graph)
    data = prepare(
        keys.data, keys.preprocess, keys.augment, input=graph.input, seed=keys.seed, device="cpu",
        base=Path(about["base"]), heads=heads_of(graph), preprocessing=about["preprocessing"],
    )  # fmt: skip
    part = "test" if "test" in data.splits else "validation"
    split = data.splits[part]
    images, targets = next(iter(split.batches(torch.tensor([0]), 1, epoch=0, augment=False)))
    classes, boxes = _index_of(predictor, "classes"), _index_of(predictor, "boxes")
    truth, true_box = None, None
    if classes is not None:
        learnt = predictor.criteria[classes]
        truth = learnt.target.classes[int(targets[learnt.learns][0])]
    if boxes is not None:
        true_box = _sides(targets[predictor.criteria[boxes].learns][0])
    return _Image(images, f"example 1 of {part}", truth, true_box=true_box)


def _index_of(predictor: Predictor, kind: str) -> int | None:
    """The first output that learnt something of a kind."""
    return next((at for at, each in enumerate(predictor.criteria) if each.target.kind == kind), None)


def _likeliest(criterion: Criterion, output: Tensor) -> tuple[tuple[str, float], ...]:
    classes = criterion.target.classes
    chances, best = output.topk(min(_CLASSES, len(classes)))
    return tuple((classes[each], chance) for each, chance in zip(best.tolist(), chances.tolist(), strict=True))


def _sides(box: Tensor) -> Sides:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom


def _filters(graph: Graph, state: Mapping[str, Tensor], paths: Mapping[str, str]) -> Filters:
    """The kernels of the first convolution."""
    for row in graph.rows:
        weight = state.get(f"{paths.get(row.main.name)}.weight")
        if row.main.operator.role == "conv" and weight is not None and weight.dim() == 4:
            inputs = weight.shape[1]
            if inputs != 3:
                return Filters(row.name, _tiles(weight[:, 0]), False, inputs)
            tiles = _tiles(weight[:, 0])
            largest = float(weight.abs().max())
            coloured = tuple(_bytes(0.5 + 0.5 * each / (largest or 1.0)) for each in weight[:MOST_TILES])
            return Filters(row.name, replace(tiles, maps=coloured, largest=largest), True, inputs)
    raise failure(
        "E227", f"{graph.name} has no convolution, and so no filters and maps to show",
        "draw its network: --style table",
    )  # fmt: skip


def _tiles(tensor: Tensor) -> Tiles:
    """Maps as small numbers: (maps, height, width), or the numbers of a vector as maps of one pixel."""
    maps = tensor.float() if tensor.dim() == 3 else tensor.float().reshape(-1, 1, 1)
    largest = float(maps.abs().max())
    is_vector = maps.shape[1] * maps.shape[2] == 1
    shown = maps if is_vector else _smaller(maps[:MOST_TILES], MOST_PIXELS)
    levels = (128 + 127 * shown / (largest or 1.0)).round().clamp(1, 255).to(torch.uint8)
    _, rows, columns = shown.shape
    return Tiles(len(maps), rows, columns, tuple(each.numpy().tobytes() for each in levels), largest)


def _smaller(maps: Tensor, most: int) -> Tensor:
    """Maps with at most so many pixels to a side: the means of squares."""
    factor = -(-max(maps.shape[1:]) // most)
    return maps if factor == 1 else F.avg_pool2d(maps.unsqueeze(0), factor, ceil_mode=True)[0]


def _bytes(picture: Tensor) -> bytes:
    """Red, green and blue from 0 to 1, (3, height, width), as bytes row by row."""
    return (255 * picture).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy().tobytes()
