"""Weights turned into what an engine reads: once for each checksum, atomically, by one process at a time."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from core.errors import Unavailable
from core.models.weights import weights_file

_DONE = "complete"


def converted(folder: Path, cache: Path, recipe: str, make: Callable[[Path], None]) -> Path:
    """The folder in ``cache`` that ``make`` filled from the model in ``folder``: made once, found ever after.

    ``recipe`` names the format and its version. A run that was killed leaves nothing that would be taken for complete.
    Raises Unavailable (generation.no_weights, generation.bad_weights, generation.conversion_failed).
    """
    from filelock import FileLock

    cache.mkdir(parents=True, exist_ok=True)
    target = cache / f"{recipe}-{_checksum(folder)}"
    with FileLock(str(cache / f"{recipe}.lock")):
        if not (target / _DONE).is_file():
            _make(folder, target, make)
    return target


def _make(folder: Path, target: Path, make: Callable[[Path], None]) -> None:
    building = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(parents=True)
        make(building)
        (building / _DONE).touch()
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    except KeyError as error:
        raise Unavailable("generation.bad_weights", name=folder.name, file=str(error).strip("'")) from error
    except OSError as error:
        raise Unavailable("generation.conversion_failed", name=folder.name, reason=str(error)) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _checksum(folder: Path) -> str:
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    with weights_file(folder).open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
