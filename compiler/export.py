"""Networks as files that other programs run: ONNX, and what `torch.export` writes."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException

from archspec import __version__
from archspec.graph import INPUT, Graph
from archspec.subgraph import for_inference
from compiler.atomic import whole_file
from compiler.failure import failure
from compiler.module import built_with
from compiler.weights import carried, paths_of

if TYPE_CHECKING:
    from compiler.shell import Shell

_LARGEST = 2**31
"""bytes that fit into one ONNX file"""
_BATCH = "batch"
"""what the dimension of any size is called"""
_BATCHES = (2, 3)
"""what is exported with the first of these is tried with both"""


def export(
    module: nn.Module, graph: Graph, path: str | Path, *, shell: Shell | None = None, replace: bool = False
) -> float:
    """Write a network for inference, by the ending of `path`: `.onnx` or `.pt2`, with any batch size.

    `shell` is what is to stand around the network: preprocessing before it, probabilities behind it.

    What was written is run and compared with the module; returned is the largest difference of an output, as a
    part of the largest value.
    """
    path = Path(path)
    write = {".onnx": _write_onnx, ".pt2": _write_pt2}.get(path.suffix)
    if write is None:
        raise failure("E807", f"{path.name} has an ending that no exporter knows", "use .onnx or .pt2")
    module, graph = _without_heads(module, graph)
    if shell is not None:
        module = shell.around(module)
    images = {batch: _images(module, graph, batch, shell) for batch in _BATCHES}
    with _for_inference(module), whole_file(path, replace=replace) as written:
        with _quiet():
            run = write(module, graph, images[_BATCHES[0]], written, shell.metadata() if shell is not None else {})
        return _difference(module, graph, run, images.values())


def _without_heads(module: nn.Module, graph: Graph) -> tuple[nn.Module, Graph]:
    """The module and the graph without what only training needs, the weights being the same tensors."""
    if not any(output.train_only for output in graph.outputs):
        return module, graph
    inference = for_inference(graph)
    return built_with(inference, carried(module.state_dict(), paths_of(graph), inference)), inference


_Run = Callable[[Tensor], Sequence[Tensor]]


def _images(module: nn.Module, graph: Graph, batch: int, shell: Shell | None) -> Tensor:
    pixels = shell.examples(batch) if shell is not None else None
    if pixels is not None:
        return pixels
    like = next(module.parameters(), torch.empty(0))
    drawn = torch.randn(batch, *graph.input, generator=torch.Generator().manual_seed(batch))
    return drawn.to(like.device, like.dtype)


def _exported(module: nn.Module, graph: Graph, images: Tensor) -> torch.export.ExportedProgram:
    try:
        return torch.export.export(module, (images,), dynamic_shapes=({0: torch.export.Dim(_BATCH)},))
    except TorchDynamoException as error:
        raise failure("E807", f"torch.export can't take {graph.name}: {_first_line(error)}") from error


def _write_onnx(module: nn.Module, graph: Graph, images: Tensor, path: Path, about: Mapping[str, str]) -> _Run:
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise failure("E807", f"ONNX needs {', '.join(missing)}", "pip install 'archspec-nn[export]'")
    size = sum(tensor.nbytes for tensor in module.state_dict().values())
    if size >= _LARGEST:
        raise failure(
            "E807", f"{graph.name} has {size / 1e9:.1f} GB of weights, and an ONNX file holds 2 GB", "use .pt2"
        )
    import onnx

    try:
        program = torch.onnx.export(
            _exported(module, graph, images),
            dynamo=True,
            dynamic_shapes=({0: _BATCH},),
            input_names=[INPUT],
            output_names=[output.name for output in graph.outputs if not output.train_only],
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        raise failure("E807", f"ONNX has no counterpart of a part of {graph.name}: {_first_line(error)}") from error
    assert program is not None
    program.model.metadata_props.update({"archspec": __version__, "spec": graph.name, **about})
    program.save(path, external_data=False)
    onnx.checker.check_model(path, full_check=True)
    try:
        return _onnx_session(path)
    except Exception as error:  # its own classes have no base but this
        raise failure("E807", f"onnxruntime can't run {graph.name}: {_first_line(error)}", "use .pt2") from error


def _onnx_session(path: Path) -> _Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: [torch.from_numpy(each) for each in session.run(None, {INPUT: images.cpu().numpy()})]


def _write_pt2(module: nn.Module, graph: Graph, images: Tensor, path: Path, about: Mapping[str, str]) -> _Run:
    whole = io.BytesIO()  # on a full disk torch's own writer ends the process
    torch.export.save(_exported(module, graph, images), whole, extra_files=dict(about) or None)
    path.write_bytes(whole.getbuffer())
    loaded = torch.export.load(path).module()
    return lambda images: _tuple(loaded(images))


def _difference(module: nn.Module, graph: Graph, run: _Run, tried: Iterable[Tensor]) -> float:
    """The largest difference between the module and what was written; `WeightsError` where it is too large."""
    largest = 0.0
    tolerance = 100 * torch.finfo(next(module.parameters(), torch.empty(0)).dtype).eps
    for images in tried:
        with torch.no_grad():
            expected = _tuple(module(images))
        for wanted, found in zip(expected, run(images), strict=True):
            scale = wanted.abs().max().clamp(min=torch.finfo(wanted.dtype).tiny)
            largest = max(largest, ((wanted.cpu() - found.cpu()).abs().max() / scale.cpu()).item())
    if not largest <= tolerance:
        raise failure(
            "E807", f"what was written of {graph.name} computes something else: outputs differ by {largest:.1e}"
        )
    return largest


def _tuple(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


@contextmanager
def _for_inference(module: nn.Module) -> Iterator[None]:
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' remarks on themselves, which say nothing of the network."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
