"""Segments written as text: wrapped lines become paragraphs, rows of cells become lines that name their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.documents.rows import Cell, column_of
from core.documents.ruled import GridCell, RuledTable
from core.documents.segments import Block, Mapping, PageLayout, Segment, is_marker
from core.documents.tables import BAR, header_line, label, looks_like_header

_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_MARKER = re.compile(
    r"^(?:[•·●○▪■◆◦‣⁃∙–—*※]\s*|-\s+|\(?\d{1,3}[.)、．]\s*(?![\d\s]|$)|\d+(?:\.\d+)+\s+|[(（][一二三四五六七八九十\da-zA-Z]{1,3}[)）]"
    r"|[一二三四五六七八九十]{1,3}、|第[一二三四五六七八九十百\d]{1,5}[章节条款部篇]|[①-⑳]|[a-zA-Z][.)]\s)"
)
_SENTENCE_END = re.compile(r"[.!?。！？；;:：…][”’」』）)\]\"']*$")
# Words that keep their hyphen at a line's end: "long-term" is no divided "longterm".
_COMPOUNDS = frozenset(
    "long short well self high low full part two three four five ten one real first second third cross follow built "
    "non day end all open left right single multi hard soft opt read write cost time state user customer".split()
)


class Writer:
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

    def table(self, rows: Sequence[list[Cell]]) -> None:
        """Writes rows of cells; the first row names the columns where it reads like a header."""
        texts = [[self._text(cell.lines) for cell in row] for row in rows]
        bold = self._bold(cell.lines for cell in rows[0])
        named = looks_like_header(texts) or (bold and len(rows) > 1)
        names = texts[0] if named else []
        body = [
            [(label(names[column_of(rows[0], cell)]) if names else "", cell.lines) for cell in row]
            for row in (rows[1:] if named else rows)
        ]
        self._table(body, names)

    def ruled(self, table: RuledTable) -> None:
        """Writes a table whose cells are known: merged ones over the header's columns, empty ones left out."""
        rows = list(table.rows)
        while len(rows) > 1 and len(rows[0]) == 1 and len(rows[1]) > 1:  # its title, in a row of its own
            self.prose(rows.pop(0)[0].lines)
        depth = 2 if len(rows) > 2 and any(cell.column_end - cell.column > 1 for cell in rows[0]) else 1
        names = self._names(rows[:depth], table.columns)
        texts = [self._texts(row, table.columns) for row in rows[depth:]]
        bold = self._bold(cell.lines for row in rows[:depth] for cell in row)
        named = bool(texts) and any(names) and (looks_like_header([names, *texts]) or bold)
        body = [
            [
                (label(names[cell.column]) if named and cell.column_end - cell.column == 1 else "", cell.lines)
                for cell in row
                if cell.lines
            ]
            for row in (rows[depth:] if named else rows)
        ]
        self._table([row for row in body if row], names if named else [])

    def _names(self, rows: Sequence[Sequence[GridCell]], columns: int) -> list[str]:
        """The name of each column: what stands above it, from the top down, each text once."""
        above: list[list[str]] = [[] for _ in range(columns)]
        for row in rows:
            for cell in row:
                text = self._text(cell.lines)
                for column in range(cell.column, cell.column_end):
                    if text and text not in above[column]:
                        above[column].append(text)
        return [" ".join(parts) for parts in above]

    def _texts(self, row: Sequence[GridCell], columns: int) -> list[str]:
        found = [""] * columns
        for cell in row:
            found[cell.column] = self._text(cell.lines)
        return found

    def _bold(self, cells: Iterable[Sequence[int]]) -> bool:
        lines = [index for cell in cells for index in cell]
        return bool(lines) and all(self.segments[index].bold for index in lines)

    def _table(self, rows: Sequence[Sequence[tuple[str, Sequence[int]]]], names: Sequence[str]) -> None:
        """Writes lines of ``(label, segments)``."""
        if self._length:
            self._literal("\n\n")
        start = self._length
        used: list[int] = []
        for row in rows:
            if used:
                self._literal("\n")
            for position, (name, lines) in enumerate(row):
                self._literal(f"{BAR if position else ''}{name}")
                self._cell(lines)
                used.extend(lines)
        self._finish(start, used, header_line(names))

    def _pieces(self, lines: Sequence[int]) -> list[tuple[int, str, str]]:
        """Segment, its text, and what stands before it, for each line of a cell."""
        pieces: list[tuple[int, str, str]] = []
        for position, index in enumerate(lines):
            here = self.segments[index]
            last = self.segments[lines[position - 1]] if position else None
            following = self.segments[lines[position + 1]] if position + 1 < len(lines) else None
            divided = following is not None and _hyphenated(here, following)
            space = "" if last is None or _hyphenated(last, here) else _space(last.text, here.text)
            pieces.append((index, _ending(here.text, divided=divided), space))
        return pieces

    def _text(self, lines: Sequence[int]) -> str:
        return "".join(space + text for _, text, space in self._pieces(lines))

    def _cell(self, lines: Sequence[int]) -> None:
        for index, text, space in self._pieces(lines):
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
