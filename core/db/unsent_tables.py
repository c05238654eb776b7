"""What somebody has typed and not sent yet, so that a reload or a new sign-in does not lose it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.encrypted import EncryptedText
from core.db.tables import Base, Dated, Scoped, UtcDateTime, utc_now


class UnsentText(Scoped, Dated, Base):
    """One field of one page as one person left it. ``place`` names it: ``content/brief/poem/subject``."""

    __tablename__ = "unsent_text"
    __table_args__ = (UniqueConstraint("workspace_id", "person", "place"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(String(120))  # Actor.visitor
    place: Mapped[str] = mapped_column(String(160))
    text: Mapped[str] = mapped_column(EncryptedText("unsent_text.text"))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
