"""What files give one another: blocks to `use`, families and members to extend, rows and heads to leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.loading import Options, check_family, compile_spec, variants_of

BLOCKS = """
blocks:
  unit:
    params: {maps: =2*in.maps}
    layers: [{name: conv, type: conv, maps: =maps, kernel: 1}]
  twice:
    params: {inner}
    layers: [{name: inner, type: =inner, repeat: 2}]
"""


def write(folder: Path, **texts: str) -> Path:
    """Specs by name in a folder; the last one's path."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{list(texts)[-1]}.yaml"


def codes(path: Path) -> list[str]:
    return [each.code for each in check_family(str(path), Options())]


def test_a_file_of_blocks_is_valid_and_no_network(tmp_path: Path) -> None:
    path = write(tmp_path, blocks=BLOCKS)
    assert codes(path) == []
    assert [each.code for each in compile_spec(str(path), Options()).diagnostics] == ["E117"]
    assert codes(write(tmp_path, blocks=BLOCKS.replace("kernel: 1", "kernal: 1"))) == ["E102"]
    assert codes(write(tmp_path, blocks=BLOCKS + "input: 3x8x8\n")) == ["E117"]


def test_a_block_that_is_an_argument_is_used(tmp_path: Path) -> None:
    spec = """
use: library.yaml
input: 3x8x8
blocks: {own: {layers: [{type: relu}]}}
layers: [{name: pair, type: twice, inner: own}]
"""
    assert codes(write(tmp_path, library=BLOCKS, spec=spec)) == []
    unused = codes(write(tmp_path, library=BLOCKS, spec=spec.replace("inner: own", "inner: unit")))
    assert unused == ["W203"]


def test_a_member_as_parent_leaves_its_family_behind(tmp_path: Path) -> None:
    member = write(tmp_path, spec="extends: resnet/resnet50\nparams: {classes: 10}\n")
    assert variants_of(str(member)) == ()
    assert archspec.load(member).outputs[0].node == "fc"
    family = write(tmp_path, spec="extends: resnet\nparams: {classes: 10}\n")
    assert "resnet18" in variants_of(str(family))


HEADS = """
input: 3x8x8
params: {head: true}
layers:
  - {name: conv, type: conv, maps: 4, kernel: 3, size: 6x6}
  - {name: fc, type: dense, units: 2}
  - {name: aux, type: global_avg_pool, from: conv, when: =head, size: 1x1}
outputs: {fc: {}, aux: {train_only: true}}
"""


@pytest.mark.parametrize(("head", "outputs"), [("true", ["fc", "aux"]), ("false", ["fc"])])
def test_a_head_that_is_left_out_is_no_output(tmp_path: Path, head: str, outputs: list[str]) -> None:
    graph = archspec.load(write(tmp_path, spec=HEADS), settings=[f"head={head}"])
    assert [output.name for output in graph.outputs] == outputs


def test_a_row_that_is_left_out_passes_its_input_to_an_ordinary_output(tmp_path: Path) -> None:
    path = write(tmp_path, spec=HEADS.replace("aux: {train_only: true}", "aux: {}"))
    graph = archspec.load(path, settings=["head=false"])
    assert [output.node for output in graph.outputs] == ["fc", "conv"]


def test_a_family_is_changed_with_one_argument() -> None:
    plain, gated = archspec.load("resnet50"), archspec.load("resnet50", settings=["squeeze=16", "v1=true"])
    assert archspec.cost(gated).trainable == archspec.cost(archspec.load("seresnet50")).trainable
    assert archspec.cost(gated).trainable > archspec.cost(plain).trainable
