"""FAQ entries: suggestions to approve first, then what is used most; search, edit, add, import."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services import faq
from core.services.application import Application
from core.services.views import FaqView, KnowledgeBaseView
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.importing import import_popover
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.wording import counted, language_name, plain

PER_PAGE = 25


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="faq-tools"):
        search = st.text_input(
            tr("knowledge.faq_search"),
            key="faq-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("knowledge.faq_search"),
            label_visibility="collapsed",
        )
        st.button(
            tr("knowledge.faq_add"),
            key="faq-add",
            type="primary",
            icon=":material/add:",
            on_click=open_dialog,
            args=("faq-0",),
        )
        import_popover(
            tr("common.import"),
            tr("knowledge.faq_import_help"),
            lambda upload: faq.import_faq(app, actor, base.id, upload),
            key="faq-import",
        )
    edit_faq(app, actor, base, None)
    offset = (st.session_state.get("faq-page", 1) - 1) * PER_PAGE
    page = faq.list_faq(app, actor, base.id, search=search or "", limit=PER_PAGE, offset=offset)
    if not page.total:
        if search:
            st.caption(tr("knowledge.nothing_found"))
        else:
            empty_state("knowledge.faq_empty", icon=":material/quiz:")
        return
    st.caption(counted("knowledge.faq_count", page.total))
    with st.container(key="faq-list", gap="xxsmall"):
        for entry in page.rows:
            _row(app, actor, base, entry)
    pager(page.total, PER_PAGE, key="faq-page")


def _row(app: Application, actor: Actor, base: KnowledgeBaseView, entry: FaqView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-faq-{entry.id}"):
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
        if not entry.approved and st.button(
            tr("knowledge.faq_approve"), key=f"approve-{entry.id}", icon=":material/check:"
        ):
            with errors_shown():
                _save(app, actor, base, entry, approved=True)
                notice(tr("knowledge.faq_approved"))
                st.rerun()
        st.button(
            "",
            key=f"edit-faq-{entry.id}",
            icon=":material/edit:",
            type="tertiary",
            help=tr("common.edit"),
            on_click=open_dialog,
            args=(f"faq-{entry.id}",),
        )
    edit_faq(app, actor, base, entry)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 180 else flat[:180] + "…"


def _save(app: Application, actor: Actor, base: KnowledgeBaseView, entry: FaqView, *, approved: bool) -> None:
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
        approved=approved,
    )


def edit_faq(app: Application, actor: Actor, base: KnowledgeBaseView, entry: FaqView | None) -> None:
    """A dialog to add (``entry`` None) or change an entry."""
    number = entry.id if entry else 0

    def edit() -> None:
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
        tags = st.text_input(
            tr("knowledge.faq_tags"), value=", ".join(entry.tags) if entry else "", key=f"faq-t-{number}"
        )
        approved = st.toggle(
            tr("knowledge.faq_is_approved"), value=entry.approved if entry else True, key=f"faq-ok-{number}"
        )
        with st.container(horizontal=True):
            if st.button(tr("common.save"), key=f"faq-save-{number}", type="primary"):
                with errors_shown():
                    faq.save_faq(
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
                    notice(tr("common.saved"))
                    close_dialog()
                    st.rerun()
            if entry and st.button(
                tr("common.delete"), key=f"faq-delete-{number}", icon=":material/delete:", type="tertiary"
            ):
                with errors_shown():
                    faq.delete_faq(app, actor, entry.id)
                    notice(tr("knowledge.faq_deleted"))
                    close_dialog()
                    st.rerun()

    draw_dialog(
        f"faq-{number}",
        tr("knowledge.faq_edit" if entry else "knowledge.faq_add"),
        edit,
        icon=":material/quiz:",
        width="medium",
    )
