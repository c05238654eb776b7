"""Studio: data sets, training, runs, model versions, and which of them serves what."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.STUDIO_READ)

from pages.shared import (  # noqa: E402 - guard() is the page's first statement
    studio_data,
    studio_models,
    studio_runs,
    studio_serving,
    studio_train,
)
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import show_notices, title  # noqa: E402
from pages.shared.reading import sections_for  # noqa: E402
from pages.shared.studio_place import SECTION, read_address, section_chosen, write_address  # noqa: E402

SECTIONS = {
    "data": studio_data.draw,
    "train": studio_train.draw,
    "runs": studio_runs.draw,
    "models": studio_models.draw,
    "serving": studio_serving.draw,
}
ICONS = {
    "data": "table_rows",
    "train": "model_training",
    "runs": "timeline",
    "models": "deployed_code",
    "serving": "rocket_launch",
}

show_notices()
read_address()
title("studio")
shown = sections_for(actor, Permission.STUDIO, SECTIONS, writers=("train",), key=SECTION)
section = st.segmented_control(
    tr("studio.section"),
    shown,
    key=SECTION,
    default=None if SECTION in st.session_state else "data",
    required=True,
    format_func=lambda name: f":material/{ICONS[name]}: {tr(f'studio.sections.{name}')}",
    label_visibility="collapsed",
    on_change=section_chosen,
    persist_state="session",
)
write_address()
SECTIONS[section or "data"](app, actor)
