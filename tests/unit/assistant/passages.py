"""Found passages for tests, without a database."""

from __future__ import annotations

from core.text.language import detect_language
from core.types import Found, Hit, PassageRecord


def found(*texts: str, same_document: bool = False, date: str = "", header: str = "", section: str = "") -> list[Found]:
    """Each text as a passage of its own document (or of one), best first, standing 100 characters into its document."""
    items = []
    for i, text in enumerate(texts):
        document = 1 if same_document else i + 1
        start = 100 + (i * 10_000 if same_document else 0)
        passage = PassageRecord(
            id=i + 1,
            document_id=document,
            version_id=document,
            document_name=f"document-{document}.md",
            page=1,
            section=section,
            header=header,
            start=start,
            end=start + len(text),
            text=text,
            language=detect_language(text),
            document_date=date or f"2026-0{i + 1}-01",
        )
        items.append(Found(Hit(i + 1, 1.0 / (i + 1), lexical=10.0 / (i + 1)), passage))
    return items
