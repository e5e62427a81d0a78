"""How much memory is free, for the choice between holding examples and loading them."""

from __future__ import annotations

import os
from pathlib import Path

import torch

try:
    import resource
except ImportError:  # Windows, which has no such limits
    resource = None

_STATUS = Path("/proc/self/status")
_UNKNOWN = 4 * 2**30
"""what is taken for free where the system does not say"""


def free_memory(device: torch.device) -> int:
    """Bytes that this process may count on: on a GPU its own, else its share of the machine's."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return _free_in_machine() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _free_in_machine() -> int:
    found = _UNKNOWN
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found = int(line.split()[1]) * 1024
    elif "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        found = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([found, *_left_in_container(), *_left_to_process()])


def _left_to_process() -> list[int]:
    """What `ulimit -v` leaves, where it is set."""
    if resource is None or not _STATUS.exists():
        return []
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return []
    used = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmSize:"))
    return [max(0, limit - int(used.split()[1]) * 1024)]


def _left_in_container() -> list[int]:
    """What a container's limit leaves, where there is one; what it keeps of files it can drop."""
    for folder, limit, used in (
        ("/sys/fs/cgroup", "memory.max", "memory.current"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            statistics = Path(folder, "memory.stat").read_text().split()
            dropped = int(dict(zip(statistics[::2], statistics[1::2], strict=True)).get("inactive_file", 0))
            left = int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text()) + dropped
        except (OSError, ValueError):  # no such limit, or `max`
            continue
        return [max(0, left)]
    return []
