"""Dialogs that stay open when the page reruns beneath them: which one is open is view state, not a button's moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import streamlit as st

STATE = "dialog"


def open_dialog(name: str, **values: Any) -> None:
    """Opens ``name`` at the next run (at most one is open); ``values`` are what it is about."""
    st.session_state[STATE] = (name, values)


def close_dialog() -> None:
    st.session_state.pop(STATE, None)


def while_closed(shortcut: str) -> str | None:
    """A button's ``shortcut``, unless a dialog is open: keys pressed in it are not meant for the page beneath."""
    return None if STATE in st.session_state else shortcut


def dialog_values(name: str) -> dict[str, Any] | None:
    """The values of the open dialog, or None when ``name`` is not the one that is open."""
    opened, values = st.session_state.get(STATE, ("", {}))
    return values if opened == name else None


def draw_dialog(
    name: str,
    title: str,
    draw: Callable[[], None],
    *,
    icon: str,
    width: Literal["small", "medium", "large"] = "small",
    position: Literal["center", "right"] = "center",
) -> None:
    """Draws the dialog if it is open. ``draw`` ends with close_dialog() and st.rerun() when its work is done."""
    if dialog_values(name) is not None:
        st.dialog(title, width=width, position=position, icon=icon, on_dismiss=close_dialog)(draw)()
