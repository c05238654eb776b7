"""The review queue: what was found in a held document, and the reviewer's decision."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import review
from core.services.application import Application
from core.services.views import FlagView, HeldView, KnowledgeBaseView
from core.text.catalogue import catalogue
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import empty_state, notice
from pages.shared.wording import plain, when

COLOURS = {"secret": "red", "instruction": "orange", "hidden_text": "violet"}
SHOWN_FLAGS = 20


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    held = review.list_held(app, actor, base.id)
    if not held:
        empty_state("knowledge.review_empty", icon=":material/verified_user:")
        return
    st.caption(tr("knowledge.review_lead"))
    for view in held:
        _held(app, actor, view)


def _held(app: Application, actor: Actor, view: HeldView) -> None:
    with st.container(border=True, key=f"held-{view.version_id}"):
        st.markdown(f"**{plain(view.document)}** · :gray[{when(view.created_at)}]")
        for flag in view.flags[:SHOWN_FLAGS]:
            _flag(flag)
        if len(view.flags) > SHOWN_FLAGS:
            st.caption(tr("common.and_more", n=len(view.flags) - SHOWN_FLAGS))
        if not actor.may(Permission.KNOWLEDGE_WRITE):
            return
        with st.container(horizontal=True):
            if st.button(
                tr("knowledge.release"), key=f"release-{view.version_id}", type="primary", icon=":material/check:"
            ):
                with errors_shown():
                    review.release(app, actor, view.version_id)
                    notice(tr("knowledge.released", name=plain(view.document)))
                    st.rerun()
            if st.button(tr("knowledge.reject"), key=f"reject-{view.version_id}", icon=":material/block:"):
                with errors_shown():
                    review.reject(app, actor, view.version_id)
                    notice(tr("knowledge.rejected", name=plain(view.document)))
                    st.rerun()


def _flag(flag: FlagView) -> None:
    with st.container(key=f"quote-flag-{flag.id}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(tr(f"knowledge.flag.{flag.kind}"), color=COLOURS.get(flag.kind, "gray"))  # type: ignore[arg-type]
            detail = catalogue(language()).get(f"knowledge.detail.{flag.detail}", flag.detail.replace("_", " "))
            st.caption(f"{detail} · {tr('chat.source.page', page=flag.page)}", width="content")
        st.text(flag.excerpt)
