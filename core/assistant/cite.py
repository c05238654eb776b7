"""Citations that cannot be false: a quote is cut from the stored text, never written."""

from __future__ import annotations

import re

from core.text.language import has_han
from core.types import Citation, PassageRecord

_BULLET = re.compile(r"^\s*(?:[-*•·▪◦●■]\s+|#{1,6}\s+|>\s+)+")
_SPACE = re.compile(r"\s*\n\s*")


def cite(passage: PassageRecord, start: int, end: int) -> Citation:
    """The citation of ``passage.text[start:end]``; its offsets are those of the document version's stored text."""
    if not 0 <= start < end <= len(passage.text):
        raise ValueError(f"span {start}:{end} lies outside the passage's {len(passage.text)} characters")
    return Citation(
        passage_id=passage.id,
        document_id=passage.document_id,
        version_id=passage.version_id,
        document=passage.document_name,
        page=passage.page,
        section=passage.section,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
        document_date=passage.document_date,
        header=passage.header,
    )


def holds(citation: Citation, text: str) -> bool:
    """Does the stored text of the citation's version say, at its offsets, exactly what is quoted."""
    return text[citation.start : citation.end] == citation.quote


def shown(quote: str) -> str:
    """A quote as a sentence to read: line breaks and list marks taken out, nothing else changed."""
    text = _BULLET.sub("", quote)
    return _SPACE.sub("" if has_han(text) else " ", text).strip()
