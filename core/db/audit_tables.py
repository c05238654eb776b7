"""The audit log: who did what, in the order in which it was done, each entry sealed with the one before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.tables import Base, Scoped, UtcDateTime


class AuditEntry(Scoped, Base):
    """Number ``number`` of its workspace, from 1 without gaps. ``sha256`` seals it and the entry before it."""

    __tablename__ = "audit_entry"
    __table_args__ = (UniqueConstraint("workspace_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))  # who, in words: an address, a key's name, "command-line"
    role: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(80), index=True)  # member.invited, document.deleted, key.made ...
    target: Mapped[str] = mapped_column(String(400), default="")  # what it was done to
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    previous: Mapped[str] = mapped_column(String(64), default="")
    sha256: Mapped[str] = mapped_column(String(64))
