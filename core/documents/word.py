"""DOCX: paragraphs, headings, lists, tables, text boxes, notes, page headers; in the order of the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.documents.builder import TextBuilder, one_line
from core.documents.office import check_package, damage_named
from core.documents.options import Source
from core.documents.sniff import DOCX
from core.documents.tables import looks_like_header
from core.errors import DocumentError
from core.types import LoadedDocument

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HEADING = re.compile(r"^(?:heading|标题|標題)\s*(\d)", re.I)
_TINY = 4  # half-points
_STEP = 200


def load_docx(path: Path, source: Source) -> LoadedDocument:
    """Reads a DOCX as one page. Raises DocumentError and Cancelled."""
    import docx
    from docx.opc.exceptions import OpcError

    check_package(path, source, "DOCX")
    try:
        with damage_named(source, "DOCX"), path.open("rb") as file:
            return _Reader(docx.Document(file), source).read()
    except OpcError as error:
        raise DocumentError("documents.corrupt", name=source.name, type="DOCX") from error


class _Reader:
    def __init__(self, document: Any, source: Source) -> None:
        self.document, self.source = document, source
        self.builder = TextBuilder()
        self._levels: dict[str, int | None] = {}
        self._counters: dict[tuple[str, int], int] = {}
        self._white_page = document.element.find(f"{_W}background") is None

    def read(self) -> LoadedDocument:
        self._furniture("header")
        blocks = list(self.document.iter_inner_content())
        for number, block in enumerate(blocks):
            if number % _STEP == 0:
                self.source.step("read", number, len(blocks))
            self._block(block)
        self.builder.close()
        self._notes()
        self._furniture("footer")
        return self.builder.build(DOCX, title=str(self.document.core_properties.title or ""))

    def _block(self, block: Any) -> None:
        if block._element.tag == f"{_W}tbl":
            self._table(block)
        else:
            self._paragraph(block)

    def _furniture(self, which: str) -> None:
        """Page headers and footers, each text once."""
        seen: set[str] = set()
        for section in self.document.sections:
            part = getattr(section, which)
            if part.is_linked_to_previous:
                continue
            for paragraph in part.paragraphs:
                text = one_line(_text(paragraph._p))
                if (
                    text
                    and text not in seen
                    and re.search(r"[^\W\d]", text)
                    and not re.fullmatch(r"(?i)page(\s+of)?|第?\s*页", text)
                ):
                    seen.add(text)
                    self.builder.block(text)

    def _paragraph(self, paragraph: Any) -> None:
        element = paragraph._p
        text = _text(element).strip()
        level = self._level(paragraph)
        if level is not None and text:
            self.builder.close()
            span = self.builder.heading(level, text)
        elif text:
            marker = self._marker(paragraph)
            if marker:
                span = self.builder.item(f"{marker}{text}")
            else:
                self.builder.close()
                span = self.builder.block(text)
        else:
            span = (0, 0)
        self._hidden_runs(element, span)
        for box in element.iter(f"{_W}txbxContent"):
            if not any(parent.tag == _MC_FALLBACK for parent in box.iterancestors()):
                self.builder.close()
                for inner in box.iter(f"{_W}p"):
                    self.builder.block(_text(inner))

    def _level(self, paragraph: Any) -> int | None:
        """Outline level of a paragraph (1 the highest), by its own mark, its style or the style that is based on."""
        own = paragraph._p.find(f"{_W}pPr/{_W}outlineLvl")
        if own is not None and int(own.get(f"{_W}val", "9")) < 9:
            return int(own.get(f"{_W}val")) + 1
        style = paragraph.style
        if style is None:
            return None
        if style.style_id not in self._levels:
            self._levels[style.style_id] = self._style_level(style)
        return self._levels[style.style_id]

    @staticmethod
    def _style_level(style: Any) -> int | None:
        for _ in range(10):
            if style is None:
                return None
            name = str(style.name or "")
            if name.lower() in ("title", "标题"):
                return 1
            if match := _HEADING.match(name):
                return int(match.group(1))
            mark = style.element.find(f"{_W}pPr/{_W}outlineLvl")
            if mark is not None and int(mark.get(f"{_W}val", "9")) < 9:
                return int(mark.get(f"{_W}val")) + 1
            style = style.base_style
        return None

    def _marker(self, paragraph: Any) -> str:
        """The bullet or number of a list item, or ''."""
        name = str(paragraph.style.name or "") if paragraph.style is not None else ""
        place = paragraph._p.find(f"{_W}pPr/{_W}numPr")
        if place is None and paragraph.style is not None:
            place = paragraph.style.element.find(f"{_W}pPr/{_W}numPr")
        if place is None:
            return "• " if name.startswith("List") else ""
        level = place.find(f"{_W}ilvl")
        depth = int(level.get(f"{_W}val")) if level is not None else 0
        number = place.find(f"{_W}numId")
        key = number.get(f"{_W}val") if number is not None else ""
        if key == "0":
            return ""
        if not name.startswith("List Number") and (name.startswith("List Bullet") or self._is_bullet(key, depth)):
            return "• "
        for lower in [k for k in self._counters if k[0] == key and k[1] > depth]:
            del self._counters[lower]
        self._counters[key, depth] = self._counters.get((key, depth), 0) + 1
        return f"{self._counters[key, depth]}. "

    def _is_bullet(self, key: str, depth: int) -> bool:
        try:
            numbering = self.document.part.numbering_part.element
        except (KeyError, NotImplementedError):
            return True
        abstract = numbering.xpath(f'./w:num[@w:numId="{key}"]/w:abstractNumId/@w:val') if key.isdigit() else []
        if not abstract:
            return True
        formats = numbering.xpath(
            f'./w:abstractNum[@w:abstractNumId="{abstract[0]}"]/w:lvl[@w:ilvl="{depth}"]/w:numFmt/@w:val'
        )
        return not formats or formats[0] in ("bullet", "none")

    def _table(self, table: Any) -> None:
        rows: list[list[str]] = []
        spans: list[list[str]] = []
        for row in table._tbl.tr_lst:
            cells: list[str] = []
            for cell in row.tc_lst:
                text = one_line(" ".join(_text(p) for p in cell.iter(f"{_W}p")))
                if cell.vMerge == "continue" and not text and spans and len(cells) < len(spans[-1]):
                    text = spans[-1][len(cells)]  # a cell merged downwards belongs to each of its rows
                cells.extend([text] + [""] * (max(1, cell.grid_span) - 1))
            rows.append(cells)
            spans.append(cells)
        rows = [row for row in rows if any(row)]
        if rows and max(len(row) for row in rows) == 1:  # a frame around text
            for row in rows:
                self.builder.block(row[0])
        elif rows:
            named = looks_like_header(rows)
            self.builder.table(rows[0] if named else (), rows[1:] if named else rows)
        for paragraph in table._tbl.iter(f"{_W}p"):
            reasons = [(reason, text) for reason, text in self._concealed(paragraph) if text]
            for reason, text in reasons:
                self._mark(reason, text)

    def _mark(self, reason: str, text: str) -> None:
        start = max(0, self.builder.length - 20_000)
        at = self.builder.text_of(start, self.builder.length).rfind(one_line(text))
        if at >= 0:
            self.builder.hide(reason, start + at, start + at + len(one_line(text)), text)

    def _hidden_runs(self, element: Any, span: tuple[int, int]) -> None:
        for reason, text in self._concealed(element):
            whole = self.builder.text_of(*span)
            at = whole.find(one_line(text))
            if text.strip() and at >= 0:
                self.builder.hide(reason, span[0] + at, span[0] + at + len(one_line(text)), text)

    def _concealed(self, paragraph: Any) -> Iterator[tuple[str, str]]:
        """Runs that a reader does not see, neighbours of one reason joined."""
        last, joined = "", ""
        for run in paragraph.iter(f"{_W}r"):
            text = _text(run)
            reason = self._reason(run) if text.strip() else last
            if reason != last:
                if last and joined.strip():
                    yield last, joined.strip()
                joined = ""
            last, joined = reason, joined + text
        if last and joined.strip():
            yield last, joined.strip()

    def _reason(self, run: Any) -> str:
        properties = run.find(f"{_W}rPr")
        if properties is None:
            return ""
        vanish = properties.find(f"{_W}vanish")
        if vanish is not None and vanish.get(f"{_W}val", "1") not in ("0", "false"):
            return "invisible_text"
        size = properties.find(f"{_W}sz")
        if size is not None and float(size.get(f"{_W}val", "20")) < _TINY:
            return "tiny_text"
        color = properties.find(f"{_W}color")
        value = color.get(f"{_W}val", "") if color is not None else ""
        if (
            self._white_page
            and re.fullmatch(r"(?i)[0-9a-f]{6}", value)
            and min(bytes.fromhex(value)) >= 0xF0
            and not _shaded(run)
        ):
            return "white_text"
        return ""

    def _notes(self) -> None:
        """Footnotes and endnotes, after the text."""
        from lxml import etree

        for relation in self.document.part.rels.values():
            if relation.is_external or not relation.reltype.endswith(("/footnotes", "/endnotes")):
                continue
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(relation.target_part.blob, parser)
            for note in root:
                if note.get(f"{_W}type") is None:
                    self.builder.block(" ".join(_text(p).strip() for p in note.iter(f"{_W}p")))


def _text(element: Any) -> str:
    """The visible text below an element: runs, links and insertions; not deletions, not text boxes inside it."""
    parts: list[str] = []

    def walk(node: Any) -> None:
        for child in node:
            if child.tag in (f"{_W}del", f"{_W}moveFrom", f"{_W}txbxContent", _MC_FALLBACK):
                continue
            if child.tag == f"{_W}t":
                parts.append(child.text or "")
            elif child.tag == f"{_W}tab" and child.getparent().tag == f"{_W}r":
                parts.append("\t")
            elif child.tag in (f"{_W}br", f"{_W}cr"):
                parts.append("\n")
            elif child.tag == f"{_W}noBreakHyphen":
                parts.append("-")
            else:
                walk(child)

    walk(element)
    return "".join(parts)


def _shaded(run: Any) -> bool:
    """Does the run stand on a colour of its own? A styled table colours its header row by itself."""
    for parent in [run, *run.iterancestors()]:
        for name in ("rPr", "pPr", "tcPr", "tblPr"):
            shade = parent.find(f"{_W}{name}/{_W}shd")
            if shade is not None and shade.get(f"{_W}fill", "auto").upper() not in ("AUTO", "FFFFFF"):
                return True
            if name == "rPr" and parent.find(f"{_W}rPr/{_W}highlight") is not None:
                return True
        if parent.tag == f"{_W}tbl":
            style = parent.find(f"{_W}tblPr/{_W}tblStyle")
            if style is not None and style.get(f"{_W}val", "") not in ("TableGrid", "TableNormal"):
                return True
    return False
