"""Whether what is shown is what answers: the published index, a draft, and what stands in a draft's way."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services import publish
from core.services.application import Application
from core.services.views import KnowledgeBaseView
from core.text.catalogue import catalogue
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.wording import counted, plain, when


def publish_bar(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    if base.draft_version is None:
        if base.live_version is not None and base.published_at is not None:
            text = tr(
                "knowledge.published",
                passages=counted("knowledge.passages", base.passages),
                when=when(base.published_at),
            )
            st.caption(f":green[:material/check_circle:] {text}", help=plain(base.rule) or None)
        return
    if not actor.may(Permission.KNOWLEDGE_WRITE):
        return
    with st.container(border=True, key="publish-bar"):
        if base.blocked_by:
            st.warning(counted("knowledge.blocked", len(base.blocked_by)), icon=":material/block:")
            for line in base.blocked_by[:5]:
                st.markdown(f"- {plain(str(line.get('question', '')))} :gray[{plain(why(str(line.get('why', ''))))}]")
            if len(base.blocked_by) > 5:
                st.caption(tr("common.and_more", n=len(base.blocked_by) - 5))
        else:
            st.info(tr("knowledge.draft"), icon=":material/edit_note:")
        with st.container(horizontal=True):
            if st.button(tr("knowledge.publish"), key="publish", type="primary", icon=":material/publish:"):
                _publish(app, actor, base, override=False)
            if base.blocked_by:
                st.button(
                    tr("knowledge.override"),
                    key="override",
                    icon=":material/warning:",
                    on_click=open_dialog,
                    args=("override",),
                )
            if st.button(tr("knowledge.discard"), key="discard", type="tertiary"):
                with errors_shown():
                    publish.discard_draft(app, actor, base.id)
                    notice(tr("knowledge.discarded"))
                    st.rerun()
    draw_dialog(
        "override", tr("knowledge.override"), lambda: _ask_override(app, actor, base), icon=":material/warning:"
    )


def why(code: str) -> str:
    """Why a golden question passes or fails, in words: a verdict of the judge or an error that stood in the way."""
    words = catalogue(language())
    return words.get(f"assistant.verdict.{code}", words.get(f"errors.{code}", code))


def _publish(app: Application, actor: Actor, base: KnowledgeBaseView, *, override: bool) -> None:
    with errors_shown():
        with st.spinner(tr("knowledge.publishing")):
            result = publish.publish(app, actor, base.id, override=override)
        notice(
            tr("knowledge.publish_done")
            if result.published
            else counted("knowledge.publish_blocked", len(result.broken))
        )
        st.rerun()


def _ask_override(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    st.markdown(counted("knowledge.override_sure", len(base.blocked_by)))
    if st.button(tr("knowledge.override_yes"), key="override-yes", type="primary"):
        close_dialog()
        _publish(app, actor, base, override=True)
