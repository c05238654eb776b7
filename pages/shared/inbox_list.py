"""The list of handoffs in one state, and the eye on new ones."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services import handoff
from core.services.application import Application
from core.services.views import HandoffView
from pages.shared.language import tr
from pages.shared.parts import empty_state
from pages.shared.watching import watched
from pages.shared.wording import duration, plain, when

STATE = "inbox.handoff"
POLL_SECONDS = 4
SHOWN = 60


def choose_handoff(app: Application, actor: Actor, state: str) -> HandoffView | None:
    """The chosen one of the list, the longest waiting first; None and an empty state when there is none."""
    views = handoff.list_handoffs(app, actor, state)
    if not views:
        empty_state(f"inbox.empty_{state}", icon=":material/inbox:")
        return None
    by_id = {view.id: view for view in views}
    if st.session_state.get(STATE) not in by_id:
        st.session_state[STATE] = views[0].id
    with st.container(key="handoffs", gap="xsmall", height=640 if len(views) > 8 else "content", border=False):
        for view in views[:SHOWN]:
            _card(view, chosen=view.id == st.session_state[STATE])
    if len(views) > SHOWN:
        st.caption(tr("common.and_more", n=len(views) - SHOWN))
    return by_id[st.session_state[STATE]]


def _card(view: HandoffView, *, chosen: bool) -> None:
    with st.container(border=True, key=f"handoff-{'now-' if chosen else ''}{view.id}", gap="xxsmall"):
        st.button(
            plain(view.title) or tr("chat.untitled"),
            key=f"choose-{view.id}",
            type="tertiary",
            icon=":material/arrow_right:" if chosen else None,
            on_click=_choose,
            args=(view.id,),
        )
        waited = (
            tr("inbox.waits", time=duration(view.waiting_seconds)) if view.state == "waiting" else when(view.created_at)
        )
        st.caption(f"{tr(f'inbox.reason.{view.reason}')} · {waited}")


def _choose(number: int) -> None:
    st.session_state[STATE] = number


def watch_inbox(app: Application, actor: Actor, state: str, chosen: HandoffView | None) -> None:
    """Redraws the page when a handoff comes or goes, or when the open conversation goes on."""
    before = _signature(app, actor, state, chosen)

    def look() -> None:
        if _signature(app, actor, state, chosen) != before:
            st.rerun(scope="app")

    watched(app, actor, look, every=POLL_SECONDS, key="inbox-watch")


def _signature(app: Application, actor: Actor, state: str, chosen: HandoffView | None) -> tuple[object, ...]:
    ids = tuple(view.id for view in handoff.list_handoffs(app, actor, state))
    said = handoff.handoff_messages(app, actor, chosen.id) if chosen and chosen.id in ids else []
    return ids, len(said), said[-1].id if said else 0
