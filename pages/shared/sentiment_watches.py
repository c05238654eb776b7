"""Watches: made, changed, deleted; their warnings on Home."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from core.access.actor import ALLOWED, Actor, Permission
from core.errors import Unavailable
from core.services.application import Application
from core.services.sentiment import monitors
from core.services.sentiment.monitors import MonitorView
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import PAGES, confirm, empty_state, notice
from pages.shared.sentiment_words import label_name
from pages.shared.wording import percent, plain, when


def draw(app: Application, actor: Actor) -> None:
    st.caption(tr("sentiment.watches.lead"))
    with errors_shown():
        found = monitors.list_monitors(app, actor)
        if not found:
            empty_state("sentiment.watches.empty", icon=":material/notifications:")
        for view in found:
            _row(app, actor, view)
    if Permission.WORKSPACE in ALLOWED[actor.role]:
        with st.expander(tr("sentiment.watches.new"), icon=":material/add:", key="watch-new", expanded=not found):
            _form(app, actor, None)


def _row(app: Application, actor: Actor, view: MonitorView) -> None:
    with st.container(border=True, key=f"watch-{view.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(
                tr(f"sentiment.watches.{'raised' if view.raised else 'calm'}"),
                color="red" if view.raised else "green",
                icon=":material/notification_important:" if view.raised else ":material/check:",
            )
            st.markdown(f"**{plain(view.name)}**", width="content")
            st.caption(_now(view), width="content")
        st.caption(
            tr(
                "sentiment.watches.line",
                label=label_name(view.label),
                limit=percent(view.limit),
                window=view.window,
                source=tr(f"sentiment.watches.sources.{view.source}"),
            )
        )
        if view.called:
            moment = when(datetime.fromisoformat(view.called["at"]))
            if "error" in view.called:
                why = Unavailable(view.called["error"], **view.called.get("values", {})).sentence(language())
                st.caption(f":red[{tr('sentiment.watches.call_failed', when=moment, error=why)}]")
            else:
                st.caption(tr("sentiment.watches.called", when=moment, status=view.called["status"]))
        if Permission.WORKSPACE in ALLOWED[actor.role]:
            with st.container(horizontal=True, gap="small"):
                with st.popover(tr("sentiment.watches.edit"), icon=":material/edit:", type="tertiary"):
                    _form(app, actor, view)
                with st.popover(tr("sentiment.watches.delete"), icon=":material/delete:", type="tertiary"):
                    question = tr("sentiment.watches.delete_ask", name=plain(view.name))
                    label = tr("sentiment.watches.delete")
                    confirm(question, label, lambda: _delete(app, actor, view.id), key=f"watch-delete-{view.id}")


def _now(view: MonitorView) -> str:
    if view.share is None:
        return tr("sentiment.watches.nothing")
    return tr("sentiment.watches.now", share=percent(view.share), n=view.counted)


def _delete(app: Application, actor: Actor, monitor_id: int) -> None:
    with errors_shown():
        monitors.delete_monitor(app, actor, monitor_id)
        st.rerun()


def _form(app: Application, actor: Actor, view: MonitorView | None) -> None:
    key = f"watch-form-{view.id if view else 'new'}"
    with st.form(key, border=False):
        name = st.text_input(
            tr("sentiment.watches.name"),
            value=view.name if view else tr("sentiment.watches.name_default"),
            key=f"{key}-name",
            max_chars=200,
        )
        with st.container(horizontal=True, gap="small"):
            source = st.selectbox(
                tr("sentiment.watches.source"),
                monitors.SOURCES,
                index=monitors.SOURCES.index(view.source) if view else 0,
                key=f"{key}-source",
                format_func=lambda one: tr(f"sentiment.watches.sources.{one}"),
            )
            label = st.selectbox(
                tr("sentiment.watches.label"),
                monitors.LABELS,
                index=monitors.LABELS.index(view.label) if view else 0,
                key=f"{key}-label",
                format_func=label_name,
            )
            limit = st.number_input(
                tr("sentiment.watches.limit"), 1, 99, round(100 * view.limit) if view else 30, key=f"{key}-limit"
            )
            window = st.number_input(
                tr("sentiment.watches.window"), monitors.FEWEST, monitors.TAIL, view.window if view else 200,
                key=f"{key}-window",
            )  # fmt: skip
        webhook = st.text_input(
            tr("sentiment.watches.webhook"),
            value=view.webhook if view else "",
            key=f"{key}-webhook",
            max_chars=500,
            help=tr("sentiment.watches.webhook_help"),
        )
        if st.form_submit_button(tr("sentiment.watches.save"), key=f"{key}-save", type="primary"):
            with errors_shown():
                monitors.save_monitor(
                    app, actor, name=name or "", source=str(source), label=str(label), limit=limit / 100,
                    window=int(window), webhook=webhook or "", monitor_id=view.id if view else None,
                )  # fmt: skip
                notice(tr("sentiment.watches.saved"))
                st.rerun()


def home_warnings(app: Application, actor: Actor) -> None:
    """On Home: one warning a raised watch, with the way there."""
    if Permission.SENTIMENT not in ALLOWED[actor.role]:
        return
    with errors_shown():
        for view in monitors.raised_monitors(app, actor):
            with st.container(key=f"watch-warning-{view.id}", gap="xxsmall"):
                st.warning(
                    tr(
                        "sentiment.watches.home",
                        name=plain(view.name),
                        label=label_name(view.label).lower(),
                        share=percent(view.share or 0.0),
                        n=view.counted,
                        limit=percent(view.limit),
                    ),
                    icon=":material/notification_important:",
                )
                st.page_link(
                    PAGES / "sentiment.py",
                    label=tr("sentiment.watches.open"),
                    icon=":material/arrow_forward:",
                    query_params={"show": "watches"},
                )
