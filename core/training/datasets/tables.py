"""A file of rows as a table that is read in a stream: what its columns hold, its first rows, and the rows in error.

CSV, TSV, JSON lines (or an array), XLSX and plain text. The first pass, ``read_table``, looks at every row and keeps
only counts, a preview and a list of errors; ``table_rows`` passes again and yields the rows. Memory does not grow with
the number of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Literal

from core.errors import BadInput
from core.training.datasets import table_readers as readers
from core.training.datasets.column_types import Column, ColumnCounter
from core.training.datasets.table_readers import Dialect, Record, Records, RowError, Sheet, Split
from core.training.datasets.table_text import find_encoding, open_text
from core.training.watch import Watch

MAX_ROWS = 1_000_000
PREVIEW = 20
LISTED = 200  # errors kept with their lines; the rest are counted
_CHUNK = 4096  # rows between two looks at the watch
_MAX_ARRAY = 256 << 20  # bytes of a JSON array: it cannot be read in a stream

Format = Literal["csv", "jsonl", "json", "xlsx", "text"]
FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".txt": "text", ".text": "text", ".md": "text", ".log": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a person may correct; None and "" mean "find out".

    ``header``: whether the first row names the columns. ``split``: how plain text is cut into rows. ``expected_bytes``:
    length of the file as its sender announced it, 0 for unknown.
    """

    format: Format | None = None
    encoding: str = ""
    delimiter: str | None = None
    header: bool | None = None
    sheet: str | None = None
    split: Split = "line"
    max_rows: int = MAX_ROWS
    expected_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """What the first pass found. ``lines`` of rows and errors count from 1 as a person sees them in the file."""

    path: Path
    name: str
    format: Format
    encoding: str
    columns: tuple[Column, ...]
    rows: int
    preview: tuple[tuple[str, ...], ...]
    errors: tuple[RowError, ...] = ()
    error_counts: dict[str, int] = field(default_factory=dict)
    split: Split = "line"
    dialect: Dialect | None = None
    sheet: Sheet | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file whose format is known; ``names`` grows while JSON is read."""

    format: Format
    encoding: str
    names: list[str]
    records: Callable[[readers.Place], Records]
    dialect: Dialect | None = None
    sheet: Sheet | None = None


def read_table(path: Path, name: str, options: ReadOptions, watch: Watch) -> Table:
    """Looks at every row of the file. ``name`` is the file's name as its owner knows it; its ending says the format.

    Raises BadInput: data.format_unknown, data.empty_file, data.upload_incomplete, data.not_a_table, data.no_rows,
    data.too_many_rows, data.too_many_columns, data.line_too_long, data.json_array, data.no_sheet, data.all_rows_bad;
    DocumentError for damaged or encrypted workbooks and unreadable encodings; Unavailable data.unreadable.
    """
    size = _size(path, name, options)
    opened = _open(path, name, options)
    place = [0]
    counters: list[ColumnCounter] = []
    preview: list[tuple[str, ...]] = []
    errors: list[RowError] = []
    kinds: Counter[str] = Counter()
    rows = 0
    for chunk in _chunks(opened.records(partial(place.__setitem__, 0))):
        watch.check()
        watch.step("read", min(place[0], size) if opened.format not in ("xlsx", "json") else rows, size)
        good = [item for item in chunk if not isinstance(item, RowError)]
        for error in (item for item in chunk if isinstance(item, RowError)):
            kinds[error.code] += 1
            if len(errors) < LISTED:
                errors.append(error)
        _count(counters, opened.names, good, rows)
        preview += (tuple(cells) for _, cells in good[: PREVIEW - len(preview)])
        rows += len(good)
        if rows > options.max_rows:
            raise BadInput("data.too_many_rows", name=name, limit=options.max_rows)
    if not rows:
        _refuse_empty(name, errors, sum(kinds.values()))
    width = len(opened.names)
    return Table(
        path, name, opened.format, opened.encoding,
        columns=tuple(counter.column(rows) for counter in counters), rows=rows,
        preview=tuple(row + ("",) * (width - len(row)) for row in preview),
        errors=tuple(errors), error_counts=dict(kinds), split=options.split, dialect=opened.dialect, sheet=opened.sheet,
    )  # fmt: skip


def table_rows(table: Table) -> Iterator[Record]:
    """``(line, cells)`` of every good row, cells in the order of ``table.columns``. Raises as ``read_table`` does."""
    width = len(table.columns)
    for record in _records(table, list(table.names))(lambda _: None):
        if not isinstance(record, RowError):
            line, cells = record
            yield (line, cells) if len(cells) == width else (line, [*cells, *[""] * (width - len(cells))])


def guess_format(name: str) -> Format:
    """The format by the ending of the file's name. Raises BadInput (data.format_unknown)."""
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix not in FORMATS:
        raise BadInput("data.format_unknown", name=name, found=suffix or "-", known=" ".join(FORMATS))
    return FORMATS[suffix]


def _size(path: Path, name: str, options: ReadOptions) -> int:
    size = path.stat().st_size
    if options.expected_bytes and size != options.expected_bytes:
        raise BadInput("data.upload_incomplete", name=name, found=size, expected=options.expected_bytes)
    if size == 0:
        raise BadInput("data.empty_file", name=name)
    return size


def _open(path: Path, name: str, options: ReadOptions) -> _Opened:
    kind = options.format or guess_format(name)
    if kind == "xlsx":
        sheet = readers.find_sheet(path, name, options.sheet, options.header)
        return _Opened(kind, "", list(sheet.names), partial(readers.read_sheet, path, name, sheet), sheet=sheet)
    encoding = options.encoding or find_encoding(path, name)
    names: list[str] = []
    if kind == "text" and options.format is None and _is_tabbed(path, encoding):
        kind = "csv"
    if kind == "csv":
        dialect = readers.find_dialect(path, encoding, name, options.delimiter, options.header)
        records = partial(readers.read_delimited, path, encoding, name, dialect)
        return _Opened(kind, encoding, list(dialect.names), records, dialect=dialect)
    if kind == "text":
        return _Opened(kind, encoding, ["text"], partial(readers.read_plain, path, encoding, name, options.split))
    if kind == "json" and _is_array(path, encoding):
        if path.stat().st_size > _MAX_ARRAY:
            raise BadInput("data.json_large", name=name, limit=_MAX_ARRAY >> 20)
        return _Opened("json", encoding, names, partial(readers.read_json_array, path, encoding, name, names))
    return _Opened("jsonl", encoding, names, partial(readers.read_json_lines, path, encoding, name, names))


def _records(table: Table, names: list[str]) -> Callable[[readers.Place], Records]:
    """The reader of a table whose format is known; nothing is found out again."""
    path, encoding, name = table.path, table.encoding, table.name
    if table.sheet is not None:
        return partial(readers.read_sheet, path, name, table.sheet)
    if table.dialect is not None:
        return partial(readers.read_delimited, path, encoding, name, table.dialect)
    if table.format == "text":
        return partial(readers.read_plain, path, encoding, name, table.split)
    reader = readers.read_json_array if table.format == "json" else readers.read_json_lines
    return partial(reader, path, encoding, name, names)


def _is_tabbed(path: Path, encoding: str) -> bool:
    """Does each of the first lines of a text file hold the same number of tabs? Then it is a table."""
    with open_text(path, encoding) as file:
        sample = file.read(1 << 16)
    lines = sample[: sample.rfind("\n") + 1 or None].splitlines()[:100]
    tabs = {line.count("\t") for line in lines if line.strip()}
    return len(tabs) == 1 and tabs != {0}


def _is_array(path: Path, encoding: str) -> bool:
    with open_text(path, encoding) as file:
        return file.read(4096).lstrip()[:1] == "["


def _chunks(records: Records) -> Iterator[list[Record | RowError]]:
    chunk: list[Record | RowError] = []
    for record in records:
        chunk.append(record)
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _count(counters: list[ColumnCounter], names: list[str], good: list[Record], rows_before: int) -> None:
    for name in names[len(counters) :]:
        counters.append(ColumnCounter(name, empty=rows_before))
    columns = zip_longest(*(cells for _, cells in good), fillvalue="")
    seen = 0
    for counter, cells in zip(counters, columns, strict=False):
        counter.add(cells)
        seen += 1
    for counter in counters[seen:]:
        counter.empty += len(good)


def _refuse_empty(name: str, errors: list[RowError], count: int) -> None:
    if errors:
        raise BadInput("data.all_rows_bad", name=name, count=count, line=errors[0].line)
    raise BadInput("data.no_rows", name=name)
