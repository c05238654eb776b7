"""Search in a column for what a person typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_

from core.db.encrypted import is_encrypted
from core.db.unit_of_work import Rows


def says(column: Any, wanted: str) -> Any:
    """Whether ``column`` holds the letters of ``wanted``, in any case; signs of the database's patterns are letters.

    A NUL ends a text for SQLite (everything would be found) and is an error for PostgreSQL; no stored text holds U+FFFD
    where a person typed a NUL, so nothing is found.
    """
    return column.icontains(wanted.replace("\x00", "\ufffd"), autoescape=True)


def holding(rows: Rows, table: type[Any], wanted: str, *columns: Any, where: Sequence[Any] = ()) -> Any:
    """The condition that one of ``columns`` (of a table with ``id``) holds ``wanted``.

    Encrypted texts are read one by one, those of ``where`` only: the database cannot compare them.
    """
    if not is_encrypted(rows.session):
        return or_(*(says(column, wanted) for column in columns))
    texts = rows.session.execute(rows.columns(table, table.id, *columns, where=[*where]))
    small = wanted.casefold()
    return table.id.in_([number for number, *found in texts if any(small in text.casefold() for text in found)])
