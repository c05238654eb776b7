"""Which knowledge base the pages look at: one choice, kept for the session, shared by all pages."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.access.actor import Actor
from core.services import knowledge
from core.services.application import Application
from core.services.views import KnowledgeBaseView
from pages.shared.errors import errors_shown
from pages.shared.language import tr

STATE = "knowledge_base"
ADDRESS = "base"


def choose_knowledge_base(
    app: Application,
    actor: Actor,
    *,
    label_visible: bool = False,
    sidebar: bool = False,
    on_change: Callable[[], None] | None = None,
) -> KnowledgeBaseView | None:
    """The chosen knowledge base, or None when there is none yet. Draws the choice only where there is one."""
    bases = {base.id: base for base in knowledge.list_knowledge_bases(app, actor)}
    if not bases:
        return None
    if st.session_state.get(STATE) not in bases:
        asked = st.query_params.get(ADDRESS, "")
        st.session_state[STATE] = int(asked) if asked.isdecimal() and int(asked) in bases else next(iter(bases))
    place = st.sidebar if sidebar else st.container()
    with place:
        st.selectbox(
            tr("common.knowledge_base"),
            list(bases),
            key=STATE,
            format_func=lambda number: bases[number].name if number in bases else "",
            label_visibility="visible" if label_visible else "collapsed",
            persist_state="session",
            on_change=on_change or "rerun",
        )
    if len(bases) > 1:
        st.query_params[ADDRESS] = str(st.session_state[STATE])  # a reload must not fall back to the first one
    return bases[st.session_state[STATE]]


def new_knowledge_base_form(app: Application, actor: Actor, *, key: str) -> None:
    """A name and a button; the new one is chosen at once."""
    with st.form(key, border=False, clear_on_submit=False):
        name = st.text_input(
            tr("knowledge.new_name"), key=f"{key}-name", placeholder=tr("knowledge.new_placeholder"), max_chars=200
        )
        if st.form_submit_button(tr("knowledge.create"), key=f"{key}-create", type="primary", icon=":material/add:"):
            with errors_shown():
                number = knowledge.create_knowledge_base(app, actor, name or "")
                st.session_state[f"{STATE}.next"] = number
                st.rerun()


def take_new_choice() -> None:
    """Applies the choice of a just created knowledge base; stands above the selectbox, which owns the state."""
    if (number := st.session_state.pop(f"{STATE}.next", None)) is not None:
        st.session_state[STATE] = number
