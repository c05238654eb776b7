"""How a table becomes text that can be quoted: every row names its columns and stands alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.text.language import has_han

BAR = " | "
_VALUE = re.compile(r"^[\s$€£¥￥~约+\-(]*\d[\d,.\s:/\-年月日时%％°a-zA-Z元万亿)]{0,24}$")
_LONGEST_NAME = 60


def header_line(names: Sequence[str]) -> str:
    """The header as it is stored with passages: names joined by bars, empty ones left out."""
    return BAR.join(name for name in names if name)


def row_line(names: Sequence[str], cells: Sequence[str]) -> str:
    """``Plan: Team | Price: $49``; cells without a name stand alone, empty cells are left out. '' for an empty row."""
    parts: list[str] = []
    for index, cell in enumerate(cells):
        if not cell:
            continue
        parts.append(f"{label(names[index])}{cell}" if index < len(names) else cell)
    return BAR.join(parts)


def label(name: str) -> str:
    """The name of a column as it stands before a value; a Chinese one takes a Chinese colon. '' for no name."""
    name = name.rstrip(":：")
    if not name:
        return ""
    return f"{name}：" if has_han(name) else f"{name}: "


def is_value(cell: str) -> bool:
    """Does a cell read like data (number, amount, date) and not like the name of a column?"""
    return bool(_VALUE.match(cell.strip()))


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Is the first of ``rows`` a header? It names its columns: short, distinct, no data, not repeated below."""
    if len(rows) < 2:
        return False
    first = [cell.strip() for cell in rows[0]]
    named = [cell for cell in first if cell]
    if not named or len(named) < max(1, (len(first) + 1) // 2) or len(set(named)) < len(named):
        return False
    if any(is_value(cell) or len(cell) > _LONGEST_NAME for cell in named):
        return _year_columns(named)
    if any(cell[-1] in "。！!；" or cell[0] in "-<\"'•" for cell in named):  # sentences, options, code
        return False
    below = [[cell.strip() for cell in row] for row in rows[1:21]]
    return not any(
        column < len(row) and row[column] == name and not is_value(name)
        for column, name in enumerate(first)
        if name
        for row in below
    )


def _year_columns(named: Sequence[str]) -> bool:
    # "Product | 2023 | 2024": years and quarters name columns though they are numbers.
    values = [cell for cell in named if is_value(cell)]
    return len(values) < len(named) and all(re.fullmatch(r"(?:19|20)\d\d\s*年?|Q[1-4].*|[1-9]\d?月", v) for v in values)
