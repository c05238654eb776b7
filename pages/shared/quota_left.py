"""What is left of a limit, where it bites: nothing is said while there is plenty."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services import quota
from core.services.application import Application
from core.services.quota import Metric
from core.text.amounts import in_words
from pages.shared.language import language, tr

PLENTY = 0.2  # of the limit; above it nobody needs to think of it


def left_note(app: Application, actor: Actor, *metrics: Metric) -> None:
    """A line for each limit of these metrics that is nearly or wholly used up."""
    for one in quota.left(app, actor):
        if one.metric not in metrics or one.left > PLENTY * one.most:
            continue
        amount = in_words(language(), one.metric, one.left)
        opens = f"{one.opens_at:%Y-%m-%d %H:%M} UTC" if one.opens_at else ""
        whose = tr(f"quota.whose.{one.subject}")
        key = ("none" if one.left == 0 else "some") + ("_opens" if opens else "")
        st.caption(f":material/speed: {tr(f'quota.left.{key}', amount=amount, whose=whose, opens=opens)}")
