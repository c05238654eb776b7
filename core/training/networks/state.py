"""Checkpoints of the small networks: one safetensors file each, replaced by rename, never half written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = "checkpoints"
LAST, BEST = "last.safetensors", "best.safetensors"
_NETWORK, _OPTIMISER, _RANDOM = "network.", "optimizer.", "random."


@dataclass(slots=True)
class Progress:
    """Where a run stands: ``batch`` batches of ``epoch`` are done, ``step`` in all; ``best`` is the score of the best
    epoch so far, higher is better, ``waited`` the epochs since."""

    fingerprint: str
    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: tuple[float, float] | None = None
    best_epoch: int = -1
    waited: int = 0


def fingerprint(*parts: Any) -> str:
    """Names a run by what decides its outcome: arrays by their bytes, everything else as JSON."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            for chunk in _written(part):
                digest.update(chunk)
    return digest.hexdigest()


def _written(part: Any) -> Iterable[bytes]:
    rows = part if isinstance(part, list | tuple) else [part]
    for row in rows:
        if isinstance(row, np.ndarray):
            yield fingerprint(row).encode()
        else:
            yield json.dumps(row, ensure_ascii=False, sort_keys=True, default=str).encode() + b"\n"


def save_last(folder: Path, network: Any, optimiser: Any, progress: Progress) -> None:
    """Everything that a killed run needs to go on as if nothing had happened. Raises OSError."""
    import torch

    tensors = {f"{_NETWORK}{name}": value for name, value in network.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"{_OPTIMISER}{number}.{name}": value for name, value in state.items()}
    tensors[f"{_RANDOM}cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[f"{_RANDOM}cuda"] = torch.cuda.get_rng_state()
    _write(folder / LAST, tensors, {"progress": json.dumps(asdict(progress))})


def load_last(folder: Path, network: Any, optimiser: Any, wanted: str) -> Progress | None:
    """Puts the last checkpoint into network, optimiser and random state. None when there is none of this very run."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / LAST, framework="pt") as file:
            kept = json.loads((file.metadata() or {}).get("progress", "{}"))
            if kept.get("fingerprint") != wanted:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (FileNotFoundError, SafetensorError, json.JSONDecodeError):
        return None
    network.load_state_dict(_under(tensors, _NETWORK))
    groups = optimiser.state_dict()["param_groups"]
    states: dict[int, dict[str, Any]] = {}
    for name, value in _under(tensors, _OPTIMISER).items():
        number, _, field = name.partition(".")
        states.setdefault(int(number), {})[field] = value
    optimiser.load_state_dict({"state": states, "param_groups": groups})
    torch.set_rng_state(tensors[f"{_RANDOM}cpu"])
    if f"{_RANDOM}cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors[f"{_RANDOM}cuda"])
    return Progress(**{**kept, "best": None if kept["best"] is None else tuple(kept["best"])})


def save_weights(path: Path, network: Any) -> None:
    """Raises OSError."""
    _write(path, dict(network.state_dict()), {"format": "pt"})


def load_weights(path: Path, network: Any) -> None:
    from safetensors.torch import load_file

    network.load_state_dict(load_file(path))


def _under(tensors: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _write(path: Path, tensors: dict[str, Any], metadata: dict[str, str]) -> None:
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    # Written by us and not by save_file, so that a full disk is an OSError with its number.
    draft.write_bytes(save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, metadata))
    os.replace(draft, path)
