"""When somebody is on duty: a weekly schedule in a time zone, with holidays. Pure; the clock is the caller's.

A schedule is written as ``mon-fri 09:00-18:00; sat 10:00-14:00`` (several spans a day with commas, ``00:00-24:00`` for
a whole day; a span such as ``22:00-06:00`` runs over midnight into the next day).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import BadInput

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE_DAY = 24 * 60
_LOOK_AHEAD = 400  # days searched for the next opening: more than a year of holidays is no schedule
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~]\s*(\d{1,2}):(\d{2})")
_ZH_DAYS = dict(zip(("周一", "周二", "周三", "周四", "周五", "周六", "周日"), DAYS, strict=True)) | {"周天": "sun"}


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """``week[d]`` holds day ``d``'s spans (Monday 0) as minutes of local clock time, end exclusive; an end above 1440
    runs into the next day. On a date in ``holidays`` no span begins, and none that began the day before goes on."""

    zone: ZoneInfo
    week: tuple[tuple[tuple[int, int], ...], ...]
    holidays: frozenset[date] = frozenset()

    def is_open(self, now: datetime) -> bool:
        """Whether somebody is on duty at ``now`` (aware)."""
        return any(start <= _utc(now) < end for start, end in self._around(_utc(now)))

    def next_opening(self, now: datetime) -> datetime | None:
        """The first moment from ``now`` on at which somebody is on duty, in the schedule's zone; ``now`` when open.

        None when there is none within 400 days. Compare it in UTC: Python calls two equal moments of different zones
        unequal in the hour that comes twice.
        """
        moment = _utc(now)
        if self.is_open(now):
            return moment.astimezone(self.zone)
        today = moment.astimezone(self.zone).date()
        for offset in range(_LOOK_AHEAD):
            starts = [start for start, end in self._spans(today + timedelta(days=offset)) if start > moment]
            if starts:
                return min(starts).astimezone(self.zone)
        return None

    def _around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        today = moment.astimezone(self.zone).date()
        for offset in (-1, 0, 1):
            yield from self._spans(today + timedelta(days=offset))

    def _spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if day in self.holidays:
            return
        for start, end in self.week[day.weekday()]:
            last = min(end, _WHOLE_DAY) if day + timedelta(days=1) in self.holidays else end
            begins, ends = self._moment(day, start), self._moment(day, last)
            if begins < ends:  # a span swallowed whole by a clock change never opens
                yield begins, ends

    def _moment(self, day: date, minutes: int) -> datetime:
        """A local clock time as an instant. A time the clocks skip in spring is the instant they jump; one that comes
        twice in autumn opens at the first and closes at the first, as the person at the door reads the clock."""
        day, minutes = day + timedelta(days=minutes // _WHOLE_DAY), minutes % _WHOLE_DAY
        local = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=self.zone)
        instant = local.astimezone(UTC)
        if instant.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return instant
        day_long = timedelta(hours=24)
        return _jump(instant - day_long, instant + day_long, self.zone, local.replace(tzinfo=None))


def _jump(low: datetime, high: datetime, zone: ZoneInfo, local: datetime) -> datetime:
    """The first instant in (low, high] whose local clock shows ``local`` or later, to the second."""
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if middle in (low, high):
            break
        if middle.astimezone(zone).replace(tzinfo=None) >= local:
            high = middle
        else:
            low = middle
    return high


def _utc(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError("now must carry a time zone")
    return now.astimezone(UTC)


def parse_hours(text: str, zone: str, holidays: Sequence[str] = ()) -> OpeningHours:
    """The schedule that an owner wrote. An empty ``text`` means always open.

    Raises BadInput: errors.hours.zone, day, span, order, overlap, holiday.
    """
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput("hours.zone", zone=zone) from error
    week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    for part in filter(None, (p.strip() for p in re.split(r"[;；\n]", text))):
        days, spans = _part(part)
        for day in days:
            week[day].extend(spans)
    if not text.strip():
        week = [[(0, _WHOLE_DAY)] for _ in DAYS]
    ordered = tuple(tuple(sorted(spans)) for spans in week)
    _check_overlap(ordered)
    return OpeningHours(found, ordered, frozenset(_holiday(day) for day in holidays if day.strip()))


def _part(part: str) -> tuple[list[int], list[tuple[int, int]]]:
    found = re.search(r"\d{1,2}\s*:", part)
    if not found:
        raise BadInput("hours.span", span=part)
    days: list[int] = []
    names = re.sub(r"\s*[-–~至到]\s*", "-", part[: found.start()])
    for piece in filter(None, re.split(r"[,，、\s]+", names)):
        first, _, last = piece.partition("-")
        start, end = _day(first), _day(last or first)
        days.extend((start + i) % 7 for i in range((end - start) % 7 + 1))
    if not days:
        raise BadInput("hours.day", day=part)
    return days, [_span(piece.strip()) for piece in re.split(r"[,，、]", part[found.start() :]) if piece.strip()]


def _day(name: str) -> int:
    short = _ZH_DAYS.get(name.replace("星期", "周"), name.lower()[:3])
    if short not in DAYS:
        raise BadInput("hours.day", day=name)
    return DAYS.index(short)


def _span(text: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    if not match:
        raise BadInput("hours.span", span=text)
    h1, m1, h2, m2 = map(int, match.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if m1 > 59 or m2 > 59 or start >= _WHOLE_DAY or end > _WHOLE_DAY:
        raise BadInput("hours.span", span=text)
    if start == end:
        raise BadInput("hours.order", span=text)
    return start, end if end > start else end + _WHOLE_DAY


def _check_overlap(week: Sequence[Sequence[tuple[int, int]]]) -> None:
    """Spans of one day, or one that runs over midnight and the next day's first, must not meet twice."""
    line = sorted((day * _WHOLE_DAY + a, day * _WHOLE_DAY + b, day) for day, spans in enumerate(week) for a, b in spans)
    if not line:
        return
    first = line[0]
    for (_, end, day), (start, _, _) in zip(line, [*line[1:], (first[0] + 7 * _WHOLE_DAY, 0, first[2])], strict=True):
        if start < end:
            raise BadInput("hours.overlap", day=DAYS[day])


def _holiday(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadInput("hours.holiday", date=text) from error
