"""A page as a picture with quoted spans marked: for text PDFs from the file's own glyphs, for scans from OCR boxes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.documents.images import open_frame
from core.documents.pdf import open_pdf, render
from core.documents.pdf_text import PDFIUM_LOCK, PageReader, PageText
from core.documents.sniff import IMAGES, PDF
from core.errors import DocumentError, NotFound
from core.types import PageSpan, TextBox

if TYPE_CHECKING:
    from PIL.Image import Image

MARK = (255, 226, 90)  # multiplied with the page: a highlighter, not paint
_MAX_PIXELS = 100_000_000
_LONGEST_IMAGE = 2400

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels of the picture


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds of the document that the page belongs to: its text, pages and (scans) boxes."""

    text: str
    pages: Sequence[PageSpan]
    boxes: Sequence[TextBox] = ()


def can_draw(media_type: str) -> bool:
    """Are there pages to be drawn, or is the text all there is to show?"""
    return media_type == PDF or media_type in IMAGES


def page_image(
    path: Path,
    media_type: str,
    page: int,
    highlights: Sequence[tuple[int, int]],
    stored: Stored,
    scale: float = 2.0,
) -> bytes:
    """Page ``page`` (from 1) as PNG, the parts of ``highlights`` that stand on it marked.

    ``highlights`` are offsets into the stored text; ``scale`` is pixels a point (PDF) or pixels a pixel (picture).
    A span whose place in the file cannot be found is not marked rather than marked wrongly.
    Raises NotFound when there is no such page, DocumentError when the file cannot be read or has no pages.
    """
    span = next((p for p in stored.pages if p.number == page), None)
    if span is None:
        raise NotFound("documents.page_missing", page=page)
    if media_type == PDF:
        image, boxes = _pdf_page(path, page, span, highlights, stored, scale)
    elif media_type in IMAGES:
        image = open_frame(path, path.name, page, _MAX_PIXELS)
        factor = min(scale, _LONGEST_IMAGE / max(image.size))
        image = image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))))
        boxes = _scan_boxes(image, page, highlights, stored)
    else:
        raise DocumentError("documents.no_pages", name=path.name)
    for box in boxes:
        _mark(image, box)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _pdf_page(
    path: Path, page: int, span: PageSpan, highlights: Sequence[tuple[int, int]], stored: Stored, scale: float
) -> tuple[Image, list[Box]]:
    import pypdfium2

    pdf = open_pdf(path, path.name)
    try:
        reader = PageReader(pdf)
        if page > reader.count:
            raise NotFound("documents.page_missing", page=page)
        image = render(pdf, page - 1, scale)
        if span.scanned:
            return image, _scan_boxes(image, page, highlights, stored)
        found = reader.page_text(page - 1)
        wanted: list[int] = []
        for start, end in highlights:
            low, high = max(start, span.start), min(end, span.end)
            if low < high:
                wanted.extend(_raw(found, stored.text[span.start : span.end], low - span.start, high - span.start))
        return image, _glyph_boxes(pdf, page - 1, wanted, image.size)
    except pypdfium2.PdfiumError as error:
        raise DocumentError("documents.corrupt", name=path.name, type="PDF") from error
    finally:
        with PDFIUM_LOCK:
            pdf.close()


def _raw(found: PageText, stored: str, start: int, end: int) -> list[int]:
    """Raw characters of a span. Where another release of the loader stored the text, the quote is searched instead."""
    if found.text == stored:
        return found.raw_indices(start, end)
    places = [index for index, char in enumerate(found.text) if not char.isspace()]
    dense = "".join(found.text[index] for index in places)
    quote = "".join(stored[start:end].split())
    at = dense.find(quote) if quote else -1
    return [] if at < 0 else found.raw_indices(places[at], places[at + len(quote) - 1] + 1)


def _glyph_boxes(pdf: Any, index: int, wanted: Sequence[int], size: tuple[int, int]) -> list[Box]:
    """Boxes of characters in pixels, those of one line joined."""
    import ctypes

    import pypdfium2.raw as api

    lines: list[Box] = []
    if not wanted:
        return lines
    with PDFIUM_LOCK:
        page = pdf[index]
        text = page.get_textpage()
        try:
            rect = api.FS_RECTF()
            x, y = ctypes.c_int(), ctypes.c_int()

            def device(px: float, py: float) -> tuple[int, int]:
                api.FPDF_PageToDevice(page, 0, 0, size[0], size[1], 0, px, py, x, y)
                return x.value, y.value

            for char in wanted:
                if not api.FPDFText_GetLooseCharBox(text, char, rect) or rect.right <= rect.left:
                    continue
                (x0, y0), (x1, y1) = device(rect.left, rect.top), device(rect.right, rect.bottom)
                _join(lines, (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
        finally:
            text.close()
            page.close()
    return lines


def _join(lines: list[Box], box: Box) -> None:
    if lines:
        last = lines[-1]
        height = last[3] - last[1]
        level = min(last[3], box[3]) - max(last[1], box[1]) > 0.5 * min(height, box[3] - box[1])
        if level and box[0] - last[2] < 1.5 * height and last[0] - box[2] < 1.5 * height:
            lines[-1] = (min(last[0], box[0]), min(last[1], box[1]), max(last[2], box[2]), max(last[3], box[3]))
            return
    lines.append(box)


def _scan_boxes(image: Image, page: int, highlights: Sequence[tuple[int, int]], stored: Stored) -> list[Box]:
    """Parts of OCR boxes: characters are taken to be equally wide, Chinese ones twice as wide as others."""
    found: list[Box] = []
    for box in stored.boxes:
        if box.page != page:
            continue
        for start, end in highlights:
            low, high = max(start, box.start), min(end, box.end)
            if low >= high:
                continue
            widths = [2 if ord(char) > 0x2E80 else 1 for char in stored.text[box.start : box.end]]
            total = sum(widths)
            span = box.right - box.left
            left = box.left + span * sum(widths[: low - box.start]) / total
            right = box.left + span * sum(widths[: high - box.start]) / total
            found.append((left * image.width, box.top * image.height, right * image.width, box.bottom * image.height))
    return found


def _mark(image: Image, box: Box) -> None:
    import PIL.Image
    import PIL.ImageChops

    left, top = max(0, math.floor(box[0]) - 1), max(0, math.floor(box[1]))
    right, bottom = min(image.width, math.ceil(box[2]) + 1), min(image.height, math.ceil(box[3]))
    if right <= left or bottom <= top:
        return
    patch = image.crop((left, top, right, bottom))
    image.paste(PIL.ImageChops.multiply(patch, PIL.Image.new("RGB", patch.size, MARK)), (left, top))
