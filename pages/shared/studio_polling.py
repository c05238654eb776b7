"""What moves is drawn again every second; what is over is drawn once.

A click inside a fragment runs the fragment alone, so nothing that leads elsewhere stands in one that polls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from pages.shared.watching import watched

SECONDS = 1.0

T = TypeVar("T")


def polled(
    app: Application, actor: Actor, look: Callable[[], T], draw: Callable[[T], None], moves: Callable[[T], bool], *,
    key: str,
) -> None:  # fmt: skip
    """Looks and draws once, or every second while it ``moves``.

    When it has come to rest the page runs anew before the end is drawn: a button that leads elsewhere would otherwise
    stand for a moment in a fragment that is about to go, and a click on it be lost.
    """
    first = look()
    if not moves(first):
        draw(first)
        return

    def poll() -> None:
        now = look()
        if not moves(now):
            st.rerun(scope="app")
        draw(now)

    watched(app, actor, poll, every=SECONDS, key=key)
