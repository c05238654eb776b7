"""A citation opened at its place: the page with the sentence highlighted, or the text with it highlighted."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.source import source
from core.types import Citation
from pages.shared.dialogs import draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.wording import plain

PLACE = "chat.source_at"


def open_source(name: str, number: int) -> None:
    """Opens the drawer ``name`` at its citation ``number``."""
    st.session_state[PLACE] = number
    open_dialog(name)


def source_drawer(app: Application, actor: Actor, citations: Sequence[Citation], name: str) -> None:
    """The drawer at the right, if it is open, with the way to the citations before and after."""
    draw_dialog(
        name,
        tr("chat.source.title"),
        lambda: _draw(app, actor, citations),
        icon=":material/format_quote:",
        width="medium",
        position="right",
    )


def _draw(app: Application, actor: Actor, citations: Sequence[Citation]) -> None:
    at = min(st.session_state.get(PLACE, 0), len(citations) - 1)
    citation = citations[at]
    with st.container(horizontal=True, vertical_alignment="center", key="source-steps"):
        st.button(
            "",
            key="source-previous",
            icon=":material/chevron_left:",
            help=tr("chat.source.previous"),
            disabled=at == 0,
            on_click=_step,
            args=(-1,),
        )
        st.markdown(tr("chat.source.of", number=at + 1, total=len(citations)), width="content")
        st.button(
            "",
            key="source-next",
            icon=":material/chevron_right:",
            help=tr("chat.source.next"),
            disabled=at == len(citations) - 1,
            on_click=_step,
            args=(1,),
        )
    with errors_shown():
        view = source(app, actor, citation)
        st.markdown(f"**{plain(view.document)}**")
        facts = [tr("chat.source.page_of", page=view.page, pages=view.pages)]
        facts += [plain(view.section)] if view.section else []
        facts += [tr(f"chat.source.dated.{view.dated}", date=view.document_date)] if view.document_date else []
        st.caption(" · ".join(facts))
        if view.header:
            st.caption(tr("chat.source.columns", header=plain(view.header)))
        with st.container(border=True, key="source-quote"):
            st.html(f'<div class="source-text"><span class="source-quote">{escape(view.quote)}</span></div>')
        if view.image:
            st.image(view.image, width="stretch", alt=view.quote)
            with st.expander(tr("chat.source.as_text"), key="source-as-text"):
                _text(view.before, view.quote, view.after)
        else:
            _text(view.before, view.quote, view.after)


def _text(before: str, quote: str, after: str) -> None:
    html = f'{escape(before)}<mark class="source-quote">{escape(quote)}</mark>{escape(after)}'
    with st.container(height=460, border=False, key="source-text"):
        st.html(f'<div class="source-text">{html}</div>')


def _step(by: int) -> None:
    st.session_state[PLACE] = st.session_state.get(PLACE, 0) + by
