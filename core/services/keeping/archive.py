"""The file of a backup: a compressed tar whose last member, the manifest, has the checksum of every other one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from core.errors import BadInput

MANIFEST = "manifest.json"
ROWS = "database"
# What the product writes under the data folder and cannot make again. Caches of models are not among it.
FOLDERS = ("files", "datasets", "studio", "voices", "recommend", "sentiment")
SUFFIXES = (".tar.zst", ".tar.gz")
IN_MEMORY = 16 << 20  # bytes of a member that are kept in memory before it is put on the disk
SPARE = 64 << 20  # bytes left free on the disk
CHUNK = 1 << 20
_ODD = re.compile(r"[\x00-\x1f\\:]")


class Writer:
    """Adds members to the tar and remembers their checksums."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """A file that may still grow or shrink: what was read is what is stored."""
        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as kept:
            for chunk in chunks:
                digest.update(chunk)
                kept.write(chunk)
            size = kept.tell()
            kept.seek(0)
            self._put(name, kept, size)
        self.members[name] = {"size": size, "sha256": digest.hexdigest()}

    def finish(self, facts: dict[str, Any]) -> None:
        """Writes the manifest: ``facts`` and the members."""
        text = json.dumps({**facts, "members": self.members}, ensure_ascii=False, indent=1).encode()
        self._put(MANIFEST, io.BytesIO(text), len(text))

    def _put(self, name: str, content: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self._tar.addfile(entry, content)


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A new archive; its suffix says how it is compressed."""
    with ExitStack() as stack:
        target: Any = stack.enter_context(path.open("xb"))
        path.chmod(0o600)  # it holds what people said
        if _suffix(path.name.removesuffix(".partial")) == ".tar.zst":
            import zstandard

            target = stack.enter_context(zstandard.ZstdCompressor(level=6).stream_writer(target))
        else:
            target = stack.enter_context(gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6))
        yield Writer(stack.enter_context(tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT)))


def checked_name(path: Path) -> None:
    """Raises BadInput unless the name says how to compress."""
    _suffix(path.name)


def _suffix(name: str) -> str:
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return suffix
    raise BadInput("backup.suffix", name=name, known=", ".join(SUFFIXES))


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Unpacks into the empty ``folder`` and returns the manifest, with every checksum compared.

    Raises BadInput (backup.damaged, backup.unsafe, backup.no_space): the folder then holds rubbish and nothing else is
    changed.
    """
    if not path.is_file():
        raise BadInput("backup.missing", name=str(path))
    seen: dict[str, dict[str, Any]] = {}
    try:
        with ExitStack() as stack:
            for entry, content in _entries(path, stack):
                seen[entry.name] = _unpack_one(entry, content, folder, seen)
            if MANIFEST not in seen:
                raise BadInput("backup.damaged", name=path.name, reason="truncated")
            manifest = json.loads((folder / MANIFEST).read_bytes())
            claimed = manifest["members"]
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, KeyError, TypeError) as error:
        raise BadInput("backup.damaged", name=path.name, reason=type(error).__name__) from error
    seen.pop(MANIFEST)
    if seen != claimed:
        odd = sorted(name for name in {*seen, *claimed} if seen.get(name) != claimed.get(name))
        raise BadInput("backup.damaged", name=path.name, reason=", ".join(odd[:5]))
    return dict(manifest)


def _entries(path: Path, stack: ExitStack) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    raw: Any = stack.enter_context(path.open("rb"))
    if _suffix(path.name) == ".tar.zst":
        raw = stack.enter_context(_ZstdReader(raw))
    else:
        raw = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
    with tarfile.open(fileobj=raw, mode="r|") as tar:
        for entry in tar:
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise BadInput("backup.unsafe", name=entry.name[:120])
            yield entry, content


class _ZstdReader(io.RawIOBase):
    """Decompresses; a damaged frame is an EOFError like that of the other formats."""

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._reader = zstandard.ZstdDecompressor().stream_reader(raw)

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._reader.read(size))
        except self._error as error:
            raise EOFError(str(error)) from error


def _unpack_one(entry: tarfile.TarInfo, content: IO[bytes], folder: Path, seen: dict[str, Any]) -> dict[str, Any]:
    if entry.name in seen or not _safe(entry.name):
        raise BadInput("backup.unsafe", name=entry.name[:120])
    if entry.size > shutil.disk_usage(folder).free - SPARE:
        raise BadInput("backup.no_space", needed=entry.size >> 20, folder=str(folder.parent))
    target = folder / entry.name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as out:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += out.write(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


def _safe(name: str) -> bool:
    """Only what we write: the manifest, tables, and files below our own folders."""
    if name == MANIFEST:
        return True
    parts = PurePosixPath(name).parts
    if _ODD.search(name) or name != "/".join(parts) or ".." in parts or len(parts) < 2:
        return False
    if parts[0] == ROWS:
        return len(parts) == 2 and re.fullmatch(r"[a-z_]+\.jsonl", parts[1]) is not None
    return parts[0] in FOLDERS
