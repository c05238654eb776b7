"""The layout of a stored document (pages, headings, tables, boxes, whence its date) to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.types import Heading, LoadedDocument, PageSpan, TableSpan, TextBox

PRINTED, FILE, UPLOAD = "printed", "file", "upload"  # whence a document's date is known
DATED = "dated"


def to_json(document: LoadedDocument, dated: str = UPLOAD) -> dict[str, Any]:
    return {
        DATED: dated,
        "pages": [[p.number, p.start, p.end, int(p.scanned)] for p in document.pages],
        "headings": [[h.start, h.level, h.title] for h in document.headings],
        "tables": [[t.start, t.end, t.header] for t in document.tables],
        "boxes": [
            [b.page, b.start, b.end, *(round(v, 4) for v in (b.left, b.top, b.right, b.bottom))] for b in document.boxes
        ],
    }


def pages(layout: Mapping[str, Any]) -> tuple[PageSpan, ...]:
    return tuple(PageSpan(n, start, end, bool(scanned)) for n, start, end, scanned in layout.get("pages", ()))


def headings(layout: Mapping[str, Any]) -> tuple[Heading, ...]:
    return tuple(Heading(*row) for row in layout.get("headings", ()))


def tables(layout: Mapping[str, Any]) -> tuple[TableSpan, ...]:
    return tuple(TableSpan(*row) for row in layout.get("tables", ()))


def boxes(layout: Mapping[str, Any]) -> tuple[TextBox, ...]:
    return tuple(TextBox(*row) for row in layout.get("boxes", ()))


def dated(layout: Mapping[str, Any]) -> str:
    """Whence the document's date is known; versions stored before this was kept carry that of their upload."""
    return str(layout.get(DATED, UPLOAD))
