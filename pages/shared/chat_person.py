"""A person in the conversation: asked for at any time, honest about when somebody is there, heard without reloading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from core.access.actor import Actor
from core.services import conversations, handoff, schedule
from core.services.application import Application
from core.services.views import ConversationView, KnowledgeBaseView, MessageView
from core.services.workspace import workspace_settings
from pages.shared.chat_list import open_conversation
from pages.shared.dialogs import close_dialog, dialog_values, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.watching import watched
from pages.shared.wording import clock, plain

POLL_SECONDS = 3


def person_bar(
    app: Application,
    actor: Actor,
    base: KnowledgeBaseView,
    current: ConversationView | None,
    shown: Sequence[MessageView],
) -> None:
    """Above the input: the way to a person and whether somebody is there now, or the way back to the assistant."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="person-bar"):
        if current is not None and person_speaks(shown):
            st.caption(f":blue[:material/support_agent: {tr('chat.person.speaks')}]", width="content")
            if st.button(tr("chat.person.back"), key="back-to-assistant", type="tertiary"):
                with errors_shown():
                    handoff.back_to_assistant(app, actor, current.id)
                    st.rerun()
            return
        st.button(
            tr("chat.person.talk"),
            key="talk-to-person",
            icon=":material/support_agent:",
            type="tertiary",
            on_click=open_dialog,
            args=("person",),
            kwargs={"reason": "asked"},
        )
        st.caption(_duty(app, actor), width="content")
    draw_dialog(
        "person",
        tr("chat.person.title"),
        lambda: _ask_for_person(app, actor, base, current),
        icon=":material/support_agent:",
    )


def person_speaks(shown: Sequence[MessageView]) -> bool:
    """Whether a colleague has taken the conversation over and has not closed it since."""
    for message in reversed(shown):
        if message.role == "staff":
            return True
        if message.detail.get("event") == "closed":
            return False
    return False


def _duty(app: Application, actor: Actor) -> str:
    """Whether somebody is there: known only where the owner has said when."""
    if schedule.opening_hours(app, actor)["always"]:
        return tr("chat.person.always")
    is_open, opening = schedule.is_open_now(app, actor)
    return tr("chat.person.open") if is_open else _closed(opening)


def _closed(opening: datetime | None) -> str:
    return tr("chat.person.closed_until", when=clock(opening)) if opening else tr("chat.person.closed")


def _ask_for_person(app: Application, actor: Actor, base: KnowledgeBaseView, current: ConversationView | None) -> None:
    """Says before anything is sent whether somebody is there, and takes a contact."""
    is_open, opening = schedule.is_open_now(app, actor)
    promise = tr("chat.person.promise_open")
    st.markdown(promise if is_open else f"{_closed(opening)} {tr('chat.person.leave_contact')}")
    if not is_open and (elsewhere := workspace_settings(app, actor)["contact"]):
        st.markdown(tr("chat.person.elsewhere", contact=plain(elsewhere)))
    contact = st.text_input(
        tr("chat.person.contact" if is_open else "chat.person.contact_needed"),
        key="handoff-contact",
        placeholder=tr("chat.person.contact_example"),
        max_chars=200,
    )
    st.caption(tr("chat.person.packet"))
    if st.button(tr("chat.person.send"), key="handoff-send", type="primary", icon=":material/send:"):
        with errors_shown():
            number = current.id if current else conversations.start_conversation(app, actor, base.id)
            reason = (dialog_values("person") or {}).get("reason", "asked")
            handoff.request_person(app, actor, number, reason=reason, contact=contact or "")
            open_conversation(number)
            close_dialog()
            st.rerun()


def handoff_note(message: MessageView) -> None:
    """A note in the conversation: somebody was asked for, has come, has closed."""
    promise = message.detail.get("handoff") or {}
    if promise:
        opening = promise.get("next_opening")
        moment = datetime.fromisoformat(opening) if opening else None
        st.badge(tr("chat.rung.person"), icon=":material/support_agent:", color="blue")
        if message.detail.get("reason") == "mood":  # nobody asked: the customer is told why a person comes
            st.markdown(tr("sentiment.mood.customer_note"))
        st.markdown(
            tr("chat.person.waiting") if promise.get("open") else _closed(moment) + " " + tr("chat.person.will_answer")
        )
    elif event := message.detail.get("event"):
        st.caption(tr(f"chat.event.{event}"))
    elif message.text:
        st.caption(message.text)


def follow_answers(
    app: Application, actor: Actor, current: ConversationView | None, shown: Sequence[MessageView]
) -> None:
    """While a person is asked for, or an answer is being made elsewhere, looks for news and redraws the page once."""
    if current is None or not any(_awaits(message) for message in shown):
        return
    seen = (shown[-1].id, shown[-1].state)

    def look() -> None:
        newest = conversations.messages(app, actor, current.id, limit=1)
        if newest and (newest[-1].id, newest[-1].state) != seen:
            st.rerun(scope="app")

    watched(app, actor, look, every=POLL_SECONDS, key="chat-follow")


def _awaits(message: MessageView) -> bool:
    return message.state == "answering" or message.role in {"staff", "system"} or "handoff" in message.detail
