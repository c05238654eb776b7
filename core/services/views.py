"""What services hand to pages, the CLI and the HTTP API: plain data, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.types import Answer, Found


@dataclass(frozen=True, slots=True)
class Upload:
    """A file a person gives: its client-side name, and its bytes or where they lie."""

    name: str
    data: bytes | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class KnowledgeBaseView:
    id: int
    name: str
    documents: int
    passages: int
    held: int
    faq_entries: int
    golden_questions: int
    live_version: int | None
    draft_version: int | None
    blocked_by: tuple[Mapping[str, Any], ...]  # golden questions that stop the draft: id, question, why
    rule: str  # the rule by which the live vector index was chosen
    published_at: datetime | None
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentView:
    id: int
    name: str
    state: str  # processing, ready, held, failed
    live: bool  # part of the published index
    media_type: str
    language: str
    size: int
    pages: int
    passages: int
    warnings: tuple[str, ...]
    version_id: int | None
    updated_at: datetime
    error: Mapping[str, Any]
    document_date: str = ""
    dated: str = "upload"  # whence document_date is known: printed, file, upload


@dataclass(frozen=True, slots=True)
class PageOf:
    """One page of a longer list."""

    rows: tuple[Any, ...]
    total: int


@dataclass(frozen=True, slots=True)
class FlagView:
    id: int
    kind: str
    detail: str
    excerpt: str
    start: int
    end: int
    page: int


@dataclass(frozen=True, slots=True)
class HeldView:
    """A document version waiting for a reviewer."""

    version_id: int
    document_id: int
    document: str
    created_at: datetime
    flags: tuple[FlagView, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A cited place, drawn: an image of the page for PDFs, scans and pictures, else the text around the quote."""

    document: str
    page: int
    pages: int
    section: str
    document_date: str
    image: bytes | None  # PNG with the quote highlighted
    before: str
    quote: str
    after: str
    header: str
    dated: str = "upload"  # whence document_date is known: printed, file, upload


@dataclass(frozen=True, slots=True)
class JobFileView:
    name: str
    state: str
    stage: str
    done: int
    total: int
    size: int
    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobView:
    id: int
    kind: str
    state: str
    stage: str
    done: int
    total: int
    created_at: datetime
    finished_at: datetime | None
    error: Mapping[str, Any]
    result: Mapping[str, Any]
    files: tuple[JobFileView, ...] = ()
    worker_alive: bool = True

    @property
    def finished(self) -> bool:
        return self.state in {"done", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class ConversationView:
    id: int
    title: str
    language: str
    knowledge_base_id: int
    updated_at: datetime
    messages: int = 0


@dataclass(frozen=True, slots=True)
class MessageView:
    id: int
    role: str
    state: str
    text: str
    rung: str
    created_at: datetime
    answer: Answer | None = None  # assistant messages, with citations and refusal
    feedback: int = 0  # 1, -1 or 0
    milliseconds: int = 0
    # error (code, values) of a failed one; trouble (code, values) of the language model that was done without;
    # handoff (id, open, next_opening, queue_position) where a person was asked for; event of a system message;
    # offers (catalogue_id, items) that stand below it, see core.services.chat_offers
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def retry(self) -> bool:
        """Whether the person may have the same question answered again."""
        return self.role == "assistant" and self.state in {"failed", "stopped"}


@dataclass(frozen=True, slots=True)
class FaqView:
    id: int
    question: str
    phrasings: tuple[str, ...]
    answer: str
    language: str
    tags: tuple[str, ...]
    approved: bool
    hits: int
    source: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class GoldenView:
    id: int
    question: str
    language: str
    answerable: bool
    document: str
    answer: str
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class GoldenLine:
    """One golden question in a run, beside the run before: ``change`` is same, fixed, broken or new."""

    question_id: int
    question: str
    expected: str
    passed: bool
    before: bool | None
    change: str
    why: str
    rung: str
    answer: str
    document: str
    confidence: float


@dataclass(frozen=True, slots=True)
class GoldenRunView:
    id: int
    created_at: datetime
    passed: int
    failed: int
    index_version: int | None
    lines: tuple[GoldenLine, ...]
    calibration: Mapping[str, Any]  # threshold, coverage, wrong, curve: list of [threshold, coverage, wrong]


@dataclass(frozen=True, slots=True)
class PublishResult:
    """``broken``: golden questions that passed on the live version and fail on this one (id, question, why)."""

    published: bool
    version: int
    broken: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class HandoffView:
    id: int
    conversation_id: int
    state: str
    reason: str
    packet: Mapping[str, Any]  # summary, tried, language
    contact: str
    created_at: datetime
    waiting_seconds: float
    title: str


@dataclass(frozen=True, slots=True)
class RetrievalTest:
    """One question, each stage's list side by side."""

    question: str
    words: tuple[str, ...]
    stages: Mapping[str, tuple[Found, ...]]  # lexical, dense, fused, rerank
    milliseconds: Mapping[str, float]
    answer: Answer
    weights: Mapping[str, float]
    threshold: float


@dataclass(frozen=True, slots=True)
class Overview:
    """Home: what stands, and what to do first."""

    workspace: str
    models: tuple[Mapping[str, Any], ...]  # name, task, state, note
    knowledge_bases: tuple[KnowledgeBaseView, ...]
    worker_alive: bool
    questions_7_days: int
    answered_7_days: int
    refused_7_days: int
    waiting_handoffs: int
    rungs: Mapping[str, int] = field(default_factory=dict)
    per_day: tuple[tuple[str, int, int], ...] = ()  # ISO day, answered, refused
