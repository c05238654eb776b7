"""What the three Office formats share: they are ZIPs of XML, and may be bombs or broken."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.documents.options import Source
from core.errors import DocumentError

_RATIO = 500  # XML packs well, but not that well
_SMALL = 50 * 1024 * 1024


def check_package(path: Path, source: Source, label: str) -> None:
    """Raises DocumentError when the package is encrypted, damaged, or unpacks to more than it may."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DocumentError("documents.corrupt", name=source.name, type=label) from error
    if any(part.flag_bits & 1 for part in parts):
        raise DocumentError("documents.encrypted", name=source.name)
    limit = source.options.max_unpacked_bytes
    bomb = any(part.file_size > _SMALL and part.file_size > _RATIO * max(1, part.compress_size) for part in parts)
    if bomb or sum(part.file_size for part in parts) > limit:
        raise DocumentError("documents.office_bomb", name=source.name, limit_mb=limit // (1024 * 1024))


# What zipfile, lxml and the office libraries raise on damaged packages: none of them promises an error of its own.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, RuntimeError, SyntaxError,
    LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError,
)  # fmt: skip


@contextmanager
def damage_named(source: Source, label: str) -> Iterator[None]:
    """Turns what a library raises on a damaged file into DocumentError ``corrupt``; the cause stays with it."""
    try:
        yield
    except _DAMAGE as error:
        if any(error is failure for failure in source.failures):
            raise
        raise DocumentError("documents.corrupt", name=source.name, type=label) from error
