"""Recommenders on disk: a sealed folder of safetensors and JSON. Nothing in it can run code when it is read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.models.manifest import Manifest, read_manifest, write_manifest

TENSORS, ITEMS = "model.safetensors", "items.json"


@dataclass(frozen=True, slots=True)
class Stored:
    """``settings``: arguments of the model's constructor; ``tensors`` are read into memory."""

    item_ids: tuple[str, ...]
    facts: Mapping[str, Any]
    settings: Mapping[str, Any]
    tensors: Mapping[str, NDArray[Any]]


def save_model(
    folder: Path,
    name: str,
    item_ids: tuple[str, ...],
    facts: Mapping[str, Any],
    settings: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
) -> None:
    """Writes all files, then the manifest that makes the folder a model. Raises OSError."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    whole = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    _write(folder / TENSORS, save(whole))
    _write(folder / ITEMS, json.dumps(item_ids, ensure_ascii=False).encode())
    write_manifest(folder, Manifest(kind="recommender", name=name, args=dict(settings), facts=dict(facts)))


def load_model(folder: Path, name: str) -> Stored:
    """Raises Unavailable (models.no_manifest, models.damaged, recommend.other_model) for what it cannot trust."""
    from safetensors.numpy import load_file

    manifest = read_manifest(folder)
    if manifest.kind != "recommender" or manifest.name != name:
        raise Unavailable("recommend.other_model", folder=folder.name, found=manifest.name, expected=name)
    item_ids = tuple(json.loads((folder / ITEMS).read_text(encoding="utf-8")))
    return Stored(item_ids, manifest.facts, manifest.args, load_file(folder / TENSORS))


def stored_name(folder: Path) -> str:
    """Which model a folder holds. Raises as ``load_model``."""
    manifest = read_manifest(folder, verify=False)
    if manifest.kind != "recommender":
        raise Unavailable("recommend.other_model", folder=folder.name, found=manifest.name, expected="recommender")
    return manifest.name


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    os.replace(draft, path)
