"""An emitted module beside the plain interpreter of its graph, with the same weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from archspec.graph import Graph
from compiler import Emitted, build, emitted
from tests.torch_network import TorchNetwork


def with_interpreter(graph: Graph) -> tuple[nn.Module, TorchNetwork]:
    """The module of a graph, and the interpreter that has its weights."""
    module, network = build(graph), TorchNetwork(graph)
    paths = emitted(graph).paths
    for node in graph.nodes:
        built = network.built[node.name]
        if isinstance(built, nn.Module) and node.name in paths and not node.shares:
            built.load_state_dict(module.get_submodule(paths[node.name]).state_dict())
    return module, network


def agree(graph: Graph, batch: int = 2) -> None:
    """The module gives in inference, bit for bit, what the interpreter gives."""
    module, network = with_interpreter(graph)
    image = torch.rand(batch, *graph.input)
    with torch.no_grad():
        tensors = network.eval()(image)
        results = as_tuple(module.eval()(image))
    wanted = [tensors[output.node] for output in graph.outputs if not output.train_only]
    assert len(results) == len(wanted)
    for result, tensor in zip(results, wanted, strict=True):
        assert torch.equal(result, tensor)


def as_tuple(results: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return results if isinstance(results, tuple) else (results,)


def from_text(source: Emitted) -> nn.Module:
    """The network of a source run as a file of its own, without anything of ours."""
    space: dict[str, type[nn.Module]] = {}
    exec(compile(source.text, "<a file>", "exec"), space)
    return space[source.class_name]()


def held_for_nothing(text: str) -> list[str]:
    """Names in `forward` that still hold a tensor, while a later line works, though nothing reads it any more."""
    found: list[str] = []
    for owner in ast.parse(text).body:
        if not isinstance(owner, ast.ClassDef):
            continue
        for function in owner.body:
            if isinstance(function, ast.FunctionDef) and function.name == "forward" and _is_emitted(owner):
                found += [f"{owner.name}: {each}" for each in _held(function)]
    return found


def _is_emitted(owner: ast.ClassDef) -> bool:
    """The layers that torch lacks are written by hand, and have docstrings."""
    return ast.get_docstring(owner) is None


def _held(function: ast.FunctionDef) -> Iterator[str]:
    arguments = {each.arg for each in function.args.args}
    bound: set[str] = set()
    """the names that hold a tensor of this function's own"""
    lines = list(_lines(function.body))
    for index, (line, loop) in enumerate(lines):
        if isinstance(line, ast.Return) and isinstance(line.value, (ast.Name, ast.Tuple)):
            continue  # which makes no tensor
        for name in bound - _read_from(lines[index:], bound):
            yield f"{name} in line {line.lineno}: {ast.unparse(line)}"
        made = _stored(line)
        bound |= made - loop
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Name) and line.value.id in arguments - bound:
            bound -= made  # a second name of what the caller holds
        if isinstance(line, ast.Delete):
            bound -= {target.id for target in line.targets if isinstance(target, ast.Name)}


def _lines(body: list[ast.stmt], loop: frozenset[str] = frozenset()) -> Iterator[tuple[ast.stmt, frozenset[str]]]:
    """The lines in order, with the names of the modules that a loop around them goes over."""
    for line in body:
        if isinstance(line, (ast.If, ast.For)):
            inner = loop | (_stored(line) if isinstance(line, ast.For) else frozenset[str]())
            yield from _lines(line.body, inner)
        else:
            yield line, loop


def _stored(line: ast.stmt) -> set[str]:
    top = [line.target] if isinstance(line, ast.For) else line.targets if isinstance(line, ast.Assign) else []
    return {each.id for target in top for each in ast.walk(target) if isinstance(each, ast.Name)}


def _read_from(lines: list[tuple[ast.stmt, frozenset[str]]], names: set[str]) -> set[str]:
    """Those of the names that are read before they are bound anew."""
    found: set[str] = set()
    open_names = set(names)
    for line, _ in lines:
        reads = {each.id for each in ast.walk(line) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
        deleted = {each.id for each in ast.walk(line) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Del)}
        found |= open_names & (reads | deleted)
        open_names -= _stored(line) | found
    return found
