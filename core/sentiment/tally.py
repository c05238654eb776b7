"""What a file's judgements add up to while they are made: by label, day, product or channel, in bounded memory."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.sentiment.polarity import Judgement

MOST_GROUPS = 200  # values of the product or channel column; further ones are counted together
MOST_DAYS = 4000  # more than ten years; a column of numbers that look like days must not fill the memory
OTHERS = "…"
TAIL = 2000  # last labels kept for watches
BINS = 20  # of the confidence
SHORT = {"negative": "n", "neutral": "o", "positive": "p", "uncertain": "u"}
_DATE = re.compile(
    r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})|^(\d{4})(\d{2})(\d{2})(?:\D|$)|(\d{1,2})[/.](\d{1,2})[/.](\d{4})"
)


def day_of(cell: str) -> str:
    """The ISO day in a cell ("2026-03-01 10:00", "2026年3月1日", "20260301", "31.12.2025", "12/31/2025"), else "".

    Of two figures that could both be the month the first is taken for the day when written with dots, else for the
    month; a figure above 12 decides.
    """
    match = _DATE.search(cell.strip())
    if match is None:
        return ""
    if match[7]:
        first, second, year = int(match[7]), int(match[8]), int(match[9])
        day_first = "." in match.group() or first > 12
        month, day = (second, first) if day_first else (first, second)
    else:
        year, month, day = (int(part) for part in (match.group(1, 2, 3) if match[1] else match.group(4, 5, 6)))
    valid = 1 <= month <= 12 and 1 <= day <= 31 and 1900 <= year <= 2200
    return f"{year:04d}-{month:02d}-{day:02d}" if valid else ""


@dataclass(slots=True)
class Tally:
    """Counts; ``as_json`` and ``from_json`` keep them between two starts of a job."""

    rows: int = 0
    failed: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    groups: dict[str, Counter[str]] = field(default_factory=dict)
    confidence: list[int] = field(default_factory=lambda: [0] * BINS)
    reasons: Counter[str] = field(default_factory=Counter)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def add(self, found: Judgement, date: str = "", group: str = "") -> None:
        """Counts one judged row."""
        self.rows += 1
        self.labels[found.label] += 1
        self.languages[found.language] += 1
        self.confidence[min(BINS - 1, int(found.confidence * BINS))] += 1
        self.tail.append(SHORT[found.label])
        if (day := day_of(date)) and (day in self.days or len(self.days) < MOST_DAYS):
            self.days.setdefault(day, Counter())[found.label] += 1
        if group := group.strip()[:80]:
            known = group in self.groups or len(self.groups) < MOST_GROUPS
            self.groups.setdefault(group if known else OTHERS, Counter())[found.label] += 1

    def fail(self, code: str) -> None:
        """Counts one row that could not be judged."""
        self.rows += 1
        self.failed += 1
        self.reasons[code] += 1

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "failed": self.failed,
            "labels": dict(self.labels),
            "languages": dict(self.languages),
            "days": {day: dict(counts) for day, counts in sorted(self.days.items())},
            "groups": {name: dict(counts) for name, counts in self.groups.items()},
            "confidence": list(self.confidence),
            "reasons": dict(self.reasons),
            "tail": "".join(self.tail),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Tally:
        return cls(
            rows=int(said["rows"]),
            failed=int(said["failed"]),
            labels=Counter(said["labels"]),
            languages=Counter(said["languages"]),
            days={day: Counter(counts) for day, counts in said["days"].items()},
            groups={name: Counter(counts) for name, counts in said["groups"].items()},
            confidence=list(said["confidence"]),
            reasons=Counter(said["reasons"]),
            tail=deque(said["tail"], maxlen=TAIL),
        )
