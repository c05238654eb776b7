"""Tables of privacy."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.tables import Base, Dated


class EncryptionCheck(Dated, Base):
    """One row where anything is encrypted: a known text under the key in use, so that a wrong key is noticed at the
    start and not at the first message. Belongs to no workspace."""

    __tablename__ = "encryption_check"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(Text)
