"""Columns that are encrypted where the settings hold a key. Services see plain values; SQL cannot compare them.

The cipher belongs to the engine (it stands on its dialect), so that two applications in a process do not share one.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import JSON, Engine, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.access.encryption import PREFIX, Cipher, hidden, shown

_CIPHER = "pilotlight_cipher"


def set_cipher(engine: Engine, cipher: Cipher | None) -> None:
    setattr(engine.dialect, _CIPHER, cipher)


def is_encrypted(session: Session) -> bool:
    """Whether what this session writes is encrypted."""
    return _cipher(session.get_bind().dialect) is not None


def _cipher(dialect: Dialect) -> Cipher | None:
    found: Cipher | None = getattr(dialect, _CIPHER, None)
    return found


class EncryptedText(TypeDecorator[str]):
    """A text. ``place`` names the column (``message.text``) and is bound to what is stored in it."""

    impl = Text
    cache_ok = True

    def __init__(self, place: str, length: int | None = None) -> None:
        super().__init__()
        self.place = place
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite keeps no length and cannot change a column in place; elsewhere what is encrypted needs more room."""
        return String(self.length) if self.length and dialect.name == "sqlite" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else hidden(_cipher(dialect), value, self.place)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else shown(_cipher(dialect), value, self.place)


class EncryptedJSON(TypeDecorator[Any]):
    """A JSON value; encrypted it is a JSON string."""

    impl = JSON
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        cipher = _cipher(dialect)
        return value if cipher is None or not value else cipher.encrypt(json.dumps(value), self.place)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if isinstance(value, str) and value.startswith(PREFIX):
            return json.loads(shown(_cipher(dialect), value, self.place))
        return value
