"""An experiment: started with a form, read in words, stopped by its own rule or by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.recommend import experimenting, versions
from core.services.recommend.experimenting import ExperimentView
from core.services.recommend.views import CatalogueView, ModelView
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice
from pages.shared.recommend_words import model_name, named, percent
from pages.shared.studio_tables import table
from pages.shared.wording import plain, when

TONES = {"running": "blue", "won": "green", "lost": "orange", "even": "gray", "hurt": "red", "stopped": "gray"}


def draw(app: Application, actor: Actor, catalogue: CatalogueView) -> None:
    if not catalogue.items:
        empty_state("recommend.no_items", icon=":material/table_rows:")
        return
    found = experimenting.list_experiments(app, actor, catalogue.id)
    models = versions.list_models(app, actor, catalogue.id)
    running = next((one for one in found if one.state == "running"), None)
    st.markdown(tr("recommend.experiment.lead"))
    if running is None and actor.may(Permission.RECOMMEND):
        _form(app, actor, catalogue, models, first=not found)
    for one in found:
        _draw(app, actor, catalogue, one, {model.id: model for model in models})


def _form(app: Application, actor: Actor, catalogue: CatalogueView, models: list[ModelView], *, first: bool) -> None:
    others = {one.id: one for one in models if not one.serving}
    with st.expander(tr("recommend.experiment.new"), icon=":material/add:", key="experiment-new", expanded=first):
        if not others and not catalogue.rules and catalogue.served is None:
            st.info(tr("recommend.experiment.nothing"), icon=":material/auto_awesome:")
            return
        name = st.text_input(
            tr("recommend.experiment.name"), value=tr("recommend.experiment.name_example"), key="experiment-name",
            max_chars=100,
        )  # fmt: skip
        design = st.segmented_control(
            tr("recommend.experiment.design"), experimenting.DESIGNS, key="experiment-design", default="ab",
            required=True, format_func=lambda one: tr(f"recommend.experiment.designs.{one}"),
        )  # fmt: skip
        design = design or "ab"
        st.caption(tr(f"recommend.experiment.about.{design}"))
        served = catalogue.served
        st.caption(tr("recommend.experiment.a_is", model=_called(served)))
        choices: list[int | None] = [*others, *([served.id] if served and catalogue.rules else []), None]
        known = {**others, **({served.id: served} if served else {})}
        b = st.selectbox(
            tr("recommend.experiment.b"), choices, key="experiment-b",
            format_func=lambda one: _called(known[one]) if one is not None else model_name("popular"),
        )  # fmt: skip
        rules = not catalogue.rules or st.toggle(tr("recommend.experiment.rules"), value=True, key="experiment-rules")
        with st.container(horizontal=True):
            expected = st.number_input(
                tr("recommend.experiment.expected"), 0.5, 50.0, 5.0 if design == "ab" else 10.0, 0.5,
                key=f"experiment-expected-{design}", help=tr(f"recommend.experiment.expected_help_{design}"),
            )  # fmt: skip
            most = st.number_input(
                tr("recommend.experiment.most"), 200, 10_000_000, 20_000, 1000, key="experiment-most",
                help=tr("recommend.experiment.most_help"),
            )  # fmt: skip
        if st.button(
            tr("recommend.experiment.start"), key="experiment-start", type="primary", icon=":material/science:"
        ):
            with errors_shown():
                experimenting.start_experiment(
                    app, actor, catalogue.id, name or "", model_id=b, rules=bool(rules), expected=expected / 100,
                    most_people=int(most), design=design,
                )  # fmt: skip
                notice(tr(f"recommend.experiment.started_{design}"))
                st.rerun()


def _called(model: ModelView | None) -> str:
    if model is None:
        return model_name("popular")
    return f"{model_name(model.name)} {tr('recommend.people.number', n=model.number)}"


def _draw(
    app: Application, actor: Actor, catalogue: CatalogueView, one: ExperimentView, models: Mapping[int, ModelView]
) -> None:
    with st.container(border=True, key=f"experiment-{one.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(tr(f"recommend.experiment.state.{one.state}"), color=TONES[one.state])  # type: ignore[arg-type]
            st.markdown(f"**{plain(one.name)}**", width="content")
            st.caption(f"{tr(f'recommend.experiment.designs.{one.design}')} · {when(one.created_at)}", width="content")
            st.space("stretch")
            if one.state == "running" and actor.may(Permission.RECOMMEND) and st.button(
                tr("recommend.experiment.stop"), key=f"experiment-stop-{one.id}", icon=":material/stop_circle:",
                type="tertiary",
            ):  # fmt: skip
                with errors_shown():
                    experimenting.stop_experiment(app, actor, one.id)
                    st.rerun()
        st.markdown(sentence(one))
        counts = one.result.get("arms") or {arm: {"people": 0, "clicked": 0, "refused": 0} for arm in one.arms}
        rows = [
            [arm.upper(), _setting(one.arms[arm], models), *(f"{counts[arm][name]:,}" for name in _COUNTS)]
            for arm in ("a", "b")
        ]
        heads = ["", tr("recommend.experiment.setting"), *(tr(_head(one, name)) for name in _COUNTS)]
        table(rows, heads, key=f"experiment-table-{one.id}")
        b = one.arms["b"]["model_id"]
        if one.state == "won" and b in models and not models[b].serving:
            _serve(app, actor, catalogue, one, models[b])


def _serve(app: Application, actor: Actor, catalogue: CatalogueView, one: ExperimentView, model: ModelView) -> None:
    label = tr("recommend.experiment.serve_b")
    if actor.may(Permission.RECOMMEND) and st.button(
        label, key=f"experiment-serve-{one.id}", type="primary", icon=":material/rocket_launch:"
    ):
        with errors_shown():
            versions.serve_model(app, actor, catalogue.id, model.id)
            notice(tr("recommend.wizard.served", model=model_name(model.name)))
            st.rerun()


_COUNTS = ("people", "clicked", "refused")


def _head(one: ExperimentView, name: str) -> str:
    votes = one.design == "interleaving" and name != "people"
    return f"recommend.experiment.{name}_first" if votes else f"recommend.experiment.{name}"


def _setting(arm: Mapping[str, Any], models: Mapping[int, ModelView]) -> str:
    model = _called(models.get(arm["model_id"]))
    return model if arm["rules"] else tr("recommend.experiment.without_rules", model=model)


def sentence(one: ExperimentView) -> str:
    """The result in words, with its interval."""
    effect = one.result.get("effect") or [0.0, None, None]
    interleaved = one.design == "interleaving"
    prefix = "recommend.experiment.says_interleaving" if interleaved else "recommend.experiment.says"
    said = named(prefix if one.state in ("won", "lost", "hurt") else "recommend.experiment.says", one.state)
    counts = one.result.get("arms") or {}
    votes = sum(arm.get("clicked", 0) for arm in counts.values()) if interleaved else 0
    if effect[1] is None or (interleaved and not votes):
        return f"{said} {tr('recommend.experiment.no_votes' if interleaved else 'recommend.experiment.too_few')}"
    value, low, high = (_points(share) for share in effect)
    if interleaved:
        share = percent(counts["b"]["clicked"] / votes)
        return f"{said} {tr('recommend.experiment.votes', n=votes, share=share, value=value, low=low, high=high)}"
    return f"{said} {tr('recommend.experiment.effect', value=value, low=low, high=high)}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
