"""Schedules against the clock, daylight saving included; checked minute by minute against the plain definition."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assistant.opening_hours import OpeningHours, parse_hours
from core.errors import BadInput

BERLIN = "Europe/Berlin"
OFFICE = parse_hours("mon-fri 09:00-18:00; sat 10:00-14:00", BERLIN, ["2026-12-25"])


def at(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-23 08:59:59", False),
        ("2026-11-23 09:00", True),
        ("2026-11-23 17:59:59", True),
        ("2026-11-23 18:00", False),
        ("2026-11-28 13:59", True),
        ("2026-11-29 12:00", False),
        ("2026-12-25 12:00", False),
    ],
)
def test_open_from_the_first_minute_to_before_the_last(now: str, is_open: bool) -> None:
    assert OFFICE.is_open(at(now)) is is_open


def test_next_opening_skips_the_weekend_and_holidays() -> None:
    assert OFFICE.next_opening(at("2026-11-28 14:00")) == at("2026-11-30 09:00")
    assert OFFICE.next_opening(at("2026-12-24 18:00")) == at("2026-12-26 10:00")
    assert OFFICE.next_opening(at("2026-11-23 12:00")) == at("2026-11-23 12:00")


def test_another_zone_asks_about_the_same_moment() -> None:
    assert OFFICE.is_open(at("2026-11-23 16:30", "Asia/Shanghai"))
    assert not OFFICE.is_open(at("2026-11-23 15:30", "Asia/Shanghai"))
    opening = OFFICE.next_opening(at("2026-11-23 15:30", "Asia/Shanghai"))
    assert opening is not None
    assert opening.isoformat() == "2026-11-23T09:00:00+01:00"


def test_over_midnight_and_whole_days() -> None:
    night = parse_hours("fri 22:00-06:00; sun 00:00-24:00", BERLIN, ["2026-12-05"])
    assert night.is_open(at("2026-11-28 05:59"))
    assert not night.is_open(at("2026-11-28 06:00"))
    assert night.is_open(at("2026-11-29 23:59"))
    assert not night.is_open(at("2026-12-05 01:00"))  # a holiday ends the night before it at midnight


def test_spring_skips_an_hour_and_autumn_has_it_twice() -> None:
    early = parse_hours("sun 02:30-04:00", BERLIN)
    assert not early.is_open(at("2026-03-29 01:59"))
    assert early.is_open(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))  # 03:00 summer time, the jump itself
    assert early.next_opening(at("2026-03-28 12:00")) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    autumn = early.next_opening(at("2026-10-24 12:00"))
    assert autumn is not None
    assert autumn.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first 02:30
    skipped = parse_hours("sun 02:10-02:50", BERLIN)
    assert skipped.next_opening(at("2026-03-28 12:00")) == at("2026-04-05 02:10")


def test_always_and_never() -> None:
    always = parse_hours("", "UTC")
    assert always.is_open(datetime(2026, 1, 1, tzinfo=UTC))
    never = OpeningHours(ZoneInfo("UTC"), ((),) * 7)
    assert never.next_opening(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_chinese_days_and_several_spans() -> None:
    shop = parse_hours("周一至周五 09:00-12:00, 13:30-18:00；周六、周日 10:00-16:00", "Asia/Shanghai")
    assert shop == parse_hours("mon-fri 9:00-12:00,13:30-18:00; sat sun 10:00-16:00", "Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "zone", "holidays", "code"),
    [
        ("mon 09:00-18:00", "Mars/Olympus", [], "hours.zone"),
        ("mon 09:00-18:00", "../etc/passwd", [], "hours.zone"),
        ("someday 09:00-18:00", "UTC", [], "hours.day"),
        ("09:00-18:00", "UTC", [], "hours.day"),
        ("mon", "UTC", [], "hours.span"),
        ("mon 09:00-25:00", "UTC", [], "hours.span"),
        ("mon 09:61-18:00", "UTC", [], "hours.span"),
        ("mon 09:00-09:00", "UTC", [], "hours.order"),
        ("mon 09:00-12:00, 11:00-13:00", "UTC", [], "hours.overlap"),
        ("sun 22:00-06:00; mon 05:00-12:00", "UTC", [], "hours.overlap"),
        ("mon 09:00-18:00", "UTC", ["25.12.2026"], "hours.holiday"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(text: str, zone: str, holidays: list[str], code: str) -> None:
    with pytest.raises(BadInput) as bad:
        parse_hours(text, zone, holidays)
    assert bad.value.code == code
    assert bad.value.sentence("en") != bad.value.sentence("zh")


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        OFFICE.is_open(datetime(2026, 1, 1))


ZONES = st.sampled_from([BERLIN, "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
SPANS = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda s: s[0] < s[1])
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)).map(lambda d: d.replace(tzinfo=UTC, microsecond=0))


@st.composite
def schedules(draw: st.DrawFn) -> OpeningHours:
    days = draw(st.lists(st.one_of(st.none(), SPANS), min_size=7, max_size=7))
    week = tuple(((s[0] * 60, s[1] * 60),) if s else () for s in days)
    holidays = draw(st.frozensets(st.dates(date(2024, 1, 1), date(2027, 12, 31)), max_size=5))
    return OpeningHours(ZoneInfo(draw(ZONES)), week, holidays)


def by_the_clock(hours: OpeningHours, moment: datetime) -> bool:
    """The plain definition for schedules on full hours within a day: what the clock on the wall shows."""
    wall = moment.astimezone(hours.zone)
    minute = wall.hour * 60 + wall.minute
    return wall.date() not in hours.holidays and any(a <= minute < b for a, b in hours.week[wall.weekday()])


def clocks_change(hours: OpeningHours, moment: datetime) -> bool:
    wall = moment.astimezone(hours.zone)
    return wall.utcoffset() != (moment + timedelta(hours=13)).astimezone(hours.zone).utcoffset() or (
        wall.utcoffset() != (moment - timedelta(hours=13)).astimezone(hours.zone).utcoffset()
    )


@given(schedules(), MOMENTS)
def test_open_is_what_the_clock_on_the_wall_says(hours: OpeningHours, moment: datetime) -> None:
    if not clocks_change(hours, moment):
        assert hours.is_open(moment) == by_the_clock(hours, moment)


@given(schedules(), MOMENTS)
def test_next_opening_is_open_and_nothing_before_it_is(hours: OpeningHours, moment: datetime) -> None:
    opening = hours.next_opening(moment)
    if opening is None:
        assert not any(hours.week)
        return
    assert opening >= moment
    assert hours.is_open(opening)
    step = moment
    while step < min(opening, moment + timedelta(days=8)):
        assert not hours.is_open(step)
        step += timedelta(minutes=37)


@given(st.sampled_from([date(2026, 3, 29), date(2026, 10, 25)]), SPANS)
def test_on_the_days_the_clocks_change_every_span_opens_once(day: date, span: tuple[int, int]) -> None:
    hours = OpeningHours(ZoneInfo(BERLIN), ((),) * 6 + (((span[0] * 60, span[1] * 60),),))
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    states = [hours.is_open(midnight + timedelta(minutes=m)) for m in range(-60, 27 * 60, 5)]
    changes = sum(a != b for a, b in pairwise(states))
    assert changes in (0, 2)
    if span != (2, 3):
        assert changes == 2
