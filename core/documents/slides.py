"""PPTX: a page a slide, with its title as heading, tables, and the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.documents.builder import TextBuilder, one_line
from core.documents.office import check_package, damage_named
from core.documents.options import Source
from core.documents.sniff import PPTX
from core.documents.tables import looks_like_header
from core.errors import DocumentError
from core.text.language import has_han
from core.types import LoadedDocument

_TINY = 25_400 * 1  # two points in EMU


def load_pptx(path: Path, source: Source) -> LoadedDocument:
    """Reads a PPTX. Raises DocumentError and Cancelled."""
    import pptx
    from pptx.exc import PythonPptxError

    check_package(path, source, "PPTX")
    try:
        with damage_named(source, "PPTX"), path.open("rb") as file:
            return _read(pptx.Presentation(file), source)
    except PythonPptxError as error:
        raise DocumentError("documents.corrupt", name=source.name, type="PPTX") from error


def _read(show: Any, source: Source) -> LoadedDocument:
    builder = TextBuilder()
    slides = list(show.slides)
    size = (int(show.slide_width or 0), int(show.slide_height or 0))
    for number, slide in enumerate(slides, start=1):
        source.step("read", number - 1, len(slides))
        builder.start_page(number)
        before = builder.length
        _slide(builder, slide, size)
        if slide._element.get("show") in ("0", "false") and builder.length > before:
            start = before + (2 if before else 0)
            builder.hide("hidden_slide", start, builder.length, builder.text_of(start, builder.length))
    return builder.build(PPTX, title=str(show.core_properties.title or ""))


def _slide(builder: TextBuilder, slide: Any, size: tuple[int, int]) -> None:
    title = slide.shapes.title
    if title is not None and title.has_text_frame and title.text_frame.text.strip():
        builder.heading(1, title.text_frame.text)
    for shape in _shapes(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        before = builder.length
        _shape(builder, shape)
        builder.close()
        if builder.length > before and _outside(shape, size):
            start = before + (2 if before else 0)
            builder.hide("outside_page", start, builder.length, builder.text_of(start, builder.length))
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            builder.block(f"{'备注：' if has_han(notes) else 'Notes: '}{notes}")


def _shapes(shapes: Any) -> Iterator[Any]:
    """Shapes from top to bottom and left to right, groups opened."""
    for shape in sorted(shapes, key=lambda s: (int(s.top or 0) // 360_000, int(s.left or 0))):
        if shape.shape_type == 6:  # a group
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _shape(builder: TextBuilder, shape: Any) -> None:
    if getattr(shape, "has_table", False) and shape.has_table:
        rows = [[one_line(cell.text) for cell in row.cells] for row in shape.table.rows]
        rows = [row for row in rows if any(row)]
        named = bool(rows) and (shape.table.first_row or looks_like_header(rows)) and len(rows) > 1
        builder.table(rows[0] if named else (), rows[1:] if named else rows)
        return
    if not shape.has_text_frame:
        return
    paragraphs = [p for p in shape.text_frame.paragraphs if p.text.strip()]
    listed = len(paragraphs) > 1 and shape.is_placeholder
    for paragraph in paragraphs:
        text = paragraph.text.replace("\v", "\n").strip()
        span = builder.item(f"• {one_line(text)}") if listed else builder.block(text)
        runs = [run for run in paragraph.runs if run.text.strip()]
        if runs and all(run.font.size is not None and run.font.size < _TINY for run in runs):
            builder.hide("tiny_text", *span, text)


def _outside(shape: Any, size: tuple[int, int]) -> bool:
    if None in (shape.left, shape.top, shape.width, shape.height) or not all(size):
        return False
    beyond = shape.left >= size[0] or shape.top >= size[1]
    return bool(beyond or shape.left + shape.width <= 0 or shape.top + shape.height <= 0)
