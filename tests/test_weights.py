"""Files of weights: what goes in comes out, what does not fit is said, and nothing is overwritten."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import archspec
from archspec.cli.main import main
from compiler.atomic import whole_file
from compiler.failure import WeightsError
from compiler.module import build
from compiler.weights import blank_state, load, read_weights, save

SPEC = """
name: Small
input: 1x8x8
params: {classes: 10}
layers:
  - {name: C1, type: conv, maps: 4, kernel: 3, bias: false, norm: batch, activation: relu}
  - {name: S2, type: max_pool, kernel: 2}
  - {name: fc, type: dense, units: =classes}
"""


def _module(classes: int = 10, seed: int = 0) -> nn.Module:
    return build(archspec.loads(SPEC, settings=[f"classes={classes}"]), seed=seed)


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _same(state: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return state.keys() == other.keys() and all(torch.equal(state[name], other[name]) for name in state)


def _refused(code: str, act: Callable[[], object]) -> str:
    with pytest.raises(WeightsError) as raised:
        act()
    (found,) = raised.value.diagnostics
    assert found.code == code
    return f"{found.message}\n{found.help}"


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    module, other = _module(seed=1), _module(seed=2)
    save(module, tmp_path / "small.safetensors", spec="Small")
    assert not _same(_copy(module), _copy(other))
    report = load(other, tmp_path / "small.safetensors")
    assert report.fits
    assert set(report.loaded) == set(module.state_dict())
    assert _same(_copy(module), _copy(other))
    assert _same(load_file(tmp_path / "small.safetensors"), _copy(module))
    weights = read_weights(tmp_path / "small.safetensors")
    assert weights.written_for == "Small"
    assert weights.metadata["archspec"] == archspec.__version__


def test_names_and_shapes_are_known_without_building() -> None:
    graph = archspec.load("googlenet/torchvision", input="3x96x96", settings=["auxiliary=false"])
    state = build(graph, device="meta").state_dict()
    assert {name: (t.shape, t.dtype) for name, t in blank_state(graph).items()} == {
        name: (t.shape, t.dtype) for name, t in state.items()
    }


def test_tensors_that_share_memory_are_saved_each(tmp_path: Path) -> None:
    tensor = torch.randn(3, 2)
    save({"a": tensor, "b": tensor.t()}, tmp_path / "shared.safetensors")
    found = load_file(tmp_path / "shared.safetensors")
    assert torch.equal(found["a"], tensor)
    assert torch.equal(found["b"], tensor.t())


def test_a_mismatch_names_everything_and_loads_nothing(tmp_path: Path) -> None:
    module = _module()
    before = _copy(module)
    state = _copy(_module(classes=7, seed=3))
    state["C2.weight"] = state.pop("C1.weight")
    save(state, tmp_path / "other.safetensors", spec="Other")
    text = _refused("E802", lambda: load(module, tmp_path / "other.safetensors"))
    for part in ("1 missing (C1.weight)", "1 unexpected (C2.weight)", "fc.weight: 7x36, wanted 10x36", "for Other"):
        assert part in text
    assert "did you mean `C2.weight`" in text
    assert _same(_copy(module), before)


def test_a_changed_head_keeps_the_rest(tmp_path: Path) -> None:
    module, source = _module(), _module(classes=7, seed=3)
    before = _copy(module)
    save(source, tmp_path / "other.safetensors")
    report = load(module, tmp_path / "other.safetensors", on_mismatch="report")
    assert report.fresh == ("fc.weight", "fc.bias")
    after = _copy(module)
    assert all(torch.equal(after[name], before[name]) for name in report.fresh)
    assert torch.equal(after["C1.weight"], source.state_dict()["C1.weight"])
    assert "fresh" in report.as_text()
    assert "fc.weight" in report.as_text()


def test_weights_without_anything_in_common_are_never_loaded(tmp_path: Path) -> None:
    save({"a.weight": torch.zeros(2)}, tmp_path / "a.safetensors")
    text = _refused("E802", lambda: load(_module(), tmp_path / "a.safetensors", on_mismatch="report"))
    assert "weights port" in text


def test_integers_are_no_weights(tmp_path: Path) -> None:
    state = _copy(_module())
    state["fc.weight"] = state["fc.weight"].to(torch.int8)
    save(state, tmp_path / "int8.safetensors")
    assert "10x36 of int8" in _refused("E802", lambda: load(_module(), tmp_path / "int8.safetensors"))


def test_counters_may_be_missing(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in _copy(_module()).items() if "num_batches" not in name}
    save(state, tmp_path / "old.safetensors")
    assert load(_module(), tmp_path / "old.safetensors").fits


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: OrderedDict(state),
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {"state_dict": state}, "optimizer": {"lr": 0.1}},
        lambda state: {"model_state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"ema": state, "step": torch.tensor(3).item()},
        lambda state: {"n_averaged": torch.tensor(5), **{f"module.{name}": each for name, each in state.items()}},
        lambda state: {**state, "epoch": 4},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoints_are_unwrapped(tmp_path: Path, wrap: Callable[[object], object], zipped: bool) -> None:
    source, module = _module(seed=5), _module()
    torch.save(wrap(_copy(source)), tmp_path / "c.pth", _use_new_zipfile_serialization=zipped)
    assert load(module, tmp_path / "c.pth").fits
    assert _same(_copy(module), _copy(source))
    assert list(read_weights(tmp_path / "c.pth").tensors) == list(source.state_dict())


def test_of_several_weights_one_is_chosen_and_said(tmp_path: Path) -> None:
    plain, average = _copy(_module(seed=1)), _copy(_module(seed=2))
    torch.save({"model": plain, "ema": {"shadow": average}, "ema_model": average}, tmp_path / "c.pt")
    weights = read_weights(tmp_path / "c.pt")
    assert _same(weights.tensors, plain)
    assert any("`model`" in note and "`ema_model`" in note for note in weights.notes)
    assert _same(read_weights(tmp_path / "c.pt", key="ema.shadow").tensors, average)
    assert "`emma`" in _refused("E801", lambda: read_weights(tmp_path / "c.pt", key="emma"))


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("sprung"),))


def test_code_in_a_pickle_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _copy(_module()), "extra": _Trap()}, "trap.pth")
    text = _refused("E801", lambda: read_weights("trap.pth"))
    assert "code" in text
    assert "state_dict" in text
    torch.save(_module(), "whole.pth", pickle_module=pickle)
    _refused("E801", lambda: read_weights("whole.pth"))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"<!DOCTYPE html>", "web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
        (b"layers: [1, 2]", "begins like none"),
        (b"\x80\x02}q\x00.", "damaged"),
        (b"PK\x03\x04" + bytes(40), "damaged"),
        (b"\x80\x05garbage", "damaged"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{not json at all", "damaged"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "damaged"),
    ],
)
def test_what_is_no_file_of_weights_is_said_to_be_none(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    assert reason in _refused("E801", lambda: read_weights(tmp_path / "weights.pth"))


@pytest.mark.parametrize("content", [3, [torch.zeros(2)], {}, {"lr": 0.1, "losses": [1.0]}, {1: torch.zeros(2)}])
def test_what_holds_no_tensors_by_name(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "c.pth")
    assert "no tensors by name" in _refused("E801", lambda: read_weights(tmp_path / "c.pth"))


@pytest.mark.parametrize("name", ["c.pth", "c.safetensors"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9, 0.999])
def test_files_cut_short(tmp_path: Path, name: str, part: float) -> None:
    state = _copy(_module())
    if name.endswith("pth"):
        torch.save(state, tmp_path / name)
    else:
        save_file(state, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * part)])
    _refused("E801", lambda: read_weights(tmp_path / name))


def test_absent_files_and_folders(tmp_path: Path) -> None:
    assert "no such file" in _refused("E801", lambda: read_weights(tmp_path / "none.pth"))
    assert "directory" in _refused("E801", lambda: read_weights(tmp_path))


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_text("precious")
    assert "--force" in _refused("E806", lambda: save(_module(), path))
    assert path.read_text() == "precious"
    save(_module(), path, replace=True)
    assert read_weights(path).tensors
    assert [each.name for each in tmp_path.iterdir()] == ["mine.safetensors"]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"

    def write() -> None:
        with whole_file(path) as written:
            written.write_text("new")
            path.write_text("precious")

    _refused("E806", write)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("precious")

    def write() -> None:
        with whole_file(path, replace=True) as written:
            written.write_text("half")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write()
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_can_not_be_written(tmp_path: Path) -> None:
    assert "no folder" in _refused("E806", lambda: save(_module(), tmp_path / "none" / "a.safetensors"))
    assert "is a folder" in _refused("E806", lambda: save(_module(), tmp_path, replace=True))


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SPEC)
    source = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(1, 4, 3, bias=False), bn=nn.BatchNorm2d(4), head=nn.Linear(36, 10))
    )
    torch.save({"state_dict": source.state_dict()}, "source.pth")

    assert main(["weights", "show", "source.pth"]) == 0
    printed = capsys.readouterr()
    assert "conv.weight" in printed.out
    assert "4x1x3x3" in printed.out
    assert "`state_dict`" in printed.err
    assert main(["weights", "show", "source.pth", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["tensors"]["head.bias"] == {"shape": [10], "dtype": "float32"}

    assert main(["weights", "check", "source.pth", "small.yaml"]) == 1
    assert "E802" in capsys.readouterr().err

    port = ["weights", "port", "source.pth", "small.yaml", "-o", "small.safetensors"]
    assert main([*port, "--write-mapping", "mapping.yaml"]) == 0
    printed = capsys.readouterr()
    assert "conv  -> C1" in printed.out
    assert "8 tensors of the source placed" in printed.out
    assert torch.equal(load_file("small.safetensors")["fc.weight"], source.state_dict()["head.weight"])
    assert "bn: C1.norm" in Path("mapping.yaml").read_text()

    assert main(port) == 1
    assert "E806" in capsys.readouterr().err
    assert main([*port, "--force", "--mapping", "mapping.yaml", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["placed"]) == 3

    assert main(["weights", "check", "small.safetensors", "small.yaml"]) == 0
    assert "all 8 tensors of Small are there" in capsys.readouterr().out
    assert main(["weights", "check", "small.safetensors", "small.yaml", "--set", "classes=9"]) == 1
    assert "fc.weight: 10x36, wanted 9x36" in capsys.readouterr().err
    assert main(["weights", "port", "source.pth", "small.yaml", "--set", "classes=9"]) == 1
    assert capsys.readouterr().err.count("E803") == 2
    heads = ["--leave-out", "head", "--fresh", "fc"]
    assert main(["weights", "port", "source.pth", "small.yaml", "--set", "classes=9", *heads]) == 0
    assert "2 fresh, without a source: fc.weight, fc.bias" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "port"])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "old.pt"])
def test_spec_and_file_that_have_changed_places(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # the ninth character is the brace that stands there in a safetensors file, too
    Path("net.yaml").write_text("layers: {D: {type: dense, units: 2}}\ninput: 4\n")
    tensors = {"D.weight": torch.zeros(2, 4), "D.bias": torch.zeros(2)}
    if name.endswith(".safetensors"):
        save_file(tensors, name)
    else:
        torch.save(tensors, name, _use_new_zipfile_serialization=name == "w.pth")
    assert main(["weights", command, "net.yaml", name]) == 1
    printed = " ".join(capsys.readouterr().err.split())
    assert f"E801]: {name} is a file of weights" in printed
    assert f"the file of weights comes first: archspec weights {command} {name} net.yaml" in printed
    assert main(["weights", command, name, "net.yaml"]) in (0, 1)
    assert "comes first" not in capsys.readouterr().err
    assert main(["weights", command, name, name]) == 1
    assert f"weights {command} {name} SPEC" in capsys.readouterr().err
