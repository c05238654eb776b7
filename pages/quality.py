"""Quality: golden questions, their runs compared with the last one, and what is allowed to be published."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.QUALITY_READ)

from pages.shared import quality_questions, quality_run  # noqa: E402 - guard() is the page's first statement
from pages.shared.knowledge_choice import choose_knowledge_base, take_new_choice  # noqa: E402
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import empty_state, show_notices, title  # noqa: E402
from pages.shared.publish_bar import publish_bar  # noqa: E402
from pages.shared.reading import sections_for  # noqa: E402

SECTIONS = {"run": quality_run.draw, "questions": quality_questions.draw}

show_notices()
take_new_choice()
title("quality")
base = choose_knowledge_base(app, actor)
if base is None:
    empty_state("quality.none", icon=":material/library_books:", link="knowledge")
    st.stop()
shown = sections_for(actor, Permission.QUALITY, SECTIONS, writers=(), key="quality.section")
section = st.segmented_control(
    tr("quality.section"),
    shown,
    key="quality.section",
    default=None if "quality.section" in st.session_state else "run",
    required=True,
    format_func=lambda name: tr(f"quality.sections.{name}", n=base.golden_questions),
    label_visibility="collapsed",
    persist_state="session",
)
publish_bar(app, actor, base)
SECTIONS[section or "run"](app, actor, base)
