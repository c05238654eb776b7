"""Admin: people, keys of the HTTP API, privacy, the audit log, usage. Each section is drawn by a module of its own."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.MEMBERS)

from pages.shared import (  # noqa: E402 - guard() is the page's first statement
    admin_audit,
    admin_keys,
    admin_people,
    admin_privacy,
    admin_usage,
)
from pages.shared.language import tr  # noqa: E402 - guard() is the page's first statement
from pages.shared.parts import show_notices, title  # noqa: E402
from pages.shared.place import Place  # noqa: E402

TAKES = {
    "people": Permission.MEMBERS,
    "keys": Permission.KEYS,
    "privacy": Permission.WORKSPACE,
    "audit": Permission.AUDIT,
    "usage": Permission.REPORT,
}
DRAW = {
    "people": admin_people.draw,
    "keys": admin_keys.draw,
    "privacy": admin_privacy.draw,
    "audit": admin_audit.draw,
    "usage": admin_usage.draw,
}
ICONS = {"people": "group", "keys": "key", "privacy": "lock", "audit": "history", "usage": "monitoring"}

PLACE = Place("admin", tuple(TAKES))

show_notices()
PLACE.read_address()
title("admin")
shown = [name for name, takes in TAKES.items() if actor.may(takes)]
section = st.segmented_control(
    tr("admin.section"),
    shown,
    key=PLACE.section,
    default=None if PLACE.section in st.session_state else "people",
    required=True,
    format_func=lambda name: f":material/{ICONS[name]}: {tr(f'admin.sections.{name}')}",
    label_visibility="collapsed",
    on_change=PLACE.section_chosen,
    persist_state="session",
)
PLACE.write_address()
DRAW[section or "people"](app, actor)
