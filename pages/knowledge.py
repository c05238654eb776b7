"""Knowledge: documents, FAQ, the review queue, a retrieval test, and the settings of a knowledge base."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Permission
from pages.shared.guard import guard

app, actor = guard(Permission.KNOWLEDGE_READ)

from pages.shared import (  # noqa: E402 - guard() is the page's first statement
    knowledge_documents,
    knowledge_faq,
    knowledge_review,
    knowledge_settings,
    knowledge_test,
)
from pages.shared.knowledge_choice import (  # noqa: E402
    choose_knowledge_base,
    new_knowledge_base_form,
    take_new_choice,
)
from pages.shared.language import tr  # noqa: E402
from pages.shared.parts import empty_state, show_notices, title  # noqa: E402
from pages.shared.publish_bar import publish_bar  # noqa: E402
from pages.shared.reading import sections_for  # noqa: E402

SECTIONS = {
    "documents": knowledge_documents.draw,
    "faq": knowledge_faq.draw,
    "review": knowledge_review.draw,
    "test": knowledge_test.draw,
    "settings": knowledge_settings.draw,
}
ICONS = {"documents": "description", "faq": "quiz", "review": "policy", "test": "manage_search", "settings": "tune"}

show_notices()
take_new_choice()
title("knowledge")
with st.container(horizontal=True, vertical_alignment="bottom", key="knowledge-choice"):
    with st.container(width="stretch"):
        base = choose_knowledge_base(app, actor)
    if base and actor.may(Permission.KNOWLEDGE_WRITE):
        with st.popover(tr("knowledge.new"), icon=":material/add:", key="new-knowledge-base"):
            new_knowledge_base_form(app, actor, key="new-base")
if base is None:
    empty_state(
        "knowledge.none",
        icon=":material/library_books:",
        action=(lambda: new_knowledge_base_form(app, actor, key="first-base"))
        if actor.may(Permission.KNOWLEDGE_WRITE)
        else None,
    )
    st.stop()

if (asked := st.query_params.get("show")) in SECTIONS:
    st.session_state["knowledge.section"] = asked
    del st.query_params["show"]
shown = sections_for(actor, Permission.KNOWLEDGE_WRITE, SECTIONS, writers=("settings",), key="knowledge.section")
section = st.segmented_control(
    tr("knowledge.section"),
    shown,
    key="knowledge.section",
    default=None if "knowledge.section" in st.session_state else "documents",
    required=True,
    format_func=lambda name: (
        f":material/{ICONS[name]}: {tr(f'knowledge.sections.{name}')}"
        + (f" ({base.held})" if name == "review" and base.held else "")
    ),
    label_visibility="collapsed",
    persist_state="session",
)
publish_bar(app, actor, base)
SECTIONS[section or "documents"](app, actor, base)
