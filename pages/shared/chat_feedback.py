"""Thumbs under an answer; a thumb down asks why and for the right answer."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.feedback import REASONS, give_feedback
from core.services.views import MessageView
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice

UP, DOWN = 1, 0  # what st.feedback("thumbs") returns


def feedback(app: Application, actor: Actor, message: MessageView) -> None:
    key = f"thumbs-{message.id}"
    stored = {1: UP, -1: DOWN}.get(message.feedback)
    chosen = st.feedback("thumbs", key=key, default=stored)
    if chosen == DOWN:
        st.button(
            tr("chat.feedback.more"),
            key=f"why-{message.id}",
            type="tertiary",
            icon=":material/edit:",
            on_click=open_dialog,
            args=(f"why-{message.id}",),
        )
        draw_dialog(
            f"why-{message.id}",
            tr("chat.feedback.more"),
            lambda: _why(app, actor, message),
            icon=":material/thumb_down:",
        )
    if chosen == stored:
        return
    value = {UP: 1, DOWN: -1, None: 0}[chosen]
    with errors_shown():
        give_feedback(app, actor, message.id, value)  # type: ignore[arg-type]
        if value:
            st.toast(tr("chat.feedback.thanks"), icon=":material/favorite:")


def _why(app: Application, actor: Actor, message: MessageView) -> None:
    reason = st.pills(
        tr("chat.feedback.reason"),
        [reason for reason in REASONS if reason],
        key=f"reason-{message.id}",
        format_func=lambda reason: tr(f"chat.feedback.{reason}"),
    )
    right = st.text_area(
        tr("chat.feedback.correction"),
        key=f"correction-{message.id}",
        placeholder=tr("chat.feedback.correction_help"),
        max_chars=4000,
    )
    if st.button(tr("chat.feedback.send"), key=f"send-{message.id}", type="primary"):
        with errors_shown():
            give_feedback(app, actor, message.id, -1, reason or "", right or "")
            notice(tr("chat.feedback.kept") if right else tr("chat.feedback.thanks"))
            close_dialog()
            st.rerun()
