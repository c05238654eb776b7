"""What redraws itself: the one place where a fragment polls.

A fragment runs without the frame and its sign-in, so each time it is asked again who is here. Who has left sees the
page drawn anew, which is the sign-in; nothing of the workspace is drawn or done by the fragment.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from pages.shared.guard import still_here


def watched(app: Application, actor: Actor, draw: Callable[[], None], *, every: float | None, key: str) -> None:
    """Runs ``draw`` in a fragment, now and again each ``every`` seconds (None: only when something in it is used)."""

    @st.fragment(run_every=every, key=key)
    def look() -> None:
        if not still_here(app, actor):
            st.rerun(scope="app")
        draw()

    look()
