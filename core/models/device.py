"""The only place that chooses a device."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

from core.errors import Unavailable

ENVIRONMENT = "PILOTLIGHT_DEVICE"
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


def choose_device(explicit: str = "auto") -> str:
    """The device in force, as torch names it: what the caller says, else the environment, else CUDA, else the CPU.

    Raises Unavailable for a name that is no device, and for a CUDA device that this machine does not have: somebody
    asked for it, so falling back in silence would hide why everything is slow.
    """
    asked = explicit if explicit not in ("", "auto") else os.environ.get(ENVIRONMENT, "auto")
    if asked in ("", "auto"):
        return "cuda" if cuda_count() else "cpu"
    if not _DEVICE.fullmatch(asked):
        raise Unavailable("models.device_unknown", device=asked)
    if asked.startswith("cuda"):
        count = cuda_count()
        number = int(asked.partition(":")[2] or 0)
        if number >= count:
            raise Unavailable("models.device_missing", device=asked, count=count)
    return asked


def cuda_count() -> int:
    """How many CUDA devices torch can use here."""
    if not _may_have_cuda():
        return 0
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def _may_have_cuda() -> bool:
    """False where it is certain: importing torch to hear "no" takes seconds and hundreds of MiB."""
    if version("torch").endswith("+cpu"):
        return False
    return sys.platform != "linux" or any(Path(node).exists() for node in ("/dev/nvidiactl", "/dev/dxg"))
