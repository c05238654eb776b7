"""The foot of the sidebar: who is signed in, which workspace is open, one's password, the way out."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.people import accounts, members, signing_in
from core.services.people.views import AccountView
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.entrance import go
from pages.shared.errors import errors_shown
from pages.shared.guard import session_token
from pages.shared.language import tr
from pages.shared.navigation import Door
from pages.shared.parts import notice
from pages.shared.wording import plain


def account_menu(door: Door) -> None:
    """Nothing for who has no account: the local owner, a guest."""
    app, actor = door.app, door.actor
    if app is None or actor is None or actor.account_id is None:
        return
    with errors_shown():
        me = accounts.my_account(app, actor)
        here = next((place.name for place in me.workspaces if place.id == actor.workspace_id), "")
        with st.popover(me.name or me.email, icon=":material/account_circle:", width="stretch", key="account"):
            st.markdown(f"**{plain(me.email)}**")
            st.caption(f"{tr(f'people.role.{actor.role.value}')} · {plain(here)}")
            _workspaces(app, actor, me)
            st.button(
                tr("people.password_change"),
                key="change-password",
                icon=":material/key:",
                width="stretch",
                on_click=open_dialog,
                args=("change-password",),
            )
            if st.button(tr("people.sign_out"), key="sign-out", icon=":material/logout:", width="stretch"):
                signing_in.sign_out(app, actor, session_token())
                leave()
            if st.button(
                tr("people.everywhere"), key="sign-out-everywhere", icon=":material/devices:", width="stretch"
            ):
                signing_in.sign_out_everywhere(app, actor)
                leave()
    draw_dialog("change-password", tr("people.password_change"), lambda: _password(app, actor), icon=":material/key:")


def leave() -> None:
    """The cookie leads nowhere any more; the route takes it away. The company's is Streamlit's to take."""
    if st.user.get("is_logged_in"):
        st.logout()
        st.stop()
    go("/session/end")


def _workspaces(app: Application, actor: Actor, me: AccountView) -> None:
    if len(me.workspaces) < 2:
        return
    names = {place.id: place.name for place in me.workspaces}
    chosen = st.selectbox(
        tr("people.workspace"),
        list(names),
        index=list(names).index(actor.workspace_id),
        format_func=names.__getitem__,
        key=f"open-workspace-{actor.workspace_id}",
    )
    if chosen is not None and chosen != actor.workspace_id:
        members.open_workspace(app, actor, chosen, session_token())
        go("/")  # a fresh page: what was chosen and typed belongs to the other workspace


def _password(app: Application, actor: Actor) -> None:
    with st.form("change-password"):
        old = st.text_input(
            tr("people.old_password"), key="password-old", type="password", autocomplete="current-password"
        )
        new = st.text_input(
            tr("people.new_password"),
            key="password-new",
            type="password",
            autocomplete="new-password",
            help=tr("people.password_help"),
        )
        st.caption(tr("people.password_ends_others"))
        send = st.form_submit_button(tr("common.save"), key="password-save", type="primary")
    if send:
        with errors_shown():
            accounts.change_password(app, actor, old, new, keep=signing_in.session_id(app, session_token()))
            notice(tr("people.password_changed"))
            close_dialog()
            st.rerun()
