"""Which catalogue the page looks at, and the way to a new one."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.recommend import catalogues
from core.services.recommend.views import CatalogueView
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.recommend_place import CATALOGUE, SECTION

ADDRESS = "catalogue"


def choose_catalogue(app: Application, actor: Actor) -> CatalogueView | None:
    """The chosen catalogue, or None when there is none yet."""
    found = {one.id: one for one in catalogues.list_catalogues(app, actor)}
    if not found:
        return None
    if st.session_state.get(CATALOGUE) not in found:
        asked = st.query_params.get(ADDRESS, "")
        st.session_state[CATALOGUE] = int(asked) if asked.isdecimal() and int(asked) in found else next(iter(found))
    st.selectbox(
        tr("recommend.catalogue"),
        list(found),
        key=CATALOGUE,
        format_func=lambda number: found[number].name if number in found else "",
        label_visibility="collapsed",
        persist_state="session",
    )
    if len(found) > 1:
        st.query_params[ADDRESS] = str(st.session_state[CATALOGUE])
    return found[st.session_state[CATALOGUE]]


def new_catalogue_form(app: Application, actor: Actor, *, key: str) -> None:
    """A name and a button; the new one is chosen at once."""
    with st.form(key, border=False, clear_on_submit=False):
        name = st.text_input(
            tr("recommend.new_name"), key=f"{key}-name", placeholder=tr("recommend.new_placeholder"), max_chars=100
        )
        if st.form_submit_button(tr("recommend.create"), key=f"{key}-create", type="primary", icon=":material/add:"):
            with errors_shown():
                st.session_state[f"{CATALOGUE}.next"] = catalogues.create_catalogue(app, actor, name or "")
                st.rerun()


def take_new_choice() -> None:
    """Applies the choice of a just created catalogue; stands above the selectbox, which owns the state."""
    if (number := st.session_state.pop(f"{CATALOGUE}.next", None)) is not None:
        st.session_state[CATALOGUE] = number
        st.session_state[SECTION] = st.query_params["show"] = "data"
