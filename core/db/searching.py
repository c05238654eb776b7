"""Search in a column for what a person typed."""

from __future__ import annotations

from typing import Any


def says(column: Any, wanted: str) -> Any:
    """Whether ``column`` holds the letters of ``wanted``, in any case; signs of the database's patterns are letters.

    A NUL ends a text for SQLite (everything would be found) and is an error for PostgreSQL; no stored text holds U+FFFD
    where a person typed a NUL, so nothing is found.
    """
    return column.icontains(wanted.replace("\x00", "\ufffd"), autoescape=True)
