"""Times as people write them, as unix seconds."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import Any

_LATEST = 253_402_300_799  # the end of the year 9999
_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y年%m月%d日 %H:%M")


def read_time(cell: Any) -> int | None:
    """Seconds, milliseconds, micro- or nanoseconds since 1970 by their size, ISO 8601, or year first with / . 年.

    A time without a zone is UTC. None for what is empty or cannot be read; day-first and month-first dates cannot be
    told apart and count as unreadable.
    """
    if cell is None or isinstance(cell, bool):
        return None
    if isinstance(cell, datetime):
        return _seconds(cell)
    if isinstance(cell, date):
        return _seconds(datetime(cell.year, cell.month, cell.day, tzinfo=UTC))
    if isinstance(cell, int | float):
        return _number(float(cell))
    text = str(cell).strip()
    if re.fullmatch(r"-?\d+(\.\d+)?([eE]\+?\d+)?", text) and not re.fullmatch(r"(19|20)\d{6}", text):
        return _number(float(text))
    return _written(text)


def _number(value: float) -> int | None:
    if not math.isfinite(value):
        return None
    while abs(value) > 1e11:  # 1e11 seconds is the year 5138
        value /= 1000
    return int(value)


def _written(text: str) -> int | None:
    try:
        return _seconds(datetime.fromisoformat(text))
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return _seconds(datetime.strptime(text, form))
        except ValueError:
            continue
    return None


def _seconds(moment: datetime) -> int | None:
    try:
        found = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError, OSError):
        return None
    return found if abs(found) <= _LATEST else None
