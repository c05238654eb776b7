"""From pieces of text with places on a page to paragraphs and tables. Shared by text PDFs and OCR.

A segment is a run of text on one line. Segments come in reading order with their boxes (origin top left, any unit, the
same for all). Lines that wrap inside a paragraph are joined (with a space, or nothing between Chinese characters);
rows of cells that line up become tables. The result remembers for every character which segment it came from, so that a
quote can be found again on the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.documents.tables import BAR, header_line, label, looks_like_header

_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_MARKER = re.compile(
    r"^(?:[•·●○▪■◆◦‣⁃∙–—*※]\s*|-\s+|\(?\d{1,3}[.)、．]\s*(?![\d\s]|$)|\d+(?:\.\d+)+\s+|[(（][一二三四五六七八九十\da-zA-Z]{1,3}[)）]"
    r"|[一二三四五六七八九十]{1,3}、|第[一二三四五六七八九十百\d]{1,5}[章节条款部篇]|[①-⑳]|[a-zA-Z][.)]\s)"
)
_BARE = re.compile(
    r"^(?:[•·●○▪■◆◦‣⁃∙–—*※\-]|\(?\d{1,3}[.)、．]|\(?[a-zA-Z][.)]|[(（]?[一二三四五六七八九十]{1,3}[)）、]|[①-⑳])$"
)
_SENTENCE_END = re.compile(r"[.!?。！？；;:：…][”’」』）)\]\"']*$")
# Words that keep their hyphen at a line's end: "long-term" is no divided "longterm".
_COMPOUNDS = frozenset(
    "long short well self high low full part two three four five ten one real first second third cross follow built "
    "non day end all open left right single multi hard soft opt read write cost time state user customer".split()
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text on one line and its box; ``size`` is the height of a line in the same unit."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or table in the page's text; ``size`` and ``bold`` are those of its lines (the smallest, all)."""

    start: int
    end: int
    size: float
    bold: bool
    lines: int
    header: str | None = None  # not None: a table


@dataclass(frozen=True, slots=True)
class Mapping:
    """Characters ``[start, end)`` of the page's text are characters ``[offset, ...)`` of segment ``segment``."""

    start: int
    end: int
    segment: int
    offset: int


@dataclass(slots=True)
class PageLayout:
    """The text of one page with its blocks and where each character came from."""

    text: str = ""
    blocks: list[Block] = field(default_factory=list)
    mappings: list[Mapping] = field(default_factory=list)


@dataclass(slots=True)
class _Cell:
    lines: list[int]
    left: float
    right: float
    top: float
    bottom: float

    def add(self, index: int, segment: Segment) -> None:
        self.lines.append(index)
        self.left, self.right = min(self.left, segment.left), max(self.right, segment.right)
        self.top, self.bottom = min(self.top, segment.top), max(self.bottom, segment.bottom)


def arrange(segments: Sequence[Segment]) -> PageLayout:
    """Lays ``segments`` (in reading order) out as text."""
    writer = _Writer(segments)
    rows = _rows(segments)
    index = 0
    while index < len(rows):
        end = _table_end(rows, segments, index)
        if end > index:
            writer.table(rows[index:end])
            index = end
            continue
        loose: list[int] = []
        while index < len(rows) and _table_end(rows, segments, index) == index:
            loose.extend(line for cell in rows[index] for line in cell.lines)
            index += 1
        writer.prose(loose)
    return writer.done()


# --- rows and tables ----------------------------------------------------------------------------------------


def _rows(segments: Sequence[Segment]) -> list[list[_Cell]]:
    """Groups segments that stand side by side. Running text gives rows of one cell."""
    rows: list[list[_Cell]] = []
    for index, segment in enumerate(segments):
        row = rows[-1] if rows else None
        cell = row[-1] if row else None
        if row is None or cell is None:
            rows.append([_new_cell(index, segment)])
            continue
        # A lone cell may have grown out of the text above a table: its last line counts, not all of it.
        edge = cell.right if len(row) > 1 else segments[cell.lines[-1]].right
        beside = segment.left >= edge + 0.3 * segment.size
        if is_marker(segments[cell.lines[-1]].text) and _level(row, segment) and segment.left >= cell.left:
            cell.add(index, segment)
        elif beside and _level(row, segment):
            if len(row) == 1:
                _split_above(rows, segments, segment)
            rows[-1].append(_new_cell(index, segment))
        elif len(row) == 1 and _below(cell, segment):
            cell.add(index, segment)
        elif (wrapped := _wrapped(row, segment)) is not None:
            wrapped.add(index, segment)
        else:
            rows.append([_new_cell(index, segment)])
    return rows


def is_marker(text: str) -> bool:
    """Is ``text`` the bullet or number of a list item, and nothing else?"""
    return bool(_BARE.match(text.strip()))


def _new_cell(index: int, segment: Segment) -> _Cell:
    return _Cell([index], segment.left, segment.right, segment.top, segment.bottom)


def _level(row: Sequence[_Cell], segment: Segment) -> bool:
    reach = 1.2 * segment.size
    top, bottom = min(cell.top for cell in row), max(cell.bottom for cell in row)
    return segment.bottom > top - reach and segment.top < bottom + 0.2 * segment.size


def _below(cell: _Cell, segment: Segment) -> bool:
    return -0.4 * segment.size < segment.top - cell.bottom < 0.75 * segment.size


def _wrapped(row: Sequence[_Cell], segment: Segment) -> _Cell | None:
    """The cell of ``row`` that goes on in ``segment``: not the first, where a new row would begin."""
    for cell in row[1:]:
        under = abs(cell.left - segment.left) < 0.5 * segment.size or (
            segment.left > cell.left and segment.right < cell.right
        )
        if under and _below(cell, segment):
            return cell
    return None


def _split_above(rows: list[list[_Cell]], segments: Sequence[Segment], beside: Segment) -> None:
    """Running text above a table has grown into its first cell: lines that end above the cell beside it go back."""
    lines = rows[-1][0].lines
    above = [i for i in lines if segments[i].bottom <= beside.top + 0.2 * beside.size]
    if not above or len(above) == len(lines):
        return
    rows.pop()
    for part in (above, [i for i in lines if i not in above]):
        cell = _new_cell(part[0], segments[part[0]])
        for index in part[1:]:
            cell.add(index, segments[index])
        rows.append([cell])


def _table_end(rows: Sequence[list[_Cell]], segments: Sequence[Segment], start: int) -> int:
    """The end of the table that starts at row ``start``, or ``start`` when there is none."""
    end = start
    while end < len(rows) and len(rows[end]) > 1 and all(len(cell.lines) <= 12 for cell in rows[end]):
        if end > start and not _aligned(rows[start], rows[end]):
            break
        end += 1
    count = end - start
    columns = len(rows[start]) if count else 0
    if (count >= 3 or (count == 2 and columns >= 3)) and _straight(rows[start:end], segments) >= 0.6:
        return end
    return start


def _straight(rows: Sequence[list[_Cell]], segments: Sequence[Segment]) -> float:
    """The share of cells that stand under the edge or the middle of their column's first cell."""
    cells = [(cell, rows[0][_column(rows[0], cell)]) for row in rows[1:] for cell in row]
    good = 0
    for cell, column in cells:
        off = min(
            abs(column.left - cell.left),
            abs(column.right - cell.right),
            abs(column.left + column.right - cell.left - cell.right) / 2,
        )
        good += off <= 0.7 * segments[cell.lines[0]].size
    return good / len(cells)


def _aligned(header: Sequence[_Cell], row: Sequence[_Cell]) -> bool:
    places = [_column(header, cell) for cell in row]
    return len(row) <= len(header) and len(set(places)) == len(places)


def _column(header: Sequence[_Cell], cell: _Cell) -> int:
    """The column whose header stands nearest: by overlap first, then by distance of edges or middles."""

    def distance(column: _Cell) -> float:
        overlap = min(column.right, cell.right) - max(column.left, cell.left)
        edges = min(
            abs(column.left - cell.left),
            abs(column.right - cell.right),
            abs(column.left + column.right - cell.left - cell.right) / 2,
        )
        return edges - (1000 if overlap > 0 else 0) - max(0.0, overlap)

    return min(range(len(header)), key=lambda i: distance(header[i]))


# --- writing ------------------------------------------------------------------------------------------------


class _Writer:
    """Puts pieces of segments and separators together; ``done`` gives the result."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        self.layout = PageLayout()
        self._parts: list[str] = []
        self._length = 0

    def _literal(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def _piece(self, index: int, text: str, offset: int = 0) -> None:
        self.layout.mappings.append(Mapping(self._length, self._length + len(text), index, offset))
        self._literal(text)

    def _finish(self, start: int, lines: Sequence[int], header: str | None = None) -> None:
        size = min(self.segments[i].size for i in lines)
        bold = all(self.segments[i].bold for i in lines)
        self.layout.blocks.append(Block(start, self._length, size, bold, len(lines), header))

    def done(self) -> PageLayout:
        self.layout.text = "".join(self._parts)
        return self.layout

    def prose(self, lines: Sequence[int]) -> None:
        """Writes lines as paragraphs."""
        rights = _edges(self.segments, lines)
        if self._length and lines:
            self._literal("\n\n")
        current: list[int] = []
        start = self._length
        for position, index in enumerate(lines):
            here = self.segments[index]
            current.append(index)
            following = self.segments[lines[position + 1]] if position + 1 < len(lines) else None
            joint = _joint(here, following, rights[position], current, self.segments) if following else None
            self._piece(index, _ending(here.text, divided=joint == "-"))
            if joint is None:
                self._finish(start, current)
                self._literal(_gap(here, following) if following else "")
                start, current = self._length, []
            elif joint != "-":
                self._literal(joint)

    def table(self, rows: Sequence[list[_Cell]]) -> None:
        """Writes rows of cells; the first row names the columns where it reads like a header."""
        texts = [[self._text(cell) for cell in row] for row in rows]
        bold = all(self.segments[i].bold for cell in rows[0] for i in cell.lines)
        named = looks_like_header(texts) or (bold and len(rows) > 1)
        names = texts[0] if named else []
        if self._length:
            self._literal("\n\n")
        start = self._length
        used: list[int] = []
        for row in rows[1:] if named else rows:
            if used:
                self._literal("\n")
            for position, cell in enumerate(row):
                if position:
                    self._literal(BAR)
                if names:
                    self._literal(label(names[_column(rows[0], cell)]))
                self._cell(cell)
                used.extend(cell.lines)
        self._finish(start, used, header_line(names))

    def _pieces(self, cell: _Cell) -> list[tuple[int, str, str]]:
        """Segment, its text, and what stands before it, for each line of a cell."""
        pieces: list[tuple[int, str, str]] = []
        for position, index in enumerate(cell.lines):
            here = self.segments[index]
            last = self.segments[cell.lines[position - 1]] if position else None
            following = self.segments[cell.lines[position + 1]] if position + 1 < len(cell.lines) else None
            divided = following is not None and _hyphenated(here, following)
            space = "" if last is None or _hyphenated(last, here) else _space(last.text, here.text)
            pieces.append((index, _ending(here.text, divided=divided), space))
        return pieces

    def _text(self, cell: _Cell) -> str:
        return "".join(space + text for _, text, space in self._pieces(cell))

    def _cell(self, cell: _Cell) -> None:
        for index, text, space in self._pieces(cell):
            self._literal(space)
            self._piece(index, text)


def _ending(text: str, *, divided: bool) -> str:
    """A line without the hyphen of a divided word; any other hyphen at the end is a real one."""
    if not divided:
        return text[:-1] + "-" if text.endswith("\ufffe") else text
    text = text.rstrip("\u00ad\ufffe-")
    word = re.split(r"[\s(\"“]", text)[-1]
    return f"{text}-" if word.lower() in _COMPOUNDS else text


def _edges(segments: Sequence[Segment], lines: Sequence[int]) -> list[float]:
    """For each line the right edge of the column it stands in: the farthest right of the lines around it."""
    edges: list[float] = []
    for position in range(len(lines)):
        here = segments[lines[position]]
        near = [segments[i] for i in lines[max(0, position - 12) : position + 13]]
        column = [
            s.right for s in near if s.left < here.right and s.right > here.left and s.left < here.left + 6 * here.size
        ]
        edges.append(max(column))
    return edges


def _joint(last: Segment, line: Segment, right: float, block: Sequence[int], segments: Sequence[Segment]) -> str | None:
    """What stands between two lines of one paragraph ('-' for a divided word), or None where a new block starts."""
    if is_marker(last.text) and line.left >= last.right and line.top < last.bottom and line.bottom > last.top:
        return " "
    ended = _SENTENCE_END.search(last.text) is not None
    apart = abs(last.size - line.size) / max(last.size, line.size)
    # A word in another font at a line's start is no new block when a sentence is under way.
    if (apart > 0.12 or last.bold != line.bold) and (apart > 0.3 or ended or not line.text[:1].islower()):
        return None
    jump = line.top < last.top - 2 * last.size  # the next column
    beside = abs(line.top - last.top) < 0.3 * line.size and line.left >= last.right
    if beside:
        return _space(last.text, line.text) or " "
    if not jump and line.top - last.bottom > 0.75 * line.size:
        return None
    if _MARKER.match(line.text):
        return None
    if _hyphenated(last, line):
        return "-"
    first = segments[block[0]]
    indented = not jump and line.left > min(last.left, first.left) + 0.8 * line.size
    hanging = len(block) == 1 and _MARKER.match(first.text)
    if indented and not hanging and ended:
        return None
    room = right - last.right
    goes_on = not ended and (
        (line.text[:1].islower() and room < 12 * line.size) or (line.text[:1].isdigit() and room < 3 * line.size)
    )
    if not jump and not goes_on and room > _first_word(line) + 0.35 * line.size:
        return None
    if jump and ended:
        return None
    return _space(last.text, line.text)


def _first_word(line: Segment) -> float:
    """The width of what would have to fit on the line before."""
    if not line.text:
        return 0.0
    if _WIDE.match(line.text):
        return 1.3 * line.size
    word = len(line.text.split(maxsplit=1)[0])
    return (line.right - line.left) * word / len(line.text)


def _gap(last: Segment, line: Segment) -> str:
    """Lines that follow closely in the same type (lists, addresses, code) stay close."""
    close = -0.5 * line.size < line.top - last.bottom < 0.75 * line.size
    return "\n" if close and abs(last.size - line.size) <= 0.12 * line.size and last.bold == line.bold else "\n\n"


def _hyphenated(last: Segment, line: Segment) -> bool:
    """Is the word at the end of ``last`` divided, to go on in ``line``? Soft hyphen, or hyphen before lower case."""
    if last.text.endswith(("\u00ad", "\ufffe")):
        return True
    return bool(re.search(r"[a-z]{2}-$", last.text) and re.match(r"[a-z]{2}", line.text)) and line.top > last.top


def _space(before: str, after: str) -> str:
    return "" if not before or not after or (_WIDE.match(before[-1]) and _WIDE.match(after[0])) else " "
