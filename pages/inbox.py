"""Inbox: people who wait for a person, what was tried before, the reply, and what is learnt from it."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.INBOX)

from pages.shared.inbox_hours import hours_and_greeting  # noqa: E402 - guard() is the page's first statement
from pages.shared.inbox_list import choose_handoff, watch_inbox  # noqa: E402
from pages.shared.inbox_talk import draw_handoff  # noqa: E402
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import show_notices, title  # noqa: E402

STATES = ("waiting", "answered", "closed", "settings")
shown = [name for name in STATES if name != "settings" or actor.may(Permission.WORKSPACE)]

show_notices()
title("inbox")
if (after_reply := st.session_state.pop("inbox.next_state", None)) is not None:
    st.session_state["inbox.state"] = after_reply  # a handoff that was just answered is followed to its new list
if st.session_state.get("inbox.state") not in shown:
    st.session_state.pop("inbox.state", None)
state = st.segmented_control(
    tr("inbox.section"),
    shown,
    key="inbox.state",
    default=None if "inbox.state" in st.session_state else "waiting",
    required=True,
    format_func=lambda name: tr(f"inbox.states.{name}"),
    label_visibility="collapsed",
    persist_state="session",
)
if state == "settings":
    hours_and_greeting(app, actor)
    st.stop()

left, right = st.columns([2, 5], gap="medium")
with left:
    chosen = choose_handoff(app, actor, state or "waiting")
with right:
    if chosen is not None:
        draw_handoff(app, actor, chosen)
watch_inbox(app, actor, state or "waiting", chosen)
