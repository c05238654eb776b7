"""The first statement of every page: who is here, and may they see it."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.access.cookies import SESSION_COOKIE
from core.bootstrap import local_actor
from core.errors import PilotlightError
from core.services.application import Application
from core.services.people.doors import Came, actor_of
from pages.shared.application import application
from pages.shared.errors import show_error
from pages.shared.language import language
from pages.shared.visitor import VISITOR_COOKIE, new_visitor, valid_visitor

# Set by a proxy: who asks is then not this machine, whatever the connection says.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def guard(permission: Permission) -> tuple[Application, Actor]:
    """The wired product and the person acting. Stops the page with a sentence when the person may not see it."""
    try:
        app = application()
        actor = whoever(app)
        if actor is None:
            st.stop()  # the frame shows the sign-in instead of any page
        actor.require(permission)
    except PilotlightError as error:
        show_error(error)
        st.stop()
    return app, actor


def whoever(app: Application) -> Actor | None:
    """The person of this browser; None when they have to sign in."""
    return actor_of(app, came(), local_actor(app, visitor()))


def still_here(app: Application, actor: Actor) -> bool:
    """For what redraws itself without the frame: whether the person is still signed in and in the same role."""
    now = whoever(app)
    return now is not None and (now.workspace_id, now.role, now.account_id) == (
        actor.workspace_id, actor.role, actor.account_id,
    )  # fmt: skip


def came() -> Came:
    headers = st.context.headers
    return Came(
        session=session_token(),
        visitor=visitor(),
        language=language(),
        host=headers.get("Host", ""),
        forwarded=any(name in headers for name in FORWARDED),
    )


def session_token() -> str:
    """What the session cookie holds; empty without one."""
    return str(st.context.cookies.get(SESSION_COOKIE) or "")


def visitor() -> str:
    """The random id of this browser; without cookies, of this session."""
    cookie = st.context.cookies.get(VISITOR_COOKIE)
    if valid_visitor(cookie):
        return str(cookie)
    if "visitor" not in st.session_state:
        st.session_state["visitor"] = new_visitor()
    return str(st.session_state["visitor"])
