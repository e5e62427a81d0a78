"""The sections `data`, `preprocess` and `augment`: what may stand in them, and what is said of anything else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from archspec.loading import Options, check_family, compile_text
from archspec.source import Source
from archspec.training_data import (
    SOURCES,
    Arrays,
    AugmentKeys,
    DataKeys,
    Digits,
    Folder,
    PreprocessKeys,
    Statistics,
)
from tests.conftest import REPOSITORY

LAYERS = "input: 1x8x8\nlayers:\n  - {name: fc, type: dense, units: 10}\ntrain:\n"
DATA: TypeAdapter[Any] = TypeAdapter(DataKeys)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("digits", Digits()),
        ({"type": "digits", "validation": 0.1}, Digits(validation=0.1)),
        ({"type": "digits", "validation": 100}, Digits(validation=100)),
        ({"type": "folder", "path": "pets", "split": "75/15/10"}, Folder(path="pets", split=(75, 15, 10))),
        ({"type": "folder", "path": "pets", "split": [0.8, 0.2]}, Folder(path="pets", split=(0.8, 0.2))),
        ({"type": "arrays", "path": "d.npz", "classes": ["b", "a"]}, Arrays(path="d.npz", classes=("b", "a"))),
    ],
)
def test_data(written: object, read: object) -> None:
    assert DATA.validate_python(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"resize": 32}, {"resize": 32}),
        ({"resize": "32x24"}, {"resize": (32, 24)}),
        ({"resize": [32, 24]}, {"resize": (32, 24)}),
        ({"resize": "input"}, {"resize": "input"}),
        ({"pad": 2}, {"pad": (2, 2, 2, 2)}),
        ({"pad": [1, 2, 3, 4]}, {"pad": (1, 2, 3, 4)}),
        ({"center_crop": 224}, {"center_crop": (224, 224)}),
        ({"rescale": False}, {"rescale": False}),
        ({"rescale": 0.5}, {"rescale": 0.5}),
        ({"normalise": {"mean": 0, "deviation": [1, 2]}}, {"normalise": Statistics(mean=(0, 0), deviation=(1, 2))}),
        ({"normalise": {"mean": [1, 2, 3], "deviation": [1, 2]}}, None),
        ({"normalise": {"mean": 0.5, "deviation": 1}}, {"normalise": Statistics(mean=(0.5,), deviation=(1.0,))}),
        ({"normalise": "imagenet"}, {"normalise": "imagenet"}),
        ({"normalise": {"mean": 0, "deviation": 0}}, None),
        ({"normalise": {"mean": [0, 0, 0]}}, None),
        ({"normalise": True}, None),
        ({"resize": 0}, None),
        ({"resize": True}, None),
        ({"resize": "big"}, None),
        ({"fill": 255}, None),
        ({"rescale": 0}, None),
        ({"pad": -1}, None),
    ],
)
def test_preprocess(written: dict[str, Any], read: dict[str, Any] | None) -> None:
    if read is None:
        with pytest.raises(ValidationError):
            PreprocessKeys.model_validate(written)
    else:
        assert PreprocessKeys.model_validate(written) == PreprocessKeys(**read)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"shift": 2}, {"shift": (2, 2)}),
        ({"shift": [0, 4]}, {"shift": (0, 4)}),
        ({"horizontal_flip": True}, {"horizontal_flip": 0.5}),
        ({"horizontal_flip": False}, {}),
        ({"zoom": 0.25}, {"zoom": (0.75, 1.25)}),
        ({"zoom": [0.8, 1]}, {"zoom": (0.8, 1.0)}),
        ({"resized_crop": [0.08, 1]}, {"resized_crop": (0.08, 1.0)}),
        ({"crop": 0}, {"crop": 0}),
        ({"zoom": 2}, None),
        ({"zoom": [1, 10**400]}, None),
        ({"zoom": [1.2, 0.8]}, None),
        ({"resized_crop": [0, 1]}, None),
        ({"rotation": 200}, None),
        ({"mixup": 0}, None),
        ({"erasing": 1.5}, None),
        ({"flip": True}, None),
    ],
)
def test_augment(written: dict[str, Any], read: dict[str, Any] | None) -> None:
    if read is None:
        with pytest.raises(ValidationError):
            AugmentKeys.model_validate(written)
    else:
        assert AugmentKeys.model_validate(written) == AugmentKeys(**read)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_every_key_is_described(source: Any) -> None:
    assert source.__doc__
    for model in (source, PreprocessKeys, AugmentKeys):
        for name, field in model.model_fields.items():
            assert field.description or name == "type"


def found(train: str) -> list[tuple[str, str, str]]:
    """The code of each finding, what stands where it points, and its help."""
    checked = compile_text(Source("spec.yaml", LAYERS + train), Options())
    marked = []
    for each in checked.diagnostics:
        assert each.span is not None
        line = each.span.source.lines[each.span.line]
        marked.append((each.code, line[each.span.column : each.span.end_column], each.help or ""))
    return marked


@pytest.mark.parametrize(
    ("train", "code", "marked", "help"),
    [
        ("  data: {type: folder, pth: pets}\n", "E102", "pth", "path"),
        ("  data: {type: folder}\n", "E103", "", "path"),
        ("  data: mnits\n", "E104", "mnits", "mnist"),
        ("  data: {type: digits, path: here}\n", "E102", "path", ""),
        ("  data: {type: mnist, validation: 2.5}\n", "E104", "2.5", ""),
        ("  data: {type: folder, path: pets, split: 75}\n", "E104", "75", ""),
        ("  data: {type: folder, path: pets, split: [0.8, 0.3]}\n", "E104", "[0.8, 0.3]", ""),
        ("  data: {type: folder, path: pets, split: 75/15}\n", "E104", "75/15", ""),
        ("  data: digits\n  lr: 0.1\n", "E102", "lr", "optimizer"),
        ("  data: digits\n  optimizer: {type: sgd, lr: 0.1}\n", "E102", "lr", "rate"),
        ("  data: digits\n  augment: {flip: true}\n", "E102", "flip", "horizontal_flip"),
        ("  data: digits\n  preprocess: {resise: 8}\n", "E102", "resise", "resize"),
        ("  data: digits\n  preprocess: {normalise: mine}\n", "E104", "mine", ""),
        ("  data: digits\n  augment: {rotation: 270}\n", "E104", "270", ""),
        ("  data: digits\n  augment: {horizontal_flipp: true}\n", "E102", "horizontal_flipp", "horizontal_flip"),
    ],
)
def test_mistakes_are_found_where_they_stand(train: str, code: str, marked: str, help: str) -> None:
    findings = found(train)
    assert [each[0] for each in findings] == [code]
    assert marked in findings[0][1]
    assert help in findings[0][2]


def test_sections_that_are_right() -> None:
    text = LAYERS + (
        "  data: {type: folder, path: pets, split: 80/10/10, classes: [cat, dog], workers: 2, resident: false}\n"
        "  preprocess: {resize: 256, center_crop: 224, normalise: {mean: 0.5, deviation: 0.25}, fill: 0.5}\n"
        "  augment: {crop: 4, horizontal_flip: true, brightness: 0.2, contrast: 0.2, erasing: 0.1, cutmix: 1.0}\n"
    )
    assert not [each for each in check_family(Source("spec.yaml", text), Options()) if each.severity == "error"]


def test_every_key_is_in_the_docs() -> None:
    text = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")
    keys = {name for model in (*SOURCES, PreprocessKeys, AugmentKeys) for name in model.model_fields}
    words = {*keys, *(source.model_fields["type"].default for source in SOURCES)}
    assert {word for word in words if not re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", text)} == set()
