"""Rows of a table as numbers: standardised with missing-value indicators, categories one-hot or numbered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput

Row = Mapping[str, Any]
ColumnKind = Literal["number", "category"]

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "缺失"})
# Where a number belongs these say that there is none; as a category they may be an answer ("none", "无").
NO_NUMBER = MISSING | {"none", "-", "--", "无", "未知"}
FARTHEST = 8.0  # standard deviations: a typing error of six digits must not shout down everything else
_MOSTLY = 0.95  # share of readable values that makes a column one of numbers
_SKEWED = 1.5


@dataclass(frozen=True, slots=True)
class Column:
    """How one column becomes numbers.

    ``number``: its value (its logarithm when ``logarithm``) less ``mean`` over ``deviation``, 0 when missing, then 1 or
    0 for "is missing" when ``indicator``. ``category``: one-hot over ``levels`` or, when ``embedded``, the level's
    number; 0 stands for missing, rare and never seen.
    """

    name: str
    kind: ColumnKind
    mean: float = 0.0
    deviation: float = 1.0
    logarithm: bool = False
    indicator: bool = False
    levels: tuple[str, ...] = ()
    embedded: bool = False

    @property
    def width(self) -> int:
        """Places in the matrix of numbers."""
        if self.kind == "number":
            return 2 if self.indicator else 1
        return 0 if self.embedded else len(self.levels) + 1


@dataclass(frozen=True, slots=True)
class Table:
    """Encoded rows. ``numbers`` float32 [rows, inputs]; ``ids`` int64 [rows, embedded columns]."""

    numbers: NDArray[np.float32]
    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)


def encode(columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """Raises BadInput for a column that is missing altogether and for text where a number belongs."""
    for column in columns:
        if rows and not any(column.name in row for row in rows):
            raise BadInput("networks.column_missing", column=column.name, known=", ".join(sorted(map(str, rows[0]))))
    numbers = [_numbers(column, rows) for column in columns if column.width]
    ids = [_levels(column, rows) for column in columns if column.embedded]
    return Table(
        np.concatenate(numbers, axis=1) if numbers else np.zeros((len(rows), 0), np.float32),
        np.stack(ids, axis=1) if ids else np.zeros((len(rows), 0), np.int64),
    )


def _numbers(column: Column, rows: Sequence[Row]) -> NDArray[np.float32]:
    if column.kind == "category":
        return np.eye(len(column.levels) + 1, dtype=np.float32)[_levels(column, rows)]
    values = np.array([number(row.get(column.name), column.name, place) for place, row in enumerate(rows, start=1)])
    missing = np.isnan(values)
    if column.logarithm:
        values = np.log1p(np.maximum(values, 0))
    scaled = np.where(missing, 0.0, np.clip((values - column.mean) / column.deviation, -FARTHEST, FARTHEST))
    places = [scaled, missing.astype(np.float64)] if column.indicator else [scaled]
    return np.stack(places, axis=1).astype(np.float32)


def _levels(column: Column, rows: Sequence[Row]) -> NDArray[np.int64]:
    known = {level: place for place, level in enumerate(column.levels, start=1)}
    return np.array([known.get(level(row.get(column.name)) or "", 0) for row in rows], np.int64)


def is_missing(value: Any, words: frozenset[str] = MISSING) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in words


def level(value: Any) -> str | None:
    """A category as it is compared; None when missing. 3 and 3.0 are one level: spreadsheets swap them."""
    if is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def number(value: Any, column: str, row: int) -> float:
    """The value as a float, NaN when missing. Raises BadInput for text and for infinity; ``row`` counts from 1."""
    if is_missing(value, NO_NUMBER):
        return math.nan
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise BadInput("networks.not_a_number", column=column, row=row, value=str(value)[:40]) from None
    if not math.isfinite(found):
        raise BadInput("networks.not_finite", column=column, row=row, value=str(value)[:40])
    return found


def learn_columns(
    rows: Sequence[Row],
    names: Sequence[str],
    kinds: Mapping[str, ColumnKind],
    *,
    one_hot: int = 20,
    least: int = 2,
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns as training rows show them, and the names of those left out for holding one value only.

    ``kinds`` overrides what is guessed (digits that are codes); a category with more than ``one_hot`` levels is
    embedded; a level seen fewer than ``least`` times counts as rare.
    """
    columns: list[Column] = []
    constant: list[str] = []
    for name in names:
        values = [row.get(name) for row in rows]
        kind = kinds.get(name) or guess_kind(values)
        column = _number_column(name, values) if kind == "number" else _category(name, values, one_hot, least)
        if column is None:
            constant.append(name)
        else:
            columns.append(column)
    return tuple(columns), tuple(constant)


def guess_kind(values: Sequence[Any]) -> ColumnKind:
    """``number`` when nearly all present values read as finite numbers, else ``category``."""
    present = [value for value in values if not is_missing(value, NO_NUMBER)]
    return "number" if present and sum(map(_reads, present)) >= _MOSTLY * len(present) else "category"


def _reads(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _number_column(name: str, values: Sequence[Any]) -> Column | None:
    read = np.array([number(value, name, place) for place, value in enumerate(values, start=1)])
    present = read[~np.isnan(read)]
    indicator = len(present) < len(read)
    if not len(present) or (np.ptp(present) == 0 and not indicator):
        return None
    logarithm = bool(present.min() >= 0 and _skew(present) > _SKEWED)
    if logarithm:
        present = np.log1p(present)
    return Column(
        name, "number", float(present.mean()), float(present.std()) or 1.0, logarithm=logarithm, indicator=indicator
    )


def _category(name: str, values: Sequence[Any], one_hot: int, least: int) -> Column | None:
    counts = Counter(found for value in values if (found := level(value)) is not None)
    kept = sorted((found for found, count in counts.items() if count >= least), key=lambda w: (-counts[w], w))
    if not kept or (len(counts) == 1 and counts[kept[0]] == len(values)):
        return None
    return Column(name, "category", levels=tuple(kept), embedded=len(kept) > one_hot)


def _skew(values: NDArray[np.float64]) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread else 0.0
