"""Text files as lines: the encoding found without holding the file, lines with numbers that can be taken back."""

from __future__ import annotations

import codecs
import io
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.documents.encoding import decode, looks_like_text
from core.errors import BadInput

REPLACED = "\ufffd"  # what stands where bytes are no text
MAX_LINE = 1 << 24  # characters of one line
MAX_RECORD = 1 << 20  # characters over several lines of one quoted cell: beyond it the quote was never closed
_HEAD = 1 << 20
_FOREIGN = (
    (b"PK\x03\x04", "ZIP/XLSX"), (b"%PDF-", "PDF"), (b"\xd0\xcf\x11\xe0", "XLS/DOC"), (b"\x1f\x8b", "gzip"),
    (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"SQLite format 3", "SQLite"), (b"PAR1", "Parquet"),
    (b"\x80\x04\x95", "pickle"), (b"7z\xbc\xaf", "7z"), (b"Rar!", "RAR"),
)  # fmt: skip


def find_encoding(path: Path, name: str) -> str:
    """The codec of a text file, in one pass with bounded memory.

    A file that is UTF-8 but for a few broken bytes is read as UTF-8: the rows that hold them are listed as errors.
    Raises BadInput (data.empty_file, data.not_a_table) and DocumentError (documents.not_text).
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head:
            raise BadInput("data.empty_file", name=name)
        for magic, label in _FOREIGN:
            if head.startswith(magic):
                raise BadInput("data.not_a_table", name=name, found=label)
        if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
            return decode(head[: len(head) // 4 * 4], name).encoding
        if not looks_like_text(head[: 1 << 16]) or b"\x00" in head[:4096]:
            return decode(head[: len(head) // 2 * 2], name).encoding
        file.seek(0)
        broken, foreign, sample = _count_foreign(file)
    if broken == 0 or broken * 20 <= foreign:
        return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    return decode(sample, name).encoding


def _count_foreign(file: IO[bytes]) -> tuple[int, int, bytes]:
    """Characters that are no UTF-8, characters beyond ASCII, and up to a MiB of the lines that hold any."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    broken = foreign = 0
    sample = bytearray()
    while chunk := file.read(_HEAD):
        text = decoder.decode(chunk)
        broken += text.count(REPLACED)
        if not chunk.isascii():
            foreign += sum(1 for char in text if char > "\x7f")
            if len(sample) < _HEAD:
                kept = (line for line in chunk.splitlines(keepends=True)[1 if sample else 0 : -1] if not line.isascii())
                sample += b"".join(kept)[: _HEAD - len(sample)] or chunk[:_HEAD]
    return broken + decoder.decode(b"", True).count(REPLACED), foreign, bytes(sample)


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """Opened for lines as they stand, ends included; bytes that are no text become ``REPLACED``."""
    return path.open(encoding=encoding, errors="replace", newline="")


class Unclosed(Exception):
    """A quoted cell ran on for longer than any cell is."""


class Lines:
    """Lines of a file, counted from 1 in ``number``; those since ``begin`` can be given back all but the first."""

    def __init__(self, file: io.TextIOWrapper, name: str) -> None:
        self._file, self._name = file, name
        self._again: deque[str] = deque()
        self._held: list[str] = []
        self._characters = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE:
            raise BadInput("data.line_too_long", name=self._name, line=self.number, limit=MAX_LINE)
        self._held.append(line)
        self._characters += len(line)
        if self._characters > MAX_RECORD and len(self._held) > 1:
            raise Unclosed
        return line

    def begin(self) -> None:
        self._held.clear()
        self._characters = 0

    def give_back(self) -> None:
        """The lines after the first since ``begin`` will come again."""
        again = self._held[1:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)
        self.begin()

    def position(self) -> int:
        """Bytes read from the file so far, about."""
        return os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
