"""Built modules in everything that torch does with modules."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import archspec
from archspec.graph import Graph
from compiler import build
from tests.emitted import as_tuple

# loops, branches, optional parts, functions as arguments, layers of our own, auxiliary heads, shared weights
SHARED = """
name: shared
input: 4x9x9
layers:
  - {name: a, type: conv, maps: 4, kernel: 3, padding: half, norm: batch, activation: relu}
  - {name: b, type: conv, maps: 4, kernel: 3, padding: half, dilation: 2, norm: batch, share: a}
  - {name: c, type: conv, maps: 4, kernel: 3, padding: half, norm: batch, share: a}
"""
SPECS = ["lenet5/1998", "vgg/vgg11_bn", "mobilenet_v3/small", "googlenet/torchvision", "resnet/resnet18", "shared"]


def load(name: str) -> Graph:
    if name == "shared":
        return archspec.loads(SHARED)
    size = {"lenet5/1998": "1x32x32", "googlenet/torchvision": "3x96x96"}.get(name, "3x64x64")
    return archspec.load(name, input=size)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pair(name: str) -> tuple[Graph, nn.Module, torch.Tensor]:
    graph = load(name)
    torch.manual_seed(0)
    return graph, build(graph).eval(), torch.rand(2, *graph.input)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", SPECS)
def test_traced_exported_and_compiled(name: str) -> None:
    _, module, image = pair(name)
    with torch.no_grad():
        wanted = module(image)
        batch = torch.export.Dim("batch", min=1, max=64)
        exported = torch.export.export(module, (image,), dynamic_shapes={"x": {0: batch}})
        torch.testing.assert_close(exported.module()(image), wanted)
        torch.testing.assert_close(exported.module()(image[:1]), module(image[:1]))
        traced = torch.jit.trace(module, image)
        torch.testing.assert_close(traced(image), wanted)
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(image), wanted)
    torch._dynamo.reset()


@pytest.mark.parametrize("name", SPECS)
def test_training_compiled_is_training(name: str) -> None:
    graph = load(name)
    image = torch.rand(2, *graph.input)
    gradients = []
    for backend in (None, "aot_eager"):
        module = build(graph).train()
        step = torch.compile(module, fullgraph=True, backend=backend) if backend else module
        torch.manual_seed(1)
        results = as_tuple(step(image))
        assert len(results) == len(graph.outputs)
        torch.stack([each.square().mean() for each in results]).sum().backward()
        gradients.append([weight.grad for weight in module.parameters() if weight.requires_grad])
    if name != "googlenet/torchvision":  # whose dropout draws in another order when compiled
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_compiled_by_inductor() -> None:
    _, module, image = pair("lenet5/1998")
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(module, fullgraph=True)(image), module(image), rtol=1e-3, atol=1e-4)
    torch._dynamo.reset()


@pytest.mark.parametrize("name", SPECS)
def test_autocast_and_channels_last(name: str) -> None:
    _, module, image = pair(name)
    with torch.no_grad():
        wanted = module(image)
        with torch.autocast("cpu", torch.bfloat16):
            assert all(torch.isfinite(each).all() for each in as_tuple(module(image)))
        last = module.to(memory_format=torch.channels_last)
        torch.testing.assert_close(last(image.to(memory_format=torch.channels_last)), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", SPECS)
def test_copied_pickled_and_moved(name: str) -> None:
    graph, module, image = pair(name)
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    others = [copy.deepcopy(module), pickle.loads(pickle.dumps(module)), torch.load(buffer, weights_only=False)]
    others += [module.double().float()]
    with torch.no_grad():
        wanted = module(image)
        for other in others:
            assert type(other) is type(module)
            torch.testing.assert_close(other(image), wanted)
    alike = build(graph, seed=1).eval()
    alike.load_state_dict(module.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(alike(image), wanted)


def test_unpickled_where_nothing_was_built(tmp_path: Path) -> None:
    _, module, image = pair("resnet/resnet18")
    (tmp_path / "module").write_bytes(pickle.dumps((module, image, module(image))))
    code = (
        "import pickle, sys, torch; module, image, wanted = pickle.load(open(sys.argv[1], 'rb'));"
        "torch.testing.assert_close(module(image), wanted)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "module")], check=True)


def test_shared_weights_stay_shared() -> None:
    _, module, _ = pair("shared")
    for each in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module)), module.double(), module.to("cpu")):
        assert each.b.weight is each.a.weight
    assert sum(weight.numel() for weight in module.parameters()) == archspec.cost(load("shared")).trainable


def test_ddp(tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        graph = load("googlenet/torchvision")
        module = nn.parallel.DistributedDataParallel(build(graph).train())
        torch.stack([each.mean() for each in module(torch.rand(2, *graph.input))]).sum().backward()
        assert all(weight.grad is not None for weight in module.parameters())
    finally:
        torch.distributed.destroy_process_group()


def test_traceback_shows_the_emitted_line() -> None:
    module = build(archspec.load("lenet5"))
    with pytest.raises(RuntimeError) as caught:
        module(torch.rand(1, 3, 32, 32))
    assert "x = self.C1(x)" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_the_seed_decides_and_the_generator_stays() -> None:
    graph = load("lenet5/1998")
    before = torch.random.get_rng_state()
    one, same, other = build(graph, seed=5), build(graph, seed=5), build(graph, seed=6)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.C1.weight, same.C1.weight)
    assert not torch.equal(one.C1.weight, other.C1.weight)


def test_dtype_and_meta() -> None:
    graph = load("lenet5/1998")
    assert {weight.dtype for weight in build(graph, dtype=torch.bfloat16).parameters()} == {torch.bfloat16}
    assert {weight.device.type for weight in build(graph, device="meta").parameters()} == {"meta"}
    assert graph.build().C1.weight.equal(build(graph).C1.weight)


INITS = [f"{rule}_{shape}" for rule in ("he", "glorot", "lecun") for shape in ("normal", "uniform")] + ["zeros"]
FANS = {
    "{type: conv, maps: 64, kernel: 3}": (32 * 9, 64 * 9),
    "{type: transposed_conv, maps: 64, kernel: 3}": (32 * 9, 64 * 9),
    "{type: dense, units: 80}": (32 * 64, 80),
    "{type: conv, maps: 4, kernel: 5, connections: [[0, 1, 2, 3], [0, 1], [2, 3], [4, 5, 6, 7]]}": (
        3 * 25,
        12 / 8 * 25,
    ),
}


def variance(init: str, inputs: float, outputs: float) -> float:
    """What the papers have."""
    rule = init.partition("_")[0]
    return {"he": 2 / inputs, "glorot": 2 / (inputs + outputs), "lecun": 1 / inputs, "zeros": 0.0}[rule]


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("row", FANS)
def test_weights_start_as_the_spec_says(init: str, row: str) -> None:
    text = f"input: 32x8x8\nlayers: [{row.replace('{', f'{{name: row, init: {init}, ', 1)}]"
    module = build(archspec.loads(text))
    weight, bias = module.row.weight.detach(), module.row.bias.detach()
    wanted = variance(init, *FANS[row])
    assert bias.eq(0).all()
    count = weight.numel()
    assert weight.square().mean().item() == pytest.approx(wanted, rel=6 / count**0.5)
    if "uniform" in init:
        assert weight.abs().max().item() <= (3 * wanted) ** 0.5 + 1e-6
    elif init != "zeros":
        assert weight.abs().max().item() > (3 * wanted) ** 0.5


def test_a_residual_unit_can_start_as_its_shortcut() -> None:
    text = """
input: 4x6x6
layers:
  - {name: a, type: conv, maps: 4, kernel: 3, padding: half, norm: {type: batch_norm, init: zeros}}
  - {type: add, from: [a, in]}
"""
    module = build(archspec.loads(text)).eval()
    image = torch.rand(2, 4, 6, 6)
    assert torch.equal(module(image), image)


def test_the_largest_costs_its_own_memory() -> None:
    """VGG-19 is built in a process of its own that may have little more than its 575 MB."""
    code = """
import resource, torch, archspec, compiler
graph = archspec.load("vgg/vgg19")
compiler.build(archspec.load("lenet5"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
module = compiler.build(graph)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024 / sum(weight.nbytes for weight in module.parameters()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.05
