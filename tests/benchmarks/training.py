"""What the training loop costs, against loops that people write: `python tests/benchmarks/training.py`.

Prints seconds of an epoch of LeNet-5 on MNIST, batch 128, for each loop, and the ratio to a loop by hand that indexes
a tensor in memory. The loops take turns, so that a busy machine slows all of them alike; figures are medians of
processor and wall time. Lightning and Keras take part where they are installed. `--mnist` names the folder of the IDX
files; without it, noise of the same size is learnt, which takes the same time.

    --start    what it takes from the command to the first step, against importing torch
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
REPOSITORY = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPOSITORY))
BATCH = 128
RATE = 0.1
FIRST_STEP = """
import os, sys, time
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, {repository!r})
from archspec.cli.main import main
import compiler.train.learner as learner
step = learner.Learner.step
def once(*arguments):
    step(*arguments)
    os._exit(0)
learner.Learner.step = once
main(["train", "lenet5", "--quiet"])
"""


def examples(mnist: Path | None, count: int) -> tuple[Any, Any]:
    """Images of 1x32x32, normalised, and their labels."""
    import torch

    if mnist is None:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(count, 1, 32, 32, generator=generator), torch.randint(10, (count,), generator=generator)
    split = session(mnist, count).data.splits["train"]
    ((images, found),) = split.batches(torch.arange(len(split)), len(split), epoch=0, augment=False)
    return images, found["label"]


def session(mnist: Path | None, count: int) -> Any:
    """LeNet-5 with its data, as `archspec train` opens them."""
    import torch

    import archspec
    from compiler.train.processes import Processes
    from compiler.train.session import open_session

    data = f"{{type: mnist, path: {mnist}}}" if mnist is not None else f"{{type: random, count: {count}}}"
    settings = [
        f"train.data={data}", "train.augment=null", f"train.batch={BATCH}", "train.schedule=constant",
        f"train.optimizer={{type: sgd, rate: {RATE}, nesterov: true}}", "train.epochs=1000000",
        *(["train.preprocess={pad: 2}"] if mnist is not None else []),
    ]  # fmt: skip
    graph = archspec.load("lenet5", settings=settings)
    return open_session(graph, Path(), Processes(torch.device("cpu")), lambda _: None)


def network() -> Any:
    """The same network for every loop."""
    import archspec
    from compiler.module import build

    return build(archspec.load("lenet5"))


def of_archspec(mnist: Path | None, count: int) -> Callable[[], None]:
    """An epoch of `archspec train`, its state between steps and its look at the clock included."""
    from compiler.train.loop import Loop, Silence
    from compiler.train.run import loop_of

    loop: Loop = loop_of(session(mnist, count), Silence(), folder=None)

    def epoch() -> None:
        loop.state.step = 0
        loop.state.correct.zero_()
        loop._steps_of_epoch()

    return epoch


def by_hand(images: Any, targets: Any) -> Callable[[], None]:
    """The loop that the others are measured by: indexes of a shuffled tensor in memory."""
    import torch
    import torch.nn.functional as F

    made = network()
    optimizer = torch.optim.SGD(made.parameters(), lr=RATE, momentum=0.9, nesterov=True)

    def epoch() -> None:
        for numbers in torch.randperm(len(images)).split(BATCH):
            loss = F.cross_entropy(made(images[numbers]), targets[numbers])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def with_loader(images: Any, targets: Any) -> Callable[[], None]:
    """The same over a DataLoader."""
    import torch
    import torch.nn.functional as F
    from torch.utils.data import DataLoader, TensorDataset

    made = network()
    optimizer = torch.optim.SGD(made.parameters(), lr=RATE, momentum=0.9, nesterov=True)
    loader = DataLoader(TensorDataset(images, targets), batch_size=BATCH, shuffle=True)

    def epoch() -> None:
        for some, labels in loader:
            loss = F.cross_entropy(made(some), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def with_lightning(images: Any, targets: Any) -> Callable[[], None]:
    """Lightning's Trainer, with everything that it does by itself."""
    import lightning
    import torch
    import torch.nn.functional as F
    from torch.utils.data import DataLoader, TensorDataset

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def training_step(self, batch: Any, _: int) -> Any:
            return F.cross_entropy(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=RATE, momentum=0.9, nesterov=True)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    module = Module()
    loader = DataLoader(TensorDataset(images, targets), batch_size=BATCH, shuffle=True)

    def epoch() -> None:
        with tempfile.TemporaryDirectory() as folder:
            trainer = lightning.Trainer(
                max_epochs=1, accelerator="cpu", default_root_dir=folder, enable_model_summary=False,
                enable_progress_bar=False,
            )  # fmt: skip
            trainer.fit(module, loader)

    return epoch


def with_keras(images: Any, targets: Any) -> Callable[[], None]:
    """Keras 3 on torch, or on what `KERAS_BACKEND` names."""
    import keras

    layers = keras.layers
    made = keras.Sequential(
        [
            layers.Input((1, 32, 32)),
            *(layer for maps, pool in ((6, True), (16, True), (120, False)) for layer in (
                layers.Conv2D(maps, 5, activation="tanh", data_format="channels_first"),
                *((layers.AvgPool2D(2, data_format="channels_first"), layers.Activation("tanh")) if pool else ()),
            )),
            layers.Flatten(), layers.Dense(84, activation="tanh"), layers.Dense(10),
        ]
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True), loss)
    pixels, labels = images.numpy(), targets.numpy()
    return lambda: made.fit(pixels, labels, batch_size=BATCH, verbose=0)


def epochs(mnist: Path | None, count: int, rounds: int, threads: int) -> None:
    """Time the loops in turn, and print what each takes."""
    import torch

    torch.set_num_threads(threads)
    images, targets = examples(mnist, count)
    loops = {
        "by hand": by_hand(images, targets),
        "archspec train": of_archspec(mnist, count),
        "DataLoader": with_loader(images, targets),
    }
    if find_spec("lightning"):
        loops["Lightning"] = with_lightning(images, targets)
    if find_spec("keras"):
        backend = os.environ.setdefault("KERAS_BACKEND", "torch")
        loops[f"Keras 3, {backend}"] = with_keras(images, targets)
    walls: dict[str, list[float]] = {name: [] for name in loops}
    cpus: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(rounds + 1):
        for name, epoch in loops.items():
            wall, cpu = time.perf_counter(), time.process_time()
            epoch()
            if turn:  # the first round warms up
                walls[name].append(time.perf_counter() - wall)
                cpus[name].append(time.process_time() - cpu)
    print(f"{len(images):,} examples, batch {BATCH}, {threads} threads, medians of {rounds}")
    for name in loops:
        ratios = [ours / theirs for ours, theirs in zip(cpus[name], cpus["by hand"], strict=True)]
        print(
            f"{name:<18}{statistics.median(walls[name]):8.2f} s wall {statistics.median(cpus[name]):8.2f} s cpu   "
            f"{statistics.median(ratios):5.2f} of the loop by hand"
        )


def start(rounds: int) -> None:
    """Time from the command to the first step, against importing torch."""
    code = FIRST_STEP.format(repository=str(REPOSITORY))
    commands = {
        "import torch": [sys.executable, "-c", "import torch, os; os._exit(0)"],
        "to the first step": [sys.executable, "-c", code],
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    cpus: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as place:
                wall, cpu = time.perf_counter(), _cpu_of_children()
                subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
                if turn:
                    walls[name].append(time.perf_counter() - wall)
                    cpus[name].append(_cpu_of_children() - cpu)
    for name in commands:
        print(f"{name:<18}{statistics.median(walls[name]):8.2f} s wall {statistics.median(cpus[name]):8.2f} s cpu")
    for what, taken in (("wall", walls), ("cpu", cpus)):
        ratios = [ours / theirs for ours, theirs in zip(taken["to the first step"], taken["import torch"], strict=True)]
        print(f"ratio of {what} {statistics.median(ratios):.2f}, to be at most 1.5")


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path)
    parser.add_argument("--count", type=int, default=12_800, help="examples of an epoch of noise")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start", action="store_true")
    arguments = parser.parse_args()
    if arguments.start:
        start(arguments.rounds)
    else:
        epochs(arguments.mnist, arguments.count, arguments.rounds, arguments.threads)
