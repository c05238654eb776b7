"""A text classifier stored as its differences from an encoder of the catalogue, so that it is small enough to ship.

Such a folder holds low-rank differences of the encoder's weights (int8 factors) and the head. ``whole`` makes the
ordinary folder that ``load_classifier`` opens, with its ONNX file: once, in the data folder, in a process of its own,
so that torch, which only the export needs, never stays in the memory of the web server or the worker.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Unavailable
from core.models.classifiers.ngrams import FILE as NGRAMS
from core.models.classifiers.text_network import ENCODER, HEAD
from core.models.extended import Floats, pack_changes, unpack_changes
from core.models.manifest import NAME, Manifest, read_manifest, write_manifest
from core.models.onnx_export import SENTENCES, SENTENCES_ZH, export_key
from core.settings import Settings

CHANGES = "changes.safetensors"
RECIPE = 1  # raise it when making changes, so that older folders are made anew
_ROOT = Path(__file__).resolve().parents[3]
_WEIGHTS = "model.safetensors"
_WHOLE = (HEAD, NGRAMS)  # what stands beside the encoder, the second of some classifiers only
_DISAGREE = 0.1  # share of the built-in sentences on which int8 may name another class than fp32


def is_packed(folder: Path) -> bool:
    """Whether ``folder`` holds differences instead of a whole encoder."""
    return (folder / CHANGES).is_file() and not (folder / ENCODER).is_dir()


def write_packed(trained: Path, base: Path, target: Path, manifest: Manifest, *, rank: int) -> Manifest:
    """Stores the classifier in ``trained`` as its differences from the encoder folder ``base``, matrices at ``rank``.

    ``manifest.base`` must be the catalogue's name of ``base``. Other files of ``target`` stay and are sealed with it.
    """
    from safetensors.numpy import load_file, save_file

    target.mkdir(parents=True, exist_ok=True)
    old, new = load_file(base / _WEIGHTS), load_file(trained / ENCODER / _WEIGHTS)
    changes: dict[str, Floats] = {}
    for name, values in new.items():
        change = values.astype(np.float32) - old[name].astype(np.float32)
        if np.abs(change).max() > 0:
            changes[name] = change
    save_file(pack_changes(changes, rank), target / CHANGES)
    for name in _WHOLE:
        if (trained / name).is_file():
            shutil.copy(trained / name, target / name)
    return write_manifest(target, replace(manifest, files={}))


def whole(folder: Path, settings: Settings) -> Path:
    """``folder``, or the whole classifier that its differences make (about 20 seconds the first time).

    Raises Unavailable when its files are damaged, its encoder is not on this machine or the export fails.
    """
    if not is_packed(folder):
        return folder
    from filelock import FileLock

    from core.models.catalogue import find_entry, locate
    from core.models.encoder import opened

    manifest = read_manifest(folder)
    base = opened(locate(find_entry(manifest.base, "encoder"), settings), settings).path
    kept = settings.data_dir / "models" / manifest.name
    kept.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256((folder / NAME).read_bytes()).hexdigest()
    target = kept / f"whole-{export_key(RECIPE, digest, base.name)}"
    with FileLock(str(kept / "whole.lock")):
        if not (target / NAME).is_file():
            _make(folder, base, target)
    return target


def _make(folder: Path, base: Path, target: Path) -> None:
    building = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    paths = [str(path.resolve()) for path in (folder, base, building)]
    command = [sys.executable, "-m", "core.models.classifiers.packed", *paths]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise Unavailable("models.export_failed", reason=(done.stderr.strip().splitlines() or ["no message"])[-1])
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def unpack(folder: Path, base: Path, target: Path) -> Manifest:
    """Writes the whole classifier of ``folder`` over the encoder in ``base`` to ``target`` and seals it."""
    from safetensors.numpy import load_file, save_file

    manifest = read_manifest(folder)
    shutil.copytree(base, target / ENCODER, ignore=shutil.ignore_patterns(_WEIGHTS))
    weights = load_file(base / _WEIGHTS)
    for name, change in unpack_changes(load_file(folder / CHANGES)).items():
        weights[name] = weights[name] + change
    save_file(weights, target / ENCODER / _WEIGHTS, metadata={"format": "pt"})
    for name in _WHOLE:
        if (folder / name).is_file():
            shutil.copy(folder / name, target / name)
    fields = asdict(manifest) | {"labels": manifest.labels, "files": {}}
    fields["facts"] = {**manifest.facts, "onnx": _export(target, manifest)}
    return write_manifest(target, Manifest(**fields))


def _export(target: Path, manifest: Manifest) -> dict[str, Any]:
    """Leaves the ONNX file that runs best here: int8 where it is faster and agrees with fp32."""
    from tokenizers import Tokenizer

    from core.models.classifiers.classifier import ONNX
    from core.models.classifiers.export import chosen_precision, compare_exports, export_classifier

    making = target / f".{ONNX}"
    export_classifier(target, making, normalise=bool(manifest.facts["normalise"]))
    tokenizer = Tokenizer.from_file(str(target / ENCODER / "tokenizer.json"))
    rows = [encoding.ids for encoding in tokenizer.encode_batch([*SENTENCES, *SENTENCES_ZH])]
    found = compare_exports(making, rows, int(manifest.facts["pad"]))
    precision = chosen_precision(found, 1 - found.agreement, _DISAGREE)
    (target / ONNX).mkdir()
    (making / f"{precision}.onnx").replace(target / ONNX / f"{precision}.onnx")
    shutil.rmtree(making)
    return {"precision": precision, "agreement": found.agreement, "speed_ratio": found.speed_int8 / found.speed_fp32}


if __name__ == "__main__":
    unpack(*(Path(argument) for argument in sys.argv[1:4]))
