"""Fields whose content outlives the page: kept in the database when they change, put back when the page is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services import unsent
from core.services.application import Application
from pages.shared.errors import errors_shown

_HELD = "unsent"


def kept(
    app: Application, actor: Actor, place: str, key: str, read: Callable[[str], Any] = str, *, gone: Any = None
) -> dict[str, Any]:
    """Arguments of the widget ``key``, drawn next: it keeps its value under ``place`` from now on. What was kept there
    before becomes its value in a session that has not drawn it yet. ``read`` makes the value of the kept text; one
    that it cannot read (ValueError) is left out. ``gone``: the value that needs no keeping, for a box that is empty at
    first.

    Not for widgets in a form: those report no change before they are sent.
    """
    held = _held(app, actor)
    if key not in st.session_state and place in held:
        try:
            st.session_state[key] = read(held[place])
        except ValueError:
            held.pop(place)
    return {"on_change": _keep, "args": (app, actor, place, key, gone)}


def keep_now(app: Application, actor: Actor, place: str, key: str) -> None:
    """For a value that was set by other means than its widget."""
    _keep(app, actor, place, key, None)


def is_kept(app: Application, actor: Actor, place: str) -> bool:
    return place in _held(app, actor)


def forget(app: Application, actor: Actor, *beginnings: str) -> None:
    """What is kept under places that begin so was sent or put away."""
    held = _held(app, actor)
    places = [place for place in held if place.startswith(beginnings)]
    if places:
        unsent.forget_texts(app, actor, places)
    for place in places:
        held.pop(place)


def _held(app: Application, actor: Actor) -> dict[str, str]:
    """What is kept of this person, read once a session: later changes go through it."""
    whose = (actor.workspace_id, actor.visitor)
    held = st.session_state.get(_HELD)
    if held is None or held[0] != whose:
        held = st.session_state[_HELD] = (whose, unsent.kept_texts(app, actor))
    texts: dict[str, str] = held[1]
    return texts


def _keep(app: Application, actor: Actor, place: str, key: str, gone: Any) -> None:
    value = st.session_state.get(key)
    if value == gone:
        forget(app, actor, place)
        return
    text = "" if value is None else str(value)
    with errors_shown():
        unsent.keep_text(app, actor, place, text)
        _held(app, actor)[place] = text
