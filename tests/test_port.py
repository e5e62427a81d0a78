"""Weights of public implementations, brought into the modules that archspec builds: the outputs have to be equal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archspec
from archspec.graph import Graph
from compiler.failure import WeightsError
from compiler.module import build
from compiler.port import Mapping, Port, port, read_mapping
from compiler.weights import Weights, paths_of
from compiler.weights.files import natural
from tests import public_branches, public_models
from tests.public_models import randomised

State = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    spec: str
    model: Callable[[], nn.Module]
    input: str | None = None

    def graph(self) -> Graph:
        if self.spec.lstrip().startswith("name:"):
            return archspec.loads(self.spec)
        return archspec.load(self.spec, input=self.input)


_RESNET50 = partial(public_models.ResNet, public_models.Bottleneck, (3, 4, 6, 3))
_DENSENET = partial(public_models.DenseNet, (6, 12, 24, 16))
CASES = {
    "resnet18": Case(
        "resnet/resnet18", partial(public_models.ResNet, public_models.BasicBlock, (2, 2, 2, 2)), "3x64x64"
    ),
    "resnet50": Case("resnet/resnet50", _RESNET50, "3x64x64"),
    "seresnet50": Case(
        "seresnet/seresnet50",
        partial(public_models.ResNet, public_models.SEBottleneck, (3, 4, 6, 3), ceil=True),
        "3x64x64",
    ),
    "vgg16": Case("vgg/vgg16", partial(public_models.VGG, (2, 2, 3, 3, 3), norm=False), "3x32x32"),
    "vgg16_bn": Case("vgg/vgg16_bn", partial(public_models.VGG, (2, 2, 3, 3, 3), norm=True), "3x32x32"),
    "alexnet": Case("alexnet/torchvision", public_models.AlexNet),
    "googlenet": Case("googlenet/torchvision", partial(public_models.GoogLeNet, aux=True)),
    "googlenet_no_aux": Case("googlenet/torchvision_no_aux", partial(public_models.GoogLeNet, aux=True), "3x96x96"),
    "googlenet_without": Case("googlenet/torchvision", partial(public_models.GoogLeNet, aux=False)),
    "densenet121": Case("densenet/densenet121", partial(_DENSENET, dotted=False), "3x64x64"),
    "densenet121_dotted": Case("densenet/densenet121", partial(_DENSENET, dotted=True), "3x64x64"),
    "mobilenet_v2": Case("mobilenet_v2", public_models.MobileNetV2),
    "inception_v3": Case("inception_v3", public_branches.Inception3),
    "efficientnet_b0": Case("efficientnet/b0", public_branches.EfficientNet),
    "squeezenet": Case(public_branches.SQUEEZENET, public_branches.SqueezeNet),
}


def ported(state: State, graph: Graph, *, ordered: bool = True, mapping: Mapping | None = None) -> Port:
    names = list(state) if ordered else sorted(state, key=natural)
    weights = Weights("source", {name: state[name] for name in names}, ordered=ordered)
    return port(weights, graph, paths_of(graph), mapping)


def outputs(graph: Graph, weights: Port, image: Tensor) -> Tensor:
    module = build(graph).eval()
    missing, unexpected = module.load_state_dict(weights.tensors, strict=False)
    assert set(missing) == {name for name in weights.fresh if not name.endswith("num_batches_tracked")}
    assert not unexpected
    with torch.no_grad():
        found = module(image)
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("name", CASES)
def test_outputs_of_ported_weights_are_those_of_the_source(name: str) -> None:
    graph, source = CASES[name].graph(), randomised(CASES[name].model())
    image = torch.randn(2, *graph.input, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = source(image)
    assert expected.std() > 1e-3
    found = {}
    for ordered in (True, False):  # as torch.save keeps the names, and as safetensors sorts them
        weights = ported(dict(source.state_dict()), graph, ordered=ordered)
        found[ordered] = {each.source: each.target for each in weights.placements}
    assert found[True] == found[False]
    assert torch.allclose(outputs(graph, weights, image), expected, rtol=0, atol=1e-5 * expected.abs().max().item())


def _small(spec: str, depths: list[int]) -> Graph:
    return archspec.load(spec, input="3x64x64", settings=[f"depths={depths}"])


def _bottlenecks() -> nn.Module:
    return randomised(public_models.ResNet(public_models.Bottleneck, (1, 2, 1, 1)))


def _by_module(state: State, order: Callable[[str], object]) -> State:
    return {name: state[name] for name in sorted(state, key=order)}


def _as_detectron2(state: State) -> State:
    """Shortcuts first, and norms inside of convolutions."""
    renamed: State = {}
    for name, tensor in state.items():
        name = name.replace("downsample.0.", "shortcut.").replace("downsample.1.", "shortcut.norm.")
        name = re.sub(r"bn(\d)\.", r"conv\1.norm.", name)
        renamed[re.sub(r"layer(\d)", lambda found: f"res{int(found[1]) + 1}", f"backbone.{name}")] = tensor
    blocks = list(dict.fromkeys(".".join(name.split(".")[:3]) for name in renamed))
    return _by_module(renamed, lambda name: (blocks.index(".".join(name.split(".")[:3])), "shortcut" not in name))


def _as_keras(state: State) -> State:
    """The names of keras.applications, the shortcut's number 0, and its order: 0 between 2 and 3."""
    renamed: State = {}
    for name, tensor in state.items():
        block = re.match(r"layer(\d)\.(\d+)\.", name)
        if block is None:
            name = name.replace("conv1", "conv1_conv").replace("bn1", "conv1_bn")
        else:
            name = name[block.end() :].replace("downsample.0", "0_conv").replace("downsample.1", "0_bn")
            name = re.sub(r"(conv|bn)(\d)", r"\2_\1", name)
            name = f"conv{int(block[1]) + 1}_block{int(block[2]) + 1}_{name}"
        renamed[name] = tensor
    rank = {"1": 0, "2": 1, "0": 2, "3": 3}
    blocks = list(dict.fromkeys("_".join(name.split("_")[:2]) for name in renamed))
    return _by_module(
        renamed,
        lambda name: (
            blocks.index("_".join(name.split("_")[:2])),
            rank.get(name.split("_")[2], 0) if name.count("_") > 2 else 0,
        ),
    )


def _in_keras_layout(state: State) -> State:
    """Kernels with the output's maps last, and Keras's names of tensors."""
    found: State = {}
    for name, tensor in state.items():
        module, _, leaf = name.rpartition(".")
        is_norm = f"{module}.running_mean" in state
        if leaf == "weight" and not is_norm:
            order = (2, 3, 1, 0) if tensor.dim() == 4 else (1, 0)
            found[f"{module}/kernel:0"] = tensor.permute(order).contiguous()
        elif leaf != "num_batches_tracked":
            names = {"weight": "gamma", "bias": "beta" if is_norm else "bias"}
            names |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
            found[f"{module}/{names[leaf]}:0"] = tensor
    return found


def _numbered(state: State) -> State:
    """Modules that have numbers for names, all in one list."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    return {f"{modules.index(name.rpartition('.')[0])}.{name.rpartition('.')[2]}": state[name] for name in state}


def _norms_first(state: State) -> State:
    """Norms registered before their convolutions."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    for at in range(len(modules) - 1):
        if "conv" in modules[at] and "bn" in modules[at + 1]:
            modules[at : at + 2] = reversed(modules[at : at + 2])
    return _by_module(state, lambda name: modules.index(name.rpartition(".")[0]))


def _shuffled(state: State) -> State:
    return _by_module(state, lambda name: hash_of(name))


def hash_of(name: str) -> str:
    """An order that has nothing to do with the names."""
    return hashlib.sha256(name.encode()).hexdigest()


NAMINGS: dict[str, Callable[[State], State]] = {
    "detectron2": _as_detectron2,
    "keras": _as_keras,
    "keras_layout": lambda state: _in_keras_layout(_as_keras(state)),
    "numbered": _numbered,
    "norms_first": _norms_first,
    "shuffled": _shuffled,
    "skip": lambda state: {name.replace("downsample", "skip"): tensor for name, tensor in state.items()},
    "without_a_word": lambda state: {name.replace("downsample", "side"): tensor for name, tensor in state.items()},
    "wrapped": lambda state: {f"model.encoder.{name}": tensor for name, tensor in state.items()},
    "profiled": lambda state: {**state, **{f"{name.rpartition('.')[0]}.total_ops": torch.zeros(1) for name in state}},
    "without_counters": lambda state: {name: state[name] for name in state if "num_batches" not in name},
}


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("naming", NAMINGS)
def test_names_and_order_may_be_others(naming: str, ordered: bool) -> None:
    graph, source = _small("resnet/resnet50", [1, 2, 1, 1]), _bottlenecks()
    weights = ported(NAMINGS[naming](dict(source.state_dict())), graph, ordered=ordered)
    expected = ported(dict(source.state_dict()), graph)
    assert weights.tensors.keys() == expected.tensors.keys()
    for name, tensor in expected.tensors.items():
        assert torch.equal(weights.tensors[name], tensor), name


def test_lists_of_convolutions_and_of_norms_are_paired_by_number() -> None:
    class Lists(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(inputs, 8, 3, padding=1) for inputs in (3, 8, 8))
            self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(3))
            self.head = nn.Linear(8, 10)

        def forward(self, x: Tensor) -> Tensor:
            for conv, norm in zip(self.convs, self.norms, strict=True):
                x = norm(conv(x)).relu()
            return self.head(x.mean((2, 3)))

    graph = archspec.loads(
        "input: 3x9x9\nlayers:\n"
        "  - {name: C, type: conv, maps: 8, kernel: 3, padding: 1, norm: batch, activation: relu, repeat: 3}\n"
        "  - {type: global_avg_pool}\n  - {name: F, type: dense, units: 10}\n"
    )
    source, image = randomised(Lists()), torch.randn(2, 3, 9, 9)
    for ordered in (True, False):
        found = outputs(graph, ported(dict(source.state_dict()), graph, ordered=ordered), image)
        assert torch.allclose(found, source(image).detach(), atol=1e-5)


def test_branches_written_level_by_level() -> None:
    """The rows of an inception module may stand in any order in which they can run."""
    graph = archspec.loads(
        "input: 8x9x9\ndefaults: {conv: {padding: half}}\nlayers:\n"
        "  - {name: reduce3, type: conv, maps: 4, kernel: 1, from: in}\n"
        "  - {name: reduce5, type: conv, maps: 4, kernel: 1, from: in}\n"
        "  - {name: one, type: conv, maps: 4, kernel: 1, from: in}\n"
        "  - {name: three, type: conv, maps: 4, kernel: 3, from: reduce3}\n"
        "  - {name: five, type: conv, maps: 4, kernel: 3, from: reduce5}\n"
        "  - {type: concat, from: [one, three, five]}\n"
    )

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch1 = nn.Conv2d(8, 4, 1)
            self.branch2 = nn.Sequential(nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 3, padding=1))
            self.branch3 = nn.Sequential(nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 3, padding=1))

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x)], 1)

    source, image = randomised(Branches()), torch.randn(2, 8, 9, 9)
    mapping = Mapping({"branch1": "one", "branch2.0": "reduce3", "branch2.1": "three"})
    found = outputs(graph, ported(dict(source.state_dict()), graph, mapping=mapping), image)
    assert torch.allclose(found, source(image).detach(), atol=1e-5)


HEADS = """
input: 4x6x6
layers:
  - {name: body, type: conv, maps: 8, kernel: 3}
  - {type: global_avg_pool}
  - {name: flat, type: flatten}
  - {name: left, type: dense, units: 5, from: flat}
  - {name: right, type: dense, units: 5, from: flat}
outputs: {left: {}, right: {}}
"""


def _heads(first: str, second: str) -> State:
    return {
        "stem.weight": torch.randn(8, 4, 3, 3), "stem.bias": torch.randn(8),
        f"{first}.weight": torch.randn(5, 8), f"{first}.bias": torch.randn(5),
        f"{second}.weight": torch.randn(5, 8), f"{second}.bias": torch.randn(5),
    }  # fmt: skip


@pytest.mark.parametrize("names", [("left_head", "right_head"), ("right", "left")])
def test_names_in_common_tell_heads_apart(names: tuple[str, str]) -> None:
    graph, state = archspec.loads(HEADS), _heads(*names)
    weights = ported(state, graph)
    left = next(name for name in names if "left" in name)
    assert torch.equal(weights.tensors["left.weight"], state[f"{left}.weight"])


def test_numbers_do_not_tell_heads_apart() -> None:
    with pytest.raises(WeightsError) as raised:
        ported(_heads("head1", "head2"), archspec.loads(HEADS))
    assert [each.code for each in raised.value.diagnostics] == ["E804"]


def test_what_nothing_tells_apart_is_an_error_that_a_mapping_settles() -> None:
    graph, state = archspec.loads(HEADS), _heads("boxes", "scores")
    with pytest.raises(WeightsError) as raised:
        ported(state, graph)
    (found,) = raised.value.diagnostics
    assert found.code == "E804"
    assert all(name in found.message for name in ("boxes", "scores", "left", "right"))
    assert found.help is not None
    assert "modules: {boxes: left}" in found.help or "modules: {scores: left}" in found.help
    weights = ported(state, graph, mapping=Mapping({"scores": "left"}))
    assert torch.equal(weights.tensors["left.weight"], state["scores.weight"])
    assert {each.source: each.reason for each in weights.placements}["scores"] == "mapping"


def test_dense_layers_and_convolutions_stand_for_each_other() -> None:
    graph = archspec.loads(
        "input: 3x8x8\nlayers:\n  - {name: C, type: conv, maps: 4, kernel: 3, stride: 2, padding: 1}\n"
        "  - {name: F1, type: dense, units: 6}\n  - {name: F2, type: dense, units: 5}\n"
    )

    class Convolutional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c = nn.Conv2d(3, 4, 3, 2, 1)
            self.fc1 = nn.Conv2d(4, 6, 4)
            self.fc2 = nn.Conv2d(6, 5, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc2(self.fc1(self.c(x))).flatten(1)

    source, image = randomised(Convolutional()), torch.randn(2, 3, 8, 8)
    weights = ported(dict(source.state_dict()), graph)
    assert torch.allclose(outputs(graph, weights, image), source(image).detach(), atol=1e-5)
    assert weights.placements[1].change == "weight 6x4x4x4 as 6x64"

    back = archspec.loads(
        "input: 3x8x8\nlayers:\n  - {name: C, type: conv, maps: 4, kernel: 3, stride: 2, padding: 1}\n"
        "  - {name: F1, type: conv, maps: 6, kernel: 4}\n  - {name: F2, type: conv, maps: 5, kernel: 1}\n"
        "  - {type: flatten}\n"
    )
    dense = {name: tensor.flatten(1) if "fc" in name and "weight" in name else tensor for name, tensor in
             source.state_dict().items()}  # fmt: skip
    assert torch.allclose(outputs(back, ported(dense, back), image), source(image).detach(), atol=1e-5)


def test_keras_flattens_with_the_maps_last() -> None:
    graph = archspec.loads(
        "input: 3x5x4\nlayers:\n  - {name: C, type: conv, maps: 6, kernel: 2}\n  - {name: F, type: dense, units: 7}\n"
    )
    kernel, matrix, image = torch.randn(2, 2, 3, 6), torch.randn(72, 7), torch.randn(2, 3, 5, 4)
    # Keras's own computation, written out: windows of an image with maps last, times kernels with maps last
    windows = image.permute(0, 2, 3, 1).unfold(1, 2, 1).unfold(2, 2, 1)  # batch, height, width, maps, 2, 2
    maps = torch.einsum("bhwcij,ijco->bhwo", windows, kernel)
    state = {"conv/kernel": kernel, "conv/bias": torch.zeros(6), "dense/kernel": matrix, "dense/bias": torch.zeros(7)}
    found = outputs(graph, ported(state, graph), image)
    assert torch.allclose(found, maps.flatten(1) @ matrix, atol=1e-4)


def test_depthwise_and_separable_kernels_of_keras() -> None:
    graph = archspec.loads(
        "input: 3x5x5\nlayers:\n  - {name: S, type: separable_conv, maps: 4, kernel: 3, bias: false}\n"
    )
    depthwise, pointwise, image = torch.randn(3, 3, 3, 1), torch.randn(1, 1, 3, 4), torch.randn(2, 3, 5, 5)
    windows = image.unfold(2, 3, 1).unfold(3, 3, 1)  # batch, maps, height, width, 3, 3
    expected = torch.einsum("bchwij,ijc,co->bohw", windows, depthwise[..., 0], pointwise[0, 0])
    state = {"sep/depthwise_kernel": depthwise, "sep/pointwise_kernel": pointwise}
    assert torch.allclose(outputs(graph, ported(state, graph), image), expected, atol=1e-5)


def test_another_head_is_an_error_until_it_is_left_out() -> None:
    source = _bottlenecks()
    graph = archspec.load("resnet/resnet50", settings=["depths=[1, 2, 1, 1]", "classes=10"])
    with pytest.raises(WeightsError) as raised:
        ported(dict(source.state_dict()), graph)
    texts = [str(each.message) + str(each.help) for each in raised.value.diagnostics]
    assert "fc (weight 1000x2048, bias 1000)" in texts[0]
    assert "--leave-out fc" in texts[0]
    assert "fc (weight 10x2048, bias 10)" in texts[1]
    assert "--fresh fc" in texts[1]
    weights = ported(dict(source.state_dict()), graph, mapping=Mapping(leave_out=("fc",), fresh=("fc",)))
    assert weights.left_out == weights.fresh == ("fc.weight", "fc.bias")
    assert torch.equal(weights.tensors["conv1.weight"], source.state_dict()["conv1.weight"])


def test_weights_of_another_architecture_are_refused() -> None:
    source = randomised(public_models.ResNet(public_models.BasicBlock, (2, 2, 2, 2)))
    with pytest.raises(WeightsError) as raised:
        ported(dict(source.state_dict()), _small("resnet/resnet50", [1, 2, 1, 1]))
    assert {each.code for each in raised.value.diagnostics} == {"E803"}


def test_every_tensor_is_placed_once_or_left_out_and_said() -> None:
    source = randomised(public_models.GoogLeNet(aux=True))
    weights = ported(dict(source.state_dict()), archspec.load("googlenet/torchvision_no_aux"))
    placed = [name for each in weights.placements for name in each.entries]
    assert sorted([*placed, *weights.left_out]) == sorted(source.state_dict())
    assert {name.split(".")[0] for name in weights.left_out} == {"aux1", "aux2"}
    assert any("auxiliary heads" in note for note in weights.notes)


def test_shared_modules_come_once() -> None:
    graph = archspec.loads(
        "input: 4x5x5\nlayers:\n  - {name: A, type: conv, maps: 4, kernel: 3, padding: 1}\n"
        "  - {name: B, type: conv, maps: 4, kernel: 3, padding: 1, share: A}\n  - {name: F, type: dense, units: 3}\n"
    )
    conv, head = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(100, 3)
    source = nn.Sequential(conv, conv, nn.Flatten(), head)
    image = torch.randn(2, 4, 5, 5)
    weights = ported(dict(source.state_dict()), graph)
    assert any("second name" in note for note in weights.notes)
    assert torch.allclose(outputs(graph, weights, image), source(image).detach(), atol=1e-5)


def test_an_account_is_a_mapping_that_gives_the_same_again(tmp_path: Path) -> None:
    graph, state = _small("resnet/resnet50", [1, 2, 1, 1]), dict(_bottlenecks().state_dict())
    first = ported(state, graph)
    path = tmp_path / "mapping.yaml"
    path.write_text(first.as_mapping())
    again = ported({name: state[name] for name in reversed(state)}, graph, mapping=read_mapping(path))
    assert [(each.source, each.target) for each in again.placements] == [
        (each.source, each.target) for each in first.placements
    ]
    assert "layer1.0.downsample.0" in first.as_text()


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("modules: {layer1: conv9}", "`conv9`", None),
        ("modules: {layer9: conv2}", "`layer9`", None),
        ("leave_out: [layre1]", "`layre1`", None),
        ("fresh: [fcc]", "`fcc`", None),
        ("moduls: {layer1: conv2}", "`moduls`", (0, 0)),
        ("modules: {layer1: 3}", "`layer1`", (0, 18)),
        ("modules: [layer1]", "`modules`", (0, 9)),
        ("- layer1", "no mapping", None),
    ],
)
def test_a_mapping_with_mistakes(tmp_path: Path, text: str, message: str, place: tuple[int, int] | None) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(WeightsError) as raised:
        ported(dict(_bottlenecks().state_dict()), _small("resnet/resnet50", [1, 2, 1, 1]), mapping=read_mapping(path))
    (found,) = raised.value.diagnostics
    assert found.code == "E805"
    assert message in found.message
    assert place == (None if found.span is None else (found.span.line, found.span.column))


def test_heads_without_names_are_told_apart_by_what_they_follow() -> None:
    """torchvision registers its auxiliary heads, whose last layers are like the network's own, before that one."""
    graph = archspec.load("googlenet/torchvision")
    state = dict(randomised(public_models.GoogLeNet(aux=True)).state_dict())
    weights = ported(_numbered(state), graph)
    for name, tensor in ported(state, graph).tensors.items():
        assert torch.equal(weights.tensors[name], tensor), name
