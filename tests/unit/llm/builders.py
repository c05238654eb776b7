"""Passages and answers in a line."""

from __future__ import annotations

from core.text.language import detect_language
from core.text.sentences import sentence_spans
from core.types import Answer, AnswerSentence, Citation, Found, Hit, PassageRecord, Rung


def passage(text: str, *, number: int = 1, start: int = 0, section: str = "", header: str = "") -> PassageRecord:
    return PassageRecord(
        id=number,
        document_id=number,
        version_id=number,
        document_name=f"guide-{number}.md",
        page=1,
        section=section,
        header=header,
        start=start,
        end=start + len(text),
        text=text,
        language=detect_language(text),
    )


def found(*texts: str) -> list[Found]:
    return [Found(Hit(n, 1.0), passage(text, number=n, start=100 * n)) for n, text in enumerate(texts, 1)]


def quoted(passages: list[Found]) -> Answer:
    """The answer that quotes the first sentence of the first passage."""
    first = passages[0].passage
    start, end = sentence_spans(first.text)[0]
    citation = Citation(
        first.id,
        first.document_id,
        first.version_id,
        first.document_name,
        first.page,
        first.section,
        first.start + start,
        first.start + end,
        first.text[start:end],
    )
    sentence = AnswerSentence(citation.quote, (0,))
    return Answer(citation.quote, Rung.DOCUMENT, 0.9, (citation,), (sentence,))
