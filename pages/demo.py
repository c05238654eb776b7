"""What a guest sees who came by a demo link: its pages and nothing else."""

from __future__ import annotations

import streamlit as st

from pages.shared.guest import enter

app, guest = enter()

from pages.shared import demo_chat, demo_try  # noqa: E402 - enter() is the page's first statement
from pages.shared.guest import guest_header  # noqa: E402
from pages.shared.language import tr  # noqa: E402

DRAWN = {
    "chat": demo_chat.draw,
    "content": demo_try.content,
    "sentiment": demo_try.sentiment,
    "recommend": demo_try.recommendations,
}
ICONS = {"chat": "forum", "content": "edit_note", "sentiment": "sentiment_satisfied", "recommend": "recommend"}

with st.container(key="guest-page"):
    guest_header(guest.link)
    pages = guest.link.pages
    shown = pages[0]
    if len(pages) > 1:
        with st.container(key="guest-pages"):
            chosen = st.segmented_control(
                tr("links.guest.pages"), pages, key="guest.page", default=pages[0], required=True,
                format_func=lambda name: f":material/{ICONS[name]}: {tr(f'links.page.{name}')}",
                label_visibility="collapsed", persist_state="session",
            )  # fmt: skip
        shown = chosen or pages[0]
    with st.container(key=f"guest-{shown}"):
        DRAWN[shown](app, guest)
