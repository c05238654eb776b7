"""Tables of people: accounts, which workspace they belong to, where they are signed in, links that work once.

Of a session's cookie and of a one-time link only the SHA-256 is stored; of a password only its argon2id hash.
Accounts and sign-ins belong to no workspace: a person may be a member of several.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.tables import Base, Dated, Scoped, UtcDateTime, utc_now


class Account(Dated, Base):
    """A person by e-mail (lower case). ``password`` is empty for who only comes through the company's sign-in."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    password: Mapped[str] = mapped_column(String(200), default="")
    issuer: Mapped[str | None] = mapped_column(String(400), default=None)  # of OpenID Connect
    subject: Mapped[str | None] = mapped_column(String(255), default=None)
    language: Mapped[str] = mapped_column(String(8), default="")
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Membership(Scoped, Dated, Base):
    """An account's role in a workspace."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("workspace_id", "account_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(20))


class SignIn(Dated, Base):
    """One browser of one account. ``token`` is a hash: of the exchange code first, of the cookie once it was changed.

    ``code_until`` is set while the code waits to be exchanged; ``browser`` is the hash of the visitor's cookie, which
    alone may exchange it. ``workspace_id`` is the workspace that is open there.
    """

    __tablename__ = "sign_in"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    workspace_id: Mapped[int | None] = mapped_column(ForeignKey("workspace.id", ondelete="SET NULL"), default=None)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    browser: Mapped[str] = mapped_column(String(64), default="")
    code_until: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    agent: Mapped[str] = mapped_column(String(200), default="")  # the browser in its own words


class OneTimeLink(Scoped, Dated, Base):
    """An invitation or a new password, by a link that works once. ``kind``: invite, reset."""

    __tablename__ = "one_time_link"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(20), default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), default=None)
    made_by: Mapped[str] = mapped_column(String(200), default="")
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class SignInTry(Base):
    """A try to get in, by the hash of the e-mail or the network address that was tried; a success removes it.

    Kept by what was typed and not in the account, so that an e-mail nobody has is locked just as one that exists.
    """

    __tablename__ = "sign_in_try"
    __table_args__ = (Index("ix_sign_in_try_whom_at", "whom", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    whom: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
