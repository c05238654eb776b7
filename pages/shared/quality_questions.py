"""Golden questions: what is asked and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import golden_questions
from core.services.application import Application
from core.services.views import GoldenView, KnowledgeBaseView
from pages.shared.entry_list import EntryList, draw_entries
from pages.shared.language import tr
from pages.shared.wording import language_name, plain

SHORT = 120


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    draw_entries(
        EntryList[GoldenView](
            name="golden",
            words="quality.",
            icon=":material/fact_check:",
            find=lambda search, limit, offset: golden_questions.list_golden(
                app, actor, base.id, search=search, limit=limit, offset=offset
            ),
            take=lambda upload: golden_questions.import_golden(app, actor, base.id, upload),
            row=_row,
            fields=partial(_fields, app, actor, base),
            remove=lambda number: golden_questions.delete_golden(app, actor, number),
            changes=actor.may(Permission.QUALITY),
        )
    )


def _row(view: GoldenView) -> None:
    with st.container(width="stretch", gap="xxsmall"):
        st.markdown(f"**{plain(view.question)}**")
        if view.answerable:
            facts = [view.document, view.answer if len(view.answer) <= SHORT else view.answer[:SHORT] + "…"]
            st.caption(f":green[{tr('quality.must_answer')}] " + plain(" · ".join(fact for fact in facts if fact)))
        else:
            st.caption(f":orange[{tr('quality.must_refuse')}]")
        note = f" · {plain(view.note)}" if view.note else ""
        st.caption(language_name(view.language) + note)


def _fields(app: Application, actor: Actor, base: KnowledgeBaseView, view: GoldenView | None) -> Callable[[], object]:
    number = view.id if view else 0
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
    return lambda: golden_questions.save_golden(
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
