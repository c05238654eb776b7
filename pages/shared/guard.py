"""The first statement of every page: who is here, and may they see it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.access.actor import Actor, Permission
from core.bootstrap import local_actor
from core.errors import PilotlightError
from core.services.application import Application
from pages.shared.application import application
from pages.shared.errors import show_error
from pages.shared.language import language
from pages.shared.visitor import VISITOR_COOKIE, new_visitor, valid_visitor


def guard(permission: Permission) -> tuple[Application, Actor]:
    """The wired product and the person acting. Stops the page with a sentence when the person may not see it."""
    try:
        app = application()
        actor = replace(local_actor(app, visitor()), language=language())
        actor.require(permission)
    except PilotlightError as error:
        show_error(error)
        st.stop()
    return app, actor


def visitor() -> str:
    """The random id of this browser; without cookies, of this session."""
    cookie = st.context.cookies.get(VISITOR_COOKIE)
    if valid_visitor(cookie):
        return str(cookie)
    if "visitor" not in st.session_state:
        st.session_state["visitor"] = new_visitor()
    return str(st.session_state["visitor"])
