"""Keys of the HTTP API, what is used, and how much of it may be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.tables import Base, Dated, Scoped, UtcDateTime


class ApiKey(Scoped, Dated, Base):
    """A key, of which only ``prefix`` (to recognise it) and a hash are kept."""

    __tablename__ = "api_key"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(16))
    # SHA-256 of 256 random bits: a slow hash is for secrets that people choose, and would cost every request
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]] = mapped_column(JSON, default=list)  # core.access.actor.Permission
    role: Mapped[str] = mapped_column(String(20))
    created_by: Mapped[str] = mapped_column(String(200), default="")
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Usage(Scoped, Base):
    """How much of ``metric`` a subject used in a period: ``2026-11-22`` (a day), ``2026-11`` (a month), ``all``."""

    __tablename__ = "usage"
    __table_args__ = (UniqueConstraint("workspace_id", "subject", "subject_id", "metric", "period"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(20))  # workspace account key link
    subject_id: Mapped[int]
    metric: Mapped[str] = mapped_column(String(30))  # core.services.quota.METRICS
    period: Mapped[str] = mapped_column(String(10))
    amount: Mapped[int] = mapped_column(BigInteger, default=0)


class Quota(Scoped, Dated, Base):
    """At most ``most`` of ``metric`` in each ``period`` (day, month, all)."""

    __tablename__ = "quota"
    __table_args__ = (UniqueConstraint("workspace_id", "subject", "subject_id", "metric", "period"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]  # 0: each one of this kind that has no quota of its own
    metric: Mapped[str] = mapped_column(String(30))
    period: Mapped[str] = mapped_column(String(10))
    most: Mapped[int] = mapped_column(BigInteger)
