"""While there is no account: who works at this machine is its owner, is told so, and can make an account."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.people.accounts import has_accounts
from pages.shared.dialogs import draw_dialog, open_dialog
from pages.shared.entrance import first_owner_form
from pages.shared.language import tr


def local_owner_notice(app: Application, actor: Actor) -> None:
    """Nothing for anybody with an account."""
    if actor.account_id is not None or has_accounts(app):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="local-owner", border=True):
        st.markdown(f":material/info: {tr('people.first.local')}", width="stretch")
        st.button(
            tr("people.first.open"),
            key="first-owner-open",
            icon=":material/person_add:",
            on_click=open_dialog,
            args=("first-owner",),
        )
    draw_dialog("first-owner", tr("people.first_owner.title"), lambda: _form(app), icon=":material/person_add:")


def _form(app: Application) -> None:
    st.caption(tr("people.first.lead"))
    first_owner_form(app, "home")
