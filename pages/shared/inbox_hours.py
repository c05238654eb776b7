"""Opening hours, the greeting and the contact: what customers are told when nobody is there, and when somebody is."""

from __future__ import annotations

from zoneinfo import available_timezones

import streamlit as st

from core.access.actor import Actor
from core.services import schedule
from core.services.application import Application
from core.services.workspace import save_workspace_settings, workspace_settings
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.wording import clock

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
USUAL = "09:00-18:00"


def hours_and_greeting(app: Application, actor: Actor) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        _hours(app, actor)
    with right:
        _workspace(app, actor)


def _hours(app: Application, actor: Actor) -> None:
    stored = schedule.opening_hours(app, actor)
    with st.container(border=True, key="card-hours"):
        st.markdown(f"**{tr('inbox.hours')}**")
        is_open, opening = schedule.is_open_now(app, actor)
        now = tr("chat.person.open") if is_open else tr("chat.person.closed")
        st.caption(now if is_open or opening is None else tr("chat.person.closed_until", when=clock(opening)))
        always = st.toggle(tr("inbox.always"), value=bool(stored["always"]), key="hours-always")
        zones = sorted(available_timezones())
        guess = stored["zone"] if not stored["always"] else (st.context.timezone or "UTC")
        days: dict[str, str] = {}
        zone, holidays = guess, ""
        if not always:
            zone = st.selectbox(
                tr("inbox.zone"), zones, index=zones.index(guess) if guess in zones else None, key="hours-zone"
            )
            for number, day in enumerate(DAYS):
                usual = USUAL if stored["always"] and number < 5 else ""
                spans = ", ".join("-".join(span) for span in stored["days"].get(day, ())) or usual
                days[day] = (
                    st.text_input(
                        tr(f"common.weekday.{number}"),
                        value=spans,
                        key=f"hours-{day}",
                        placeholder=tr("inbox.closed_day"),
                    )
                    or ""
                )
            holidays = st.text_input(
                tr("inbox.holidays"),
                value=", ".join(stored["holidays"]),
                key="hours-holidays",
                placeholder="2026-10-01, 2026-12-25",
            )
        st.caption(tr("inbox.hours_help"))
        if st.button(tr("common.save"), key="hours-save", type="primary"):
            with errors_shown():
                schedule.set_opening_hours(app, actor, _schedule(always, zone or "", days, holidays or ""))
                notice(tr("common.saved"))
                st.rerun()


def _schedule(always: bool, zone: str, days: dict[str, str], holidays: str) -> dict[str, object]:
    free = [day.strip() for day in holidays.replace("，", ",").replace("、", ",").split(",") if day.strip()]
    if always:
        return {"always": True, "zone": zone, "holidays": free}
    spans = {
        day: [
            [clock_time.strip() for clock_time in span.replace("–", "-").replace("~", "-").split("-")]
            for span in text.replace("，", ",").replace("、", ",").split(",")
            if span.strip()
        ]
        for day, text in days.items()
    }
    return {"zone": zone, "days": spans, "holidays": free}


def _workspace(app: Application, actor: Actor) -> None:
    stored = workspace_settings(app, actor)
    with st.container(border=True, key="card-workspace"):
        st.markdown(f"**{tr('inbox.greeting')}**")
        with st.form("workspace", border=False):
            name = st.text_input(tr("inbox.name"), value=stored["name"], key="workspace-name", max_chars=200)
            contact = st.text_input(
                tr("inbox.contact"),
                value=stored["contact"],
                key="workspace-contact",
                max_chars=300,
                help=tr("inbox.contact_help"),
            )
            greeting = {
                code: st.text_area(
                    tr(f"inbox.greeting_{code}"), value=stored["greeting"][code], key=f"greeting-{code}", max_chars=1000
                )
                or ""
                for code in ("en", "zh")
            }
            st.caption(tr("inbox.greeting_help"))
            if st.form_submit_button(tr("common.save"), key="workspace-save", type="primary"):
                with errors_shown():
                    save_workspace_settings(app, actor, name=name or "", contact=contact or "", greeting=greeting)
                    notice(tr("common.saved"))
                    st.rerun()
