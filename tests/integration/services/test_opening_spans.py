"""A week as rows of days and times, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.services.schedule import DAYS, Span, days_of, spans_of

QUARTERS = [f"{n // 4:02d}:{n % 4 * 15:02d}" for n in range(96)] + ["24:00"]


@st.composite
def week(draw: st.DrawFn) -> dict[str, list[list[str]]]:
    """Times that do not overlap: neighbours of a sorted list of moments."""
    found = {}
    for day in DAYS:
        moments = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
        found[day] = [[QUARTERS[a], QUARTERS[b]] for a, b in zip(moments[::2], moments[1::2], strict=False)]
    return found


@given(week())
def test_a_week_comes_back_from_its_rows(days: dict[str, list[list[str]]]) -> None:
    spans = spans_of(days)
    assert days_of(spans) == days
    assert days_of(reversed(spans)) == days
    assert len(spans) == len({(span.start, span.end) for span in spans})


def test_equal_times_are_one_row_and_the_earliest_day_comes_first() -> None:
    days = {"tue": [["09:00", "12:00"], ["13:00", "18:00"]], "mon": [["13:00", "18:00"]], "sun": [["22:00", "02:00"]]}
    assert spans_of(days) == [
        Span(("mon", "tue"), "13:00", "18:00"),
        Span(("tue",), "09:00", "12:00"),
        Span(("sun",), "22:00", "02:00"),
    ]


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([Span(("mon",), "09:00", "12:00"), Span(("mon", "tue"), "11:00", "13:00")], "hours.overlap"),
        ([Span(("sun",), "22:00", "02:00"), Span(("mon",), "01:00", "03:00")], "hours.overlap"),
        ([Span(("mon",), "09:00", "09:00")], "hours.order"),
        ([Span(("mon",), "", "12:00")], "hours.span"),
        ([Span(("monday",), "09:00", "12:00")], "hours.day"),
    ],
)
def test_what_is_no_week_is_refused(spans: list[Span], code: str) -> None:
    with pytest.raises(BadInput) as error:
        days_of(spans)
    assert error.value.code == code
