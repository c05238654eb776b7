"""Index versions on disk: ``<index_dir>/<knowledge base>/<version>/``, written beside the live one, then renamed.

A version is a folder of plain files and a ``manifest.json`` that names each with its length and SHA-256. It gets its
name only when everything in it has reached the disk, so a folder that has a version's name is whole, or was damaged
later; a build that was killed leaves a folder of another name, which nobody opens and the next sweep removes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import IndexDamaged

MANIFEST = "manifest.json"
FORMAT = 1
_VERSION = re.compile(r"\d+")
_UNFINISHED = ".unfinished"


@dataclass(frozen=True, slots=True)
class StoredFile:
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version holds. ``facts`` is what its builder wrote down: rule, encoder, counts."""

    files: Mapping[str, StoredFile]
    facts: Mapping[str, Any]


def version_folder(index_dir: Path, knowledge_base_id: int, version: int) -> Path:
    return index_dir / str(knowledge_base_id) / str(version)


@contextmanager
def new_version(folder: Path, facts: dict[str, Any]) -> Iterator[Path]:
    """A temporary folder to write a version's files into; it becomes ``folder`` when the block ends without an error.

    ``facts`` may be filled in until then. A version of the same name (a damaged one, being rebuilt) is replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}{_UNFINISHED}")
    building.mkdir()
    try:
        yield building
        _seal(building, facts)
        _take_name(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def open_version(folder: Path, *, verify: bool = True) -> Manifest:
    """The manifest of a version whose files are all there and, with ``verify``, unchanged to the byte.

    Raises IndexDamaged saying which file and what is wrong with it.
    """
    manifest = _read_manifest(folder)
    for name, stored in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise damaged(folder, name, "missing")
        if path.stat().st_size != stored.size:
            raise damaged(folder, name, "length")
        if verify and _sha256(path) != stored.sha256:
            raise damaged(folder, name, "checksum")
    return manifest


def sweep(parent: Path, keep: Collection[int]) -> list[str]:
    """Removes unfinished folders and every version not in ``keep``; returns their names.

    Only the one writer of a knowledge base calls it, and not during a build: a running build's folder would go too.
    """
    removed = []
    for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
        old = _VERSION.fullmatch(folder.name) and int(folder.name) not in keep
        if folder.is_dir() and (old or folder.name.endswith(_UNFINISHED)):
            remove_version(folder)
            removed.append(folder.name)
    return removed


def remove_version(folder: Path) -> None:
    """Removes a version. It loses its name first, so that a removal cut short leaves nothing that could be opened."""
    if folder.is_dir():
        doomed = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}{_UNFINISHED}")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def save_array(folder: Path, name: str, array: NDArray[Any]) -> None:
    np.save(folder / f"{name}.npy", array, allow_pickle=False)


def open_array(folder: Path, name: str, *, mapped: bool = True) -> NDArray[Any]:
    """A saved array, memory-mapped and read only unless ``mapped`` is False."""
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r" if mapped else None, allow_pickle=False)
    return array


def damaged(folder: Path, name: str, problem: str) -> IndexDamaged:
    return IndexDamaged(f"index.{problem}", version=folder.name, file=name)


def _seal(folder: Path, facts: Mapping[str, Any]) -> None:
    files = {path.name: _stored(path) for path in sorted(folder.iterdir())}
    body: dict[str, Any] = {"format": FORMAT, "facts": dict(facts), "files": files}
    body["seal"] = _digest(body)
    path = folder / MANIFEST
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1), encoding="utf-8")
    _to_disk(path)
    _to_disk(folder)


def _stored(path: Path) -> dict[str, Any]:
    _to_disk(path)
    return {"size": path.stat().st_size, "sha256": _sha256(path)}


def _take_name(building: Path, folder: Path) -> None:
    remove_version(folder)
    building.rename(folder)
    _to_disk(folder.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise damaged(folder, MANIFEST, "missing")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        seal = body.pop("seal")
        files = {name: StoredFile(**stored) for name, stored in body["files"].items()}
        intact = seal == _digest(body) and body["format"] == FORMAT
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(folder, MANIFEST, "checksum") from error
    if not intact:
        raise damaged(folder, MANIFEST, "checksum")
    return Manifest(files, body["facts"])


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
