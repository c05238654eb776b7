"""What people without a sign-in see, whatever address they open: the sign-in, or the making of the first account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import streamlit as st

from core.services.application import Application
from core.services.people import accounts, company, signing_in
from core.services.people.doors import is_local
from pages.shared.errors import errors_shown
from pages.shared.guard import came, visitor
from pages.shared.language import language_switch, tr


def draw(app: Application, page: str) -> None:
    """``page`` is where the person wanted to go: they get there once they are signed in."""
    with card("sign-in" if accounts.has_accounts(app) else "first-owner"):
        if not accounts.has_accounts(app):
            st.markdown(tr("people.first.code_lead"))
            first_owner_form(app, page)
            return
        if st.query_params.get("sign-in") == "again":
            st.warning(tr("errors.people.cookies_off"), icon=":material/cookie_off:")
        if company.configured(app.settings):
            _company(app, page)
        _sign_in_form(app, page)
        st.caption(tr("people.sign_in.forgot"))


@contextmanager
def card(name: str) -> Iterator[None]:
    """One narrow card in the middle of the page, the language under it."""
    with st.container(horizontal_alignment="center", key="entrance"), st.container(width=440, key="entrance-card"):
        st.title(tr(f"people.{name.replace('-', '_')}.title"), anchor=False)
        here = st.container(key=f"entrance-{name}")
        language_switch()  # before the forms: they may stop the script
        with here:
            yield


def _company(app: Application, page: str) -> None:
    """Back from the provider, the person is let in at once; else there is the button that leads there."""
    claims = st.user.to_dict()
    if claims.get("is_logged_in") and company.is_fresh(claims):
        with errors_shown():
            code = company.sign_in_with_company(app, claims, browser=visitor(), agent=browser_name())
            enter(code, page)
    if st.button(tr("people.sign_in.company"), key="sign-in-company", icon=":material/domain:", width="stretch"):
        st.login()
    st.markdown(f":gray[{tr('people.sign_in.or')}]", text_alignment="center")


def _sign_in_form(app: Application, page: str) -> None:
    with st.form("sign-in"):
        email = st.text_input(tr("people.email"), key="sign-in-email", autocomplete="username")
        password = st.text_input(
            tr("people.password"), key="sign-in-password", type="password", autocomplete="current-password"
        )
        send = st.form_submit_button(tr("people.sign_in.button"), key="sign-in-send", type="primary", width="stretch")
    if send:
        with errors_shown():
            code = signing_in.sign_in(app, email, password, browser=visitor(), address=address(), agent=browser_name())
            enter(code, page)


def first_owner_form(app: Application, page: str) -> None:
    """The first account, at this machine or with the set-up code of the server's log."""
    trusted = is_local(app, came())
    with st.form("first-owner"):
        code = "" if trusted else st.text_input(tr("people.first.code"), key="first-owner-code", autocomplete="off")
        name = st.text_input(tr("people.name"), key="first-owner-name", max_chars=200, autocomplete="name")
        email = st.text_input(tr("people.email"), key="first-owner-email", autocomplete="username")
        password = new_password("first-owner")
        send = st.form_submit_button(tr("people.first.button"), key="first-owner-send", type="primary", width="stretch")
    if send:
        with errors_shown():
            where = local_workspace(app)
            number = accounts.create_first_owner(app, where, email, password, name=name, trusted=trusted, code=code)
            enter_as(app, number, page)


def local_workspace(app: Application) -> int:
    """The workspace an installation begins with."""
    from core.bootstrap import local_actor

    return local_actor(app, visitor()).workspace_id


def new_password(key: str) -> str:
    return st.text_input(
        tr("people.new_password"),
        key=f"{key}-password",
        type="password",
        autocomplete="new-password",
        help=tr("people.password_help"),
    )


def enter_as(app: Application, account_id: int, page: str) -> None:
    """Signs in somebody who has just proved who they are."""
    code = signing_in.start_session(app, account_id, browser=visitor(), agent=browser_name(), how="link")
    enter(code, page)


def enter(code: str, page: str) -> None:
    """Sends the browser to the route that sets the cookie."""
    path = "/" if page in ("home", "join", "reset") else f"/{page}"
    go(f"/session?{urlencode({'code': code, 'next': path}, quote_via=quote)}")


def go(where: str) -> None:
    """Leaves for an address of this server outside Streamlit; with a link for a browser that runs no script here."""
    link = f'<a href="{where}" target="_self" style="color: inherit">{tr("people.go_on")}</a>'
    st.html(f"<p>{link}</p><script>window.location.replace({json.dumps(where)})</script>", unsafe_allow_javascript=True)
    st.stop()


def address() -> str:
    """The network address people are counted by; all of this machine's are one."""
    return st.context.ip_address or "local"


def browser_name() -> str:
    return str(st.context.headers.get("User-Agent", ""))[:200]
