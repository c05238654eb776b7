"""Checkpoints of a fine-tuning run in safetensors and JSON: nothing in them can run code when they are read.

A checkpoint is a folder ``step-<n>`` that appears by rename once all its files are written. It holds the trained
weights, the optimiser's tensors under the names of their parameters, the random state of every process, and where the
run stands. Weights that do not change are not in it: they come from the base model, whose checksum is in the
fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOLDER = "checkpoints"
_MODEL, _OPTIMISER, _RANDOM, _STATE = "model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json"
_AVERAGE = "average.safetensors"


@dataclass(slots=True)
class Progress:
    """``batch`` batches of ``epoch`` are done, ``step`` optimiser steps in all. ``best`` is the best value of the
    chosen metric (higher is better), reached at ``best_step``; ``waited`` evaluations have passed since."""

    fingerprint: str
    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float | None = None
    best_step: int = -1
    waited: int = 0
    judged: int = 0  # the step of the last evaluation


def fingerprint(*parts: Any) -> str:
    """Names a run by everything that decides its outcome. ``parts`` are JSON values; a file is named by its bytes."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            digest.update(_sha256(part).encode())
            continue
        for row in part if isinstance(part, list | tuple) else [part]:
            digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def save_checkpoint(
    folder: Path, model: Any, optimiser: Any, random: Any, progress: Progress, best: Mapping[str, Any] | None = None,
    average: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Writes ``folder/step-<n>`` and removes older ones. ``random``: uint8 tensor [processes, bytes]; ``best``: the
    weights of ``progress.best_step`` where they are newer than the file of the last checkpoint; ``average``: the
    moving average of the weights, of a run that keeps one.

    Raises OSError or safetensors' error when the disk is full; the checkpoint before is then still there.
    """
    from safetensors.torch import save_file

    if best is not None:
        _save_best(folder, best, progress.best_step)
    target = folder / _step_name(progress.step)
    draft = folder / f".{target.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        save_file(trained_tensors(model), draft / _MODEL)
        save_file(_optimiser_tensors(model, optimiser), draft / _OPTIMISER)
        save_file({"random": random}, draft / _RANDOM)
        if average is not None:
            save_file(dict(average), draft / _AVERAGE)
        files = {path.name: _sha256(path) for path in sorted(draft.glob("*.safetensors"))}
        state = {"progress": asdict(progress), "files": files}
        (draft / _STATE).write_text(json.dumps(state, indent=1), encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _keep_only(folder, target, _best_file(folder, progress.best_step))


def load_checkpoint(folder: Path, model: Any, optimiser: Any, wanted: str) -> tuple[Progress, Any] | None:
    """The newest whole checkpoint of the run ``wanted`` (a fingerprint), put into ``model`` and ``optimiser``.

    Returns where the run stands and the random state [processes, bytes], or None when there is nothing to go on from.
    """
    from safetensors.torch import load_file

    for path in sorted(folder.glob("step-*"), reverse=True):
        progress = _whole(path, wanted)
        if progress is None:
            continue
        put_tensors(model, load_file(path / _MODEL))
        _put_optimiser(model, optimiser, load_file(path / _OPTIMISER))
        return progress, load_file(path / _RANDOM)["random"]
    return None


def load_average(folder: Path, step: int) -> dict[str, Any]:
    """The moving average in the checkpoint of ``step``."""
    from safetensors.torch import load_file

    found: dict[str, Any] = load_file(folder / _step_name(step) / _AVERAGE)
    return found


def _step_name(step: int) -> str:
    return f"step-{step:08d}"


def _save_best(folder: Path, tensors: Mapping[str, Any], step: int) -> None:
    """The file before stays until a checkpoint names the new one."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".best.{os.getpid()}"
    try:
        save_file(dict(tensors), draft)
        os.replace(draft, _best_file(folder, step))
    finally:
        draft.unlink(missing_ok=True)


def load_best(folder: Path, model: Any, step: int) -> None:
    """Puts the weights of ``step``, the best one of a checkpoint, into ``model``."""
    from safetensors.torch import load_file

    put_tensors(model, load_file(_best_file(folder, step)))


def trained_tensors(model: Any) -> dict[str, Any]:
    """Parameters that are trained, and all buffers (a running mean is no parameter and still changes)."""
    trained = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    buffers = dict(model.named_buffers())
    return {name: value.contiguous().cpu().clone() for name, value in {**trained, **buffers}.items()}


def put_tensors(model: Any, tensors: Mapping[str, Any]) -> None:
    """Copies ``tensors`` into the parameters and buffers of the same names. Raises KeyError for a name without one."""
    import torch

    places = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    with torch.no_grad():
        for name, value in tensors.items():
            places[name].copy_(value)


def _optimiser_tensors(model: Any, optimiser: Any) -> dict[str, Any]:
    names = {value: name for name, value in model.named_parameters()}
    found = {}
    for parameter, state in optimiser.state.items():
        for field, value in state.items():
            found[f"{names[parameter]}|{field}"] = value.detach().contiguous().cpu().clone()
    return found


def _put_optimiser(model: Any, optimiser: Any, tensors: Mapping[str, Any]) -> None:
    parameters = dict(model.named_parameters())
    for key, value in tensors.items():
        name, _, field = key.rpartition("|")
        optimiser.state[parameters[name]][field] = value.to(parameters[name].device)


def _whole(path: Path, wanted: str) -> Progress | None:
    try:
        state = json.loads((path / _STATE).read_text(encoding="utf-8"))
        progress = Progress(**state["progress"])
        intact = all(_sha256(path / name) == digest for name, digest in state["files"].items())
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        return None
    if progress.best_step >= 0 and not _best_file(path.parent, progress.best_step).is_file():
        return None
    return progress if intact and progress.fingerprint == wanted else None


def _best_file(folder: Path, step: int) -> Path:
    return folder / f"best-{step:08d}.safetensors"


def _keep_only(folder: Path, *kept: Path) -> None:
    for path in _of_earlier_steps(folder):
        if path in kept:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _of_earlier_steps(folder: Path) -> Iterable[Path]:
    return [
        *folder.glob("step-*"),
        *folder.glob(".step-*"),
        *folder.glob("best-*.safetensors"),
        *folder.glob(".best.*"),
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
