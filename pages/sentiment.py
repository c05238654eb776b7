"""Sentiment: one text, whole files, doubtful texts to label, customers' mood, watches."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.SENTIMENT_READ)

from pages.shared import (  # noqa: E402 - guard() is the page's first statement
    sentiment_customers,
    sentiment_files,
    sentiment_lane,
    sentiment_one,
    sentiment_watches,
)
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import show_notices, title  # noqa: E402
from pages.shared.reading import sections_for  # noqa: E402
from pages.shared.sentiment_place import SECTION, read_address, section_chosen, write_address  # noqa: E402

SECTIONS = {
    "one": sentiment_one.draw,
    "files": sentiment_files.draw,
    "lane": sentiment_lane.draw,
    "customers": sentiment_customers.draw,
    "watches": sentiment_watches.draw,
}
ICONS = {
    "one": "short_text",
    "files": "table_rows",
    "lane": "label",
    "customers": "mood",
    "watches": "notifications",
}

show_notices()
read_address()
title("sentiment")
shown = sections_for(actor, Permission.SENTIMENT, SECTIONS, writers=("one", "lane"), key=SECTION)
section = st.segmented_control(
    tr("sentiment.section"),
    shown,
    key=SECTION,
    default=None if SECTION in st.session_state else "one",
    required=True,
    format_func=lambda name: f":material/{ICONS[name]}: {tr(f'sentiment.sections.{name}')}",
    label_visibility="collapsed",
    on_change=section_chosen,
    persist_state="session",
)
write_address()
SECTIONS[section or "one"](app, actor)
