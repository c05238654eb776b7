"""The tables. The database is the truth; every row carries its workspace.

Times are UTC, timezone-aware. Vectors are little-endian float16, L2-normalised. JSON columns hold what is read whole
and never searched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from core.db.encrypted import EncryptedJSON, EncryptedText


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored; use datetime.now(UTC)")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def utc_now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Scoped:
    """Mixed into every table that belongs to a workspace; the repository layer filters by it."""

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)


class Dated:
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Workspace(Dated, Base):
    __tablename__ = "workspace"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    # greeting, opening hours, contact, brand: whatever the owner sets for the whole workspace
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class KnowledgeBase(Scoped, Dated, Base):
    __tablename__ = "knowledge_base"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    # fusion weights, refusal threshold, most wrong answers in percent; learnt or set by the owner
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    live_version: Mapped[int | None] = mapped_column(default=None)
    draft_version: Mapped[int | None] = mapped_column(default=None)


class Document(Scoped, Dated, Base):
    """A document by name. Its content lives in versions; ``current_version_id`` is the newest that is not held."""

    __tablename__ = "document"
    __table_args__ = (Index("ix_document_kb_name", "knowledge_base_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(20), default="processing")  # processing ready held deleted
    current_version_id: Mapped[int | None] = mapped_column(default=None)
    doc_metadata: Mapped[dict[str, Any]] = mapped_column("metadata", JSON, default=dict)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class DocumentVersion(Scoped, Dated, Base):
    __tablename__ = "document_version"
    __table_args__ = (Index("ix_document_version_sha", "workspace_id", "file_sha256"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(20), default="building")  # building ready held rejected replaced
    file_sha256: Mapped[str] = mapped_column(String(64))
    text_sha256: Mapped[str] = mapped_column(String(64), default="", index=True)
    media_type: Mapped[str] = mapped_column(String(120), default="")
    size: Mapped[int] = mapped_column(default=0)  # bytes of the original
    language: Mapped[str] = mapped_column(String(8), default="en")
    title: Mapped[str] = mapped_column(EncryptedText("document_version.title", 400), default="")
    text: Mapped[str] = mapped_column(EncryptedText("document_version.text"), default="", deferred=True)
    # pages, headings, tables, boxes: core.types, as lists of lists
    layout: Mapped[dict[str, Any]] = mapped_column(
        EncryptedJSON("document_version.layout"), default=dict, deferred=True
    )
    page_count: Mapped[int] = mapped_column(default=0)
    passage_count: Mapped[int] = mapped_column(default=0)
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list)
    document_date: Mapped[str] = mapped_column(String(10), default="")  # ISO


class Passage(Scoped, Base):
    __tablename__ = "passage"
    __table_args__ = (Index("ix_passage_kb_version", "knowledge_base_id", "version_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"))
    version_id: Mapped[int] = mapped_column(ForeignKey("document_version.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int]
    page: Mapped[int]
    section: Mapped[str] = mapped_column(EncryptedText("passage.section"), default="")
    header: Mapped[str] = mapped_column(EncryptedText("passage.header"), default="")
    start: Mapped[int]
    end: Mapped[int]
    text: Mapped[str] = mapped_column(EncryptedText("passage.text"))
    language: Mapped[str] = mapped_column(String(8))
    content_sha256: Mapped[str] = mapped_column(String(64))  # of the index text: equal means the vector can be reused
    encoder: Mapped[str] = mapped_column(String(120), default="")
    vector: Mapped[bytes | None] = mapped_column(LargeBinary, default=None, deferred=True)


class ReviewFlag(Scoped, Dated, Base):
    """Something found at upload that holds its document version until a reviewer decides."""

    __tablename__ = "review_flag"
    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("document_version.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(String(80))
    start: Mapped[int]
    end: Mapped[int]
    excerpt: Mapped[str] = mapped_column(EncryptedText("review_flag.excerpt"))


class IndexVersion(Scoped, Dated, Base):
    """One built snapshot. ``state``: building, ready, live, retired, failed."""

    __tablename__ = "index_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(20), default="building")
    rule: Mapped[str] = mapped_column(Text, default="")
    encoder: Mapped[str] = mapped_column(String(120), default="")
    passage_count: Mapped[int] = mapped_column(default=0)
    # document version ids in the snapshot, sorted
    members: Mapped[list[int]] = mapped_column(JSON, default=list)
    # why a ready draft is not live: the golden questions that passed before and now fail
    blocked_by: Mapped[list[Any]] = mapped_column(JSON, default=list)


class FaqEntry(Scoped, Dated, Base):
    __tablename__ = "faq_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"), index=True)
    question: Mapped[str] = mapped_column(EncryptedText("faq_entry.question"))
    phrasings: Mapped[list[str]] = mapped_column(EncryptedJSON("faq_entry.phrasings"), default=list)
    answer: Mapped[str] = mapped_column(EncryptedText("faq_entry.answer"))
    language: Mapped[str] = mapped_column(String(8))
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    approved: Mapped[bool] = mapped_column(default=True)
    hits: Mapped[int] = mapped_column(default=0)
    source: Mapped[str] = mapped_column(String(40), default="owner")  # owner import staff_reply
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)


class GoldenQuestion(Scoped, Dated, Base):
    __tablename__ = "golden_question"
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"), index=True)
    question: Mapped[str] = mapped_column(EncryptedText("golden_question.question"))
    language: Mapped[str] = mapped_column(String(8))
    answerable: Mapped[bool] = mapped_column(default=True)
    document: Mapped[str] = mapped_column(String(400), default="")
    answer: Mapped[str] = mapped_column(EncryptedText("golden_question.answer"), default="")
    note: Mapped[str] = mapped_column(EncryptedText("golden_question.note"), default="")
    source: Mapped[str] = mapped_column(String(40), default="owner")


class GoldenRun(Scoped, Dated, Base):
    __tablename__ = "golden_run"
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"), index=True)
    index_version_id: Mapped[int | None] = mapped_column(default=None)
    passed: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class GoldenResult(Scoped, Base):
    __tablename__ = "golden_result"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("golden_run.id", ondelete="CASCADE"), index=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("golden_question.id", ondelete="CASCADE"), index=True)
    passed: Mapped[bool]
    why: Mapped[str] = mapped_column(String(80), default="")
    rung: Mapped[str] = mapped_column(String(20), default="")
    answer: Mapped[str] = mapped_column(EncryptedText("golden_result.answer"), default="")
    document: Mapped[str] = mapped_column(String(400), default="")
    confidence: Mapped[float] = mapped_column(default=0.0)


class Conversation(Scoped, Dated, Base):
    """``visitor`` is the random id of a browser; it is what keeps one person's conversations from another's."""

    __tablename__ = "conversation"
    __table_args__ = (Index("ix_conversation_visitor", "workspace_id", "visitor", "updated_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"), index=True)
    visitor: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(EncryptedText("conversation.title", 200), default="")
    language: Mapped[str] = mapped_column(String(8), default="en")
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Message(Scoped, Dated, Base):
    __tablename__ = "message"
    __table_args__ = (Index("ix_message_conversation", "conversation_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(20))  # customer assistant staff system
    state: Mapped[str] = mapped_column(String(20), default="done")  # answering done stopped failed
    text: Mapped[str] = mapped_column(EncryptedText("message.text"), default="")
    rung: Mapped[str] = mapped_column(String(20), default="")
    confidence: Mapped[float | None] = mapped_column(default=None)
    # the Answer of core.types without what stands in the other columns: citations, sentences, refusal, query, timings
    detail: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("message.detail"), default=dict)


class Feedback(Scoped, Dated, Base):
    __tablename__ = "feedback"
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), unique=True)
    value: Mapped[int]  # 1 up, -1 down
    reason: Mapped[str] = mapped_column(String(40), default="")
    correction: Mapped[str] = mapped_column(EncryptedText("feedback.correction"), default="")


class Handoff(Scoped, Dated, Base):
    __tablename__ = "handoff"
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(20), default="waiting")  # waiting answered closed
    reason: Mapped[str] = mapped_column(String(40))
    packet: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("handoff.packet"), default=dict)
    contact: Mapped[str] = mapped_column(EncryptedText("handoff.contact", 200), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Job(Scoped, Dated, Base):
    """Long work. ``state``: queued, running, done, failed, cancelled. Progress is what was really done."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_state", "state"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    knowledge_base_id: Mapped[int | None] = mapped_column(ForeignKey("knowledge_base.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20), default="queued")
    stage: Mapped[str] = mapped_column(String(40), default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    error: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # {"code": ..., "values": {...}}
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str] = mapped_column(String(80), default="")
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class JobFile(Scoped, Base):
    """One file of an ingest job. ``state``: queued, running, done, held, unchanged, failed, cancelled."""

    __tablename__ = "job_file"
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(400))
    file_sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(20), default="queued")
    stage: Mapped[str] = mapped_column(String(40), default="")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    error: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    version_id: Mapped[int | None] = mapped_column(default=None)


class Worker(Base):
    """A process that does long work. Belongs to no workspace: it serves all of them."""

    __tablename__ = "worker"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
