"""FAQ entries: suggestions to approve first, then what is used most."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import faq
from core.services.application import Application
from core.services.views import FaqView, KnowledgeBaseView
from pages.shared.entry_list import EntryList, draw_entries
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.wording import counted, language_name, plain

SHORT = 180


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    draw_entries(
        EntryList[FaqView](
            name="faq",
            words="knowledge.faq_",
            icon=":material/quiz:",
            find=lambda search, limit, offset: faq.list_faq(
                app, actor, base.id, search=search, limit=limit, offset=offset
            ),
            take=lambda upload: faq.import_faq(app, actor, base.id, upload),
            row=partial(_row, app, actor, base),
            fields=partial(_fields, app, actor, base),
            remove=lambda number: faq.delete_faq(app, actor, number),
            count="knowledge.faq_count",
            changes=actor.may(Permission.KNOWLEDGE_WRITE),
        )
    )


def _row(app: Application, actor: Actor, base: KnowledgeBaseView, entry: FaqView) -> None:
    with st.container(width="stretch", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(entry.question)}**", width="content")
            if not entry.approved:
                st.badge(tr("knowledge.faq_suggested"), color="orange", icon=":material/pending:")
        st.markdown(f":gray[{plain(_short(entry.answer))}]")
        facts = [
            counted("knowledge.faq_hits", entry.hits),
            language_name(entry.language),
            counted("knowledge.faq_phrasings", len(entry.phrasings)) if entry.phrasings else "",
            " ".join(f"#{tag}" for tag in entry.tags),
        ]
        st.caption(plain(" · ".join(fact for fact in facts if fact)))
    waits = not entry.approved and actor.may(Permission.KNOWLEDGE_WRITE)
    if waits and st.button(tr("knowledge.faq_approve"), key=f"approve-{entry.id}", icon=":material/check:"):
        with errors_shown():
            _approve(app, actor, base, entry)
            notice(tr("knowledge.faq_approved"))
            st.rerun()


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHORT else flat[:SHORT] + "…"


def _approve(app: Application, actor: Actor, base: KnowledgeBaseView, entry: FaqView) -> None:
    faq.save_faq(
        app,
        actor,
        base.id,
        id=entry.id,
        question=entry.question,
        answer=entry.answer,
        phrasings=entry.phrasings,
        language=entry.language,  # type: ignore[arg-type]
        tags=entry.tags,
        approved=True,
    )


def _fields(app: Application, actor: Actor, base: KnowledgeBaseView, entry: FaqView | None) -> Callable[[], object]:
    number = entry.id if entry else 0
    question = st.text_input(
        tr("knowledge.faq_question"), value=entry.question if entry else "", key=f"faq-q-{number}", max_chars=1000
    )
    answer = st.text_area(
        tr("knowledge.faq_answer"), value=entry.answer if entry else "", key=f"faq-a-{number}", height=160
    )
    others = st.text_area(
        tr("knowledge.faq_others"),
        value="\n".join(entry.phrasings) if entry else "",
        key=f"faq-p-{number}",
        help=tr("knowledge.faq_others_help"),
    )
    tags = st.text_input(tr("knowledge.faq_tags"), value=", ".join(entry.tags) if entry else "", key=f"faq-t-{number}")
    approved = st.toggle(
        tr("knowledge.faq_is_approved"), value=entry.approved if entry else True, key=f"faq-ok-{number}"
    )
    return lambda: faq.save_faq(
        app,
        actor,
        base.id,
        id=entry.id if entry else None,
        question=question or "",
        answer=answer or "",
        phrasings=[line for line in (others or "").splitlines() if line.strip()],
        tags=[tag for tag in (tags or "").replace("，", ",").split(",") if tag.strip()],
        approved=approved,
    )
