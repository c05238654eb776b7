"""ZIPs of documents: unpacked with suspicion. An attack refuses the whole archive, a bad member only itself."""

from __future__ import annotations

import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.documents.options import MIB
from core.errors import DocumentError

_CHUNK = 1 << 18
_SMALL = 10 * MIB  # below this a high ratio (a file of blanks) does no harm
_LITTER = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._[^/]*$)", re.I)
_OFFICE = ("word/", "xl/", "ppt/")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may unpack to. Sizes in bytes; ``max_ratio`` unpacked to packed; ``max_depth`` ZIPs in ZIPs."""

    max_files: int = 1000
    max_total_bytes: int = 500 * MIB
    max_member_bytes: int = 50 * MIB
    max_ratio: int = 200
    max_depth: int = 2


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive: its name with folders, and where it lies while the iterator lasts; or its error."""

    name: str
    path: Path
    error: DocumentError | None = None


@dataclass(slots=True)
class _Budget:
    archive: str
    limits: Limits
    files: int = 0
    total: int = 0
    unpacked: int = 0

    def count(self, files: int) -> None:
        self.files += files
        if self.files > self.limits.max_files:
            raise DocumentError("documents.zip_too_many", name=self.archive, limit=self.limits.max_files)

    def spend(self, size: int) -> None:
        self.total += size
        if self.total > self.limits.max_total_bytes:
            raise self.bomb()

    def bomb(self) -> DocumentError:
        return DocumentError("documents.zip_bomb", name=self.archive, limit_mb=self.limits.max_total_bytes // MIB)


def members(path: Path, limits: Limits | None = None, *, name: str = "") -> Iterator[Member]:
    """The files of the ZIP at ``path``, unpacked to a temporary folder that lasts as long as the iterator.

    Everything is unpacked and judged before the first member is handed out. Raises DocumentError for the whole archive:
    corrupt, path traversal, links, too many files, bomb. Encrypted, damaged or too large members carry their own error.
    """
    budget = _Budget(name or path.name, limits or Limits())
    with tempfile.TemporaryDirectory(prefix="pilotlight-zip-") as folder:
        yield from _unpack(path, Path(folder), "", 1, budget)


def _unpack(path: Path, folder: Path, prefix: str, depth: int, budget: _Budget) -> list[Member]:
    found: list[Member] = []
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DocumentError("documents.corrupt", name=prefix.rstrip("/") or budget.archive, type="ZIP") from error
    with archive:
        infos = [(info, member_name(info)) for info in archive.infolist()]
        _judge(infos, budget)
        for info, name in infos:
            if info.is_dir() or _LITTER.search(name):
                continue
            budget.unpacked += 1
            target = folder / f"{budget.unpacked}"
            shown = prefix + name
            failed = _extract(archive, info, target, shown, budget)
            if failed is None and _is_archive(target):
                found.extend(_nested(target, folder, shown, depth, budget))
            else:
                found.append(Member(shown, target, failed))
    return found


def _nested(path: Path, folder: Path, shown: str, depth: int, budget: _Budget) -> list[Member]:
    if depth >= budget.limits.max_depth:
        return [Member(shown, path, DocumentError("documents.zip_too_deep", name=shown, limit=budget.limits.max_depth))]
    try:
        return _unpack(path, folder, f"{shown}/", depth + 1, budget)
    except DocumentError as error:
        if error.code != "documents.corrupt":
            raise
        return [Member(shown, path, error)]


def member_name(info: zipfile.ZipInfo) -> str:
    """The member's name; names without the UTF-8 mark are UTF-8 or GBK as Chinese systems write them, else CP437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec).replace("\\", "/")
        except UnicodeDecodeError:
            continue
    return info.filename


def _judge(infos: list[tuple[zipfile.ZipInfo, str]], budget: _Budget) -> None:
    """What the directory of the archive admits by itself: attacks are seen before a byte is unpacked."""
    budget.count(sum(1 for info, _ in infos if not info.is_dir()))
    declared = 0
    for info, name in infos:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if (
            ".." in parts
            or name.startswith(("/", "\\"))
            or re.match(r"^[A-Za-z]:", name)
            or "\x00" in info.orig_filename
        ):
            raise DocumentError("documents.zip_traversal", name=budget.archive, member=name.replace("\x00", "?"))
        mode = info.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise DocumentError("documents.zip_link", name=budget.archive, member=name)
        declared += info.file_size
        if info.file_size > _SMALL and info.file_size > budget.limits.max_ratio * max(1, info.compress_size):
            raise budget.bomb()
    if budget.total + declared > budget.limits.max_total_bytes:
        raise budget.bomb()


def _extract(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, shown: str, budget: _Budget
) -> DocumentError | None:
    """Unpacks one member to ``target``; returns its error. Sizes are counted as they come, whatever was declared."""
    limits = budget.limits
    if info.flag_bits & 1:
        return DocumentError("documents.encrypted", name=shown)
    size = 0
    try:
        with archive.open(info) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                budget.spend(len(chunk))
                if size > _SMALL and size > limits.max_ratio * max(1, info.compress_size):
                    raise budget.bomb()
                if size > limits.max_member_bytes:
                    target.unlink(missing_ok=True)
                    return DocumentError(
                        "documents.too_large",
                        name=shown,
                        size_mb=f"{max(size, info.file_size) / MIB:.1f}",
                        limit_mb=f"{limits.max_member_bytes / MIB:g}",
                    )
                sink.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        failed = DocumentError("documents.corrupt", name=shown, type="ZIP")
        failed.__cause__ = error
        return failed
    return None


def _is_archive(path: Path) -> bool:
    """A ZIP that is not an office file."""
    with path.open("rb") as file:
        if file.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return not ("[Content_Types].xml" in names or "mimetype" in names or any(n.startswith(_OFFICE) for n in names))
