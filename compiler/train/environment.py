"""Where and with what a run was made."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from compiler.train.processes import Processes

_PACKAGES = ("archspec-nn", "torch", "numpy", "safetensors", "pydantic", "scikit-learn", "datasets", "pillow")


def environment(where: Processes, seed: int) -> dict[str, Any]:
    """Versions, device, threads, seed and the state of the git repository one stands in."""
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
        "device": str(where.device),
        "device_name": _device_name(where.device),
        "processes": where.count,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "git": _git(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


def _git() -> dict[str, Any] | None:
    """The commit, and whether there are changes; None where there is no repository."""

    def said(*command: str) -> str:
        done = subprocess.run(["git", *command], capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        return {"commit": said("rev-parse", "HEAD"), "changed": bool(said("status", "--porcelain", "--untracked=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def keep_freed_memory() -> None:
    """Let the C library keep what is freed for the next step: giving it back and asking again costs a third of one."""
    import ctypes

    mmap_threshold, trim_threshold, most = -3, -1, 32 * 2**20
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # a C library that is not glibc
        return
    mallopt(mmap_threshold, most)
    mallopt(trim_threshold, 2**31 - 1)
