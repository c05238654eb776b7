"""What a comparison found: the verdict, the figures of every model on both splits, and how they were measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.recommend import wizard
from core.services.recommend.views import CatalogueView, ComparisonView
from core.services.recommend.wording import verdict_sentence
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.recommend_place import go
from pages.shared.recommend_words import figure, interval, model_name, percent
from pages.shared.studio_tables import table
from pages.shared.studio_words import ink, lasting
from pages.shared.wording import when

TONES = {"beats": "green", "not_yet": "orange", "too_little": "orange"}
ICONS = {"beats": "emoji_events", "not_yet": "hourglass_empty", "too_little": "hourglass_empty"}


def progress(view: ComparisonView) -> None:
    """What is known so far, while the job works: the model that learns now, and the figures of those that have."""
    if view.now.get("model"):
        _now(view.now)
    main = view.result.get("main", "")
    for kind, cell in view.result.get("splits", {}).items():
        st.caption(tr(f"recommend.split.{kind}") + ("" if kind == main else f" · {tr('recommend.wizard.beside')}"))
        _table(cell["results"], list(cell["results"]), key=f"so-far-{kind}")
    done = view.result.get("splits", {}).get(main, {}).get("results", {})
    waiting = [model_name(name) for name in view.options.get("models", ()) if name not in done]
    if waiting and view.state in ("queued", "running"):
        st.caption(tr("recommend.wizard.to_come", list=", ".join(waiting)))


def _now(now: Mapping[str, Any]) -> None:
    """Steps, epochs and the time left of the model that learns now."""
    split = tr(f"recommend.split.{now['split']}") if now.get("split") else tr("recommend.wizard.last_learning")
    parts = [f"**{model_name(now['model'])}**", split]
    if now.get("epoch"):
        parts.append(tr("recommend.wizard.epoch", n=int(now["epoch"]), most=int(now["epochs"])))
    if now.get("total"):
        parts.append(tr("recommend.wizard.steps", n=f"{now['done']:,}", most=f"{now['total']:,}"))
    if now.get("seconds_left") is not None:
        parts.append(tr("recommend.wizard.left", time=lasting(now["seconds_left"])))
    if now.get("validation_ndcg") is not None:
        parts.append(tr("recommend.wizard.validation", value=figure(now["validation_ndcg"])))
    share = now["done"] / now["total"] if now.get("total") else 0.0
    with st.container(key="wizard-now"):
        st.progress(min(1.0, share), text=" · ".join(parts))


def draw(app: Application, actor: Actor, catalogue: CatalogueView, view: ComparisonView) -> None:
    verdict = view.result["verdict"]
    with st.container(border=True, key="verdict"):
        st.badge(
            tr(f"recommend.verdict_word.{verdict['code']}"),
            color=TONES[verdict["code"]],  # type: ignore[arg-type]
            icon=f":material/{ICONS[verdict['code']]}:",
        )
        st.markdown(f"### {verdict_sentence(verdict, language())}")
        st.caption(_judged_by(view))
        _serve(app, actor, catalogue, view, verdict["model"])
    main = view.result["main"]
    order: list[str] = view.result["order"]
    st.subheader(tr("recommend.wizard.figures"), anchor=False)
    results = view.result["splits"][main]["results"]
    _chart(results, order)
    _table(results, order, key="figures-main")
    st.caption(tr("recommend.wizard.reading"))
    other = next((kind for kind in view.result["splits"] if kind != main), None)
    if other:
        with st.expander(tr("recommend.wizard.random"), icon=":material/casino:", key="figures-random"):
            st.caption(tr("recommend.wizard.random_help"))
            _table(view.result["splits"][other]["results"], order, key="figures-other")
    with st.expander(tr("recommend.wizard.protocol"), icon=":material/fact_check:", key="protocol"):
        for kind, cell in view.result["splits"].items():
            st.markdown(f"**{tr(f'recommend.split.{kind}')}** – {protocol_text(cell['protocol'])}")
    _others(app, actor, catalogue, view)


def _judged_by(view: ComparisonView) -> str:
    protocol = view.result["splits"][view.result["main"]]["protocol"]
    parts = [tr(f"recommend.wizard.judged_{view.result['main']}", people=f"{protocol['people']:,}", day=_day(protocol))]
    if view.finished_at:
        parts.append(when(view.finished_at))
    return " · ".join(parts)


def _day(protocol: Mapping[str, Any]) -> str:
    return f"{datetime.fromtimestamp(protocol['cut'], UTC):%Y-%m-%d}" if protocol.get("cut") else "–"


def protocol_text(protocol: Mapping[str, Any]) -> str:
    """How it was measured, in words."""
    return tr(
        "recommend.wizard.protocol_text",
        train=f"{protocol['train_events']:,}",
        test=f"{protocol['test_events']:,}",
        people=f"{protocol['people']:,}",
        new=f"{protocol['new_people']:,}",
        items=f"{protocol['items']:,}",
        k=protocol["k"],
        seed=protocol["seed"],
    )


def _serve(app: Application, actor: Actor, catalogue: CatalogueView, view: ComparisonView, name: str) -> None:
    model_id = view.models.get(name)
    if model_id is None:
        st.caption(tr("recommend.wizard.not_kept"))
        return
    if catalogue.served and catalogue.served.id == model_id:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(tr("recommend.wizard.serving"), color="green", icon=":material/check:")
            st.button(
                tr("recommend.wizard.try"), key="winner-try", icon=":material/person_search:", type="tertiary",
                on_click=go, args=("people",),
            )  # fmt: skip
        return
    if actor.may(Permission.RECOMMEND) and st.button(
        tr("recommend.wizard.serve", model=model_name(name)),
        key="winner-serve",
        type="primary",
        icon=":material/rocket_launch:",
    ):
        with errors_shown():
            wizard.serve_compared(app, actor, view.id, name)
            notice(tr("recommend.wizard.served", model=model_name(name)))
            st.rerun()


def _others(app: Application, actor: Actor, catalogue: CatalogueView, view: ComparisonView) -> None:
    served = catalogue.served.id if catalogue.served else None
    free = [name for name in view.result["order"] if name in view.models and view.models[name] != served]
    if not free or not actor.may(Permission.RECOMMEND):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="serve-other"):
        name = st.selectbox(tr("recommend.wizard.other"), free, key="other-model", format_func=model_name, width=260)
        if st.button(tr("recommend.wizard.serve_other"), key="other-serve", icon=":material/rocket_launch:") and name:
            with errors_shown():
                wizard.serve_compared(app, actor, view.id, name)
                notice(tr("recommend.wizard.served", model=model_name(name)))
                st.rerun()


def _table(results: Mapping[str, Any], order: list[str], *, key: str) -> None:
    heads = ("model", "ndcg", "gain", "recall", "mrr", "coverage", "novelty", "seconds")
    base = results.get("popular", {}).get("ndcg", {}).get("value") or 0.0
    rows = []
    for name in (one for one in order if one in results):
        one = results[name]
        gain = f"{100 * one['gain']['value'] / base:+.0f} %" if base and name != "popular" else "–"
        cells = [model_name(name), interval(one["ndcg"]), gain, interval(one["recall"]), interval(one["mrr"])]
        rows.append([*cells, percent(one["coverage"]), figure(one["novelty"], 1), lasting(one["seconds"])])
    table(rows, [tr(f"recommend.figure.{head}") for head in heads], key=key)


def _chart(results: Mapping[str, Any], order: list[str]) -> None:
    rows = [
        {
            "model": model_name(name),
            **{part: results[name]["ndcg"][part] for part in ("value", "low", "high")},
            "kind": "base" if name == "popular" else "other",
        }
        for name in order
    ]
    frame = pd.DataFrame(rows)
    title = tr("recommend.figure.ndcg")
    y = alt.Y("model:N", sort=[row["model"] for row in rows], title=None, axis=alt.Axis(labelLimit=140))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["base", "other"], range=["#E09F3E", "#0B7A75"]), legend=None)
    bars = (
        alt.Chart(frame)
        .mark_rule(strokeWidth=3, opacity=0.55)
        .encode(y=y, x=alt.X("low:Q", title=title), x2="high:Q", color=colour)
    )
    dots = (
        alt.Chart(frame)
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            y=y,
            x="value:Q",
            color=colour,
            tooltip=[
                "model",
                alt.Tooltip("value:Q", format=".3f"),
                alt.Tooltip("low:Q", format=".3f"),
                alt.Tooltip("high:Q", format=".3f"),
            ],
        )
    )
    line = (
        alt.Chart(frame[frame["kind"] == "base"])
        .mark_rule(strokeDash=[4, 4], color=ink(), opacity=0.5)
        .encode(x="value:Q")
    )
    st.altair_chart((bars + dots + line).properties(height=34 * len(rows) + 40), width="stretch", key="ndcg-chart")
