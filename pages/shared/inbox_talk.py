"""One handoff: the packet, the conversation, the reply, and the reply made into knowledge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services import handoff
from core.services.application import Application
from core.services.views import HandoffView, MessageView
from pages.shared import unsent
from pages.shared.answer_text import draw_text
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog, while_closed
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.sentiment_customers import mood_curve, mood_reason
from pages.shared.wording import language_name, plain, when

SHOWN = 40


def draw_handoff(app: Application, actor: Actor, view: HandoffView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {plain(view.title) or tr('chat.untitled')}", width="stretch")
        if view.state != "closed" and st.button(tr("inbox.close"), key=f"close-{view.id}", icon=":material/done_all:"):
            with errors_shown():
                handoff.close_handoff(app, actor, view.id)
                notice(tr("inbox.closed"))
                st.rerun()
    _packet(view)
    mood_curve(app, actor, view.conversation_id)
    messages = handoff.handoff_messages(app, actor, view.id)
    _conversation(app, actor, messages)
    if view.state != "closed":
        _reply(app, actor, view)


def _packet(view: HandoffView) -> None:
    packet = view.packet
    with st.container(border=True, key="packet", gap="xsmall"):
        facts = [tr(f"inbox.reason.{view.reason}")]
        facts += [language_name(str(packet["language"]))] if packet.get("language") else []
        facts += [tr("inbox.asked_at", when=when(view.created_at))]
        st.caption(" · ".join(facts))
        if view.reason == "mood":
            mood_reason(packet.get("why") or {})
        if view.contact:
            st.markdown(f":material/contact_mail: {plain(view.contact)}")
        if summary := str(packet.get("summary", "")):
            st.markdown(plain(summary))
        tried = packet.get("tried") or []
        if tried:
            with st.expander(tr("inbox.tried", n=len(tried)), key=f"tried-{view.id}"):
                for line in tried:
                    _tried(line)


def _tried(line: dict[str, Any]) -> None:
    st.markdown(f"**{plain(str(line.get('question', '')))}**")
    outcome = str(line.get("answer") or "") or tr("quality.got_nothing")
    st.markdown(f":gray[{plain(outcome[:400])}]")
    for citation in line.get("citations") or []:
        place = f"{plain(str(citation.get('document', '')))} · {tr('chat.source.page', page=citation.get('page', 1))}"
        st.caption(f":material/description: {place} — {plain(str(citation.get('quote', ''))[:200])}")


def _conversation(app: Application, actor: Actor, messages: Sequence[MessageView]) -> None:
    if len(messages) > SHOWN:
        st.caption(tr("inbox.earlier", n=len(messages) - SHOWN))
    question = ""
    for message in messages[-SHOWN:]:
        _message(app, actor, message, question)
        question = message.text if message.role == "customer" else question


def _message(app: Application, actor: Actor, message: MessageView, question: str) -> None:
    icon = {"customer": "person", "staff": "support_agent", "assistant": "local_fire_department"}.get(
        message.role, "info"
    )
    with st.chat_message("user" if message.role == "customer" else "assistant", avatar=f":material/{icon}:"):
        if message.text:
            draw_text(message.text, key=f"inbox-text-{message.id}")
        elif message.answer is not None and message.answer.refusal is not None:
            st.markdown(f":gray[{tr(f'chat.refusal.{message.answer.refusal.reason.value}')}]")
        else:
            st.caption(tr("inbox.reason.mood" if message.detail.get("reason") == "mood" else "inbox.note"))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{tr(f'inbox.role.{message.role}')} · {when(message.created_at)}", width="content")
            if message.role == "staff":
                st.button(
                    tr("inbox.learn"),
                    key=f"learn-{message.id}",
                    icon=":material/school:",
                    type="tertiary",
                    on_click=open_dialog,
                    args=(f"learn-{message.id}",),
                )
    draw_dialog(
        f"learn-{message.id}",
        tr("inbox.learn"),
        lambda: _learn(app, actor, message, question),
        icon=":material/school:",
        width="medium",
    )


def _reply(app: Application, actor: Actor, view: HandoffView) -> None:
    turn = st.session_state.get("inbox.turn", 0)  # a new key empties the box once the reply is sent, and only then
    place, key = f"inbox/reply/{view.id}.", f"reply-{view.id}-{turn}"
    with st.container(key=f"reply-form-{view.id}"):
        text = st.text_area(
            tr("inbox.reply"),
            key=key,
            placeholder=tr("inbox.reply_help"),
            height=120,
            max_chars=8000,
            **unsent.kept(app, actor, place, key, gone=""),
        )
        if st.button(
            tr("inbox.send"),
            key=f"reply-send-{view.id}",
            type="primary",
            icon=":material/send:",
            shortcut=while_closed("Ctrl+Enter"),
        ):
            with errors_shown():
                handoff.reply(app, actor, view.id, text or "")
                unsent.forget(app, actor, place)
                st.session_state["inbox.turn"] = turn + 1
                st.session_state["inbox.next_state"] = "answered"
                notice(tr("inbox.sent"))
                st.rerun()


def _learn(app: Application, actor: Actor, message: MessageView, question: str) -> None:
    st.caption(tr("inbox.learn_help"))
    asked = st.text_input(tr("knowledge.faq_question"), value=question, key=f"learn-q-{message.id}", max_chars=1000)
    said = st.text_area(tr("knowledge.faq_answer"), value=message.text, key=f"learn-a-{message.id}", height=160)
    if st.button(tr("inbox.learn_save"), key=f"learn-save-{message.id}", type="primary"):
        with errors_shown():
            handoff.reply_to_faq(app, actor, message.id, asked or "", said or "")
            notice(tr("inbox.learnt"))
            close_dialog()
            st.rerun()
