"""The words every part of Pilotlight shares. Plain frozen data; imports nothing of ours.

Offsets everywhere are character offsets (Python ``str`` indices, end exclusive) into the stored text of one
document version, so that ``text[start:end]`` is the quote, to the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Language = Literal["en", "zh"]


# --- documents ---


@dataclass(frozen=True, slots=True)
class PageSpan:
    """One page (PDF), slide (PPTX), sheet (XLSX) or the whole of a page-less file. ``number`` counts from 1."""

    number: int
    start: int
    end: int
    scanned: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading that stands at ``start`` in the text. ``level`` 1 is the highest."""

    start: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class TableSpan:
    """A table: its rows lie in ``[start, end)``; ``header`` is its header row as text (may be empty)."""

    start: int
    end: int
    header: str


@dataclass(frozen=True, slots=True)
class TextBox:
    """Where a run of text stands on a scanned page, in fractions of the page's width and height, origin top left."""

    page: int
    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a reviewer has to see before a document may answer: ``kind`` is hidden_text, instruction or secret."""

    kind: Literal["hidden_text", "instruction", "secret"]
    detail: str  # a stable code, e.g. "white_text", "ignore_instructions", "api_key", "card_number", "cn_id_number"
    start: int
    end: int
    excerpt: str  # secrets arrive masked


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """What a loader makes of one file: the text that will be stored, and what is known about places in it."""

    text: str
    media_type: str
    language: Language
    pages: tuple[PageSpan, ...]
    headings: tuple[Heading, ...] = ()
    tables: tuple[TableSpan, ...] = ()
    boxes: tuple[TextBox, ...] = ()  # scanned pages only; a text PDF's boxes are read from the file when drawn
    hidden: tuple[Flag, ...] = ()  # hidden text that the format itself shows (white, size 0, hidden sheet, ...)
    title: str = ""
    warnings: tuple[str, ...] = ()  # catalogue keys under errors.*, e.g. a page that OCR could not read


@dataclass(frozen=True, slots=True)
class PassageDraft:
    """A piece of a document as the splitter cuts it: ``document.text[start:end] == text``."""

    text: str
    start: int
    end: int
    page: int
    section: str  # the headings above it, joined by " › "
    header: str  # the table header that belongs to its rows, else ""
    language: Language

    @property
    def index_text(self) -> str:
        """What is embedded and indexed: the passage in its context (section and table header)."""
        return "\n".join(part for part in (self.section, self.header, self.text) if part)


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """A stored passage of a live document, as retrieval hands it to whoever answers."""

    id: int
    document_id: int
    version_id: int
    document_name: str
    page: int
    section: str
    header: str
    start: int
    end: int
    text: str
    language: Language
    document_date: str = ""  # ISO date of the document version, shown where sources contradict each other

    @property
    def index_text(self) -> str:
        return "\n".join(part for part in (self.section, self.header, self.text) if part)


# --- retrieval ---


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage's scores, stage by stage. A stage that did not see the passage holds None; higher is better."""

    passage_id: int
    score: float  # what the order follows: the last stage that ran
    lexical: float | None = None  # BM25, raw
    dense: float | None = None  # cosine, raw
    fused: float | None = None  # convex combination, in [0, 1]
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A hit together with its passage."""

    hit: Hit
    passage: PassageRecord


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Restricts a search; empty means no restriction. ``metadata`` must match the document's metadata exactly."""

    document_ids: frozenset[int] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)


# --- answers ---


class Rung(StrEnum):
    """Who speaks. The ladder of customer service, each shown on the answer."""

    FAQ = "faq"
    DOCUMENT = "document"
    MODEL = "model"  # a language model's words, each sentence checked against the documents
    PERSON = "person"
    SMALLTALK = "smalltalk"
    REFUSAL = "refusal"


class RefusalReason(StrEnum):
    NOTHING_INDEXED = "nothing_indexed"
    TOO_WEAK = "too_weak"
    IN_REVIEW = "in_review"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True)
class Citation:
    """One quoted span: ``quote`` equals the stored text of ``version_id`` at ``[start, end)``."""

    passage_id: int
    document_id: int
    version_id: int
    document: str
    page: int
    section: str
    start: int
    end: int
    quote: str
    document_date: str = ""
    header: str = ""  # shown with a table row


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence of an answer and the indices of the citations that support it. Empty = marked as unsupported."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer. ``best`` holds up to three passages that came nearest (or that contradict each other)."""

    reason: RefusalReason
    best: tuple[Citation, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ladder says to one question. ``text`` is None exactly when ``refusal`` is not."""

    text: str | None
    rung: Rung
    confidence: float  # calibrated probability that the answer is right, 0..1
    citations: tuple[Citation, ...] = ()
    sentences: tuple[AnswerSentence, ...] = ()
    refusal: Refusal | None = None
    faq_id: int | None = None
    query: str = ""  # the question as it was searched (follow-ups are completed from the conversation)
    dropped: int = 0  # sentences of a language model that nothing supported
