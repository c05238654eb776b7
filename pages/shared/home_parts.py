"""The pieces of the home page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.services.views import Overview
from pages.shared.errors import stored_error
from pages.shared.language import tr
from pages.shared.parts import page_link
from pages.shared.wording import counted, percent, plain


def headline(view: Overview) -> None:
    st.title(plain(view.workspace) if view.workspace else "Pilotlight", anchor=False)
    st.markdown(tr("home.lead"))
    if not view.worker_alive:
        st.warning(tr("home.worker_down"), icon=":material/warning:")


def first_steps(view: Overview) -> None:
    """Four cards in the order in which a new owner needs them, each with what is there already."""
    bases = view.knowledge_bases
    done = {
        "upload": sum(base.documents for base in bases),
        "ask": view.questions_7_days,
        "review": sum(base.held for base in bases),
        "golden": sum(base.golden_questions for base in bases),
    }
    targets = {"upload": "knowledge", "ask": "chat", "review": "knowledge", "golden": "quality"}
    icons = {"upload": "upload_file", "ask": "forum", "review": "policy", "golden": "fact_check"}
    with st.grid(4, min_column_width=220, key="first-steps", gap="small"):
        for step, target in targets.items():
            with st.container(border=True, key=f"card-{step}", gap="xsmall", height="stretch"):
                st.markdown(f"**:material/{icons[step]}: {tr(f'home.step.{step}.title')}**")
                st.caption(tr(f"home.step.{step}.text"))
                st.caption(counted(f"home.step.{step}.done", done[step]))
                page_link(
                    target,
                    label=tr(f"home.step.{step}.link"),
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    query_params={"show": "review"} if step == "review" else None,
                )


def numbers(view: Overview) -> None:
    st.subheader(tr("home.week"), anchor=False)
    asked = view.answered_7_days + view.refused_7_days
    with st.grid(4, min_column_width=160, key="numbers", gap="small"):
        st.metric(tr("home.asked"), view.questions_7_days, border=True, height="stretch")
        st.metric(
            tr("home.answered"), percent(view.answered_7_days / asked) if asked else "–", border=True, height="stretch"
        )
        st.metric(
            tr("home.refused"), percent(view.refused_7_days / asked) if asked else "–", border=True, height="stretch"
        )
        with st.container(border=True, key="waiting", gap="xxsmall", height="stretch"):
            st.metric(tr("home.waiting"), view.waiting_handoffs)
            page_link("inbox", label=tr("home.to_inbox"), icon=":material/inbox:")


def plot_days(view: Overview) -> None:
    if not any(answered + refused for _, answered, refused in view.per_day):
        st.caption(tr("home.no_questions_yet"))
        return
    answered, refused = tr("home.answered"), tr("home.refused")
    rows = [
        {"day": day, "count": count, "kind": kind}
        for day, good, bad in view.per_day
        for kind, count in ((answered, good), (refused, bad))
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(size=22, cornerRadiusTopLeft=3, cornerRadiusTopRight=3)
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0, labelExpr="substring(datum.label, 5)")),
            y=alt.Y("count:Q", title=tr("home.per_day"), axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[answered, refused], range=["#1E958E", "#E09F3E"]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[alt.Tooltip("day:O", title=tr("home.day")), "kind:N", "count:Q"],
        )
        .properties(height=240)
    )
    st.altair_chart(chart, width="stretch", key="per-day", alt=tr("home.per_day"))


def tools() -> None:
    """The tools beside customer service, each with what it is for."""
    icons = {
        "sentiment": "sentiment_satisfied",
        "content": "edit_note",
        "recommend": "recommend",
        "studio": "model_training",
    }
    st.subheader(tr("home.tools"), anchor=False)
    with st.grid(4, min_column_width=220, key="tools", gap="small"):
        for name, icon in icons.items():
            with st.container(border=True, key=f"card-{name}", gap="xsmall", height="stretch"):
                st.markdown(f"**:material/{icon}: {tr(f'common.nav.{name}')}**")
                st.caption(tr(f"home.tool.{name}"))
                page_link(
                    name,
                    label=tr("home.open"),
                    icon=":material/arrow_forward:",
                    icon_position="right",
                )


def models(view: Overview) -> None:
    st.subheader(tr("home.state"), anchor=False)
    left, right = st.columns(2)
    with left, st.container(border=True, key="card-models", height="stretch"):
        st.markdown(f"**{tr('home.models')}**")
        for model in view.models:
            _model(model)
        if not any(model["task"] == "llm" for model in view.models):
            st.caption(tr("home.no_llm"))
    with right, st.container(border=True, key="card-indexes", height="stretch"):
        st.markdown(f"**{tr('home.indexes')}**")
        if not view.knowledge_bases:
            st.caption(tr("home.no_index"))
        for base in view.knowledge_bases:
            live = base.live_version is not None
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(
                    tr("home.live") if live else tr("home.not_live"),
                    color="green" if live else "gray",
                    icon=":material/check:" if live else ":material/remove:",
                )
                st.markdown(f"**{plain(base.name)}** · {counted('home.passages', base.passages)}", width="content")
            if base.rule:
                st.caption(plain(base.rule))
        st.caption(tr("home.worker_up") if view.worker_alive else tr("home.worker_down_short"))


def _model(model: Mapping[str, Any]) -> None:
    good = model["state"] != "missing"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(
            tr("home.model_ready" if good else "home.model_missing"),
            color="green" if good else "red",
            icon=":material/check:" if good else ":material/close:",
        )
        task = tr(f"home.task.{model['task']}") if model["task"] in TASKS else str(model["task"])
        st.markdown(f"**{plain(str(model['name']))}** · {task}", width="content")
    if model["note"]:
        st.caption(plain(stored_error(model["note"])))


TASKS = {"encoder", "cross_encoder", "llm"}
