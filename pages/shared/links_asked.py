"""What the guests of a link asked: numbers, then the questions with what came of each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.links.asked import asked_by_link
from core.services.links.views import AskedRow, LinkView
from core.text.catalogue import catalogue
from pages.shared.language import language, tr
from pages.shared.wording import local


def draw(app: Application, actor: Actor, link: LinkView) -> None:
    found = asked_by_link(app, actor, link.id)
    if not found.rows:
        st.info(tr("links.asked.none"), icon=":material/forum:")
        return
    with st.container(horizontal=True, gap="medium", key="asked-numbers"):
        st.metric(tr("links.asked.asked"), found.asked, width="content")
        st.metric(tr("links.asked.refused"), found.refused, width="content")
        st.metric(tr("links.asked.ratings"), f"+{found.up} / −{found.down}", width="content")
        if found.milliseconds:
            st.metric(tr("links.asked.middle"), tr("links.asked.seconds", n=found.milliseconds / 1000), width="content")
    frame = pd.DataFrame([_cells(row) for row in found.rows])
    st.dataframe(frame, hide_index=True, width="stretch", key=f"asked-{link.id}")


def _cells(row: AskedRow) -> dict[str, object]:
    return {
        tr("links.asked.at"): f"{local(row.at):%Y-%m-%d %H:%M}",
        tr("links.asked.guest"): row.guest,
        tr("links.asked.page"): tr(f"links.page.{row.page}"),
        tr("links.asked.text"): row.text,
        tr("links.asked.outcome"): outcome(row),
        tr("links.asked.rating"): {1: "👍", -1: "👎"}.get(row.rating, ""),
        tr("links.asked.took"): tr("links.asked.seconds", n=row.milliseconds / 1000) if row.milliseconds else "",
    }


def outcome(row: AskedRow) -> str:
    """What came of it, in words; the bare word where there is none for it."""
    known = catalogue(language())
    if row.page == "recommend":
        return tr("links.asked.items", n=row.outcome or 0)
    for key in (f"links.outcome.{row.reason}", f"links.outcome.{row.outcome}", f"sentiment.label.{row.outcome}"):
        if key in known:
            return known[key]
    return row.outcome
