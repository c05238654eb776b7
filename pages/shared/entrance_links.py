"""What a one-time link opens: an invitation into a workspace, or the choice of a new password."""

from __future__ import annotations

import streamlit as st

from core.errors import PilotlightError
from core.services.application import Application
from core.services.people import links
from core.services.people.views import OpenedLink
from pages.shared.entrance import address, card, enter_as, new_password
from pages.shared.errors import errors_shown, show_error
from pages.shared.language import tr
from pages.shared.wording import plain

KINDS = {"join": "invite", "reset": "reset"}


def draw(app: Application, name: str) -> None:
    token = str(st.query_params.get("token") or "")
    with card(name):
        try:
            opened = links.open_link(app, token, KINDS[name], address=address())
        except PilotlightError as error:
            show_error(error)
            st.html(f'<p><a href="/" target="_self" style="color: inherit">{tr("people.to_sign_in")}</a></p>')
            return
        if name == "join":
            _join(app, token, opened)
        else:
            _reset(app, token, opened)


def _join(app: Application, token: str, opened: OpenedLink) -> None:
    role = tr(f"people.role.{opened.role}")
    st.markdown(
        tr("people.join.lead", by=plain(opened.made_by), workspace=plain(opened.workspace), role=role),
    )
    with st.form("join"):
        st.text_input(tr("people.email"), value=opened.email, key="join-email", disabled=True)
        name = ""
        if opened.has_account:
            password = st.text_input(
                tr("people.password_of_account"), key="join-password", type="password", autocomplete="current-password"
            )
        else:
            name = st.text_input(tr("people.name"), key="join-name", max_chars=200, autocomplete="name")
            password = new_password("join")
        send = st.form_submit_button(tr("people.join.button"), key="join-send", type="primary", width="stretch")
    if send:
        with errors_shown():
            number = links.accept_invitation(app, token, password, name=name, address=address())
            enter_as(app, number, "join")


def _reset(app: Application, token: str, opened: OpenedLink) -> None:
    st.markdown(tr("people.reset.lead", email=plain(opened.email)))
    with st.form("reset"):
        password = new_password("reset")
        send = st.form_submit_button(tr("people.reset.button"), key="reset-send", type="primary", width="stretch")
    if send:
        with errors_shown():
            enter_as(app, links.reset_password(app, token, password, address=address()), "reset")
