"""Tables of sentiment: files that were judged, doubtful texts and who labelled them, customers' mood, watches.

Rows of a judged file are no rows of the database: they stand in files under the data folder.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.encrypted import EncryptedJSON, EncryptedText
from core.db.tables import Base, Dated, Scoped, UtcDateTime


class SentimentBatch(Scoped, Dated, Base):
    """A file judged row by row. ``summary`` is what the pages plot, written while the job goes on."""

    __tablename__ = "sentiment_batch"
    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(String(200))  # of the file, as its owner knows it
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(default=0)
    columns: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # text, date, group: names; how it is read
    model: Mapped[str] = mapped_column(String(200), default="")
    summary: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("sentiment_batch.summary"), default=dict)
    counted: Mapped[int] = mapped_column(default=0, server_default="0")  # rows that stand in the usage already


class SentimentTask(Scoped, Dated, Base):
    """A text that waits for people to label it. ``state``: open, done, set_aside."""

    __tablename__ = "sentiment_task"
    __table_args__ = (
        Index("ix_sentiment_task_state", "workspace_id", "state", "id"),
        UniqueConstraint("workspace_id", "digest"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(EncryptedText("sentiment_task.text"))
    digest: Mapped[str] = mapped_column(String(64))  # of the text: each stands in the queue once
    source: Mapped[str] = mapped_column(String(200), default="")
    why: Mapped[str] = mapped_column(String(20), default="uncertain")  # uncertain sampled
    state: Mapped[str] = mapped_column(String(20), default="open")
    said: Mapped[str] = mapped_column(String(20), default="")  # the model's likeliest polarity
    confidence: Mapped[float] = mapped_column(default=0.0)


class SentimentAnswer(Scoped, Dated, Base):
    """What one person says of a waiting text."""

    __tablename__ = "sentiment_answer"
    __table_args__ = (UniqueConstraint("task_id", "person"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("sentiment_task.id", ondelete="CASCADE"), index=True)
    person: Mapped[str] = mapped_column(String(80))
    label: Mapped[str] = mapped_column(String(20))


class MessageMood(Scoped, Dated, Base):
    """The score of one customer message. ``rolling``: anger and urgency of the conversation up to it, 0..1."""

    __tablename__ = "message_mood"
    __table_args__ = (Index("ix_message_mood_day", "workspace_id", "created_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), unique=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(20))
    negative: Mapped[float]
    positive: Mapped[float]
    anger: Mapped[float]
    urgency: Mapped[float]
    rolling: Mapped[float]
    cues: Mapped[list[str]] = mapped_column(JSON, default=list)  # words that were read as anger or urgency
    model: Mapped[str] = mapped_column(String(200), default="")


class SentimentMonitor(Scoped, Dated, Base):
    """A watched share: ``label`` above ``limit`` of the last ``window`` texts of ``source`` (messages, files)."""

    __tablename__ = "sentiment_monitor"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(20), default="messages")
    label: Mapped[str] = mapped_column(String(20), default="negative")
    limit: Mapped[float] = mapped_column(default=0.3)
    window: Mapped[int] = mapped_column(default=200)
    webhook: Mapped[str] = mapped_column(String(500), default="")
    raised: Mapped[bool] = mapped_column(default=False)
    share: Mapped[float | None] = mapped_column(default=None)  # at the last look; None before there were texts
    counted: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # when raised changed last
    # the webhook's last call: {"at", "status"} or {"at", "error", "values"}; empty before the first
    called: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
