"""What archspec costs, against importing torch: `make bench`. Prints each figure with its goal, checks none.

Competing commands are run in turn, so that a busy machine slows all of them alike; figures are medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ARCHSPEC = [sys.executable, "-m", "archspec"]
TORCH = [sys.executable, "-c", "import torch"]
ROW = "  - {{name: row{0}, type: conv, maps: 8, kernel: 3, padding: same, norm: batch, activation: relu}}\n"

IN_ONE_PROCESS = """
import sys, time
from pathlib import Path
from archspec.loading import Options, compile_text
from archspec.report.summary import summarize_graph
from archspec.source import Source
text = Path(sys.argv[1]).read_text()
started = time.process_time()
summarize_graph(compile_text(Source("chain.yaml", text), Options()).graph).as_format("text", 100)
print(time.process_time() - started)
"""
LOAD = """
import sys, time
import archspec
archspec.load("lenet5")
for name in sys.argv[1:]:
    started = time.process_time()
    archspec.load(name)
    print(time.process_time() - started)
"""


@dataclass(frozen=True)
class Run:
    """What one process took."""

    wall: float
    cpu: float
    peak: int
    """bytes"""


def run(command: Sequence[str]) -> Run:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def in_turn(commands: Sequence[Sequence[str]], times: int) -> list[Run]:
    """The median run of each command."""
    for command in commands:
        run(command)  # fills the caches
    rounds = [[run(command) for command in commands] for _ in range(times)]
    return [
        Run(*(statistics.median(getattr(each, name) for each in runs) for name in ("wall", "cpu", "peak")))
        for runs in zip(*rounds, strict=True)
    ]


def seconds(script: str, *arguments: str) -> list[float]:
    """The numbers that a script prints."""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def chain(folder: Path, rows: int) -> str:
    """A file with one row behind the other."""
    path = folder / f"chain{rows}.yaml"
    path.write_text("name: chain\ninput: 8x32x32\nlayers:\n" + "".join(ROW.format(index) for index in range(rows)))
    return str(path)


def report(what: str, figure: str, goal: str = "") -> None:
    print(f"{what:<58} {figure:>12}{f'   goal {goal}' if goal else ''}", flush=True)


def start_up(times: int) -> None:
    """`summarize` of a zoo spec as a whole process."""
    summarize, torch = in_turn([[*ARCHSPEC, "summarize", "resnet/resnet50"], TORCH], times)
    report("python -c 'import torch'", f"{torch.wall:.2f} s")
    report("archspec summarize resnet/resnet50", f"{summarize.wall:.2f} s")
    report("  of the time of importing torch", f"{summarize.wall / torch.wall:.2f}", "0.4")


def long_files(folder: Path, times: int) -> None:
    """10,000 rows validated, and summarized."""
    path = chain(folder, 10_000)
    validate, summarize, torch = in_turn([[*ARCHSPEC, "validate", path], [*ARCHSPEC, "summarize", path], TORCH], times)
    for name, each in (("validate", validate), ("summarize", summarize)):
        report(f"archspec {name}, 10,000 rows, CPU time", f"{each.cpu:.2f} s")
        report("  of the CPU time of importing torch", f"{each.cpu / torch.cpu:.2f}", "3")
        report("  peak of memory", f"{each.peak / 2**20:.0f} MiB", "500 MiB")


def cost_per_row(folder: Path, times: int) -> None:
    """Whether a row costs the same in a long file."""
    short, long = chain(folder, 2_000), chain(folder, 20_000)
    rounds = [
        (seconds(IN_ONE_PROCESS, short)[0] / 2_000, seconds(IN_ONE_PROCESS, long)[0] / 20_000) for _ in range(times)
    ]
    per_short, per_long = (statistics.median(each) for each in zip(*rounds, strict=True))
    report("a row among 2,000, CPU time", f"{per_short * 1e6:.0f} us")
    report("a row among 20,000, CPU time", f"{per_long * 1e6:.0f} us")
    report("  ratio", f"{per_long / per_short:.2f}", "1.3")


def zoo(times: int) -> None:
    """Loading the zoo's largest members."""
    names = ("densenet/densenet201", "resnet/resnet152")
    rounds = [seconds(LOAD, *names) for _ in range(times)]
    for name, each in zip(names, zip(*rounds, strict=True), strict=True):
        report(f"archspec.load('{name}'), CPU time", f"{1000 * statistics.median(each):.0f} ms")


def main() -> None:
    """Run every benchmark."""
    parser = argparse.ArgumentParser(description="Measure archspec against importing torch.")
    parser.add_argument("--times", type=int, default=5, help="repetitions (5)")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        start_up(times)
        long_files(Path(folder), times)
        cost_per_row(Path(folder), times)
        zoo(times)


if __name__ == "__main__":
    main()
