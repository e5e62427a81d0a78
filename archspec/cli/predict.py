"""The command that asks a trained network about images."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archspec.cli.arguments import Subparsers, add_command, positive, report
from archspec.cli.commands import add_format
from archspec.cli.guard import guarded
from archspec.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from compiler.prediction import Prediction


_SIDES = ("left", "top", "right", "bottom")


def add_predict(subparsers: Subparsers) -> None:
    """`archspec predict`."""
    parser = add_command(
        subparsers,
        "predict",
        "what a trained network says of images",
        "Print the likeliest classes of images, which are resized, cropped and normalised as in training.\n\n"
        "  archspec predict runs/lenet5-20260321-140509 seven.png --top 3",
    )
    parser.add_argument("folder", metavar="RUN", help="the folder of a run")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="files of images")
    parser.add_argument("--top", type=positive, default=5, metavar="N", help="how many classes to print (5)")
    add_format(parser, ("text", "json"))
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="short for --format json")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps; a GPU where there is one")
    parser.set_defaults(run=guarded(run_predict))


def run_predict(arguments: argparse.Namespace) -> int:
    """Print what the network says of each image; 1 where one can't be read."""
    from compiler.prediction import Predictor
    from compiler.train.processes import processes

    with processes(arguments.device) as where:
        predictor = Predictor.of_run(Path(arguments.folder), where.device)
        found = list(predictor.predict([Path(image) for image in arguments.images], arguments.top))
    if arguments.format == "json":
        images = [prediction.as_dict() for prediction in found]
        print(json.dumps({"run": arguments.folder, "images": images}, indent=2))
    elif good := [prediction for prediction in found if prediction.finding is None]:
        print("\n\n".join(map(_text, good)), flush=True)
    for prediction in found:
        if prediction.note is not None:
            print(f"{prediction.file}: {prediction.note}", file=sys.stderr)
    findings = [prediction.finding for prediction in found if prediction.finding is not None]
    report(findings, DEFAULT_LIMITS)
    return 1 if findings else 0


def _text(prediction: Prediction) -> str:
    lines = [prediction.file]
    for said in prediction.outputs:
        lines += [said.output] if len(prediction.outputs) > 1 else []
        lines += [f"{100 * chance:6.2f}%  {name}" for name, chance in said.classes]
        lines += [f"{number:.6g}" for number in said.numbers]
        if said.box:
            lines.append("box " + ", ".join(f"{name} {at:.1f}" for name, at in zip(_SIDES, said.box, strict=True)))
    return "\n".join(lines)
