"""The visitor's conversations: the list in the sidebar, and the header of the open one with rename, export, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Literal

import streamlit as st

from core.access.actor import Actor
from core.errors import NotFound
from core.services import conversations
from core.services.application import Application
from core.services.views import ConversationView
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.knowledge_choice import STATE as KNOWLEDGE_BASE
from pages.shared.language import tr
from pages.shared.parts import notice, show_notices
from pages.shared.wording import plain, when

STATE = "chat.conversation"
SHOWN = 40
NEW = 0  # a new conversation: it is stored with its first question


def open_conversation(number: int) -> None:
    st.session_state[STATE] = number
    if number:
        st.query_params["c"] = str(number)
    else:
        st.query_params.pop("c", None)


def my_conversations(app: Application, actor: Actor) -> list[ConversationView]:
    """The visitor's latest conversations, as many as the list shows."""
    return conversations.list_conversations(app, actor, limit=SHOWN)


def current_conversation(app: Application, actor: Actor, mine: list[ConversationView]) -> ConversationView | None:
    """The open conversation: of this session, else of the address, else the visitor's latest. None: a new one."""
    if STATE not in st.session_state:
        asked = st.query_params.get("c", "")
        st.session_state[STATE] = int(asked) if asked.isdecimal() else (mine[0].id if mine else NEW)
    number = st.session_state[STATE]
    found = next((view for view in mine if view.id == number), None) or _older(app, actor, number)
    open_conversation(found.id if found else NEW)
    if found and found.knowledge_base_id:
        st.session_state[KNOWLEDGE_BASE] = found.knowledge_base_id  # a conversation stays with its knowledge base
    return found


def _older(app: Application, actor: Actor, number: int) -> ConversationView | None:
    """A conversation that the list does not show (old, or without a message yet); None when it is somebody else's."""
    if number == NEW:
        return None
    try:
        said = conversations.messages(app, actor, number, limit=1)
    except NotFound:
        return None
    return ConversationView(number, "", actor.language, 0, said[-1].created_at if said else datetime.now(UTC))


def conversation_list(
    app: Application, actor: Actor, mine: list[ConversationView], current: ConversationView | None
) -> None:
    with st.sidebar, st.container(key="conversations", gap="xxsmall"):
        st.button(
            tr("chat.new"),
            key="chat-new",
            icon=":material/add_comment:",
            width="stretch",
            type="secondary",
            on_click=open_conversation,
            args=(NEW,),
        )
        search = st.text_input(
            tr("chat.search"),
            key="chat-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("chat.search"),
            label_visibility="collapsed",
        )
        found = conversations.list_conversations(app, actor, search=search, limit=SHOWN) if search else mine
        if not found:
            st.caption(tr("chat.search_empty") if search else tr("chat.none_yet"))
        for view in found:
            mark = "now-" if current and view.id == current.id else ""
            st.button(
                plain(view.title) or tr("chat.untitled"),
                key=f"open-{mark}{view.id}",
                help=when(view.updated_at),
                width="stretch",
                wrap=False,
                on_click=open_conversation,
                args=(view.id,),
            )


def conversation_header(app: Application, actor: Actor, current: ConversationView | None) -> None:
    show_notices()
    with st.container(horizontal=True, vertical_alignment="center", key="chat-header"):
        name = plain(current.title) if current and current.title else tr("chat.title")
        st.markdown(f"### {name}", width="stretch")
        if current:
            with st.popover("", icon=":material/more_horiz:", key="chat-menu", type="tertiary", help=tr("chat.menu")):
                _menu(app, actor, current)
    if current:
        draw_dialog(
            "delete-conversation",
            tr("chat.delete"),
            lambda: _ask_delete(app, actor, current),
            icon=":material/delete:",
        )
    else:
        st.caption(tr("chat.lead"))


def _menu(app: Application, actor: Actor, current: ConversationView) -> None:
    with st.form(f"rename-{current.id}", border=False):
        name = st.text_input(tr("chat.rename"), value=current.title, max_chars=200, key=f"rename-to-{current.id}")
        if st.form_submit_button(tr("common.save"), key=f"rename-save-{current.id}"):
            with errors_shown():
                conversations.rename_conversation(app, actor, current.id, name or "")
                st.rerun()
    kinds: tuple[tuple[Literal["markdown", "json"], str, str], ...] = (
        ("markdown", "md", "text/markdown"),
        ("json", "json", "application/json"),
    )
    for kind, extension, mime in kinds:
        st.download_button(
            tr(f"chat.export_{kind}"),
            data=partial(conversations.export_conversation, app, actor, current.id, kind),
            file_name=f"conversation-{current.id}.{extension}",
            mime=mime,
            key=f"export-{kind}-{current.id}",
            icon=":material/download:",
            width="stretch",
            on_click="ignore",
        )
    st.button(
        tr("chat.delete"),
        key=f"delete-{current.id}",
        icon=":material/delete:",
        width="stretch",
        help=tr("chat.delete_help"),
        on_click=open_dialog,
        args=("delete-conversation",),
    )


def _ask_delete(app: Application, actor: Actor, current: ConversationView) -> None:
    st.markdown(tr("chat.delete_sure", title=plain(current.title)))
    if st.button(tr("chat.delete_yes"), key="delete-yes", type="primary"):
        with errors_shown():
            try:
                conversations.delete_conversation(app, actor, current.id)
            except NotFound:
                notice(tr("chat.deleted_already"))
            close_dialog()
            open_conversation(NEW)
            st.rerun()
