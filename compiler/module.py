"""Source to module: the very text that `emit` writes, executed."""

from __future__ import annotations

import hashlib
import linecache
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from archspec.graph import Graph
from compiler.source import emitted

_building = threading.RLock()
_FACTORIES = frozenset([torch.empty, torch.zeros, torch.ones, torch.tensor, torch.full, torch.arange])
_DRAWN = ("uniform", "normal", "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal")
_CONTAINERS = frozenset([dict, OrderedDict, set])
_FILLS = frozenset(getattr(nn.init, f"{name}_") for name in (*_DRAWN, "zeros", "ones", "constant"))


class _WithoutMemory(TorchFunctionMode):
    """Tensors are made on the meta device, and no time goes into filling what has no memory."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FACTORIES:
            return func(*args, **kwargs | {"device": kwargs.get("device") or "meta"})
        if func in _FILLS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def build(
    graph: Graph,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    seed: int = 0,
) -> nn.Module:
    """The module of a graph, its weights started as the spec says.

    The weights are drawn on the CPU, so that they are the same on every device. On `meta` there are none.
    """
    source = emitted(graph)
    module = empty(source.text, source.class_name)
    if torch.device(device).type == "meta":
        dtype = dtype or torch.float32
        return module if dtype == torch.get_default_dtype() else module.to(dtype)
    _give_memory(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in _inner_first(module, set()):
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
    return module.to(device, dtype or torch.float32)


def built_with(graph: Graph, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The network in inference with these very tensors as its weights."""
    like = next((tensor for tensor in state.values() if tensor.is_floating_point()), None)
    # the tensors that no state_dict has, such as the connections of a partial convolution, are made by building
    module = build(graph, device="cpu" if like is None else like.device)
    module.load_state_dict(state, assign=True)
    return module.eval()


class _Copies:
    """`torch.nn` with layers that are copies, where one of the same arguments was made before.

    A constructor takes ten times as long as a copy, and deep networks repeat few layers many times.
    """

    Module = nn.Module

    def __init__(self) -> None:
        self._made: dict[Any, _Original] = {}

    def __getattr__(self, name: str) -> Any:
        kind = getattr(nn, name)
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)) or kind is nn.ModuleList:
            return kind

        def made(*args: Any, **kwargs: Any) -> nn.Module:
            key = (name, args, *kwargs.items())
            original = self._made.get(key)
            if original is not None:
                return original.copy()
            first = kind(*args, **kwargs)
            self._made[key] = _Original(first)
            return first

        self.__dict__[name] = made
        return made


class _Original:
    """A layer without children, to be copied."""

    def __init__(self, module: nn.Module) -> None:
        fields = dict(module.__dict__)
        self.kind = type(module)
        self.parameters: dict[str, nn.Parameter | None] = fields.pop("_parameters")
        self.buffers: dict[str, torch.Tensor | None] = fields.pop("_buffers")
        containers = {name: value for name, value in fields.items() if type(value) in _CONTAINERS}
        self.empty = [(name, type(value)) for name, value in containers.items() if not value]
        self.filled = [(name, value) for name, value in containers.items() if value]
        self.plain = {name: value for name, value in fields.items() if name not in containers}

    def copy(self) -> nn.Module:
        """A layer with parameters and buffers of its own."""
        copied = self.kind.__new__(self.kind)
        fields = copied.__dict__
        fields.update(self.plain)
        for name, container in self.empty:
            fields[name] = container()
        for name, value in self.filled:
            fields[name] = value.copy()
        with torch._C.DisableTorchFunction():  # a copy is on the meta device by itself
            fields["_parameters"] = {
                name: each if each is None else nn.Parameter(each, each.requires_grad)
                for name, each in self.parameters.items()
            }
            fields["_buffers"] = {name: each if each is None else each.detach() for name, each in self.buffers.items()}
        return copied


def empty(text: str, class_name: str) -> nn.Module:
    """The network of a source, on the meta device."""
    module = executed(text)
    with _building, _WithoutMemory():
        module.__dict__["nn"] = _Copies()
        try:
            return getattr(module, class_name)()
        finally:
            module.__dict__["nn"] = nn


def _give_memory(module: nn.Module) -> None:
    """What `module.to_empty` does; that imports half a second of things that nothing here needs."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                empty_one = torch.empty(parameter.shape, dtype=parameter.dtype)
                part._parameters[name] = nn.Parameter(empty_one, parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _inner_first(module: nn.Module, seen: set[nn.Module]) -> Iterator[nn.Module]:
    """Every module after those it holds: the order in which constructors finish."""
    for child in module.children():
        if child not in seen:
            yield from _inner_first(child, seen)
    seen.add(module)
    yield module


@cache
def executed(text: str) -> ModuleType:
    """The source as a module that tracebacks, torch.compile and pickle find again."""
    name = f"compiler.emitted_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = f"<{name}>"
    linecache.cache[module.__file__] = (len(text), None, text.splitlines(keepends=True), module.__file__)
    sys.modules[name] = module
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    for value in list(vars(module).values()):
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == name:
            value.__reduce_ex__ = _reduced  # pyright: ignore[reportAttributeAccessIssue]
    module.__dict__["__source__"] = text
    return module


def _reduced(self: nn.Module, _protocol: int) -> tuple[Any, ...]:
    """How to pickle: the source goes with it, for a process that has not built it."""
    text = sys.modules[type(self).__module__].__dict__["__source__"]
    return _restored, (text, type(self).__name__), self.__dict__


def _restored(text: str, class_name: str) -> nn.Module:
    kind = getattr(executed(text), class_name)
    return kind.__new__(kind)
