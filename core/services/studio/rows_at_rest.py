"""Rows of data sets as they lie on the disk: encrypted where the settings hold a key, read as if they were not.

``dataset.json`` (names of columns and labels, counts, hashes) stays plain. The hashes are those of the plain rows: an
encrypted file carries its own proof in each chunk, which is looked at when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.access.encryption import key_of_file
from core.errors import Unavailable
from core.services import files
from core.settings import Settings
from core.training.datasets import store
from core.training.datasets.store import NAME, Version


def hide(settings: Settings, folder: Path) -> None:
    """Encrypts the rows of a finished version; what is so already stays."""
    for path in _rows_of(folder):
        files.hide(settings, path)


def read_version(folder: Path) -> Version:
    """As the store's, whose hashes are for plain rows. Raises Unavailable (data.version_missing, version_damaged)."""
    if not any(map(key_of_file, _rows_of(folder))):
        return store.read_version(folder)
    version = store.read_version(folder, verify=False)
    for name in version.files:
        if not (folder / name).is_file():
            raise Unavailable("data.version_damaged", name=folder.name, file=name)
    return version


def read_rows(settings: Settings, folder: Path, split: str) -> Iterator[dict[str, Any]]:
    """Records of one split in order."""
    with files.readable(settings, folder / f"{split}.jsonl") as path:
        yield from store.read_rows(path.parent, split)


def read_images(settings: Settings, folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures and their class numbers, as the store's."""
    with files.readable(settings, folder / f"{split}.npz") as path:
        return store.read_images(path.parent, split)


def data_set_files(settings: Settings) -> Iterator[Path]:
    """The files with rows of all finished versions of all workspaces."""
    root = settings.data_dir / "datasets"
    for workspace in sorted(root.iterdir()) if root.is_dir() else ():
        for folder in sorted(workspace.iterdir()) if workspace.is_dir() else ():
            if not folder.name.startswith(".") and (folder / NAME).is_file():
                yield from _rows_of(folder)


def _rows_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != NAME and path.is_file()) if folder.is_dir() else []
