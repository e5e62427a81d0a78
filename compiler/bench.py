"""How long networks take: forward pass and training step, measured side by side."""

from __future__ import annotations

import platform
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archspec.costs import cost, training_macs, weight_depth
from archspec.graph import Graph
from archspec.memory import Dtype, weight_bytes
from archspec.report.bench import Bench, Benched, Device, Pass, Spread
from compiler.failure import failure
from compiler.module import build

_WARM_UP = 3
"""passes before any is measured: the first ones compile, choose algorithms and fill caches"""
_LEAST = 0.01
"""seconds that one measurement takes at least, as many passes as that needs"""
_MATRIX = {"cpu": 1024, "cuda": 8192}
"""the side of the matrices whose product is the peak"""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure."""

    batch: int = 1
    dtype: Dtype = "float32"
    channels_last: bool = False
    compile: bool = False
    """whether torch.compile is applied"""
    training: bool = True
    """whether the training step is measured too"""
    repeats: int = 10


@dataclass(frozen=True, slots=True)
class _Contender:
    """Something that takes its turn in every round."""

    prepare: Callable[[], object]
    """what is done before each measurement"""
    run: Callable[[], None]
    passes: int
    """in one measurement"""
    seconds: list[float]

    def take_turn(self, device: torch.device) -> None:
        self.prepare()
        self.seconds.append(_seconds(self.run, self.passes, device))


def bench(
    networks: Mapping[str, tuple[Graph, float | None]], devices: Sequence[str] = (), settings: Settings | None = None
) -> Bench:
    """Measure networks, given by name with their published accuracy; on all devices there are, unless some are named.

    Each is measured once in every round, so that a machine that becomes slower does so for all.
    """
    settings = settings or Settings()
    found = [device_of(name) for name in devices or present()]
    measured = {str(device): _measure(networks, device, settings) for device in found}
    return Bench(
        {**asdict(settings), "torch": torch.__version__, "threads": torch.get_num_threads()},
        tuple(Device(name, _model(torch.device(name)), peak) for name, (peak, _) in measured.items()),
        tuple(
            Benched(
                name,
                str(graph.input),
                weight_bytes(cost(graph), settings.dtype),
                cost(graph).trainable,
                weight_depth(graph),
                top1,
                {device: passes[name] for device, (_, passes) in measured.items()},
            )
            for name, (graph, top1) in networks.items()
        ),
    )


def present() -> list[str]:
    """The devices of this machine."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def device_of(name: str) -> torch.device:
    """A device by its name; `WeightsError` where it is none, or not here."""
    kind, _, index = name.partition(":")
    if kind not in _MATRIX or (index and not index.isdigit()):
        raise failure("E904", f"there is no kind of device '{name}'", "use cpu, cuda or cuda:1")
    if kind == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise failure("E904", f"torch finds no device '{kind}' here", "use --device cpu")
    if int(index or 0) >= torch.cuda.device_count():
        raise failure(
            "E904", f"there is no device {name}: torch finds {torch.cuda.device_count()}", "use --device cuda"
        )
    return torch.device(kind, int(index or 0))


def _model(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


def _measure(
    networks: Mapping[str, tuple[Graph, float | None]], device: torch.device, settings: Settings
) -> tuple[float, dict[str, tuple[Pass, ...]]]:
    """The peak of a device in operations a second, and the passes of each network."""
    dtype: torch.dtype = getattr(torch, settings.dtype)
    side = _MATRIX[device.type]
    with _explained("a product of matrices", device, settings):
        product = _warmed_up(lambda: None, _product(side, device, dtype), device)
    contenders: dict[tuple[str, str], tuple[_Contender, int | None]] = {}
    for name, (graph, _) in networks.items():
        with _explained(name, device, settings):
            for kind, prepare, run, memory in _passes(graph, device, dtype, settings):
                contenders[name, kind] = (_warmed_up(prepare, run, device), memory)
    turns = [product, *(each for each, _ in contenders.values())]
    for _ in range(settings.repeats):
        for each in turns:
            each.take_turn(device)
    found: dict[str, tuple[Pass, ...]] = {}
    for (name, kind), (contender, memory) in contenders.items():
        graph, _ = networks[name]
        macs = cost(graph).macs if kind == "forward" else training_macs(graph)
        one = Pass(kind, Spread.of(contender.seconds), settings.batch, 2 * macs * settings.batch, memory)
        found[name] = (*found.get(name, ()), one)
    return 2 * side**3 / min(product.seconds), found


def _passes(
    graph: Graph, device: torch.device, dtype: torch.dtype, settings: Settings
) -> Iterator[tuple[str, Callable[[], object], Callable[[], None], int | None]]:
    """What is measured of one network: its kind, how to prepare it, how to run it, and the memory that it takes."""
    images = torch.randn(settings.batch, *graph.input, device=device, dtype=dtype)
    if settings.channels_last and graph.input.is_maps:
        images = images.contiguous(memory_format=torch.channels_last)
    module = build(graph, device=device, dtype=dtype)
    if settings.channels_last:
        module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    run: Any = torch.compile(module) if settings.compile else module

    def forward() -> None:
        with torch.inference_mode():
            run(images)

    def memory(of: Callable[[], None]) -> int | None:
        if device.type == "cuda":
            return _memory_of_cuda(of, module, images, device)
        return None if settings.compile else _memory_of_cpu(of, module, images)

    module.eval()
    yield "forward", module.eval, forward, memory(forward)
    trained = [each for each in module.parameters() if each.requires_grad]
    if not settings.training or not trained:
        return
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9)
    weights = [output.weight for output in graph.outputs]

    def step() -> None:
        optimizer.zero_grad()
        _loss(run(images), weights).backward()
        optimizer.step()

    module.train()
    yield "step", module.train, step, memory(step)


def _loss(outputs: Tensor | tuple[Tensor, ...], weights: Sequence[float]) -> Tensor:
    """The weighted sum over outputs, auxiliary ones included, of the loss of classifiers."""
    results = outputs if isinstance(outputs, tuple) else (outputs,)
    losses = [
        weight * F.cross_entropy(each.float(), each.new_zeros((len(each), *each.shape[2:]), dtype=torch.long))
        for each, weight in zip(results, weights, strict=True)
    ]
    return torch.stack(losses).sum()


def _product(side: int, device: torch.device, dtype: torch.dtype) -> Callable[[], None]:
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    result = torch.empty_like(one)

    def product() -> None:
        torch.mm(one, other, out=result)

    return product


def _warmed_up(prepare: Callable[[], object], run: Callable[[], None], device: torch.device) -> _Contender:
    seconds = min(_seconds(run, 1, device) for _ in range(_WARM_UP))
    return _Contender(prepare, run, max(1, int(_LEAST / max(seconds, 1e-6))), [])


def _seconds(run: Callable[[], None], passes: int, device: torch.device) -> float:
    """The time of one pass, the mean of some."""
    _wait(device)
    started = time.perf_counter()
    for _ in range(passes):
        run()
    _wait(device)
    return (time.perf_counter() - started) / passes


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory_of_cuda(run: Callable[[], None], module: nn.Module, images: Tensor, device: torch.device) -> int:
    """The most bytes alive in a pass; the first one makes what stays, such as an optimizer's moments."""
    before = torch.cuda.memory_allocated(device)
    run()
    torch.cuda.reset_peak_memory_stats(device)
    run()
    return _resident(module, images) + torch.cuda.max_memory_allocated(device) - before


def _memory_of_cpu(run: Callable[[], None], module: nn.Module, images: Tensor) -> int:
    """The same where torch keeps no account, and of what compiled code allocates there is none."""
    with _Alive() as alive:
        run()
        run()
    return _resident(module, images) + alive.peak


def _resident(module: nn.Module, images: Tensor) -> int:
    return sum(each.nbytes for each in (*module.parameters(), *module.buffers(), images))


class _Alive(TorchDispatchMode):
    """Counts the bytes of tensors that operations make, as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self._known.update(each.untyped_storage() for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor))
        result = func(*args, **kwargs)
        for each in tree_leaves(result):
            if isinstance(each, Tensor) and (storage := each.untyped_storage()) not in self._known:
                size = storage.nbytes()
                self._known.add(storage)
                self.now += size
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._forget, size)
        return result

    def _forget(self, size: int) -> None:
        self.now -= size


@contextmanager
def _explained(name: str, device: torch.device, settings: Settings) -> Iterator[None]:
    """What stops a network from running at all, as a finding."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _failed(name, f"{device} has too little memory for a batch of {settings.batch}", "smaller") from error
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        said = f"in a batch of {settings.batch} a batch norm sees one value of each map, which has no variance"
        raise _failed(name, said, "larger") from error
    except (NotImplementedError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        if "can't allocate memory" in first:
            raise _failed(name, f"too little memory for a batch of {settings.batch}", "smaller") from error
        if "not implemented for" not in first:
            raise
        raise failure("E808", f"{name} can't be measured: torch says {first}", "use --dtype float32") from error


def _failed(name: str, why: str, batch: str) -> Exception:
    return failure("E808", f"{name} can't be measured: {why}", f"use a {batch} --batch")
