"""What this machine has left: memory, disk, and how much a piece of work takes at its peak."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.005  # seconds between two looks at the memory
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory.stat")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.stat"),
    ),
)


def free_memory(device: str = "cpu") -> int:
    """Bytes that a process may still take on ``device``: what the system has available, within a container's limit."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    return min([_available(), *_container()])


def free_disk(folder: Path) -> int:
    """Free bytes where ``folder`` is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Not Linux: half of what is built in, a guess on the safe side.
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _container() -> list[int]:
    """Bytes left below the container's limit; cached files count as free, for the kernel gives them up."""
    for limit, current, stat in _CGROUPS:
        try:
            most, used = limit.read_text().strip(), int(current.read_text())
            if most == "max" or int(most) >= 1 << 60:
                return []
            cached = next(
                (int(line.split()[1]) for line in stat.read_text().splitlines() if "inactive_file" in line), 0
            )
            return [max(0, int(most) - used + cached)]
        except (OSError, ValueError):
            continue
    return []


def resident_bytes() -> int:
    """Memory that this process holds now."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024


def held_bytes(device: str = "cpu") -> int:
    """Memory that this process holds on ``device`` now."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated(device))
    return resident_bytes()


@dataclass(slots=True)
class Usage:
    """``peak_bytes`` above the start (or above what was given as such); ``seconds`` of wall time."""

    peak_bytes: int = 0
    seconds: float = 0.0


@contextmanager
def measured(device: str = "cpu", above: int | None = None) -> Iterator[Usage]:
    """What the block takes, ``above`` what ``held_bytes`` said earlier (None: at the block's start).

    On a CPU a thread looks every few milliseconds; CUDA counts its own.
    """
    usage = Usage()
    start = time.perf_counter()
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        before = held_bytes(device) if above is None else above
        yield usage
        torch.cuda.synchronize(device)
        usage.peak_bytes = int(torch.cuda.max_memory_allocated(device)) - before
        usage.seconds = time.perf_counter() - start
        return
    before = held_bytes(device) if above is None else above
    done = threading.Event()

    def look() -> None:
        while not done.wait(_EVERY):
            usage.peak_bytes = max(usage.peak_bytes, resident_bytes() - before)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        usage.seconds = time.perf_counter() - start
        usage.peak_bytes = max(usage.peak_bytes, resident_bytes() - before)
        done.set()
        thread.join()
