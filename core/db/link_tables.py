"""Tables of demo links: what a link opens, who came by it, what they tried, and tries that failed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.encrypted import EncryptedText
from core.db.tables import Base, Dated, Scoped, UtcDateTime, utc_now


class DemoLink(Scoped, Dated, Base):
    """One link. Of its address only the hash is stored. ``messages`` and ``people`` count what was spent."""

    __tablename__ = "demo_link"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))  # for its owner; guests never see it
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    pages: Mapped[list[str]] = mapped_column(JSON, default=list)  # chat content sentiment recommend
    knowledge_base_id: Mapped[int | None] = mapped_column(ForeignKey("knowledge_base.id", ondelete="SET NULL"))
    template: Mapped[str] = mapped_column(String(80), default="")  # of content
    catalogue_id: Mapped[int | None] = mapped_column(ForeignKey("recommend_catalogue.id", ondelete="SET NULL"))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    most_messages: Mapped[int | None] = mapped_column(default=None)
    most_people: Mapped[int | None] = mapped_column(default=None)
    password_hash: Mapped[str] = mapped_column(String(200), default="")  # argon2id; "" is no password
    title: Mapped[str] = mapped_column(String(120), default="")
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, default=None, deferred=True)  # PNG, re-encoded
    colour: Mapped[str] = mapped_column(String(7), default="")  # #RRGGBB
    greeting: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(String(8), default="auto")  # en zh auto
    sites: Mapped[list[str]] = mapped_column(JSON, default=list)  # origins that may embed it
    created_by: Mapped[str] = mapped_column(String(200), default="")
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    messages: Mapped[int] = mapped_column(default=0)
    people: Mapped[int] = mapped_column(default=0)


class DemoGuest(Scoped, Base):
    """A browser that opened a link. ``visitor`` (``link:N:hash``): the hash of a secret that only its cookie holds."""

    __tablename__ = "demo_guest"
    __table_args__ = (UniqueConstraint("visitor"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("demo_link.id", ondelete="CASCADE"), index=True)
    visitor: Mapped[str] = mapped_column(String(64))
    messages: Mapped[int] = mapped_column(default=0)
    first_seen: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class DemoUse(Scoped, Dated, Base):
    """What a guest tried beside the chat, whose questions stand in conversations."""

    __tablename__ = "demo_use"
    __table_args__ = (Index("ix_demo_use_link", "link_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("demo_link.id", ondelete="CASCADE"))
    guest_id: Mapped[int] = mapped_column(ForeignKey("demo_guest.id", ondelete="CASCADE"), index=True)
    page: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(EncryptedText("demo_use.text"))
    outcome: Mapped[str] = mapped_column(String(200), default="")


class LinkTry(Base):
    """A failed try: of an address that is no link's, or of a password. Belongs to no workspace; kept for an hour."""

    __tablename__ = "link_try"
    __table_args__ = (Index("ix_link_try_what", "what", "address", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(String(40))  # token, or password:N
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
