"""A week's opening times by clicking: rows of days, from and to; and the days on which nobody is there at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

import streamlit as st

from core.services.schedule import DAYS, Span
from pages.shared.language import tr

ROWS = "hours.rows"  # view state: the rows that stand on the page, each with what it began with
HOLIDAYS = "hours.holidays"
TURN = "hours.turn"  # goes into the keys, so that after saving the widgets begin anew with what is stored


def forget_edits() -> None:
    """After saving: the page shows again what is stored."""
    st.session_state.pop(ROWS, None)
    st.session_state.pop(HOLIDAYS, None)
    st.session_state[TURN] = _turn() + 1


def edit_spans(stored: Sequence[Span]) -> list[Span]:
    """Draws the rows and returns what they say now; a row without days says nothing."""
    rows: dict[int, Span] = st.session_state.setdefault(ROWS, dict(enumerate(stored)))
    with st.container(key="hours-rows", gap="small"):
        if not rows:
            st.caption(tr("inbox.no_hours"))
        said = [_row(number, span) for number, span in rows.items()]
    st.button(tr("inbox.add_hours"), key="hours-add", icon=":material/add:", type="tertiary", on_click=_add)
    return [span for span in said if span.days]


def _turn() -> int:
    return int(st.session_state.get(TURN, 0))


def _row(number: int, span: Span) -> Span:
    key = f"{_turn()}-{number}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"row-hours-{key}"):
        days = st.pills(
            tr("inbox.days"),
            DAYS,
            selection_mode="multi",
            default=list(span.days),
            format_func=lambda day: tr(f"inbox.day.{day}"),
            key=f"hours-days-{key}",
        )
        start = st.time_input(tr("inbox.from"), value=_time(span.start), key=f"hours-from-{key}", width=110)
        end = st.time_input(tr("inbox.to"), value=_time(span.end), key=f"hours-to-{key}", width=110)
        st.button(
            "",
            key=f"hours-remove-{key}",
            icon=":material/close:",
            help=tr("inbox.remove_hours"),
            type="tertiary",
            on_click=_remove,
            args=(number,),
        )
    until = f"{end:%H:%M}" if end else ""
    # A day that ends at midnight ends at 24:00; 00:00 would be its beginning.
    return Span(tuple(days), f"{start:%H:%M}" if start else "", "24:00" if until == "00:00" else until)


def _time(text: str) -> time:
    return time.min if text == "24:00" else time.fromisoformat(text)


def _add() -> None:
    rows: dict[int, Span] = st.session_state[ROWS]
    rows[max(rows, default=-1) + 1] = Span((), "09:00", "17:00")


def _remove(number: int) -> None:
    st.session_state[ROWS].pop(number, None)


def edit_holidays(stored: Sequence[str]) -> list[str]:
    """Draws the days off, and the date that can be added to them; returns them in order as ISO dates."""
    days: list[str] = st.session_state.setdefault(HOLIDAYS, sorted(stored))
    key = f"{_turn()}-{'-'.join(days)}"
    kept = st.multiselect(
        tr("inbox.holidays"),
        days,
        default=days,
        key=f"hours-holidays-{key}",
        placeholder=tr("inbox.no_holidays"),
    )
    st.session_state[HOLIDAYS] = kept  # what was taken off stays off when another day is added
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="holiday-add-row"):
        st.date_input(
            tr("inbox.holiday"),
            value=None,
            min_value=date(2000, 1, 1),
            format="YYYY-MM-DD",
            key="hours-holiday",
            label_visibility="collapsed",
            width=180,
        )
        st.button(tr("inbox.add_holiday"), key="hours-holiday-add", icon=":material/add:", on_click=_add_holiday)
    return sorted(kept)


def _add_holiday() -> None:
    day = st.session_state.get("hours-holiday")
    if isinstance(day, date):
        days = {*st.session_state.get(HOLIDAYS, ()), day.isoformat()}
        st.session_state[HOLIDAYS] = sorted(days)
