"""The text of one PDF page with the raw character index of each stored character.

The loader and the drawer share ``page_text``: it depends on the page and its nearest neighbours only (running headers
are recognised by their repetition), so a quote's place can be found again in the file at any time.
Every use of pdfium is under PDFIUM_LOCK: the library is not thread-safe, not even for different documents.
"""

from __future__ import annotations

import ctypes
import math
import re
import threading
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.documents.layout import arrange
from core.documents.pdf_lines import page_lines
from core.documents.ruled import Line, ruled_tables, walls
from core.documents.segments import Mapping, PageLayout, Segment, is_marker

PDFIUM_LOCK = threading.RLock()

_WORD = re.compile(r"[^\s\x00]+")
_LINE = re.compile("[^\r\n\ufffe]+\ufffe?")  # U+FFFE is what pdfium makes of a hyphen at a line's end, and of the break
_LEADERS = re.compile(r"(?: ?\.){5,} ?")
_FOLD = re.compile("[\u2e80-\u2fdf\uf900-\ufaff\ufb00-\ufb06]")
_PAGE_NUMBER = re.compile(
    r"^(?:page|seite|p\.|第)?\s*[-–—·|]?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*(?:页)?\s*(?:(?:of|/|,|，|共)\s*第?\s*\d{1,4}\s*页?)?\s*[-–—·|]?$",
    re.I,
)
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|simhei|heiti", re.I)
_MARGIN = 0.085  # running headers and footers stand in this share of the page's height, at its top and bottom
_NEIGHBOURS = (-2, -1, 1, 2)  # two each way: left and right pages may carry different headers
_TINY = 2.3  # a font of less than two points has lines of less than this


@dataclass(frozen=True, slots=True)
class Run:
    """A segment and the raw index of each of its characters; ``hidden`` says why a reader cannot see it, or is ''."""

    segment: Segment
    raw: tuple[int, ...]
    hidden: str = ""


@dataclass(frozen=True)
class PageText:
    """Text and layout of one page."""

    layout: PageLayout
    runs: tuple[Run, ...]
    broken: float  # share of characters that the file's fonts do not map to text

    @property
    def text(self) -> str:
        return self.layout.text

    @cached_property
    def _by_start(self) -> list[Mapping]:
        return sorted(self.layout.mappings, key=lambda mapping: mapping.start)

    def raw_indices(self, start: int, end: int) -> list[int]:
        """Raw character indices of the page that ``text[start:end]`` was made of, in order."""
        found: list[int] = []
        for mapping in self._by_start:
            low, high = max(start, mapping.start), min(end, mapping.end)
            if low < high:
                raw = self.runs[mapping.segment].raw
                first = mapping.offset + low - mapping.start
                found.extend(raw[first : first + high - low])
        return found

    def hidden(self) -> list[tuple[str, int, int]]:
        """Reason, start and end of every run that a reader of the page cannot see."""
        return [(self.runs[m.segment].hidden, m.start, m.end) for m in self._by_start if self.runs[m.segment].hidden]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What one page holds: its runs in the order of its content, and the lines that are drawn on it."""

    runs: list[Run]
    lines: list[Line]
    height: float
    broken: float


class PageReader:
    """Reads the pages of one open PDF; keeps the runs of the last few pages, as neighbours are compared."""

    def __init__(self, pdf: Any) -> None:
        self._pdf = pdf
        with PDFIUM_LOCK:
            self.count = len(pdf)
        self._kept: dict[int, _Sheet] = {}

    def page_text(self, index: int) -> PageText:
        """The text of page ``index`` (from 0)."""
        sheet = self._sheet(index)
        neighbours = {step: self._sheet(index + step).runs for step in _NEIGHBOURS if 0 <= index + step < self.count}
        first, rest = [], []
        for run in sheet.runs:
            if not _furniture(run, sheet.height, neighbours):
                rest.append(run)
            elif index == 0 and not _PAGE_NUMBER.match(run.segment.text.strip()):
                first.append(run)  # a running header is kept once: it may be all that names the company or the edition
        ordered = [*first, *rest]
        segments = [run.segment for run in ordered]
        return PageText(arrange(segments, ruled_tables(sheet.lines, segments)), tuple(ordered), sheet.broken)

    def _sheet(self, index: int) -> _Sheet:
        if index not in self._kept:
            for old in [key for key in self._kept if abs(key - index) > 4]:
                del self._kept[old]
            with PDFIUM_LOCK:
                page = self._pdf[index]
                try:
                    self._kept[index] = _read(page)
                finally:
                    page.close()
        return self._kept[index]


def _furniture(run: Run, height: float, neighbours: dict[int, list[Run]]) -> bool:
    """Is this a page number, or a header or footer that pages nearby have too?"""
    segment = run.segment
    if _MARGIN * height < segment.bottom and segment.top < (1 - _MARGIN) * height:
        return False
    if _PAGE_NUMBER.match(segment.text.strip()):
        return True
    return any(
        _same_place(segment, other.segment) and _same_text(segment.text, other.segment.text, step)
        for step, runs in neighbours.items()
        for other in runs
    )


def _same_place(one: Segment, other: Segment) -> bool:
    return abs(one.top - other.top) < 3 and abs(one.size - other.size) < 0.5


def _same_text(text: str, other: str, step: int) -> bool:
    if text == other:
        return True
    numbers, others = re.findall(r"\d+", text), re.findall(r"\d+", other)
    if re.sub(r"\d+", "#", text) != re.sub(r"\d+", "#", other) or len(text) < 4:
        return False
    # Only the page number counts up: "Chapter 1", "Chapter 2" at the top of consecutive pages are no header.
    changed = [(int(a), int(b)) for a, b in zip(numbers, others, strict=True) if a != b]
    return len(changed) == 1 and changed[0][1] - changed[0][0] == step and len(numbers) > 1


# --- reading one page ---------------------------------------------------------------------------------------


def _read(page: Any) -> _Sheet:
    textpage = page.get_textpage()
    try:
        scan = _Scan(page, textpage)
        return _Sheet(scan.runs(), scan.lines, scan.height, scan.broken)
    finally:
        textpage.close()


def _without_leaders(text: str, raw: list[int]) -> tuple[str, list[int]]:
    """The dots that lead to a page number in a table of contents, as one ellipsis."""
    for match in reversed(list(_LEADERS.finditer(text))):
        start, end = match.span()
        text = f"{text[:start]} … {text[end:]}"
        raw = [*raw[:start], *[raw[start]] * 3, *raw[end:]]
    return text, raw


class _Scan:
    def __init__(self, page: Any, textpage: Any) -> None:
        import pypdfium2.raw as raw

        self._api = raw
        self._page, self._text = page, textpage
        self.box = page.get_bbox()  # left, bottom, right, top in points
        self.rotation = page.get_rotation()
        self._rect = raw.FS_RECTF()
        self._matrix = raw.FS_MATRIX()
        self._color = tuple(ctypes.c_uint() for _ in range(4))
        self.chars = self._characters()
        visible = [c for c in self.chars if not c.isspace()]
        bad = sum(
            1
            for c in visible
            if c != "\ufffe"
            and not "\uf020" <= c <= "\uf0ff"
            and (c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc"))
        )
        self.broken = bad / len(visible) if visible else 0.0
        left, top, right, bottom = self._upright(*self.box)
        self._origin = (left, top)
        self.width, self.height = right - left, bottom - top
        self.lines = page_lines(page, self._on_page)
        self._walls = walls(self.lines)
        self._pixels: Any = None

    def _characters(self) -> str:
        count = self._text.count_chars()
        text: str = self._text.get_text_range() if count else ""
        if len(text) == count:
            return text
        codes = (self._api.FPDFText_GetUnicode(self._text, i) for i in range(count))
        return "".join(chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\x00" for code in codes)

    def _upright(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """Page space (y up) to what a reader sees (y down), as left, top, right, bottom."""
        if self.rotation == 90:
            return bottom, left, top, right
        if self.rotation == 180:
            return -right, bottom, -left, top
        if self.rotation == 270:
            return -top, -right, -bottom, -left
        return left, -top, right, -bottom

    def place(self, index: int) -> tuple[float, float, float, float]:
        """The upright box of a character, origin top left of the page, in points."""
        rect = self._rect
        self._api.FPDFText_GetLooseCharBox(self._text, index, rect)
        return self._on_page(rect.left, rect.bottom, rect.right, rect.top)

    def _on_page(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """A box of page space as a reader sees it, origin at the page's top left."""
        left, top, right, bottom = self._upright(left, bottom, right, top)
        x, y = self._origin
        return left - x, top - y, right - x, bottom - y

    def runs(self) -> list[Run]:
        found: list[Run] = []
        for line in _LINE.finditer(self.chars):
            found.extend(self._line(line.start(), line.end()))
        return found

    def _line(self, start: int, end: int) -> list[Run]:
        runs: list[Run] = []
        pending: list[tuple[int, int]] = []
        box: list[float] = []
        reason = ""
        for match in _WORD.finditer(self.chars, start, end):
            first, last = self.place(match.start()), self.place(match.end() - 1)
            here = (min(first[0], last[0]), min(first[1], last[1]), max(first[2], last[2]), max(first[3], last[3]))
            hidden = self._hidden(match.start(), here)
            marker = len(pending) == 1 and is_marker(self.chars[slice(*pending[0])])
            if pending and (hidden != reason or (not marker and self._apart(box, here, pending[-1][1]))):
                runs.append(self._run(pending, box, reason))
                pending = []
            if not pending:
                box = list(here)
            box = [min(box[0], here[0]), min(box[1], here[1]), max(box[2], here[2]), max(box[3], here[3])]
            pending.append((match.start(), match.end()))
            reason = hidden
        if pending:
            runs.append(self._run(pending, box, reason))
        return [run for run in runs if run.segment.text]

    def _apart(self, box: list[float], here: tuple[float, float, float, float], space: int) -> bool:
        """Is the gap before a word that of a table column? Written spaces may be stretched by justification."""
        if self._walled(box, here):
            return True
        size = min(box[3] - box[1], here[3] - here[1])
        generated = self._api.FPDFText_IsGenerated(self._text, space) == 1
        return here[0] - box[2] > (0.95 if generated else 1.5) * size or here[2] < box[0]

    def _walled(self, box: list[float], here: tuple[float, float, float, float]) -> bool:
        """Does a drawn line stand between a word and the one before?"""
        middle = (here[1] + here[3]) / 2
        return any(box[2] - 1 <= wall.at <= here[0] + 1 and wall.start <= middle <= wall.end for wall in self._walls)

    def _run(self, words: list[tuple[int, int]], box: list[float], hidden: str) -> Run:
        text: list[str] = []
        raw: list[int] = []
        for start, end in words:
            if text:
                text.append(" ")
                raw.append(start - 1)
            for index in range(start, end):
                piece = self.chars[index]
                if "\uf020" <= piece <= "\uf0ff":  # bullets of symbol fonts have codes of their own
                    piece = "•"
                elif _FOLD.match(piece):  # ligatures and radicals that only fonts use
                    piece = unicodedata.normalize("NFKC", piece)
                elif piece == "\xad" or (unicodedata.category(piece) in ("Cc", "Cf") and piece not in "\u200c\u200d"):
                    piece = ""
                text.append(piece)
                raw.extend([index] * len(piece))
        size = max(self._size(words[0][0]), self._size(words[-1][0]))
        joined, raw = _without_leaders("".join(text), raw)
        left, top, right, bottom = box
        return Run(Segment(joined, left, top, right, bottom, size, self._bold(words[0][0])), tuple(raw), hidden)

    def _size(self, index: int) -> float:
        """The font's size as drawn, in points; heights of boxes differ from font to font."""
        matrix = self._matrix
        size = float(self._api.FPDFText_GetFontSize(self._text, index))
        if self._api.FPDFText_GetMatrix(self._text, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
        if size > 0:
            return size
        _, top, _, bottom = self.place(index)
        return bottom - top

    def _bold(self, index: int) -> bool:
        if self._api.FPDFText_GetFontWeight(self._text, index) >= 600:
            return True
        buffer = ctypes.create_string_buffer(128)
        flags = ctypes.c_int()
        length = self._api.FPDFText_GetFontInfo(self._text, index, buffer, 128, flags)
        return length > 0 and bool(_BOLD.search(buffer.value.decode("utf-8", "replace")))

    # --- text that nobody sees

    def _hidden(self, index: int, box: tuple[float, float, float, float]) -> str:
        left, top, right, bottom = box
        if right < 0 or bottom < 0 or left > self.width or top > self.height:
            return "outside_page"
        if 0 < bottom - top < _TINY:
            return "tiny_text"
        item = self._api.FPDFText_GetTextObject(self._text, index)
        invisible = self._api.FPDF_TEXTRENDERMODE_INVISIBLE
        if item and self._api.FPDFTextObj_GetTextRenderMode(item) == invisible:
            return "" if self.image_share > 0.5 else "invisible_text"  # the text layer of a scan is meant to be so
        red, green, blue, alpha = self._color
        if self._api.FPDFText_GetFillColor(self._text, index, red, green, blue, alpha):
            if alpha.value < 20:
                return "invisible_text"
            if min(red.value, green.value, blue.value) >= 215 and self._uniform(box):
                return "white_text"
        return ""

    @cached_property
    def image_share(self) -> float:
        """The share of the page that pictures cover."""
        area = (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])
        covered = 0.0
        for item in self._page.get_objects(filter=[self._api.FPDF_PAGEOBJ_IMAGE], max_depth=4):
            left, bottom, right, top = item.get_bounds()
            covered += max(0.0, right - left) * max(0.0, top - bottom)
        return covered / area if area else 0.0

    def _uniform(self, box: tuple[float, float, float, float]) -> bool:
        """Does the page, as drawn, show nothing in ``box``? White text on a dark ground does show."""
        import numpy as np

        if self._pixels is None:
            self._pixels = np.asarray(self._page.render(scale=1, grayscale=True).to_pil())
        height, width = self._pixels.shape[:2]
        left, top = max(0, int(box[0])), max(0, int(box[1]))
        patch = self._pixels[top : min(height, int(box[3]) + 1), left : min(width, int(box[2]) + 1)]
        return patch.size == 0 or int(patch.max()) - int(patch.min()) < 40
