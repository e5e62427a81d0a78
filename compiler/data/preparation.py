"""Data as a spec describes them, ready for a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from torch import Tensor

from archspec.memory.held import MOST_FLOAT
from archspec.names import BOXES, LABEL
from archspec.shape import Shape
from archspec.training_data import Arrays, AugmentKeys, DataKeys, Digits, Folder, HuggingFace, PreprocessKeys, Random
from compiler.data.augmentation import Augmentation
from compiler.data.boxes import corners
from compiler.data.errors import DataError
from compiler.data.examples import Examples, Source, Stack
from compiler.data.loading import FrameReader, loader_of, read_all, together, worker_count
from compiler.data.memory import free_memory
from compiler.data.preprocessing import Preprocessing
from compiler.data.sources.opening import open_source
from compiler.data.splits import Resident, Split, Streamed
from compiler.data.statistics import measured
from compiler.data.stream import READERS, Stream
from compiler.data.targets import Target

_SAMPLED = 4096
"""examples that statistics are taken from where they are not held"""
_AT_A_TIME = 512
_LABEL_ALONE: Mapping[str, int | None] = {LABEL: None}


@dataclass(frozen=True)
class Data:
    """What a run reads: its parts, and how an image becomes what the network sees."""

    targets: dict[str, Target]
    """what outputs learn, that of the main one first"""
    splits: dict[str, Split]
    """train, test and, where there is one, validation"""
    preprocessing: dict[str, Any]
    """plain data, which `Preprocessing.from_dict` reads"""
    notes: list[str] = field(default_factory=list[str])
    """what was chosen, and why"""

    @property
    def main(self) -> Target:
        """What the main output learns."""
        return next(iter(self.targets.values()))

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that the main output tells apart; empty where it learns something else."""
        return self.main.classes if self.main.kind == "classes" else ()

    @property
    def held(self) -> int:
        """The bytes of all images that lie on the device."""
        return sum(split.images.nbytes for split in self.splits.values() if isinstance(split, Resident))


def prepare(
    keys: DataKeys,
    preprocess: PreprocessKeys | None,
    augment: AugmentKeys | None,
    *,
    input: Shape,
    seed: int,
    device: torch.device | str,
    base: Path,
    heads: Mapping[str, int | None] = _LABEL_ALONE,
    preprocessing: Mapping[str, Any] | None = None,
) -> Data:
    """The data of a spec, for an input of this shape; `DataError` where they can't be used.

    Paths are seen from `base`. `heads` are the names of what outputs learn, the main one's first, with the units of
    each, which the classes are held against. `preprocessing` is that of a run, whose statistics are then used in place
    of new ones.
    """
    device = torch.device(device)
    preprocess, augment = preprocess or PreprocessKeys(), augment or AugmentKeys()
    source = open_source(keys, input=input, base=base, heads=heads)
    targets = {name: source.targets[name] for name in heads}
    _check_units(targets, heads, source.parts["train"].origin)
    examples, steps, shape = _fitted(source, _defaults(keys, preprocess), augment, input)
    size = (input.height, input.width) if input.is_maps else (shape[1], shape[2])
    examples = {part: _with_boxes(each, steps, keys) for part, each in examples.items()}
    holds = _held(keys.resident, examples, shape, device, source.notes)
    workers = worker_count(keys.workers)
    if holds:
        frames = _all_frames(examples, steps, shape, workers)
        steps = _with_statistics(steps, preprocess, augment, preprocessing, examples["train"], [frames["train"]])
    else:
        frames = {}
        sample = _sample(FrameReader(examples["train"], steps, shape), workers)
        steps = _with_statistics(steps, preprocess, augment, preprocessing, examples["train"], sample)
        _note_streaming(examples, workers, preprocess, preprocessing, source.notes)
    for part, each in examples.items():
        if isinstance(each, Stream):
            source.notes += each.said_of_order() if part == "train" else []
            source.notes += [] if holds else each.said_of_reading(part, free_memory(torch.device("cpu")))
    steps = replace(steps, classes=Data(targets, {}, {}).classes, examples=_known_by(source.parts))
    if preprocessing is not None:
        _note_changes(Preprocessing.from_dict(preprocessing), steps, source.notes)
    splits: dict[str, Split] = {}
    as_float = holds and _as_float(frames, device)
    for part, each in examples.items():
        common = (
            part,
            each,
            steps,
            Augmentation(augment, steps, (shape[1], shape[2]), size),
            targets,
            seed,
        )
        if holds:
            held = frames.pop(part)
            splits[part] = Resident(*common, device, _on_device(held, steps, device, as_float=as_float))
        else:
            loader = loader_of(FrameReader(each, steps, shape), workers, pinned=device.type == "cuda")
            splits[part] = Streamed(*common, device, loader)
    return Data(targets, splits, steps.as_dict(), source.notes)


def _check_units(targets: Mapping[str, Target], heads: Mapping[str, int | None], origin: str) -> None:
    for name, units in heads.items():
        target = targets[name]
        if units is not None and target.kind == "classes" and len(target.classes) == 1:
            raise DataError(
                "E731", f"one class alone, {target.listed}: there is nothing to tell apart", origin,
                "examples of two classes or more",
            )  # fmt: skip
        if units is None or target.fits(units):
            continue
        listed = f": {target.listed}" if target.classes else ""
        help = f"a last row with units: {target.units}"
        if target.kind == "numbers" and units > 1:
            help += "; labels that are classes are whole numbers or names: labels.astype(int)"
        raise DataError(
            "E731", f"{target.said}, and the output has {units:,} unit{'s' if units != 1 else ''}{listed}", origin, help
        )


def _defaults(keys: DataKeys, preprocess: PreprocessKeys) -> PreprocessKeys:
    """Digits of 8x8 fit no network: they become as large as the input unless the spec says how large."""
    if isinstance(keys, Digits) and preprocess.resize is None:
        return preprocess.model_copy(update={"resize": "input"})
    return preprocess


def _fitted(
    source: Source, preprocess: PreprocessKeys, augment: AugmentKeys, input: Shape
) -> tuple[dict[str, Examples], Preprocessing, tuple[int, int, int]]:
    """The examples in as many maps as the network takes, the steps, and the shape of frames."""
    train = source.parts["train"]
    _check_features(train, input)
    may_be_larger = augment.crop is not None or augment.resized_crop is not None
    misfits: list[DataError] = []
    for maps in (input.maps,) if input.is_maps else _maps_of_vectors(train):
        steps = replace(Preprocessing.of(preprocess, input, maps, source.full), has_white=source.has_white)
        first = train.in_maps(maps)
        stored = first.stored(0)
        steps = replace(steps, stored=(stored.shape[1], stored.shape[2]))
        try:
            height, width = steps.size_of(stored.shape[1], stored.shape[2])  # before anything of it is made
        except DataError as error:
            raise error.of(first.place(0)) from error
        if input.is_maps:
            larger = may_be_larger and height >= input.height and width >= input.width
            fits = larger or (height, width) == (input.height, input.width)
        else:
            fits = maps * height * width == input.elements
        shape = (maps, height, width)
        if fits:
            return {part: each.in_maps(maps) for part, each in source.parts.items()}, steps, shape
        misfits.append(_misfit(first.place(0), tuple(stored.shape), shape, input, may_be_larger=may_be_larger))
    raise misfits[0]


def _check_features(examples: Examples, input: Shape) -> None:
    """Rows of features go into a network that takes so many, and are not taken for images."""
    if not isinstance(examples, Stack) or examples.images.shape[2:] != (1, 1):
        return
    features = examples.images.shape[1]
    if tuple(input) not in ((features,), (features, 1, 1)):
        help = f"a spec with input: {features}"
        if features == input.elements:
            help += f"; or examples.reshape(-1, {', '.join(map(str, input))})"
        raise DataError("E730", f"{features} features, and the input is {input}", examples.origin, help)


def _maps_of_vectors(examples: Examples) -> tuple[int, ...]:
    """How many maps examples may have where the network takes a vector: their own, or those of images."""
    if isinstance(examples, Stack):
        return (examples.images.shape[1],)
    return (1, 3)


def _with_boxes(examples: Examples, steps: Preprocessing, keys: DataKeys) -> Examples:
    """The examples with their boxes, as the source has them, in parts of the frames that they become."""
    if BOXES not in examples.targets or isinstance(keys, Random):
        return examples
    assert isinstance(keys, Folder | Arrays | HuggingFace)
    sizes = examples.sizes()
    boxes = corners(examples.targets[BOXES], keys.boxes, sizes, examples.place)
    return examples.with_targets({**examples.targets, BOXES: steps.window(*sizes.unbind(1)).seen(boxes).float()})


def _misfit(
    place: str, stored: tuple[int, ...], frame: tuple[int, ...], input: Shape, *, may_be_larger: bool
) -> DataError:
    size = f"{stored[1]}x{stored[2]}"
    becomes = f", which become {frame[1]}x{frame[2]}," if frame[1:] != stored[1:] else ""
    help = "preprocess: {resize: HxW}, as many pixels as the input has features"
    if input.is_maps:
        down, across = input.height - frame[1], input.width - frame[2]
        ways = ["resize: input"]
        if down == across and down > 0 and down % 2 == 0 and frame == stored:
            ways.append(f"pad: {down // 2}")
        if down <= 0 and across <= 0 and not may_be_larger:
            ways.append(f"center_crop: {input.height}x{input.width}")
        help = f"in preprocess: {', or '.join(ways)}"
        if down <= 0 and across <= 0 and not may_be_larger:
            help += "; or in augment: crop: 0, which cuts pieces out anywhere"
    return DataError("E730", f"{size}{becomes} and the input is {input}", place, help)


def _held(
    asked: bool | None, examples: Mapping[str, Examples], shape: tuple[int, ...], device: torch.device, notes: list[str]
) -> bool:
    """Whether all examples are held on the device."""
    count = sum(map(len, examples.values()))
    needed = count * prod(shape) * _bytes_of(examples["train"])
    free = free_memory(device)
    if asked and needed > free:
        raise DataError(
            "E738", f"held on {device}, {count:,} examples take {_size(needed)}, and {_size(free)} are free",
            examples["train"].origin, "leave out `resident: true`",
        )  # fmt: skip
    holds = asked if asked is not None else needed <= free / 3
    if not holds:
        why = "as `resident: false` says" if asked is False else f"held on {device} they would take {_size(needed)} " \
            f"of the {_size(free)} that are free"  # fmt: skip
        notes.append(f"{count:,} examples are loaded when they are wanted: {why}")
        return False
    why = ", as `resident: true` says" if asked else ""
    notes.append(f"{count:,} examples of {'x'.join(map(str, shape))} are held on {device}{why}")
    return True


def _bytes_of(examples: Examples) -> int:
    return examples.images.element_size() if isinstance(examples, Stack) else 1


def _size(count: float) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.0f} MiB"


def _all_frames(
    examples: Mapping[str, Examples], steps: Preprocessing, shape: tuple[int, ...], workers: int
) -> dict[str, Tensor]:
    """The frames of all examples of all parts, in this process's memory."""
    frames: dict[str, Tensor] = {}
    errors: list[DataError] = []
    for part, each in examples.items():
        reader = FrameReader(each, steps, shape)
        if isinstance(each, Stack):
            reader.read(0)  # which says whether those of this part, all of one size, have the size of the others
            frames[part] = _stacked(each, steps)
        else:
            frames[part] = torch.empty(len(each), *shape, dtype=torch.uint8)
            errors += read_all(reader, workers, frames[part])
    if errors:
        raise together(errors)
    return frames


def _stacked(examples: Stack, steps: Preprocessing) -> Tensor:
    height, width = examples.images.shape[-2:]
    if steps.leaves(height, width):
        return examples.images if examples.rows is None else examples.images[examples.rows]
    return torch.cat([steps.frame(chunk) for chunk in examples.chunks(_AT_A_TIME)])


def _sample(reader: FrameReader, workers: int) -> Iterator[Tensor]:
    """Frames of some examples, always the same ones."""
    return loader_of(reader, workers).frames(reader.examples.sample(_SAMPLED), 64)


def _with_statistics(
    steps: Preprocessing,
    preprocess: PreprocessKeys,
    augment: AugmentKeys,
    known: Mapping[str, Any] | None,
    examples: Examples,
    frames: Iterator[Tensor] | list[Tensor],
) -> Preprocessing:
    """The steps with the statistics that they want: those of a run, else the training examples' own."""
    if known is not None:
        found = Preprocessing.from_dict(known)
        return replace(
            steps, mean=found.mean, deviation=found.deviation, range=found.range, components=found.components
        )
    colours = augment.pca_jitter is not None and steps.maps == 3
    of_any_range = isinstance(examples, Stack) and examples.images.is_floating_point()
    if preprocess.normalise != "own" and not colours and not of_any_range:
        return steps
    statistics = measured(frames, steps.factor, steps.full, colours=colours)
    steps = replace(steps, range=statistics.range, components=statistics.components)
    if preprocess.normalise == "own":
        steps = replace(steps, mean=statistics.mean, deviation=statistics.deviation)
    return steps


def _known_by(parts: Mapping[str, Examples]) -> tuple[tuple[str, int, int], ...]:
    return tuple((part, len(each), _checksum(each)) for part, each in parts.items())


def _checksum(examples: Examples) -> int:
    found = 0
    for each in examples.targets.values():
        found = crc32(each.numpy().tobytes(), found)
    if examples.windows is not None:  # the order follows from the pieces
        found = crc32(repr(examples.windows).encode(), found)
    return found


def _note_changes(before: Preprocessing, now: Preprocessing, notes: list[str]) -> None:
    if before.examples == now.examples:
        return
    counts = [", ".join(f"{part} {count:,}" for part, count, _ in each.examples) for each in (before, now)]
    said = (
        f"they were {counts[0]}, and are {counts[1]}" if counts[0] != counts[1] else "their labels or pieces are others"
    )
    notes.append(f"the data have changed since the run began: {said}")


def _note_streaming(
    examples: Mapping[str, Examples],
    workers: int,
    preprocess: PreprocessKeys,
    known: Mapping[str, Any] | None,
    notes: list[str],
) -> None:
    loaders = f"{workers} processes load them" if workers != 1 else "one process loads them"
    if isinstance(examples["train"], Stream):
        loaders = f"{READERS} threads read them, and {max(workers, 1)} decode them"
    elif not workers:
        loaders = "they are loaded by the process that trains, as `workers: 0` says"
    notes.append(loaders)
    if preprocess.normalise == "own" and known is None and len(examples["train"]) > _SAMPLED:
        notes.append(f"mean and deviation are those of {_SAMPLED:,} of the training examples")


def _as_float(frames: Mapping[str, Tensor], device: torch.device) -> bool:
    """Whether frames are held as the network sees them, which saves converting every batch."""
    needed = 4 * sum(each.numel() for each in frames.values())
    return needed <= min(MOST_FLOAT, free_memory(device) / 3)


def _on_device(frames: Tensor, steps: Preprocessing, device: torch.device, *, as_float: bool) -> Tensor:
    if not as_float and not frames.is_floating_point():
        return frames.to(device)
    found = torch.empty(frames.shape, dtype=torch.float32, device=device)
    for chunk, place in zip(frames.split(_AT_A_TIME), found.split(_AT_A_TIME), strict=True):
        place.copy_(steps.normalised(chunk.to(device)))
    return found
