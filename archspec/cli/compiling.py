"""`archspec compile`: a spec as a PyTorch module, and that module in the formats of others."""

from __future__ import annotations

import argparse
import sys
from os.path import exists
from pathlib import Path
from typing import TYPE_CHECKING

from archspec.cli.arguments import STDIN, HelpFormatter, Subparsers, add_spec_options, changes_of, is_run, natural
from archspec.cli.commands import SPEC_HELP, checked_graph
from archspec.cli.guard import guarded
from archspec.graph import Graph
from archspec.zoo import locate

if TYPE_CHECKING:
    from torch import Tensor

    from compiler.shell import Shell

_EXAMPLES = """\
  archspec compile lenet5
  archspec compile resnet/resnet50 -o resnet50.py
  archspec compile net.yaml --weights net.safetensors -o net.onnx -o net.pt2
  archspec compile net.yaml --weights net.safetensors --fold -o folded.py
  archspec compile runs/lenet5-1 -o digits.onnx --with-preprocessing
  archspec compile vgg/vgg16 --fully-convolutional --input 3x448x448
"""
_RUNNING = (".onnx", ".pt2")
_ENDINGS = (".py", ".safetensors", *_RUNNING)


def add_compile(subparsers: Subparsers) -> None:
    """`archspec compile`."""
    parser = subparsers.add_parser(
        "compile",
        help="write a network as a PyTorch module, or as ONNX",
        description="Write a network as a Python file that needs torch alone, and, with its weights, as ONNX (.onnx), "
        "for torch.export (.pt2), or as .safetensors. What runs elsewhere is run and compared before it is kept.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("spec", metavar="SPEC", help=f"{SPEC_HELP}; or the folder of a run, with what it learnt")
    parser.add_argument(
        "-o", "--output", metavar="FILE", action="append", default=[], type=_output,
        help="a file to write, of the kind that its ending says; may be repeated. Else the source is printed",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", help="weights to load, by name; drawn as the spec says without")
    parser.add_argument(
        "--partial", action="store_true", help="load what fits of the weights, and say what stays as it was drawn"
    )
    parser.add_argument("--key", metavar="NAME", help="where in a checkpoint the weights are, such as ema")
    parser.add_argument("--seed", type=natural, metavar="N", help="of the weights that are drawn (0)")
    parser.add_argument("--fold", action="store_true", help="for inference: batch norms become part of convolutions")
    parser.add_argument(
        "--fully-convolutional", action="store_true",
        help="dense layers become convolutions; --input is then the size of larger images",
    )  # fmt: skip
    parser.add_argument(
        "--with-preprocessing", action="store_true",
        help="of a run, into .onnx and .pt2: take the pixels of images, uint8 from 0 to 255, and pad, rescale and "
        "normalise them as in training; decoding, resizing and cropping stay outside",
    )  # fmt: skip
    parser.add_argument(
        "--probabilities", action="store_true", help="of a run, into .onnx and .pt2: give probabilities, not scores"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_spec_options(parser)
    parser.set_defaults(run=guarded(run_compile))


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix not in _ENDINGS:
        raise argparse.ArgumentTypeError(f"'{text}' ends in none of {', '.join(_ENDINGS)}")
    return path


def run_compile(arguments: argparse.Namespace) -> int:
    """Write a network in the formats asked for."""
    if complaint := _contradiction(arguments):
        print(complaint, file=sys.stderr)
        return 2
    larger = None
    if arguments.fully_convolutional and arguments.input is not None:
        larger, arguments.input = _sides(arguments.input), None
        if larger is None:
            print("--input wants a size such as 3x448x448", file=sys.stderr)
            return 2
    state, shell = None, None
    is_around = arguments.with_preprocessing or arguments.probabilities
    if is_run(arguments.spec) or is_around:
        graph, state = _trained(Path(arguments.spec))
        if is_around:
            shell = _shell(arguments)
    else:
        graph = checked_graph(arguments.spec, arguments)
        if graph is None:
            return 1
        if arguments.weights is not None or any(path.suffix != ".py" for path in arguments.output):
            state = _weights(graph, arguments)
    if arguments.fully_convolutional:
        graph, state = _slid(graph, state, larger)
    if arguments.fold:
        graph, state = _folded(graph, state)
    if not arguments.output:
        from compiler import emit

        print(emit(graph), end="")
    for path in arguments.output:
        _write(graph, state, path, shell, replace=arguments.force)
    return 0


def _contradiction(arguments: argparse.Namespace) -> str | None:
    """What does not go together in what was asked for."""
    loading = {"--partial": arguments.partial, "--key": arguments.key}
    if arguments.weights is None and any(loading.values()):
        option = next(option for option, value in loading.items() if value)
        return f"{option} says how to load a file of weights: add --weights FILE"
    asked = {"--with-preprocessing": arguments.with_preprocessing, "--probabilities": arguments.probabilities}
    around = [option for option, value in asked.items() if value]
    if around and not is_run(arguments.spec):
        if arguments.spec != STDIN and not exists(arguments.spec) and locate(arguments.spec) is None:
            return None  # which is said of the run that is not there
        return (
            f"{arguments.spec} is no run, which alone knows what {around[0]} puts around a network: "
            f"train one, with `archspec train {arguments.spec}`, and name its folder"
        )
    if around and arguments.fully_convolutional:
        return f"--fully-convolutional slides over images of any size: leave out {', '.join(around)}"
    if around and not any(path.suffix in _RUNNING for path in arguments.output):
        return f"{', '.join(around)} is for files that run by themselves: -o FILE.onnx or -o FILE.pt2"
    if not is_run(arguments.spec):
        return None
    drawn = {"--weights": arguments.weights, "--seed": arguments.seed}
    changes = [option for option, value in drawn.items() if value is not None]
    changes += [option for option in changes_of(arguments) if option != "--input" or not arguments.fully_convolutional]
    return (
        f"{arguments.spec} is a run, with its own spec and weights: leave out {', '.join(changes)}" if changes else None
    )


def _trained(run: Path) -> tuple[Graph, dict[str, Tensor]]:
    """The network of a run, from its flat spec, and what it learnt, under the names that this network has."""
    from compiler.train.folder import RunFolder
    from compiler.train.run import read_run, weights_of
    from compiler.weights import carried

    folder = RunFolder.existing(run)
    graph, about, _ = read_run(folder)
    return graph, carried(weights_of(folder), about["modules"], graph)


def _shell(arguments: argparse.Namespace) -> Shell:
    from compiler.shell import Shell
    from compiler.train.folder import RunFolder
    from compiler.train.run import read_run

    graph, about, _ = read_run(RunFolder.existing(Path(arguments.spec)))
    return Shell.of_run(graph, about, preprocessing=arguments.with_preprocessing, probabilities=arguments.probabilities)


def _weights(graph: Graph, arguments: argparse.Namespace) -> dict[str, Tensor]:
    """The weights as drawn, or those of a file."""
    from compiler import build
    from compiler.weights import load

    module = build(graph, seed=arguments.seed or 0)
    if arguments.weights is not None:
        found = load(
            module, arguments.weights, on_mismatch="report" if arguments.partial else "error", key=arguments.key
        )
        print(found.as_text(), file=sys.stderr)
    return module.state_dict()


def _slid(
    graph: Graph, state: dict[str, Tensor] | None, larger: tuple[int, ...] | None
) -> tuple[Graph, dict[str, Tensor] | None]:
    from archspec.convolve import fully_convolutional
    from archspec.sizes import at_input, positions
    from compiler.weights import carried, paths_of

    converted = fully_convolutional(graph)
    if larger is not None:
        converted = at_input(converted, larger)
    for each in positions(converted):
        print(each, file=sys.stderr)
    return converted, None if state is None else carried(state, paths_of(graph), converted)


def _sides(text: str) -> tuple[int, ...] | None:
    """The sides of `3x448x448`."""
    parts = text.lower().replace("×", "x").split("x")
    return tuple(map(int, parts)) if all(part.isdecimal() and len(part) < 8 for part in parts) else None


def _folded(graph: Graph, state: dict[str, Tensor] | None) -> tuple[Graph, dict[str, Tensor] | None]:
    from compiler.fold import fold

    folded = fold(graph)
    print(folded.as_text(), file=sys.stderr)
    new = None if state is None else folded.weights(state)
    return folded.graph, new


def _write(graph: Graph, state: dict[str, Tensor] | None, path: Path, shell: Shell | None, *, replace: bool) -> None:
    from compiler import build, emit
    from compiler.atomic import whole_file
    from compiler.export import export
    from compiler.weights import save

    if path.suffix == ".py":
        source = emit(graph)
        with whole_file(path, replace=replace) as written:
            written.write_text(source, encoding="utf-8")
        alone = ", of the network alone" if shell is not None else ""
        print(f"{path}: {len(source.splitlines())} lines{alone}", file=sys.stderr)
        return
    assert state is not None
    if path.suffix == ".safetensors":
        save(state, path, spec=graph.name, replace=replace)
        alone = ", of the network alone" if shell is not None else ""
        print(f"{path}: {len(state)} tensors{alone}", file=sys.stderr)
        return
    module = build(graph, device="meta")
    module.load_state_dict(state, assign=True)
    difference = export(module.eval(), graph, path, shell=shell, replace=replace)
    print(f"{path}: differs from the module by at most {difference:.1e}", file=sys.stderr)
    if shell is not None:
        print(f"{path}: {shell.said}", file=sys.stderr)
