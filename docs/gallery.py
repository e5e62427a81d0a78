"""docs/gallery.md and the pictures of docs/images/, drawn by the commands that the page shows."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from archspec.cli.main import main

UNET = """\
name: U-Net
input: 1x128x128
defaults: {conv: {kernel: 3, padding: same, activation: relu}}
layers:
  - {name: down1, type: conv, maps: 32}
  - {name: pool1, type: max_pool, kernel: 2}
  - {name: down2, type: conv, maps: 64}
  - {name: pool2, type: max_pool, kernel: 2}
  - {name: bottom, type: conv, maps: 128}
  - {name: up2, type: transposed_conv, maps: 64, kernel: 2, stride: 2}
  - {name: join2, type: concat, from: [down2, up2]}
  - {name: refine2, type: conv, maps: 64}
  - {name: up1, type: transposed_conv, maps: 32, kernel: 2, stride: 2}
  - {name: join1, type: concat, from: [down1, up1]}
  - {name: refine1, type: conv, maps: 32}
  - {name: score, type: conv, maps: 2, kernel: 1, activation: none}
"""


RUN = "runs/lenet5-20260321-140509"


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture of the page: what is said of it, and how it is drawn."""

    title: str
    said: str
    command: str
    spec: str = ""
    """a file that the command draws, where it is not in the zoo"""
    run: str = ""
    """what is trained first"""

    @property
    def file(self) -> str:
        words = shlex.split(self.command)
        return words[words.index("-o") + 1]


ENTRIES = (
    Entry(
        "Volumes",
        "LeNet-5 as in its paper. Map sides are drawn on a square-root scale, thickness on a log scale. A patch is\n"
        "the kernel that looks at its map. The figure is two columns wide; letters keep their size.",
        "archspec render lenet5/1998 -o lenet5.svg --style volume",
    ),
    Entry(
        "One column",
        "The same network in one column. What does not fit beside one another goes on below.",
        "archspec render lenet5/1998 -o lenet5-narrow.svg --style volume --columns 1",
    ),
    Entry(
        "Volumes of a deep network",
        "Repeated rows are one volume. Blocks are, too; `--depth` and `--expand` open them.",
        "archspec render vgg16 -o vgg16.svg --style volume",
    ),
    Entry(
        "Skips of volumes",
        "What passes volumes by runs above them. The words there are layers on the way.",
        "archspec render unet.yaml -o unet-volume.svg --style volume",
        UNET,
    ),
    Entry(
        "Table",
        "The default. Blocks are closed, and a stack of cards is a repetition. Bars show where the MACs are.",
        "archspec render resnet50 -o resnet50.svg",
    ),
    Entry(
        "Table with an open block",
        "`--expand` opens a block by its name, `--depth 2` all of them. The auxiliary heads hang at rails.",
        "archspec render googlenet -o googlenet.svg --expand i3a",
    ),
    Entry(
        "Graph",
        "Every row, with branches and skips: the same network.",
        "archspec render unet.yaml -o unet.svg --style graph",
    ),
    Entry(
        "Graph with open blocks",
        "A frame stands around what was a block. `--depth 1` closes them all, and `--expand` opens one again.",
        "archspec render mobilenet_v2 -o mobilenet_v2.svg --style graph --depth 1 --expand stage.1.0",
    ),
    Entry(
        "Memory",
        "What is alive at each layer, and the tensors that make the peak: in inference and in a training step.",
        "archspec render resnet50 -o memory.svg --style memory --batch 32",
    ),
    Entry(
        "What a run has learnt",
        "The filters of the first convolution, and the maps that an image makes, layer by layer. Without `--image`\n"
        "the image is the first of the test data.",
        f"archspec render {RUN} -o learnt.svg",
        run="archspec train lenet5",
    ),
)


def gallery_page() -> str:
    """docs/gallery.md."""
    parts = [
        "# Gallery",
        "<!-- Made from docs/gallery.py by docs/generate.py: `make docs` writes it and its pictures anew. -->",
        "Each picture is what the command above it draws. [Diagrams](render.md) explains the options.",
    ]
    for entry in ENTRIES:
        parts += [f"## {entry.title}", entry.said]
        if entry.spec:
            parts.append(f"```yaml {_spec_file(entry)}\n{entry.spec}```")
        shown = f"```sh\n{entry.run}\n{entry.command}\n```" if entry.run else f"```console\n$ {entry.command}\n```"
        parts += [shown, f"![{entry.title}](images/{entry.file})"]
    return "\n\n".join(parts) + "\n"


def pictures() -> dict[str, bytes]:
    """The files of docs/images/ that are drawn from specs."""
    drawn = [entry for entry in ENTRIES if not entry.run]
    with TemporaryDirectory() as folder, _inside(Path(folder)):
        for entry in ENTRIES:
            if entry.spec:
                Path(_spec_file(entry)).write_text(entry.spec, encoding="utf-8")
        for entry in drawn:
            assert main(shlex.split(entry.command)[1:]) == 0
        return {entry.file: Path(entry.file).read_bytes() for entry in drawn}


def picture_of_run(entry: Entry) -> bytes:
    """The picture of a run, which takes half a minute, and whose last digits depend on the processor."""
    with TemporaryDirectory() as folder, _inside(Path(folder)):
        assert main([*shlex.split(entry.run)[1:], "--quiet", "--threads", "1"]) == 0
        run = next(Path("runs").iterdir())
        assert main(shlex.split(entry.command.replace(RUN, str(run)))[1:]) == 0
        return Path(entry.file).read_bytes()


def _spec_file(entry: Entry) -> str:
    return shlex.split(entry.command)[2]


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
