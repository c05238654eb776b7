"""The wizard: started with one click, followed while it works, its verdict in words, and the winner served."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.recommend import wizard
from core.services.recommend.views import CatalogueView
from core.text.catalogue import catalogue as sentences
from pages.shared import recommend_result
from pages.shared.errors import errors_shown
from pages.shared.job_progress import job_panel
from pages.shared.language import language, tr
from pages.shared.parts import empty_state
from pages.shared.recommend_words import model_name
from pages.shared.studio_polling import polled

OWN = "own"  # the models are chosen one by one


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    if not catalogue.items:
        empty_state("recommend.no_items", icon=":material/table_rows:")
        return
    found = wizard.list_comparisons(app, actor, catalogue.id)
    newest = found[0] if found else None
    moving = newest is not None and newest.state in ("queued", "running")
    if newest is None:
        _lead()
    if not moving and actor.may(Permission.RECOMMEND):
        _start(app, actor, catalogue, first=newest is None)
    job_panel(app, actor, None, (wizard.KIND,), key="wizard-jobs")  # type: ignore[arg-type]
    if newest is None:
        return
    if moving:
        polled(
            app,
            actor,
            lambda: wizard.get_comparison(app, actor, newest.id),
            recommend_result.progress,
            lambda one: one.state in ("queued", "running"),
            key=f"comparison-{newest.id}",
        )
        return
    shown = next((one for one in found if one.state == "done"), newest)
    if shown is not newest:
        st.caption(tr("recommend.wizard.older"))
    if shown.result.get("verdict"):
        recommend_result.draw(app, actor, catalogue, shown)
    else:
        recommend_result.progress(shown)


def _lead() -> None:
    st.markdown(tr("recommend.wizard.lead"))


def _start(app: Application, actor: Actor, catalogue: CatalogueView, *, first: bool) -> None:
    with (
        st.container(key="wizard-first")
        if first
        else st.expander(tr("recommend.wizard.again"), icon=":material/refresh:", key="wizard-again")
    ):
        which = st.radio(
            tr("recommend.wizard.which"),
            [*wizard.SETS, OWN],
            key="wizard-set",
            format_func=lambda name: tr(f"recommend.wizard.set.{name}"),
            captions=[tr(f"recommend.wizard.set_help.{name}") for name in (*wizard.SETS, OWN)],
        )
        models = wizard.SETS.get(which or "quick", ())
        if which == OWN:
            names = [name for name in wizard.SETS["all"] if name != "popular"]
            models = st.pills(
                tr("recommend.wizard.models"), names, selection_mode="multi", key="wizard-models",
                default=["ease", "sasrec", "bert4rec"], format_func=model_name,
            )  # fmt: skip
            st.caption(tr("recommend.wizard.models_help"))
        with st.expander(tr("recommend.wizard.what_models"), icon=":material/help:"):
            for name in models:
                about = f"recommend.about.{name}"
                if about in sentences(language()):
                    st.markdown(f"**{model_name(name)}** – {tr(about)}")
        if not catalogue.interactions:
            st.warning(tr("recommend.wizard.no_interactions"), icon=":material/warning:")
        if st.button(tr("recommend.wizard.start"), key="wizard-start", type="primary", icon=":material/play_arrow:"):
            with errors_shown():
                wizard.start_comparison(app, actor, catalogue.id, models=models)
                st.rerun()
