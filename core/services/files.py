"""Originals as they were uploaded, stored once by the hash of their bytes, encrypted where the settings hold a key.

The client's name is only a label.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.access.encryption import Cipher, cipher_of, key_of_file
from core.errors import DocumentError, Unavailable
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
            cipher = cipher_of(settings)
            chunks = _hashed(upload, digest)
            if cipher is not None:
                cipher.encrypt_file(chunks, out)
            else:
                out.writelines(chunks)
            out.flush()
            os.fsync(out.fileno())
        target = stored_path(settings, digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        shutil.move(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return digest.hexdigest(), size


def _hashed(upload: Upload, digest: Any) -> Iterator[bytes]:
    """The bytes of an upload in pieces, each counted into ``digest``."""
    if upload.data is not None:
        digest.update(upload.data)
        yield upload.data
        return
    assert upload.path is not None
    with upload.path.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            yield chunk


def hide(settings: Settings, path: Path) -> None:
    """Encrypts a file that was written plainly, in place, where the settings hold a key."""
    cipher = cipher_of(settings)
    if cipher is not None and path.is_file() and not key_of_file(path):
        rewrite(path, cipher, cipher)


def bare(settings: Settings, path: Path) -> None:
    """Makes a file plain in place, to go on writing it. Raises Unavailable when its key is not in the settings."""
    if path.is_file() and key_of_file(path):
        rewrite(path, _cipher_for(settings, path), None)


def rewrite(path: Path, cipher: Cipher, target: Cipher | None) -> None:
    """Writes a file anew under ``target``, None for plainly; readers see the old or the new one, never a half."""
    key = key_of_file(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent.parent, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as out, path.open("rb") as raw:
            chunks = cipher.decrypt_file(path) if key else iter(lambda: raw.read(CHUNK), b"")
            if target is None:
                out.writelines(chunks)
            else:
                target.encrypt_file(chunks, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def original(settings: Settings, sha256: str) -> Iterator[Path]:
    """A stored original to read. An encrypted one is decrypted into a file of this process that goes with the block.

    Raises Unavailable when its key is not in the settings.
    """
    with readable(settings, stored_path(settings, sha256)) as path:
        yield path


@contextmanager
def readable(settings: Settings, path: Path) -> Iterator[Path]:
    """A file of the product to read: itself, or where it is encrypted a plain one of the same name that goes with the
    block. Raises Unavailable when its key is not in the settings."""
    if not path.is_file() or not key_of_file(path):
        yield path
        return
    cipher = _cipher_for(settings, path)
    with tempfile.TemporaryDirectory(prefix="pilotlight-") as folder:
        plain = Path(folder) / path.name
        with plain.open("wb") as out:
            out.writelines(cipher.decrypt_file(path))
        yield plain


def _cipher_for(settings: Settings, path: Path) -> Cipher:
    cipher = cipher_of(settings)
    if cipher is None:
        raise Unavailable("encryption.key_missing", needed=key_of_file(path))
    return cipher


def _size(upload: Upload, name: str) -> int:
    if upload.path is None:
        raise DocumentError("ingest.unreadable", name=name)
    try:
        return upload.path.stat().st_size
    except OSError as error:
        raise DocumentError("ingest.unreadable", name=name) from error
