"""Rows of an uploaded CSV, XLSX or JSONL file as dictionaries with the columns an import knows."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from core.errors import BadInput
from core.services.views import Upload
from core.settings import Settings

MAX_ROWS = 20_000
TRUE = frozenset({"1", "true", "yes", "y", "x", "是", "对", "可", "真", "✓"})
FALSE = frozenset({"0", "false", "no", "n", "否", "不", "假", "✗"})


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``skipped`` holds ``(line, error code)``; the code's sentence says what the line lacks."""

    added: int
    updated: int
    skipped: tuple[tuple[int, str], ...] = ()


def read_rows(
    settings: Settings, upload: Upload, columns: Mapping[str, frozenset[str]], required: str
) -> list[tuple[int, dict[str, Any]]]:
    """``(line, values)`` of every row that is not empty; ``columns`` maps a column to the headings it may bear.

    Lines count from 1 as a person sees them in the file. Raises BadInput for another file type, a file that cannot be
    read, one without the ``required`` column, or one that is too large.
    """
    data = _bytes(settings, upload)
    suffix = PurePath(upload.name).suffix.lower()
    readers = {".csv": _csv, ".tsv": _csv, ".xlsx": _xlsx, ".jsonl": _jsonl, ".ndjson": _jsonl}
    if suffix not in readers:
        raise BadInput("chat.import_type", name=upload.name)
    names = {alias: column for column, aliases in columns.items() for alias in (*aliases, column)}
    rows: list[tuple[int, dict[str, Any]]] = []
    known: set[str] = set()
    for line, raw in readers[suffix](upload.name, data):
        values = {names[_heading(key)]: value for key, value in raw.items() if _heading(key) in names}
        known |= values.keys()
        if any(str(value).strip() for value in raw.values() if value is not None):
            rows.append((line, values))
        if len(rows) > MAX_ROWS:
            raise BadInput("chat.import_rows", name=upload.name, limit=MAX_ROWS)
    if not rows:
        raise BadInput("chat.import_empty", name=upload.name)
    if required not in known:
        raise BadInput("chat.import_columns", name=upload.name, column=required)
    return rows


def text_of(values: Mapping[str, Any], column: str) -> str:
    value = values.get(column)
    return "" if value is None else str(value).strip()


def list_of(values: Mapping[str, Any], column: str) -> tuple[str, ...]:
    """A list as JSON has it, or a cell whose items are separated by ``|`` or line breaks."""
    value = values.get(column)
    items = value if isinstance(value, list) else str(value or "").replace("\n", "|").split("|")
    return tuple(dict.fromkeys(str(item).strip() for item in items if str(item).strip()))


def flag_of(values: Mapping[str, Any], column: str, default: bool) -> bool | None:
    """A yes or no; ``default`` when the cell is empty, None when it holds neither."""
    value = text_of(values, column).lower()
    if not value:
        return default
    return True if value in TRUE else False if value in FALSE else None


def _heading(key: Any) -> str:
    return str(key or "").strip().lstrip("\ufeff").lower()


def _bytes(settings: Settings, upload: Upload) -> bytes:
    limit = settings.max_file_mb << 20
    try:
        size = len(upload.data) if upload.data is not None else upload.path.stat().st_size if upload.path else 0
        if size > limit:
            raise BadInput("chat.import_size", name=upload.name, limit=settings.max_file_mb)
        return upload.data if upload.data is not None else upload.path.read_bytes() if upload.path else b""
    except OSError as error:
        raise BadInput("chat.import_unreadable", name=upload.name, reason=error.strerror or "") from error


def _decode(name: str, data: bytes) -> str:
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    for encoding in (marks.get(data[:2], "utf-8-sig"), "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput("chat.import_unreadable", name=name, reason="encoding")


def _csv(name: str, data: bytes) -> Iterator[tuple[int, dict[Any, Any]]]:
    text = _decode(name, data)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="", strict=True)
    try:
        line = 1
        for row in reader:
            # A quoted cell may span lines: a row is named by the line it starts on.
            yield line + 1, dict(row)
            line = reader.line_num
    except csv.Error as error:
        raise BadInput("chat.import_unreadable", name=name, reason=str(error)) from error


def _jsonl(name: str, data: bytes) -> Iterator[tuple[int, dict[Any, Any]]]:
    for line, text in enumerate(_decode(name, data).splitlines(), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            raise BadInput("chat.import_line", name=name, line=line) from error
        if not isinstance(row, dict):
            raise BadInput("chat.import_line", name=name, line=line)
        yield line, row


def _xlsx(name: str, data: bytes) -> Iterator[tuple[int, dict[Any, Any]]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise BadInput("chat.import_unreadable", name=name, reason="xlsx") from error
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = next(rows, ())
        for line, row in enumerate(rows, start=2):
            yield line, {key: value for key, value in zip(header, row, strict=False) if key is not None}
    finally:
        book.close()
