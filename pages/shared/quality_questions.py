"""Golden questions: what is asked and what must come of it. List, edit, import."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services import golden
from core.services.application import Application
from core.services.views import GoldenView, KnowledgeBaseView
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.importing import import_popover
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.wording import language_name, plain

PER_PAGE = 25


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="golden-tools"):
        search = st.text_input(
            tr("quality.search"),
            key="golden-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("quality.search"),
            label_visibility="collapsed",
        )
        st.button(
            tr("quality.add"),
            key="golden-add",
            type="primary",
            icon=":material/add:",
            on_click=open_dialog,
            args=("golden-0",),
        )
        import_popover(
            tr("common.import"),
            tr("quality.import_help"),
            lambda upload: golden.import_golden(app, actor, base.id, upload),
            key="golden-import",
        )
    edit_golden(app, actor, base, None)
    offset = (st.session_state.get("golden-page", 1) - 1) * PER_PAGE
    page = golden.list_golden(app, actor, base.id, search=search or "", limit=PER_PAGE, offset=offset)
    if not page.total:
        if search:
            st.caption(tr("knowledge.nothing_found"))
        else:
            empty_state("quality.empty", icon=":material/fact_check:")
        return
    with st.container(key="golden-list", gap="xxsmall"):
        for view in page.rows:
            _row(app, actor, base, view)
    pager(page.total, PER_PAGE, key="golden-page")


def _row(app: Application, actor: Actor, base: KnowledgeBaseView, view: GoldenView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-golden-{view.id}"):
        with st.container(width="stretch", gap="xxsmall"):
            st.markdown(f"**{plain(view.question)}**")
            if view.answerable:
                facts = [view.document, view.answer if len(view.answer) <= 120 else view.answer[:120] + "…"]
                st.caption(f":green[{tr('quality.must_answer')}] " + plain(" · ".join(fact for fact in facts if fact)))
            else:
                st.caption(f":orange[{tr('quality.must_refuse')}]")
            note = f" · {plain(view.note)}" if view.note else ""
            st.caption(language_name(view.language) + note)
        st.button(
            "",
            key=f"edit-golden-{view.id}",
            icon=":material/edit:",
            type="tertiary",
            help=tr("common.edit"),
            on_click=open_dialog,
            args=(f"golden-{view.id}",),
        )
    edit_golden(app, actor, base, view)


def edit_golden(app: Application, actor: Actor, base: KnowledgeBaseView, view: GoldenView | None) -> None:
    """A dialog to add (``view`` None) or change a golden question."""
    number = view.id if view else 0

    def edit() -> None:
        question = st.text_input(
            tr("quality.question"), value=view.question if view else "", key=f"golden-q-{number}", max_chars=1000
        )
        answerable = st.toggle(
            tr("quality.answerable"),
            value=view.answerable if view else True,
            key=f"golden-able-{number}",
            help=tr("quality.answerable_help"),
        )
        document, answer = "", ""
        if answerable:
            document = st.text_input(
                tr("quality.document"),
                value=view.document if view else "",
                key=f"golden-d-{number}",
                help=tr("quality.document_help"),
            )
            answer = st.text_area(
                tr("quality.answer"),
                value=view.answer if view else "",
                key=f"golden-a-{number}",
                help=tr("quality.answer_help"),
            )
        note = st.text_input(tr("quality.note"), value=view.note if view else "", key=f"golden-n-{number}")
        with st.container(horizontal=True):
            if st.button(tr("common.save"), key=f"golden-save-{number}", type="primary"):
                with errors_shown():
                    golden.save_golden(
                        app,
                        actor,
                        base.id,
                        id=view.id if view else None,
                        question=question or "",
                        answerable=answerable,
                        document=document or "",
                        answer=answer or "",
                        note=note or "",
                    )
                    notice(tr("common.saved"))
                    close_dialog()
                    st.rerun()
            if view and st.button(
                tr("common.delete"), key=f"golden-delete-{number}", icon=":material/delete:", type="tertiary"
            ):
                with errors_shown():
                    golden.delete_golden(app, actor, view.id)
                    notice(tr("quality.deleted"))
                    close_dialog()
                    st.rerun()

    draw_dialog(
        f"golden-{number}",
        tr("quality.edit" if view else "quality.add"),
        edit,
        icon=":material/fact_check:",
        width="medium",
    )
