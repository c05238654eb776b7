"""Collects the text of a document together with what is known about places in it.

All loaders write through one TextBuilder, so that offsets, separators and clean-up are the same for every format:
blocks are parted by an empty line, lines of one block (list items, table rows) by a line break.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.documents.tables import header_line, row_line
from core.text.language import detect_language
from core.types import Flag, Heading, LoadedDocument, PageSpan, TableSpan, TextBox

# Characters that draw nothing: zero-width space and joiners' relatives, soft hyphen, byte order mark, direction
# overrides, language tags. They break word matching and can carry text that no reader sees.
INVISIBLE = re.compile(
    "[\u00ad\u200b\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]+|[\u200c\u200d]{3,}"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_EDGE_SPACE = re.compile(r"[ \t\u3000]+(?=\n|$)")
SUSPICIOUS_RUN = 3  # that many invisible characters in a row are no typesetting any more
EXCERPT = 160


def clean(text: str) -> str:
    """Line breaks as ``\\n``, no control characters, no white space at line ends, no characters that draw nothing."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = _CONTROL.sub("", text.replace("\x0b", "\n").replace("\xa0", " "))
    return _EDGE_SPACE.sub("", INVISIBLE.sub("", text))


def one_line(text: str) -> str:
    """``clean`` text on a single line, white space collapsed."""
    return " ".join((text if text.isprintable() else clean(text)).split())


def revealed(run: str) -> str:
    """What Unicode tag characters spell: they are ASCII moved to where nothing is drawn."""
    return "".join(chr(ord(char) - 0xE0000) for char in run if 0xE0020 <= ord(char) <= 0xE007E)


def shorten(text: str, limit: int = EXCERPT) -> str:
    """The first ``limit`` characters on one line, with an ellipsis where something was cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


class TextBuilder:
    """Grows a document block by block. Every method that adds text returns its span ``(start, end)``."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._gap = ""  # the separator that is due before the next block
        self._pages: list[PageSpan] = []
        self._page: tuple[int, int, bool] | None = None
        self.headings: list[Heading] = []
        self.tables: list[TableSpan] = []
        self.boxes: list[TextBox] = []
        self.hidden: list[Flag] = []
        self.warnings: list[str] = []

    @property
    def length(self) -> int:
        """Characters so far, a separator that is due not counted."""
        return self._length

    def start_page(self, number: int, *, scanned: bool = False, gap: str = "\n\n") -> None:
        """Ends the page before and starts page ``number``; ``gap`` stands between their texts."""
        self._end_page()
        self._gap = gap if self._length else ""
        self._page = (number, -1, scanned)

    def _end_page(self) -> None:
        if self._page is not None:
            number, start, scanned = self._page
            self._pages.append(PageSpan(number, self._length if start < 0 else start, self._length, scanned))
        self._page = None

    def raw(self, text: str, gap: str = "\n\n") -> tuple[int, int]:
        """Adds ``text`` to the letter; ``gap`` separates it from what follows. Empty text adds nothing."""
        if not text:
            return (self._length, self._length)
        if self._gap:
            self._parts.append(self._gap)
            self._length += len(self._gap)
        start = self._length
        if self._page is not None and self._page[1] < 0:
            self._page = (self._page[0], start, self._page[2])
        self._parts.append(text)
        self._length += len(text)
        self._gap = gap
        return (start, self._length)

    def block(self, text: str, gap: str = "\n\n") -> tuple[int, int]:
        """Adds a paragraph, cleaned; invisible runs that look like smuggled text are flagged."""
        tidy = clean(text).strip("\n ")
        span = self.raw(tidy, gap)
        self._note_invisible(text, *span)
        return span

    def _note_invisible(self, text: str, start: int, end: int) -> None:
        if text.isprintable():
            return
        for match in INVISIBLE.finditer(text):
            if len(match.group()) >= SUSPICIOUS_RUN:
                self.hide("zero_width", start, end, revealed(match.group()) or text)
                return

    def heading(self, level: int, title: str) -> tuple[int, int]:
        """Adds a heading on a line of its own."""
        text = one_line(title)
        span = self.block(text)
        if span[1] > span[0]:
            self.headings.append(Heading(span[0], max(1, level), text))
        return span

    def item(self, text: str) -> tuple[int, int]:
        """Adds a list item: a line that keeps close to its neighbours."""
        return self.block(text, "\n")

    def close(self) -> None:
        """Ends a run of items or rows: what follows stands apart."""
        if self._gap == "\n":
            self._gap = "\n\n"

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[int, int]:
        """Adds a table, a line a row; cells are named by ``header`` (empty: cells are joined by bars)."""
        self.close()
        names = [one_line(cell) for cell in header]
        span: tuple[int, int] | None = None
        for row in rows:
            line = row_line(names, [one_line(cell) for cell in row])
            if line:
                start, end = self.raw(line, "\n")
                span = (span[0] if span else start, end)
                self._note_invisible(" ".join(row), start, end)
        self.close()
        if span is None:  # a header without rows is still text somebody wrote
            return self.block(header_line(names))
        self.tables.append(TableSpan(span[0], span[1], header_line(names)))
        return span

    def add_heading(self, start: int, level: int, title: str) -> None:
        """Marks text that is already there as a heading."""
        self.headings.append(Heading(start, level, title))

    def add_table(self, start: int, end: int, header: str) -> None:
        """Marks rows that are already there as a table."""
        self.tables.append(TableSpan(start, end, header))

    def hide(self, detail: str, start: int, end: int, text: str) -> None:
        """Marks ``[start, end)``, which reads ``text``, as something that a reader of the original does not see."""
        if end > start:
            self.hidden.append(Flag("hidden_text", detail, start, end, shorten(text)))

    def text_of(self, start: int, end: int) -> str:
        """The text written so far between two offsets. Looks back over the last blocks only, so it is cheap there."""
        kept: list[str] = []
        at = self._length
        for part in reversed(self._parts):
            if at <= start:
                break
            at -= len(part)
            kept.append(part)
        return "".join(reversed(kept))[start - at : end - at]

    def drop_last_heading(self, start: int) -> None:
        """Takes back the heading that was just added at ``start`` (nothing followed it)."""
        if not self.headings or self.headings[-1].start != start:
            return
        self.headings.pop()
        while self._parts and self._length > start:
            self._length -= len(self._parts.pop())
        if self._parts and self._parts[-1].strip("\n") == "":
            self._gap = self._parts.pop()
            self._length -= len(self._gap)
        if self._page is not None:
            self._page = (self._page[0], -1, self._page[2])

    def build(self, media_type: str, *, title: str = "") -> LoadedDocument:
        """The document. ``title`` wins over the first of the highest headings."""
        if self._page is None and not self._pages:
            self._pages.append(PageSpan(1, 0, self._length))
        self._end_page()
        text = "".join(self._parts)
        return LoadedDocument(
            text=text,
            media_type=media_type,
            language=detect_language(text),
            pages=tuple(self._pages),
            headings=tuple(self.headings),
            tables=tuple(self.tables),
            boxes=tuple(self.boxes),
            hidden=tuple(self.hidden),
            title=one_line(title) or min(self.headings, key=lambda h: h.level, default=Heading(0, 1, "")).title,
            warnings=tuple(dict.fromkeys(self.warnings)),
        )
