"""A document into passages: pieces small enough to embed, cut where a reader would pause.

Sentences, table rows and headings are the units; units are packed in order until a passage is full. A passage never
holds two sections, two tables or the starts of two pages; a sentence that runs over a page break belongs whole to the
page on which it begins. Nothing overlaps and nothing but white space is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from core.text.language import detect_language
from core.text.sentences import sentence_spans
from core.types import Heading, Language, LoadedDocument, PassageDraft, TableSpan

if TYPE_CHECKING:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

SECTION_MARK = " › "
# Where a sentence that is too long may be cut, the best place first.
SEPARATORS = ["\n", "。", "；", "; ", "，", ", ", "、", "：", ": ", " ", ""]
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_LATIN = re.compile(r"[A-Za-z]+")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_LETTER = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """Largest passages in characters. A row longer than ``row_factor`` passages is cut like a sentence."""

    chars_en: int = 900
    chars_zh: int = 360
    row_factor: int = 6

    def limit(self, language: Language) -> int:
        return self.chars_zh if language == "zh" else self.chars_en


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, a row, a heading. ``han`` and ``latin`` count characters and words."""

    start: int
    end: int
    kind: str  # "text", "row", "heading"
    section: str
    header: str
    region: int  # where its table starts, -1 outside of tables
    page: int
    paragraph: int
    han: int
    latin: int


def split(document: LoadedDocument, config: SplitConfig | None = None) -> list[PassageDraft]:
    """The passages of ``document`` in order; ``document.text[p.start:p.end] == p.text`` for each of them."""
    return list(iter_split(document, config or SplitConfig()))


def iter_split(document: LoadedDocument, config: SplitConfig) -> Iterator[PassageDraft]:
    """``split``, passage by passage."""
    packer = _Packer(document, config)
    for paragraph in _paragraphs(_units(document, config)):
        whole = packer.fits(paragraph)
        if not whole and packer.half_full() and packer.fits_alone(paragraph):
            yield from packer.flush()
        for unit in paragraph:
            if not packer.takes(unit):
                yield from packer.flush()
            packer.add(unit)
    yield from packer.flush()


class _Packer:
    def __init__(self, document: LoadedDocument, config: SplitConfig) -> None:
        self.document, self.config = document, config
        self.units: list[_Unit] = []
        self.han = self.latin = 0

    def _size_ok(self, units: Sequence[_Unit], start: int, han: int, latin: int) -> bool:
        han += sum(unit.han for unit in units)
        latin += sum(unit.latin for unit in units)
        end = units[-1].end
        if abs(han - latin) <= len(self.units) + len(units):  # a word that was cut counts twice
            return end - start <= self.config.limit(detect_language(self.document.text[start:end]))
        return end - start <= self.config.limit("zh" if han > latin else "en")

    def fits(self, units: Sequence[_Unit]) -> bool:
        return not self.units or self._size_ok(units, self.units[0].start, self.han, self.latin)

    def fits_alone(self, units: Sequence[_Unit]) -> bool:
        return self._size_ok(units, units[0].start, 0, 0)

    def half_full(self) -> bool:
        if not self.units or all(unit.kind == "heading" for unit in self.units):
            return False
        limit = self.config.limit("zh" if self.han > self.latin else "en")
        return (self.units[-1].end - self.units[0].start) * 2 >= limit

    def takes(self, unit: _Unit) -> bool:
        if not self.units:
            return True
        if unit.page != self.units[0].page or not self.fits([unit]):
            return False
        body = next((u for u in self.units if u.kind != "heading"), None)
        if body is None:  # headings alone: what follows belongs to them, a heading that is no child does not
            return unit.kind != "heading" or unit.section.startswith(self.units[-1].section + SECTION_MARK)
        return unit.kind == body.kind and unit.section == body.section and unit.region == body.region

    def add(self, unit: _Unit) -> None:
        self.units.append(unit)
        self.han += unit.han
        self.latin += unit.latin

    def flush(self) -> Iterator[PassageDraft]:
        if not self.units:
            return
        first, last = self.units[0], self.units[-1]
        text = self.document.text[first.start : last.end]
        known = self.han + self.latin > 0
        language = detect_language(text) if known else self.document.language
        yield PassageDraft(text, first.start, last.end, first.page, last.section, last.header, language)
        self.units, self.han, self.latin = [], 0, 0


def _paragraphs(units: Iterator[_Unit]) -> Iterator[list[_Unit]]:
    held: list[_Unit] = []
    for unit in units:
        if held and (unit.paragraph != held[-1].paragraph or unit.kind != "text" or unit.page != held[-1].page):
            yield held
            held = []
        held.append(unit)
    if held:
        yield held


# --- units --------------------------------------------------------------------------------------------------


def _units(document: LoadedDocument, config: SplitConfig) -> Iterator[_Unit]:
    """All units in order. Sections and tables cut the text, pages do not: sentences may run over their ends."""
    starts = [page.start for page in document.pages]
    text = document.text
    trail: list[Heading] = []
    section = ""
    paragraph = 0
    for start, end, kind, item in _regions(document):
        if kind == "heading" and isinstance(item, Heading):
            trail = [h for h in trail if h.level < item.level] + [item]
            section = SECTION_MARK.join(h.title for h in trail)
        header, region = (item.header, item.start) if isinstance(item, TableSpan) else ("", -1)
        for low, high, step in _spans(text, start, end, kind, config):
            paragraph += step
            piece = text[low:high]
            page = max(0, bisect_right(starts, low) - 1)
            number = document.pages[page].number if document.pages else 1
            han, latin = len(_HAN.findall(piece)), len(_LATIN.findall(piece))
            yield _Unit(low, high, kind, section, header, region, number, paragraph, han, latin)
        paragraph += 1


def _regions(document: LoadedDocument) -> Iterator[tuple[int, int, str, Heading | TableSpan | None]]:
    """The text in order, cut into headings, tables and what lies between."""
    text = document.text
    marks: list[tuple[int, int, str, Heading | TableSpan]] = []
    for heading in document.headings:
        line = text.find("\n", heading.start)
        end = len(text) if line < 0 else line
        if text.startswith(heading.title, heading.start):
            end = heading.start + len(heading.title)
        marks.append((heading.start, end, "heading", heading))
    marks.extend((table.start, table.end, "row", table) for table in document.tables)
    at = 0
    for start, end, kind, item in sorted(marks, key=lambda mark: mark[:2]):
        if start < at or end <= start:
            continue  # a heading inside a table is one of its cells
        if start > at:
            yield at, start, "text", None
        yield start, end, kind, item
        at = end
    if at < len(text):
        yield at, len(text), "text", None


def _spans(text: str, start: int, end: int, kind: str, config: SplitConfig) -> Iterator[tuple[int, int, int]]:
    """Units of one region as (start, end, whether a paragraph begins)."""
    if kind == "row":
        for low, high in _lines(text, start, end):
            limit = config.limit(detect_language(text[low:high])) * config.row_factor
            pieces = _cut(text, low, high, config) if high - low > limit else [(low, high)]
            yield from ((a, b, 1) for a, b in pieces)
        return
    if kind == "heading":
        yield from ((a, b, 0) for a, b in _cut(text, start, end, config))
        return
    at = start
    for match in [*_PARAGRAPH.finditer(text, start, end), None]:
        stop = match.start() if match else end
        for index, (low, high) in enumerate(sentence_spans(text[at:stop])):
            for a, b in _cut(text, at + low, at + high, config):
                yield a, b, int(index == 0 and a == at + low)
        at = match.end() if match else end


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start
    while at < end:
        line = text.find("\n", at, end)
        stop = end if line < 0 else line
        trimmed = _trim(text, at, stop)
        if trimmed:
            yield trimmed
        at = stop + 1


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    left, right = len(piece) - len(piece.lstrip()), len(piece.rstrip())
    return (start + left, start + right) if right > left else None


def _cut(text: str, start: int, end: int, config: SplitConfig) -> list[tuple[int, int]]:
    """A sentence in pieces that fit: one piece, nearly always."""
    limit = config.limit(detect_language(text[start:end]))
    if end - start <= min(limit, config.chars_zh):
        return [(start, end)] if end > start else []
    if end - start <= limit:
        return [(start, end)]
    spans: list[tuple[int, int]] = []
    at = start
    # A piece of an English sentence may be Chinese by itself and then has the smaller limit.
    small = min(config.chars_en, config.chars_zh) if _HAN.search(text, start, end) else limit
    for piece in _splitter(small).split_text(text[start:end]):
        trimmed = _trim(text, at, at + len(piece))
        if trimmed:
            spans.append(trimmed)
        at += len(piece)
    return spans


@cache
def _splitter(size: int) -> RecursiveCharacterTextSplitter:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    # Separators kept at the end and white space not stripped: the pieces put together are the sentence, to the letter.
    return RecursiveCharacterTextSplitter(
        chunk_size=size, chunk_overlap=0, separators=SEPARATORS, keep_separator="end", strip_whitespace=False
    )
