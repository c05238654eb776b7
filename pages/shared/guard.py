"""The first statement of every page: who is here, and may they see it."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

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
RECHECK = 0.5  # seconds


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
    return app, lasting(app, actor)


def whoever(app: Application) -> Actor | None:
    """The person of this browser; None when they have to sign in."""
    return _who(app, came())


def _who(app: Application, by: Came) -> Actor | None:
    return actor_of(app, by, local_actor(app, by.visitor))


def lasting(app: Application, actor: Actor) -> Actor:
    """The actor of a page, who is kept as long as it stands: its callbacks and fragments run without the frame, so
    each thing that they do asks again (at most once in RECHECK seconds) whether the person is here in the same role.
    """
    by, seen = came(), [monotonic()]

    def still() -> bool:
        if monotonic() - seen[0] > RECHECK:
            if not _same(_who(app, by), actor):
                return False
            seen[0] = monotonic()
        return True

    return replace(actor, still=still)


def still_here(app: Application, actor: Actor) -> bool:
    """For what redraws itself without the frame: whether the person is still signed in and in the same role."""
    if actor.link_id is None:
        return _same(whoever(app), actor)
    from core.services.links.guests import guest_of
    from pages.shared import guest

    return _same(guest_of(app, guest.cookies(), embedded=bool(st.context.is_embedded)), actor)


def _same(now: Actor | None, actor: Actor) -> bool:
    return now is not None and (now.workspace_id, now.role, now.account_id, now.link_id) == (
        actor.workspace_id, actor.role, actor.account_id, actor.link_id,
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
