"""PDF: text with headings from outline and font sizes; pages that are pictures go through OCR."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.documents.builder import TextBuilder, one_line
from core.documents.ocr import LONG_SIDE, OcrPage, read_page
from core.documents.options import Source
from core.documents.pdf_text import PDFIUM_LOCK, PageReader, PageText
from core.documents.segments import Block
from core.documents.sniff import PDF
from core.errors import DocumentError
from core.text.language import has_han
from core.types import LoadedDocument, TextBox

if TYPE_CHECKING:
    from PIL.Image import Image

_SENTENCE_END = re.compile(r"[.!?。！？；;:：…][”’」』）)\]\"']*$")
_FEW = 20  # fewer visible characters on a page full of picture are a stamp, not the page's text
_BROKEN = 0.3  # above this share of unmapped characters the text layer is useless and OCR reads better
_LONGEST_HEADING = 120


@dataclass(slots=True)
class _Page:
    """One page on its way: blocks of its text, and where OCR saw the pieces."""

    text: str
    blocks: list[Block]
    pieces: tuple[tuple[int, int, float, float, float, float], ...] = ()
    scanned: bool = False
    hidden: tuple[tuple[str, int, int], ...] = ()
    start: int = 0


def open_pdf(path: Path, name: str) -> Any:
    """A pypdfium2 document. Raises DocumentError: encrypted or corrupt."""
    import pypdfium2
    import pypdfium2.raw as raw

    with PDFIUM_LOCK:
        try:
            pdf = pypdfium2.PdfDocument(path)
            count = len(pdf)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
                raise DocumentError("documents.encrypted", name=name) from error
            raise DocumentError("documents.corrupt", name=name, type="PDF") from error
        if count == 0:
            pdf.close()
            raise DocumentError("documents.corrupt", name=name, type="PDF")
        return pdf


def load_pdf(path: Path, source: Source) -> LoadedDocument:
    """Reads a PDF page by page. Raises DocumentError and Cancelled."""
    import pypdfium2

    pdf = open_pdf(path, source.name)
    try:
        reader = PageReader(pdf)
        builder = TextBuilder()
        pages = [_page(pdf, reader, index, source, builder) for index in range(reader.count)]
        if not any(page.text for page in pages):
            code = "scanned_ocr_off" if builder.warnings and not source.options.ocr else "no_text"
            raise DocumentError(f"documents.{code}", name=source.name)
        _write(builder, pages)
        _headings(builder, pages, _outline(pdf))
        return builder.build(PDF, title=_title(pdf) or _largest(pages))
    except pypdfium2.PdfiumError as error:
        raise DocumentError("documents.corrupt", name=source.name, type="PDF") from error
    finally:
        with PDFIUM_LOCK:
            pdf.close()


def _page(pdf: Any, reader: PageReader, index: int, source: Source, builder: TextBuilder) -> _Page:
    source.step("read", index, reader.count)
    page = reader.page_text(index)
    if not _needs_ocr(pdf, index, page):
        return _Page(page.text, page.layout.blocks, hidden=tuple(page.hidden()))
    if not source.options.ocr:
        builder.warnings.append("documents.page_needs_ocr")
        return _Page(page.text if page.broken < _BROKEN else "", page.layout.blocks if page.broken < _BROKEN else [])
    source.step("ocr", index, reader.count)
    read: OcrPage = read_page(render(pdf, index), source.options)
    if not read.text:
        builder.warnings.append("documents.page_unread")
        return _Page(page.text, page.layout.blocks)
    return _Page(read.text, list(read.blocks), read.pieces, scanned=True)


def _needs_ocr(pdf: Any, index: int, page: PageText) -> bool:
    visible = sum(1 for char in page.text if not char.isspace())
    if visible >= _FEW and page.broken < _BROKEN:
        return False
    import pypdfium2.raw as raw

    with PDFIUM_LOCK:
        sheet = pdf[index]
        try:
            width, height = sheet.get_size()
            drawn = [item for item in sheet.get_objects(max_depth=3) if item.type != raw.FPDF_PAGEOBJ_TEXT]
            covered = sum(
                (right - left) * (top - bottom)
                for left, bottom, right, top in (i.get_bounds() for i in drawn if i.type == raw.FPDF_PAGEOBJ_IMAGE)
            )
        finally:
            sheet.close()
    if page.broken >= _BROKEN:
        return True
    return bool(drawn) if not visible else covered > 0.3 * width * height


def render(pdf: Any, index: int, scale: float | None = None) -> Image:
    """The page as an RGB picture; without ``scale`` as large as OCR can use."""
    with PDFIUM_LOCK:
        page = pdf[index]
        try:
            factor = scale or min(4.0, LONG_SIDE / max(page.get_size()))
            image: Image = page.render(scale=factor).to_pil().convert("RGB")
            return image
        finally:
            page.close()


def _write(builder: TextBuilder, pages: list[_Page]) -> None:
    previous: _Page | None = None
    for number, page in enumerate(pages, start=1):
        builder.start_page(number, scanned=page.scanned, gap=_page_gap(previous, page))
        page.start, _ = builder.raw(page.text)
        for start, end, left, top, right, bottom in page.pieces:
            builder.boxes.append(TextBox(number, page.start + start, page.start + end, left, top, right, bottom))
        for reason, start, end in page.hidden:
            builder.hide(reason, page.start + start, page.start + end, page.text[start:end])
        for block in page.blocks:
            if block.header is not None:
                builder.add_table(page.start + block.start, page.start + block.end, block.header)
        if page.text:
            previous = page


def _page_gap(last: _Page | None, page: _Page) -> str:
    """A sentence that runs over the page break must stay one: no line break stands in it."""
    if last is None or not last.blocks or not page.blocks:
        return "\n\n"
    end, start = last.blocks[-1], page.blocks[0]
    head, tail = page.text[: start.end], last.text[end.start :]
    if end.header is not None or start.header is not None or abs(end.size - start.size) > 0.12 * end.size:
        return "\n\n"
    if _SENTENCE_END.search(tail) or end.bold != start.bold or (end.lines < 2 and len(tail) < 40):
        return "\n\n"
    if head[0].islower():
        return " "
    if has_han(head[0]) and has_han(tail[-1] if tail[-1] not in "，、" else "中"):
        return ""
    return "\n\n"


# --- headings -----------------------------------------------------------------------------------------------


def _outline(pdf: Any) -> list[tuple[int, int, str]]:
    """Bookmarks as (page from 0, level from 1, title); those that lead nowhere are left out."""
    import pypdfium2

    found: list[tuple[int, int, str]] = []
    with PDFIUM_LOCK:
        try:
            for mark in pdf.get_toc(max_depth=6):
                target = mark.get_dest()
                page = target.get_index() if target is not None else None
                if page is not None:
                    found.append((page, mark.level + 1, one_line(mark.get_title() or "")))
        except pypdfium2.PdfiumError:
            return []  # a damaged outline costs headings, not the document
    return found


def _headings(builder: TextBuilder, pages: list[_Page], outline: list[tuple[int, int, str]]) -> None:
    marked = [place for place in (_find(pages, *mark) for mark in outline) if place is not None]
    if len(marked) >= 3 and len(marked) * 10 >= len(outline) * 6:
        for start, level, title in sorted(set(marked)):
            builder.add_heading(start, level, title)
        return
    body = _body_size(pages)
    sizes = sorted({round(b.size) for p in pages for b in p.blocks if _by_size(p, b, body)}, reverse=True)
    for page in pages:
        for block in page.blocks:
            title = one_line(page.text[block.start : block.end])
            if _by_size(page, block, body):
                builder.add_heading(page.start + block.start, min(6, sizes.index(round(block.size)) + 1), title)
            elif not page.scanned and _by_weight(block, title, body):
                builder.add_heading(page.start + block.start, min(6, len(sizes) + 1), title)


def _find(pages: list[_Page], index: int, level: int, title: str) -> tuple[int, int, str] | None:
    wanted = re.sub(r"\W+", "", title).lower()
    if not wanted or index >= len(pages):
        return None
    page = pages[index]
    for block in page.blocks:
        text = page.text[block.start : block.end]
        if re.sub(r"\W+", "", text).lower() == wanted:
            return (page.start + block.start, level, one_line(text))
    return None


def _body_size(pages: list[_Page]) -> float:
    weights: Counter[float] = Counter()
    for page in pages:
        for block in page.blocks:
            weights[round(block.size * 2) / 2] += block.end - block.start
    return weights.most_common(1)[0][0] if weights else 0.0


def _by_size(page: _Page, block: Block, body: float) -> bool:
    # OCR boxes tell sizes only roughly.
    factor = 1.35 if page.scanned else 1.12
    long = block.end - block.start > _LONGEST_HEADING
    return (
        block.header is None and not long and block.lines <= 3 and block.size >= factor * body and _letters(page, block)
    )


def _letters(page: _Page, block: Block) -> bool:
    text = page.text[block.start : block.end]
    contents = re.search(r" … [\divxlc]+$", text)  # a line of a table of contents names a heading, it is none
    return contents is None and sum(1 for char in text if char.isalpha()) >= 2


def _by_weight(block: Block, title: str, body: float) -> bool:
    plain = block.header is None and block.lines == 1 and block.size >= 0.95 * body and len(title) <= 80
    return block.bold and plain and not re.search(r"[.。；;，,]$", title) and any(c.isalpha() for c in title)


def _largest(pages: list[_Page]) -> str:
    """What stands largest on the first page that has text, where it is clearly larger than the rest."""
    page = next(page for page in pages if page.text)
    body = _body_size(pages)
    blocks = [block for block in page.blocks if _by_size(page, block, 1.2 * body)]
    if not blocks:
        return ""
    best = max(blocks, key=lambda block: block.size)
    return one_line(page.text[best.start : best.end])


def _title(pdf: Any) -> str:
    with PDFIUM_LOCK:
        title = one_line(str(pdf.get_metadata_value("Title") or ""))
    # What word processors put there by default names nothing.
    return (
        ""
        if re.match(r"(?i)^(?:untitled|microsoft word|\(?anonymous|document\d*$|.*\.(?:docx?|pptx?|indd)$)", title)
        else title
    )
