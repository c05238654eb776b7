"""Customers' mood: day by day, the warmest conversations, when a person is asked in; the curve for the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import ALLOWED, Actor, Permission
from core.services.application import Application
from core.services.sentiment import customers
from core.services.sentiment.model import HANDOFF_AT, sentiment_settings, set_sentiment_settings
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, page_link
from pages.shared.sentiment_charts import plot_curve, plot_days
from pages.shared.wording import percent, plain, when


def draw(app: Application, actor: Actor) -> None:
    st.caption(tr("sentiment.customers.lead"))
    with errors_shown():
        _trend(app, actor)
    if Permission.INBOX in ALLOWED[actor.role]:
        with errors_shown():
            _heated(app, actor)
    if Permission.WORKSPACE in ALLOWED[actor.role]:
        _settings(app, actor)


def _trend(app: Application, actor: Actor) -> None:
    days = customers.trend(app, actor)
    if not days:
        empty_state("sentiment.customers.none", icon=":material/mood:")
        return
    messages = sum(sum(day.labels.values()) for day in days)
    anger = sum(day.anger * sum(day.labels.values()) for day in days) / messages
    with st.grid(3, min_column_width=150, key="mood-numbers", gap="small"):
        st.metric(tr("sentiment.label.negative"), percent(_share(days, messages)), border=True)
        st.metric(tr("sentiment.customers.anger"), f"{anger:.2f}", border=True)
        st.metric(tr("sentiment.customers.handoffs"), sum(day.handoffs for day in days), border=True)
    plot_days({day.day: day.labels for day in days}, key="mood-days", title=tr("sentiment.customers.trend"))


def _share(days: list[customers.MoodDay], messages: int) -> float:
    return sum(day.labels.get("negative", 0) for day in days) / messages


def _heated(app: Application, actor: Actor) -> None:
    found = customers.heated(app, actor)
    if not found:
        return
    st.subheader(tr("sentiment.customers.heated"), anchor=False)
    for number, title, score, moment in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-heated-{number}"):
            colour = "red" if score >= HANDOFF_AT else "orange" if score >= 0.4 else "gray"
            st.badge(tr("sentiment.customers.score", score=f"{score:.2f}"), color=colour)  # type: ignore[arg-type]
            st.markdown(plain(title) or tr("sentiment.customers.untitled"), width="content")
            st.caption(when(moment), width="content")
    page_link("inbox", label=tr("sentiment.customers.to_inbox"), icon=":material/inbox:")


def _settings(app: Application, actor: Actor) -> None:
    said = sentiment_settings(app, actor)
    with st.container(border=True, key="card-mood-settings"):
        st.markdown(f"**{tr('sentiment.customers.settings')}**")
        with st.form("mood-settings", border=False):
            on = st.toggle(tr("sentiment.customers.on"), value=said.handoff_at is not None, key="mood-on")
            bound = st.slider(
                tr("sentiment.customers.bound"), 0.2, 1.0, said.handoff_at or HANDOFF_AT, 0.05, key="mood-bound",
                help=tr("sentiment.customers.bound_help"),
            )  # fmt: skip
            confident = st.slider(
                tr("sentiment.customers.confident"), 0.4, 0.95, said.confident, 0.05, key="mood-confident",
                help=tr("sentiment.customers.confident_help"),
            )  # fmt: skip
            if st.form_submit_button(tr("sentiment.customers.save"), key="mood-save", type="primary"):
                with errors_shown():
                    set_sentiment_settings(app, actor, confident=float(confident), handoff_at=bound if on else None)
                    notice(tr("sentiment.customers.saved"))
                    st.rerun()


def mood_curve(app: Application, actor: Actor, conversation_id: int) -> None:
    """In the inbox: the rolling score of a conversation of at least two scored messages."""
    with errors_shown():
        points = customers.curve(app, actor, conversation_id)
        if len(points) < 2:
            return
        with st.expander(tr("sentiment.mood.curve"), key=f"mood-{conversation_id}", expanded=True):
            bound = sentiment_settings(app, actor).handoff_at
            plot_curve([point.rolling for point in points], bound, key=f"mood-curve-{conversation_id}")
            cues = list(dict.fromkeys(cue for point in points for cue in point.cues))[:10]
            if cues:
                st.caption(tr("sentiment.mood.cues", words=plain(tr("sentiment.mood.comma").join(cues))))


def mood_reason(why: Mapping[str, Any]) -> None:
    """In the packet: on what the request rests."""
    if "score" in why:
        st.caption(tr("sentiment.mood.because", score=f"{float(why['score']):.2f}"))
    if cues := why.get("cues"):
        st.caption(tr("sentiment.mood.cues", words=plain(tr("sentiment.mood.comma").join(map(str, cues)))))
