"""Versions on disk: drafts that become a version by rename, and what is read back from one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.training.datasets.mapping import Task
from core.training.datasets.splitting import SPLITS

NAME = "dataset.json"
DRAFT = ".draft-"
_FORMAT = 1
_FOLDER = 16  # characters of the id that name the folder
_STALE = 24 * 3600  # seconds after which a draft belongs to nobody
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What ``dataset.json`` says. ``read`` rows = ``kept`` + all ``dropped``; ``splits`` count kept rows.

    ``id``: SHA-256 of the task, the labels and all rows, so equal data have equal ids. ``labels``: classes in the order
    of a model's outputs. ``class_counts``: split -> class -> rows. ``augmented``: rows of train beside those counted.
    ``dropped_lines``: reason -> first ``[file, line]`` pairs. ``columns``: features of a tabular task, else the
    record's text fields. ``personal``: finds masked, by kind. ``longest``: characters of the longest row.
    """

    id: str = ""
    task: Task
    labels: tuple[str, ...]
    splits: dict[str, int]
    read: int
    kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    dropped_lines: dict[str, list[list[Any]]] = field(default_factory=dict)
    class_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    augmented: int = 0
    personal: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    longest: int = 0
    sources: tuple[dict[str, Any], ...] = ()
    mapping: dict[str, Any] = field(default_factory=dict)
    clean: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, Any] | None = None
    files: dict[str, str] = field(default_factory=dict)
    format: int = _FORMAT


def version_folder(root: Path, version: str) -> Path:
    """Where version ``version`` (its id) lies below ``root``."""
    return root / version[:_FOLDER]


@contextmanager
def drafted(root: Path) -> Iterator[Path]:
    """A folder to write into; whatever ends the block, it is gone afterwards. Raises Unavailable (data.disk_full)."""
    draft = root / f"{DRAFT}{uuid.uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        yield draft
    except OSError as error:
        if error.errno in _FULL:
            free = shutil.disk_usage(root if root.exists() else "/").free
            raise Unavailable("data.disk_full", folder=root.name, free_mb=free >> 20) from error
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def seal(draft: Path, root: Path, version: Version) -> Version:
    """Names ``draft`` by its contents and makes it a version, unless the same one is there already."""
    files = {path.name: _sha256(path) for path in sorted(draft.iterdir()) if path.name != NAME}
    content = json.dumps([version.task, list(version.labels), sorted(files.items())], ensure_ascii=False)
    named = {**asdict(version), "id": hashlib.sha256(content.encode()).hexdigest(), "files": files}
    text = json.dumps(named, ensure_ascii=False, indent=1) + "\n"
    (draft / NAME).write_text(text, encoding="utf-8", errors="surrogatepass")
    sealed = _parsed(json.loads(text))
    for path in (*draft.iterdir(), draft):
        _flush(path)
    folder = version_folder(root, sealed.id)
    if folder.exists():
        try:
            return read_version(folder)
        except Unavailable:
            shutil.rmtree(folder)
    os.replace(draft, folder)
    _flush(root)
    return sealed


def read_version(folder: Path, *, verify: bool = True) -> Version:
    """What a version says of itself. Raises Unavailable (data.version_missing, data.version_damaged)."""
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        if found["format"] != _FORMAT:
            raise Unavailable("data.version_format", name=folder.name, found=found["format"], expected=_FORMAT)
        version = _parsed(found)
    except FileNotFoundError as error:
        raise Unavailable("data.version_missing", name=folder.name) from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("data.version_damaged", name=folder.name, file=NAME) from error
    for name, digest in version.files.items() if verify else ():
        if not (folder / name).is_file() or _sha256(folder / name) != digest:
            raise Unavailable("data.version_damaged", name=folder.name, file=name)
    return version


def _parsed(found: dict[str, Any]) -> Version:
    return Version(**{**found, **{name: tuple(found[name]) for name in ("labels", "columns", "sources")}})


def list_versions(root: Path) -> list[Version]:
    """Whole versions below ``root``; drafts and damaged folders are passed over."""
    found = []
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.is_dir() and not folder.name.startswith(DRAFT):
            try:
                found.append(read_version(folder, verify=False))
            except Unavailable:
                continue
    return found


def sweep_drafts(root: Path, older_than: float = _STALE) -> int:
    """Removes drafts that a killed build left behind, ``older_than`` seconds ago or more. Returns how many."""
    stale = [path for path in root.glob(f"{DRAFT}*") if time.time() - path.stat().st_mtime >= older_than]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return len(stale)


def read_rows(folder: Path, split: str, *, augmented: bool = True) -> Iterator[dict[str, Any]]:
    """Records of one split in order. ``augmented`` False leaves out those that augmentation made."""
    with (folder / f"{split}.jsonl").open(encoding="utf-8", errors="surrogatepass") as file:
        for line in file:
            record: dict[str, Any] = json.loads(line)
            if augmented or not record.get("augmented"):
                yield record


def read_examples(folder: Path, split: str, version: Version) -> tuple[list[Any], list[Any]]:
    """Inputs and what they are to give: texts (or values of a table) and class numbers, sets of them when multi-label.

    Sentence pairs and prompt-response rows come as tuples; their targets are class numbers, scores, or None.
    """
    numbers = {label: number for number, label in enumerate(version.labels)}
    inputs: list[Any] = []
    targets: list[Any] = []
    for record in read_rows(folder, split):
        if version.task == "tabular":
            inputs.append(record["values"])
        else:
            texts = tuple(record[name] for name in version.columns)
            inputs.append(texts[0] if len(texts) == 1 else texts)
        if "labels" in record:
            targets.append([numbers[label] for label in record["labels"] if label in numbers])
        else:
            targets.append(numbers[record["label"]] if "label" in record else record.get("score"))
    return inputs, targets


def read_images(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures uint8 [rows, size, size, channels] and their class numbers int64 [rows]."""
    with np.load(folder / f"{split}.npz", allow_pickle=False) as arrays:
        return arrays["images"], arrays["classes"]


def split_names(version: Version) -> tuple[str, ...]:
    """The splits that hold rows."""
    return tuple(name for name in SPLITS if version.splits.get(name))


def _flush(path: Path) -> None:
    """Makes sure that the file, or the folder's list of files, has reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
