"""Opening hours, the greeting and the contact: what customers are told when nobody is there, and when somebody is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import available_timezones

import streamlit as st

from core.access.actor import Actor
from core.services import schedule
from core.services.application import Application
from core.services.workspace import save_workspace_settings, workspace_settings
from pages.shared.errors import errors_shown
from pages.shared.inbox_week import edit_holidays, edit_spans, forget_edits
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.wording import clock

USUAL = [schedule.Span(("mon", "tue", "wed", "thu", "fri"), "09:00", "18:00")]


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
        if always:
            _save(app, actor, lambda: {"always": True, "zone": stored["zone"], "holidays": stored["holidays"]})
            return
        zones = sorted(available_timezones())
        guess = stored["zone"] if not stored["always"] else (st.context.timezone or "UTC")
        zone = st.selectbox(
            tr("inbox.zone"), zones, index=zones.index(guess) if guess in zones else None, key="hours-zone"
        )
        spans = edit_spans(USUAL if stored["always"] else schedule.spans_of(stored["days"]))
        holidays = edit_holidays(stored["holidays"])
        st.caption(tr("inbox.hours_help"))
        _save(app, actor, lambda: {"zone": zone or "", "days": schedule.days_of(spans), "holidays": holidays})
        _as_text(app, actor, stored, zone or "", holidays)


def _save(app: Application, actor: Actor, make: Callable[[], Mapping[str, object]]) -> None:
    if st.button(tr("common.save"), key="hours-save", type="primary"):
        _store(app, actor, make)


def _store(app: Application, actor: Actor, make: Callable[[], Mapping[str, object]]) -> None:
    with errors_shown():
        schedule.set_opening_hours(app, actor, make())
        forget_edits()
        notice(tr("common.saved"))
        st.rerun()


def _as_text(app: Application, actor: Actor, stored: Mapping[str, object], zone: str, holidays: list[str]) -> None:
    """The whole week as one line, for who likes to type or has it at hand."""
    with st.expander(tr("inbox.hours_text"), key="hours-as-text"):
        text = st.text_input(
            tr("inbox.hours_text"),
            value=str(stored["hours"]),
            key="hours-text",
            placeholder="mon-fri 09:00-12:00, 13:00-18:00; sat 10:00-14:00",
            label_visibility="collapsed",
            help=tr("inbox.hours_text_help"),
        )
        if st.button(tr("inbox.hours_text_save"), key="hours-text-save", disabled=not (text or "").strip()):
            _store(app, actor, lambda: {"zone": zone, "hours": text or "", "holidays": holidays})


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
