"""Content: texts written from templates, their history, voices, batches, own templates, and the rules of the brand."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.CONTENT_READ)

from pages.shared import (  # noqa: E402 - guard() is the page's first statement
    content_batch,
    content_brand,
    content_history,
    content_templates,
    content_voices,
    content_write,
)
from pages.shared.content_place import SECTION, SECTIONS, read_address, section_chosen  # noqa: E402
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import show_notices, title  # noqa: E402
from pages.shared.reading import sections_for  # noqa: E402

DRAWN = {
    "write": content_write.draw,
    "history": content_history.draw,
    "voices": content_voices.draw,
    "batch": content_batch.draw,
    "templates": content_templates.draw,
    "brand": content_brand.draw,
}
ICONS = {
    "write": "edit_note",
    "history": "history",
    "voices": "record_voice_over",
    "batch": "table_rows",
    "templates": "dashboard_customize",
    "brand": "rule",
}

show_notices()
read_address()
title("content")
shown = sections_for(actor, Permission.CONTENT, SECTIONS, writers=("write", "batch"), key=SECTION)
section = st.segmented_control(
    tr("content.section"),
    shown,
    key=SECTION,
    default=None if SECTION in st.session_state else "write",
    required=True,
    format_func=lambda name: f":material/{ICONS[name]}: {tr(f'content.sections.{name}')}",
    label_visibility="collapsed",
    on_change=section_chosen,
    persist_state="session",
)
DRAWN[section or "write"](app, actor)
