"""What a column holds, told from all of its cells without keeping them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["empty", "integer", "number", "boolean", "date", "category", "text"]

MANY = 1000  # distinct values that are counted; beyond it there are "more than a thousand"
EXAMPLES = 3
MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "缺失"})
_TRUTH = frozenset("true false yes no y n t f 是 否 真 假 对 错".split())
_DATE = re.compile(
    r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}[/.]\d{1,2}[/.]\d{4}"
)
_SHORT = 48  # mean characters of a category
_REPEATS = 0.5  # a category's distinct values are at most this share of its cells


@dataclass(frozen=True, slots=True)
class Column:
    """``filled + missing + empty`` are all rows; ``missing`` are words that say "nothing" (NA, ?, null).

    ``distinct`` is None beyond ``MANY``. ``longest`` and ``mean_length`` count characters. ``low`` and ``high`` of
    numbers, None for others. ``odd``: cells of a column of numbers that are none, and infinite ones.
    """

    name: str
    kind: Kind
    filled: int
    missing: int
    empty: int
    distinct: int | None
    examples: tuple[str, ...]
    longest: int
    mean_length: float
    low: float | None = None
    high: float | None = None
    odd: int = 0


class ColumnCounter:
    """Takes the cells of one column in chunks."""

    def __init__(self, name: str, empty: int = 0) -> None:
        self.name, self.empty = name, empty
        self.filled = self.missing = self.numbers = self.integers = self.infinite = 0
        self.longest = self.characters = 0
        self.low, self.high = math.inf, -math.inf
        self._values: set[str] = set()
        self._many = False
        self._examples: dict[str, None] = {}
        self._dates = True

    def add(self, cells: Sequence[str]) -> None:
        filled = [cell for cell in cells if cell and not cell.isspace()]
        self.empty += len(cells) - len(filled)
        if not filled:
            return
        self.characters += sum(map(len, filled))
        self.longest = max(self.longest, max(map(len, filled)))
        values = set(filled)
        self._note(values, filled)
        if not self._many:
            self._values |= values
            self._many = len(self._values) > MANY
        self._numbers(filled)

    def _note(self, values: set[str], filled: list[str]) -> None:
        if len(self._examples) < EXAMPLES:
            for cell in filled[:100]:
                self._examples.setdefault(cell[:200])
                if len(self._examples) == EXAMPLES:
                    break
        if self._dates:
            self._dates = all(_DATE.fullmatch(cell.strip()) or _is_missing(cell) for cell in values)

    def _numbers(self, filled: list[str]) -> None:
        try:
            numbers = [number for number in map(float, filled) if number == number]
        except ValueError:
            numbers = [number for cell in filled if (number := _number(cell)) is not None]
        missing = sum(map(_is_missing, filled)) if len(numbers) < len(filled) else 0
        self.missing += missing
        self.filled += len(filled) - missing
        finite = [number for number in numbers if math.isfinite(number)]
        self.infinite += len(numbers) - len(finite)
        self.numbers += len(finite)
        if finite:
            self.integers += sum(number.is_integer() for number in finite)
            self.low, self.high = min(self.low, min(finite)), max(self.high, max(finite))

    def column(self, rows: int) -> Column:
        """The column as it stands after ``rows`` rows."""
        kind = self._kind()
        numeric = kind in ("integer", "number")
        seen = self.filled + self.missing
        return Column(
            self.name, kind, self.filled, self.missing, rows - seen,
            distinct=None if self._many else len(self._values), examples=tuple(self._examples), longest=self.longest,
            mean_length=self.characters / seen if seen else 0.0, low=self.low if numeric else None,
            high=self.high if numeric else None, odd=self.filled - self.numbers if numeric else 0,
        )  # fmt: skip

    def _kind(self) -> Kind:
        if not self.filled:
            return "empty"
        if self.numbers * 100 >= self.filled * 95:
            return "integer" if self.integers == self.filled else "number"
        if self._dates:
            return "date"
        if not self._many and {value.strip().lower() for value in self._values} <= _TRUTH | MISSING:
            return "boolean"
        few = not self._many and len(self._values) <= max(2.0, self.filled * _REPEATS)
        return "category" if few and self.characters <= _SHORT * (self.filled + self.missing) else "text"


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return None if number != number else number


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING
