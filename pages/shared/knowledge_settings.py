"""Settings of a knowledge base: its name, how many wrong answers are allowed, its index, its end."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services import knowledge, publish
from core.services.application import Application
from core.services.calibration import threshold_of
from core.services.views import KnowledgeBaseView
from pages.shared import knowledge_offers
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.job_progress import job_panel
from pages.shared.knowledge_choice import STATE
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.wording import plain


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    _general(app, actor, base)
    knowledge_offers.draw(app, actor, base)
    _index(app, actor, base)
    _end(app, actor, base)


def _general(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    allowed = float(base.settings.get("max_wrong_percent", app.settings.max_wrong_percent))
    with st.form(f"settings-{base.id}"):
        name = st.text_input(tr("knowledge.name"), value=base.name, key=f"settings-name-{base.id}", max_chars=200)
        wrong = st.number_input(
            tr("knowledge.max_wrong"),
            min_value=0.5,
            max_value=50.0,
            value=allowed,
            step=0.5,
            format="%.1f",
            key=f"settings-wrong-{base.id}",
            help=tr("knowledge.max_wrong_help"),
        )
        if st.form_submit_button(tr("common.save"), key=f"settings-save-{base.id}", type="primary"):
            with errors_shown():
                if (name or "").strip() != base.name:
                    knowledge.rename_knowledge_base(app, actor, base.id, name or "")
                if wrong != allowed:
                    knowledge.update_settings(app, actor, base.id, max_wrong_percent=float(wrong))
                notice(tr("common.saved"))
                st.rerun()
    calibrated = bool(base.settings.get("calibration", {}).get("steps"))
    threshold = threshold_of(app, base)  # type: ignore[arg-type]
    st.caption(tr("knowledge.threshold", value=f"{threshold:.2f}") if calibrated else tr("knowledge.no_threshold"))


def _index(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    st.subheader(tr("knowledge.index"), anchor=False)
    st.markdown(plain(base.rule) if base.rule else tr("knowledge.no_index"))
    st.caption(tr("knowledge.index_help"))
    if st.button(tr("knowledge.rebuild"), key="rebuild", icon=":material/refresh:"):
        with errors_shown():
            publish.start_build(app, actor, base.id)
            st.rerun()
    job_panel(app, actor, base.id, ("build", "rebuild"), key="rebuild-job")


def _end(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    st.subheader(tr("knowledge.end"), anchor=False)
    st.button(
        tr("knowledge.delete_base"),
        key="delete-base",
        icon=":material/delete_forever:",
        on_click=open_dialog,
        args=("delete-base",),
    )
    draw_dialog(
        "delete-base",
        tr("knowledge.delete_base"),
        lambda: _ask_end(app, actor, base),
        icon=":material/delete_forever:",
    )


def _ask_end(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    st.markdown(tr("knowledge.delete_base_sure", name=plain(base.name), documents=base.documents))
    typed = st.text_input(tr("knowledge.delete_base_type", name=base.name), key="delete-base-name")
    label, wrong = tr("knowledge.delete_base_yes"), typed != base.name
    if st.button(label, key="delete-base-yes", type="primary", disabled=wrong):
        with errors_shown():
            knowledge.delete_knowledge_base(app, actor, base.id)
            st.session_state.pop(STATE, None)
            notice(tr("knowledge.base_deleted", name=plain(base.name)))
            close_dialog()
            st.rerun()
