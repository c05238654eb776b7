"""Spreadsheets and delimited text: a line a row, every row naming its columns."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import chain
from pathlib import Path
from typing import Any

from core.documents.builder import TextBuilder, one_line
from core.documents.encoding import decode
from core.documents.office import check_package, damage_named
from core.documents.options import Source
from core.documents.sniff import XLSX
from core.documents.tables import looks_like_header
from core.errors import DocumentError
from core.types import LoadedDocument

_SAMPLE_LINES = 200
_STEP = 5000  # rows between two looks at "cancelled"
_TITLES = 2  # lone cells above a table, at most
_TITLE = 2  # level of a table's title: below that of its sheet
_ROW_TAG = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d+)"[^>]*?>')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


def load_csv(path: Path, source: Source, media_type: str) -> LoadedDocument:
    """CSV or TSV; delimiter and header are found out. Raises DocumentError and Cancelled."""
    text = decode(path.read_bytes(), source.name).text
    csv.field_size_limit(1 << 24)
    delimiter = _delimiter(text)
    total = text.count("\n") + 1
    try:
        rows: Iterator[list[str]] = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        builder = TextBuilder()
        _tables(builder, ((row, False) for row in _counted(rows, source, total)))
    except csv.Error as error:
        raise DocumentError("documents.corrupt", name=source.name, type="CSV") from error
    return builder.build(media_type)


def _counted(rows: Iterable[list[str]], source: Source, total: int) -> Iterator[list[str]]:
    for number, row in enumerate(rows):
        if number % _STEP == 0:
            source.step("read", min(number, total), total)
        yield row


def _delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into the most even number of cells; a comma when none does."""
    head = (
        "".join(text.splitlines(keepends=True)[:_SAMPLE_LINES])
        if len(text) < 1 << 16
        else text[: 1 << 16].rpartition("\n")[0]
    )
    best = (0.0, ",")
    for delimiter in (",", "\t", ";", "|", "，"):
        try:
            counts = Counter(len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if row)
        except csv.Error:
            continue
        columns, rows = max(counts.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
        score = rows / max(1, sum(counts.values())) * (columns > 1) + min(columns, 20) / 1000
        if score > best[0] + 0.05:
            best = (score, delimiter)
    return best[1]


# --- rows to tables -----------------------------------------------------------------------------------------


def _tables(builder: TextBuilder, rows: Iterable[tuple[Sequence[str], bool]]) -> None:
    """Writes rows ``(cells, hidden)``; an empty row may part two tables, lone cells above a table are its title."""
    waiting: list[tuple[Sequence[str], bool]] = []
    lone: list[tuple[Sequence[str], bool]] = []  # and an empty row behind them
    header: Sequence[str] = ()
    stream = iter(rows)
    for row in stream:
        if not any(cell.strip() for cell in row[0]):
            if waiting and len(waiting) <= _TITLES and all(_filled(cells) == 1 for cells, _ in waiting):
                _notes(builder, lone)
                lone = waiting
            else:
                header = _flush(builder, waiting, header)
            waiting = []
            continue
        if lone:
            (_titles if _filled(row[0]) > 1 else _notes)(builder, lone)
            lone = []
        waiting.append(row)
        if len(waiting) > _STEP:  # a long table: its header is known, the rest is streamed
            header = _start(builder, waiting, header)
            _stream(builder, header, waiting, stream)
            waiting = []
    _notes(builder, lone)
    _flush(builder, waiting, header)


def _titles(builder: TextBuilder, rows: Sequence[tuple[Sequence[str], bool]]) -> None:
    for cells, _ in rows:
        builder.heading(_TITLE, one_line(next(cell for cell in cells if cell.strip())))


def _notes(builder: TextBuilder, rows: Sequence[tuple[Sequence[str], bool]]) -> None:
    """A column of notes is text, not a table."""
    for cells, hidden in rows:
        span = builder.item(next(cell for cell in cells if cell.strip()))
        if hidden:
            builder.hide("hidden_row", *span, " ".join(cells))
    if rows:
        builder.close()


def _start(builder: TextBuilder, rows: list[tuple[Sequence[str], bool]], before: Sequence[str]) -> Sequence[str]:
    """Takes titles and header off ``rows``; returns the header that names the columns (that of the table before)."""
    while len(rows) > 1 and _filled(rows[0][0]) == 1 and _filled(rows[1][0]) > 1:
        _titles(builder, [rows.pop(0)])
    if looks_like_header([cells for cells, _ in rows[:21]]):
        return rows.pop(0)[0]
    return before if rows and before and _filled(rows[0][0]) > 1 else ()


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def _flush(builder: TextBuilder, rows: list[tuple[Sequence[str], bool]], before: Sequence[str]) -> Sequence[str]:
    if not rows:
        return before
    header = _start(builder, rows, before)
    if rows and not header and all(_filled(cells) <= 1 for cells, _ in rows):
        _notes(builder, rows)
        return header
    _stream(builder, header, rows, iter(()))
    return header


def _stream(
    builder: TextBuilder,
    header: Sequence[str],
    first: list[tuple[Sequence[str], bool]],
    rest: Iterator[tuple[Sequence[str], bool]],
) -> None:
    concealed: list[tuple[int, str]] = []
    count = 0

    def cells() -> Iterator[Sequence[str]]:
        nonlocal count
        for row, hidden in chain(first, rest):
            if any(cell.strip() for cell in row):
                if hidden:
                    concealed.append((count, " ".join(row)))
                count += 1
                yield row

    start, end = builder.table(header, cells())
    if concealed and end > start:
        lines = _line_spans(builder, start, end)
        for index, text in concealed:
            builder.hide("hidden_row", *lines[index], text)


def _line_spans(builder: TextBuilder, start: int, end: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = start
    for line in builder.text_of(start, end).split("\n"):
        spans.append((at, at + len(line)))
        at += len(line) + 1
    return spans


# --- XLSX ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Marks:
    """What read-only mode does not tell of a sheet: hidden rows, and merged ranges (column, first row, last row)."""

    hidden_rows: set[int] = field(default_factory=set)
    merged_down: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def load_xlsx(path: Path, source: Source) -> LoadedDocument:
    """A page a sheet. Values as the workbook last showed them. Raises DocumentError and Cancelled."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    check_package(path, source, "XLSX")
    try:
        # A handle: openpyxl judges a path by its extension, and stored files have none.
        with damage_named(source, "XLSX"), path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            try:
                return _book(book, path, source)
            finally:
                book.close()
    except InvalidFileException as error:
        raise DocumentError("documents.corrupt", name=source.name, type="XLSX") from error


def _book(book: Any, path: Path, source: Source) -> LoadedDocument:
    builder = TextBuilder()
    sheets = book.worksheets
    for number, sheet in enumerate(sheets, start=1):
        source.step("read", number - 1, len(sheets))
        builder.start_page(number)
        sheet.reset_dimensions()
        marks = _marks(path, sheet)
        title_start, title_end = builder.heading(1, sheet.title)
        before = builder.length
        _tables(builder, _rows(sheet, marks, source, number - 1, len(sheets)))
        if builder.length == before:
            builder.drop_last_heading(title_start)
        elif sheet.sheet_state != "visible":
            builder.hide("hidden_sheet", title_start, builder.length, builder.text_of(title_start, title_end + 200))
    return builder.build(XLSX, title=str(book.properties.title or ""))


def _rows(sheet: Any, marks: _Marks, source: Source, done: int, total: int) -> Iterator[tuple[list[str], bool]]:
    above: dict[int, str] = {}
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number % _STEP == 0:
            source.step("read", done, total)
        cells = [_shown(cell) for cell in row]
        for column, ranges in marks.merged_down.items():
            for first, last in ranges:
                if number == first and column < len(cells):
                    above[column] = cells[column]
                elif first < number <= last:
                    cells.extend([""] * (column + 1 - len(cells)))
                    cells[column] = above.get(column, "")
        while cells and not cells[-1]:
            cells.pop()
        yield cells, number in marks.hidden_rows


def _shown(cell: Any) -> str:
    """A cell as a person sees it, as far as its number format tells cheaply."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or "General"))
    return str(value)


def _number(value: float, number_format: str) -> str:
    shape = number_format.split(";")[0]
    plain = re.sub(r"\[\$([^\]-]*)[^\]]*\]|\"([^\"]*)\"|\\(.)|_.|\*.", r"\1\2\3", shape)
    decimals = len(match.group(1)) if (match := re.search(r"\.(0+)", plain)) else None
    if "%" in plain:
        return f"{value * 100:.{decimals or 0}f}%" if decimals is not None else f"{_trim(value * 100)}%"
    grouped = "," if "#,##" in plain or "0,0" in plain else ""
    number = f"{value:{grouped}.{decimals}f}" if decimals is not None else _trim(value, grouped)
    sign = re.match(r"\s*([$€£¥￥]|US\$|HK\$|NT\$|RMB|CNY|USD|EUR)\s*[#0]", plain)
    tail = re.search(r"[#0]\s*([$€£¥￥元]|RMB|CNY|USD|EUR|万元|个月|个|天|人)\s*$", plain)
    return f"{sign.group(1) if sign else ''}{number}{tail.group(1) if tail else ''}"


def _trim(value: float, grouped: str = "") -> str:
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):{grouped}d}"
    return f"{round(value, 10):{grouped}}" if not grouped else f"{value:,.10f}".rstrip("0").rstrip(".")


def _marks(path: Path, sheet: Any) -> _Marks:
    """One pass over the sheet's XML for what openpyxl leaves out when it reads in rows."""
    marks = _Marks()
    part = str(getattr(sheet, "_worksheet_path", "")).lstrip("/")
    with zipfile.ZipFile(path) as archive:
        if part not in archive.namelist():
            return marks
        with archive.open(part) as stream:
            tail = b""
            while chunk := stream.read(1 << 20):
                data = tail + chunk
                cut = data.rfind(b"<")
                done, tail = (data, b"") if cut < 0 else (data[:cut], data[cut:])
                _collect(done, marks)
            _collect(tail, marks)
    return marks


def _collect(data: bytes, marks: _Marks) -> None:
    from openpyxl.utils import column_index_from_string

    if b"hidden=" in data:
        for match in _ROW_TAG.finditer(data):
            if _HIDDEN.search(match.group()):
                marks.hidden_rows.add(int(match.group(1)))
    for match in _MERGE.finditer(data):
        left, top, right, bottom = (part.decode() for part in match.groups())
        if left == right and int(bottom) > int(top):
            column = column_index_from_string(left) - 1
            marks.merged_down.setdefault(column, []).append((int(top), int(bottom)))
