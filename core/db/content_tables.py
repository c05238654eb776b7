"""Tables of content generation: templates of the owner, drafts with their variants and versions, voices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.encrypted import EncryptedJSON, EncryptedText
from core.db.tables import Base, Dated, Scoped, UtcDateTime, utc_now


class ContentTemplate(Scoped, Dated, Base):
    """A template of the owner's own. Drafts keep its id only, so it may go while they stay."""

    __tablename__ = "content_template"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    definition: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # core.content.templates


class ContentVoice(Scoped, Dated, Base):
    """A memory of the company's texts for one model: files under the data folder, figures of what it changes."""

    __tablename__ = "content_voice"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    model: Mapped[str] = mapped_column(String(200))  # key of the model that it was made for
    state: Mapped[str] = mapped_column(String(20), default="queued")  # queued building ready failed
    sources: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # knowledge bases and files it is made of
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # perplexities, tokens, seconds
    folder: Mapped[str] = mapped_column(String(400), default="")  # relative to the data folder
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class ContentDraft(Scoped, Dated, Base):
    """One request: what was asked for, of which model, with which settings, and how it ended."""

    __tablename__ = "content_draft"
    __table_args__ = (Index("ix_content_draft_list", "workspace_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    template: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(EncryptedText("content_draft.title", 200), default="")
    language: Mapped[str] = mapped_column(String(8), default="en")
    model: Mapped[str] = mapped_column(String(200), default="")
    model_name: Mapped[str] = mapped_column(String(200), default="")
    values: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("content_draft.values"), default=dict)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    # Passages that it was written from.
    sources: Mapped[list[Any]] = mapped_column(EncryptedJSON("content_draft.sources"), default=list)
    knowledge_base_id: Mapped[int | None] = mapped_column(ForeignKey("knowledge_base.id", ondelete="SET NULL"))
    voice_id: Mapped[int | None] = mapped_column(ForeignKey("content_voice.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    number: Mapped[int] = mapped_column(default=0)  # of the brief in its batch, counted from 1
    state: Mapped[str] = mapped_column(String(20), default="writing")  # writing done stopped failed
    stop_requested: Mapped[bool] = mapped_column(default=False)
    alive_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    notes: Mapped[list[Any]] = mapped_column(JSON, default=list)  # {"code", "values"}: a prompt that was shortened
    error: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    by: Mapped[str] = mapped_column(String(80), default="")


class ContentVariant(Scoped, Dated, Base):
    """One of the texts of a draft, as it stands now. ``written``: as the model wrote it."""

    __tablename__ = "content_variant"
    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("content_draft.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    text: Mapped[str] = mapped_column(EncryptedText("content_variant.text"), default="")
    written: Mapped[str] = mapped_column(EncryptedText("content_variant.written"), default="")
    reason: Mapped[str] = mapped_column(String(20), default="")  # end stop_word length cancelled
    tokens: Mapped[int] = mapped_column(default=0)
    favourite: Mapped[bool] = mapped_column(default=False)
    rating: Mapped[int] = mapped_column(default=0)  # -1, 0, 1
    edits: Mapped[int] = mapped_column(default=0)


class ContentVersion(Scoped, Dated, Base):
    """What a variant was before an edit; the newest is not here but in the variant."""

    __tablename__ = "content_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("content_variant.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    text: Mapped[str] = mapped_column(EncryptedText("content_version.text"))
