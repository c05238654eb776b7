"""Readers of the formats that rows come in: each yields rows one by one, or says what is wrong with one."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal

from core.documents.office import check_package, damage_named
from core.documents.options import LoadOptions, Source
from core.documents.tables import looks_like_header
from core.errors import BadInput
from core.text.catalogue import translate
from core.training.datasets.table_text import REPLACED, Lines, Unclosed, open_text

Split = Literal["line", "blank", "whole"]
Record = tuple[int, Sequence[str]]  # line (or row of the sheet), cells

_SAMPLE = 1 << 18
_SAMPLE_ROWS = 1000
_DELIMITERS = (",", "\t", ";", "|", "，")
_CELL_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})
_MAX_COLUMNS = 5000


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that cannot be used. ``line`` counts from 1 as a person sees it; ``code`` names the sentence."""

    line: int
    code: str
    values: dict[str, Any] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        return translate(language, f"errors.data.{self.code}", line=self.line, **self.values)


Records = Iterator[Record | RowError]
Place = Callable[[int], None]  # told the bytes (text) or rows (sheets) read so far


# --- delimited text -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialect:
    """How delimited text is cut. ``names`` are the columns'; ``header``: they stand in the file's first row."""

    delimiter: str
    quoted: bool
    header: bool
    names: tuple[str, ...]


def find_dialect(path: Path, encoding: str, name: str, delimiter: str | None, header: bool | None) -> Dialect:
    """Delimiter, quoting and header, from the first rows. Raises BadInput (data.no_rows, data.too_many_columns)."""
    csv.field_size_limit(1 << 24)
    with open_text(path, encoding) as file:
        sample = file.read(_SAMPLE)
    if len(sample) == _SAMPLE and "\n" in sample:
        sample = sample[: sample.rindex("\n") + 1]
    chosen = delimiter or _best_delimiter(sample, name.lower().endswith((".tsv", ".tab")))
    quoted = not (chosen == "\t" and _broken_quotes(sample))
    rows = [row for row in _parse(sample, chosen, quoted) if any(cell.strip() for cell in row)]
    if not rows:
        raise BadInput("data.no_rows", name=name)
    if len(rows[0]) > _MAX_COLUMNS:
        raise BadInput("data.too_many_columns", name=name, found=len(rows[0]), limit=_MAX_COLUMNS)
    has_header = is_header(rows[:_SAMPLE_ROWS]) if header is None else header
    width = len(rows[0]) if has_header else Counter(map(len, rows)).most_common(1)[0][0]
    return Dialect(chosen, quoted, has_header, column_names(rows[0] if has_header else [""] * width))


def _parse(sample: str, delimiter: str, quoted: bool) -> list[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quoting=quoting))
    except csv.Error:  # one cell of more than 16 million characters: the reading itself will name the line
        return rows
    return rows


def _best_delimiter(sample: str, tabs: bool) -> str:
    """The delimiter that cuts the rows into the most even number of cells; a comma when none cuts."""
    if tabs and "\t" in sample:
        return "\t"
    best = (0.0, ",")
    for delimiter in _DELIMITERS:
        counts = Counter(len(row) for row in _parse(sample[: 1 << 16], delimiter, True) if row)
        columns, rows = max(counts.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
        score = rows / max(1, sum(counts.values())) * (columns > 1) + min(columns, 20) / 1000
        if score > best[0] + 0.05:
            best = (score, delimiter)
    return best[1]


def _broken_quotes(sample: str) -> bool:
    """Do quotes mean nothing in this tab-separated text? So when one is left open, or rows are more even without."""
    try:
        quoted = list(csv.reader(io.StringIO(sample, newline=""), delimiter="\t", strict=True))
    except csv.Error:
        return True
    return _evenness(quoted) < _evenness(_parse(sample, "\t", False))


def _evenness(rows: Sequence[Sequence[str]]) -> float:
    counts = Counter(len(row) for row in rows if row)
    return max(counts.values(), default=0) / max(1, counts.total())


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Do the cells of the first row name the columns? Names are no data and do not come again below."""
    if len(rows) == 1:  # one row is names with nothing below, or too little to learn from in any case
        return True
    if not looks_like_header(rows[:21]) and not _numbers_below_words(rows):
        return False
    return not any(
        column < len(row) and name.strip() and row[column].strip() == name.strip()
        for column, name in enumerate(rows[0])
        for row in rows[1:]
    )


def _numbers_below_words(rows: Sequence[Sequence[str]]) -> bool:
    if len(rows) < 2 or len(set(rows[0])) < len(rows[0]):
        return False
    return any(
        not is_number(name) and name.strip() and all(len(row) > column and is_number(row[column]) for row in rows[1:])
        for column, name in enumerate(rows[0])
    )


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Names as they stand; a nameless column is column_N, a name that stood before gets a number."""
    names: list[str] = []
    for place, cell in enumerate(cells, start=1):
        name = " ".join(cell.split()) or f"column_{place}"
        number = 2
        unique = name
        while unique in names:
            unique, number = f"{name}_{number}", number + 1
        names.append(unique)
    return tuple(names)


def read_delimited(path: Path, encoding: str, name: str, dialect: Dialect, place: Place) -> Records:
    """Rows of CSV or TSV. One with too few or too many cells, or with a quote that is never closed, is an error."""
    csv.field_size_limit(1 << 24)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    width, waiting = len(dialect.names), dialect.header
    with open_text(path, encoding) as file:
        lines = Lines(file, name)

        def fresh() -> Any:
            return csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting, strict=True)

        reader = fresh()
        while True:
            place(lines.position())
            lines.begin()
            first = lines.number + 1
            try:
                row = next(reader, None)
            except (csv.Error, Unclosed):
                lines.give_back()
                reader = fresh()
                yield RowError(first, "row_quote")
                continue
            if row is None:
                return
            if not any(cell and not cell.isspace() for cell in row):
                continue
            if waiting:
                waiting = False
                continue
            yield _fitted(first, row, width)


def _fitted(line: int, row: list[str], width: int) -> Record | RowError:
    if any(REPLACED in cell for cell in row):
        return RowError(line, "row_encoding")
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        row = row[:width]
    if len(row) != width:
        return RowError(line, "row_cells", {"found": len(row), "expected": width})
    return line, row


# --- JSON ---------------------------------------------------------------------------------------------------


def read_json_lines(path: Path, encoding: str, name: str, names: list[str], place: Place) -> Records:
    """One object a line. New keys are appended to ``names`` as they come; cells follow ``names``."""
    with open_text(path, encoding) as file:
        lines = Lines(file, name)
        for text in lines:
            lines.begin()
            place(lines.position())
            if text.strip():
                yield _object(lines.number, text, names)


def read_json_array(path: Path, encoding: str, name: str, names: list[str], place: Place) -> Records:
    """An array of objects; "lines" are its elements, from 1. Raises BadInput (data.json_array)."""
    try:
        with open_text(path, encoding) as file:
            found = json.load(file)
    except (ValueError, RecursionError) as error:
        raise BadInput("data.json_array", name=name) from error
    for number, item in enumerate(found if isinstance(found, list) else [], start=1):
        place(number)
        yield _cells(number, item, names)


def _object(line: int, text: str, names: list[str]) -> Record | RowError:
    if REPLACED in text:
        return RowError(line, "row_encoding")
    try:
        return _cells(line, json.loads(text), names)
    except (ValueError, RecursionError):
        return RowError(line, "row_json")


def _cells(line: int, item: Any, names: list[str]) -> Record | RowError:
    if not isinstance(item, dict):
        return RowError(line, "row_object")
    for key in item:
        if key not in names:
            names.append(key)
    if len(names) > _MAX_COLUMNS:
        return RowError(line, "row_keys", {"limit": _MAX_COLUMNS})
    return line, [_json_cell(item.get(name)) for name in names]


def _json_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


# --- plain text ---------------------------------------------------------------------------------------------


def read_plain(path: Path, encoding: str, name: str, split: Split, place: Place) -> Records:
    """A text a line, a text between blank lines, or the whole file as pieces of one text, in order."""
    with open_text(path, encoding) as file:
        if split == "whole":
            yield from _pieces(file)
            return
        lines = Lines(file, name)
        held: list[str] = []
        for line in lines:
            lines.begin()
            place(lines.position())
            text = line.strip("\r\n")
            if text.strip():
                held.append(text)
            if held and (split == "line" or not text.strip()):
                yield _text_row(lines.number - len(held) + (split == "line" or bool(text.strip())), held)
                held = []
        if held:
            yield _text_row(lines.number - len(held) + 1, held)


def _pieces(file: io.TextIOWrapper) -> Records:
    """One long text in about a hundred pieces, cut at line ends, so that its end can be held out."""
    size = max(1000, os.fstat(file.fileno()).st_size // 100)
    held: list[str] = []
    first, characters = 1, 0
    for number, line in enumerate(file, start=1):
        held.append(line.rstrip("\r\n"))
        characters += len(line)
        if characters >= size:
            yield _text_row(first, held)
            first, characters, held = number + 1, 0, []
    if any(text.strip() for text in held):
        yield _text_row(first, held)


def _text_row(line: int, held: list[str]) -> Record | RowError:
    text = "\n".join(held)
    return RowError(line, "row_encoding") if REPLACED in text else (line, [text])


# --- XLSX ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """The sheet of a workbook that is read, and the names of all of them."""

    name: str
    sheets: tuple[str, ...]
    names: tuple[str, ...]
    header: bool


def find_sheet(path: Path, name: str, sheet: str | None, header: bool | None) -> Sheet:
    """The sheet asked for, or the first with rows. Raises BadInput (data.no_sheet, data.no_rows), DocumentError."""
    with _book(path, name) as book:
        known = tuple(str(title) for title in book.sheetnames)
        if sheet is not None and sheet not in known:
            raise BadInput("data.no_sheet", name=name, sheet=sheet, known=", ".join(known))
        for title in (sheet,) if sheet else known:
            rows = []
            for row in _sheet_rows(book[title]):
                if any(row):
                    rows.append(row)
                if len(rows) >= _SAMPLE_ROWS:
                    break
            if rows:
                has_header = is_header(rows) if header is None else header
                width = len(rows[0]) if has_header else max(map(len, rows))
                return Sheet(title, known, column_names(rows[0] if has_header else [""] * width), has_header)
    raise BadInput("data.no_rows", name=name)


def read_sheet(path: Path, name: str, sheet: Sheet, place: Place) -> Records:
    """Rows of one sheet; a row that holds a formula's error, or cells beyond the named columns, is an error."""
    width, waiting = len(sheet.names), sheet.header
    with _book(path, name) as book:
        for number, row in enumerate(_sheet_rows(book[sheet.name]), start=1):
            place(number)
            if not any(cell.strip() for cell in row):
                continue
            if waiting:
                waiting = False
            elif bad := next((cell for cell in row if cell in _CELL_ERRORS), ""):
                yield RowError(number, "row_formula", {"found": bad})
            elif len(row) > width:
                yield RowError(number, "row_cells", {"found": len(row), "expected": width})
            else:
                yield number, row + [""] * (width - len(row))


@contextmanager
def _book(path: Path, name: str) -> Iterator[Any]:
    """A workbook opened for reading rows; what the library raises on damage, now or between rows, is named."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    source = Source(name, LoadOptions())
    if path.stat().st_size == 0:
        raise BadInput("data.empty_file", name=name)
    check_package(path, source, "XLSX")
    with damage_named(source, "XLSX"), path.open("rb") as file:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except InvalidFileException as error:
            raise ValueError("not a workbook") from error
        try:
            yield book
        finally:
            book.close()


def _sheet_rows(sheet: Any) -> Iterator[list[str]]:
    sheet.reset_dimensions()
    for row in sheet.iter_rows(values_only=True):
        cells = [_sheet_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _sheet_cell(value: Any) -> str:
    """A value in full precision, not as the sheet shows it: training wants 0.123456, not 12%."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
