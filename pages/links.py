"""Demo links: make one, see what is used of each, read what guests asked, revoke."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.LINKS)

from pages.shared import links_form, links_list  # noqa: E402 - guard() is the page's first statement
from pages.shared.language import tr  # noqa: E402
from pages.shared.links_place import PLACE  # noqa: E402
from pages.shared.parts import show_notices, title  # noqa: E402

SECTIONS = {"list": links_list.draw, "make": links_form.draw}
ICONS = {"list": "list", "make": "add_link"}

show_notices()
PLACE.read_address()
title("links")
section = st.segmented_control(
    tr("links.section"), list(SECTIONS), key=PLACE.section,
    default=None if PLACE.section in st.session_state else "list", required=True,
    format_func=lambda name: f":material/{ICONS[name]}: {tr(f'links.sections.{name}')}",
    label_visibility="collapsed", on_change=PLACE.section_chosen, persist_state="session",
)  # fmt: skip
PLACE.write_address()
SECTIONS[section or "list"](app, actor)
