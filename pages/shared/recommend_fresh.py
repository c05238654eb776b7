"""How fresh everything is: what serves, what it has learnt from, what came since, and a way to prove it."""

from __future__ import annotations

import time

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.recommend import catalogues, feedback, serving, versions
from core.services.recommend.serving import Asked
from core.services.recommend.views import CatalogueView
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import empty_state, notice
from pages.shared.recommend_people import MOST_ITEMS
from pages.shared.recommend_words import figure, model_name
from pages.shared.wording import counted, plain, when


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    if not catalogue.items:
        empty_state("recommend.no_items", icon=":material/table_rows:")
        return
    _now(app, actor, catalogue)
    _prove(app, actor, catalogue)
    _versions(app, actor, catalogue)


def _now(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    st.markdown(tr("recommend.fresh.lead"))
    served = catalogue.served
    with st.grid(3, min_column_width=180, key="fresh-figures"):
        st.metric(tr("recommend.fresh.serving"), model_name(served.name if served else "popular"))
        day = f"{catalogue.as_of:%Y-%m-%d %H:%M}" if catalogue.as_of else "–"
        st.metric(tr("recommend.fresh.newest"), day)
        st.metric(
            tr("recommend.fresh.since"), f"{served.fresh:,}" if served else "–", help=tr("recommend.fresh.since_help")
        )


def _prove(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    with st.container(border=True, key="fresh-prove"):
        st.markdown(f"**{tr('recommend.fresh.prove')}**")
        st.caption(tr("recommend.fresh.prove_help"))
        items = {one.id: one for one in catalogues.list_items(app, actor, catalogue.id, limit=MOST_ITEMS).rows}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            who = st.text_input(
                tr("recommend.people.who"),
                value=tr("recommend.fresh.somebody"),
                key="prove-who",
                max_chars=100,
                width=220,
            )
            code = st.selectbox(
                tr("recommend.people.which"), list(items), key="prove-item", width="stretch",
                format_func=lambda one: items[one].called(language()),
            )  # fmt: skip
            go = st.button(tr("recommend.fresh.record"), key="prove-go", icon=":material/bolt:")
        if go and who and code:
            with errors_shown():
                began = time.perf_counter()
                feedback.record_event(app, actor, catalogue.id, who, code, kind="purchase")
                made = serving.recommend(app, actor, catalogue.id, Asked(person=who, k=5))
                names = ", ".join(offer.item.called(language()) for offer in made.offers)
                st.success(
                    tr("recommend.fresh.proved", ms=f"{1000 * (time.perf_counter() - began):.0f}", list=plain(names)),
                    icon=":material/bolt:",
                )


def _versions(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    found = versions.list_models(app, actor, catalogue.id)
    st.subheader(tr("recommend.fresh.versions"), anchor=False)
    if not found:
        st.caption(tr("recommend.fresh.no_versions"))
        return
    if catalogue.served and st.button(tr("recommend.fresh.roll_back"), key="roll-back", icon=":material/undo:"):
        with errors_shown():
            versions.roll_back(app, actor, catalogue.id)
            notice(tr("recommend.fresh.rolled_back"))
            st.rerun()
    with st.container(key="model-list", gap="xxsmall"):
        for one in found:
            with (
                st.container(key=f"row-model-{one.id}"),
                st.container(horizontal=True, vertical_alignment="center", gap="small"),
            ):
                st.markdown(f"**{one.number}. {model_name(one.name)}**", width="content")
                if one.serving:
                    st.badge(tr("recommend.wizard.serving"), color="green", icon=":material/check:")
                facts = [counted("recommend.fresh.learnt", one.interactions)]
                if one.as_of:
                    facts.append(tr("recommend.people.as_of", when=when(one.as_of)))
                if one.figures.get("ndcg"):
                    facts.append(f"NDCG@10 {figure(one.figures['ndcg']['value'])}")
                st.caption(" · ".join([*facts, when(one.created_at)]), width="content")
                st.space("stretch")
                if not one.serving and st.button(
                    tr("recommend.wizard.serve_other"),
                    key=f"serve-{one.id}",
                    type="tertiary",
                    icon=":material/rocket_launch:",
                ):
                    with errors_shown():
                        versions.serve_model(app, actor, catalogue.id, one.id)
                        notice(tr("recommend.wizard.served", model=model_name(one.name)))
                        st.rerun()
