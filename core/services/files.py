"""Originals as they were uploaded, stored once by the hash of their bytes. The client's name is only a label."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from core.errors import DocumentError
from core.services.views import Upload
from core.settings import Settings

CHUNK = 1 << 20


def clean_name(name: str) -> str:
    """The last part of a client's path without control characters, at most 200 characters; never empty."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(ch for ch in last if ch.isprintable()).strip().lstrip(".")
    if len(kept) > 200:
        stem, dot, suffix = kept.rpartition(".")
        kept = f"{stem[:190]}{dot}{suffix}" if dot and len(suffix) < 10 else kept[:200]
    return kept or "unnamed"


def stored_path(settings: Settings, sha256: str) -> Path:
    return settings.files_dir / sha256[:2] / sha256


def store(settings: Settings, upload: Upload) -> tuple[str, int]:
    """Stores the bytes and returns ``(sha256, size)``.

    Raises DocumentError when the upload is larger than ``max_file_mb`` or cannot be read; nothing is left behind.
    """
    name = clean_name(upload.name)
    limit = settings.max_file_mb * CHUNK
    size = len(upload.data) if upload.data is not None else _size(upload, name)
    if size > limit:
        raise DocumentError("ingest.too_large", name=name, size=round(size / CHUNK, 1), limit=settings.max_file_mb)
    settings.files_dir.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=settings.files_dir, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as out:
            if upload.data is not None:
                digest.update(upload.data)
                out.write(upload.data)
            else:
                assert upload.path is not None
                with upload.path.open("rb") as source:
                    while chunk := source.read(CHUNK):
                        digest.update(chunk)
                        out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        target = stored_path(settings, digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        shutil.move(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return digest.hexdigest(), size


def _size(upload: Upload, name: str) -> int:
    if upload.path is None:
        raise DocumentError("ingest.unreadable", name=name)
    try:
        return upload.path.stat().st_size
    except OSError as error:
        raise DocumentError("ingest.unreadable", name=name) from error
