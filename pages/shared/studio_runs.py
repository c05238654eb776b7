"""Runs: a long list that can be filtered, one run as it goes, several side by side."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import NotFound
from core.services.application import Application
from core.services.studio import runs
from core.services.studio.views import RunView
from pages.shared import studio_compare, studio_run
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.studio_place import go, opened, opened_many
from pages.shared.studio_polling import polled
from pages.shared.studio_words import main_figure, moves, named, ran_for, recipe_name, state_badge
from pages.shared.wording import counted, percent, plain, when

PER_PAGE = 20
MOST = 1000
STATES = ("", "running", "done", "failed", "cancelled")


def draw(app: Application, actor: Actor) -> None:
    if len(chosen := opened_many("compare")) > 1:
        studio_compare.draw(app, actor, chosen)
    elif number := opened("run"):
        try:
            studio_run.draw(app, actor, runs.get_run(app, actor, number))
        except NotFound:
            go(run=None)
            notice(tr("studio.runs.gone"))
            st.rerun()
    else:
        _list(app, actor)


def _list(app: Application, actor: Actor) -> None:
    found = runs.list_runs(app, actor, limit=MOST)
    if not found:
        empty_state(
            "studio.runs.none", icon=":material/timeline:", action=_to_train if actor.may(Permission.STUDIO) else None
        )
        return
    shown = _filtered(found)
    _compare_bar(found)
    if not shown:
        st.caption(tr("studio.none_such"))
        return
    offset = (st.session_state.get("runs-page", 1) - 1) * PER_PAGE
    page = shown[offset if offset < len(shown) else 0 :][:PER_PAGE]
    with st.container(key="run-list", gap="xxsmall"):
        for run in page:
            _row(app, actor, run)
    pager(len(shown), PER_PAGE, key="runs-page")


def _to_train() -> None:
    st.button(
        tr("studio.runs.to_train"),
        key="runs-to-train",
        type="primary",
        icon=":material/model_training:",
        on_click=go,
        args=("train",),
    )


def _filtered(found: list[RunView]) -> list[RunView]:
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs-filter"):
        search = st.text_input(
            tr("studio.runs.search"),
            key="runs-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("studio.runs.search"),
            label_visibility="collapsed",
        )
        state = st.selectbox(
            tr("studio.runs.state"),
            STATES,
            key="runs-state",
            label_visibility="collapsed",
            width=150,
            format_func=lambda name: named("common.job", name) if name else tr("studio.runs.all_states"),
        )
        kinds = ["", *sorted({run.recipe for run in found})]
        if st.session_state.get("runs-recipe", "") not in kinds:
            st.session_state["runs-recipe"] = ""
        recipe = st.selectbox(
            tr("studio.recipe"),
            kinds,
            key="runs-recipe",
            label_visibility="collapsed",
            width=190,
            format_func=lambda name: recipe_name(name) if name else tr("studio.runs.all_recipes"),
        )
    words = (search or "").lower().split()
    return [
        run
        for run in found
        if (not state or run.state == state or (state == "running" and run.state == "queued"))
        and (not recipe or run.recipe == recipe)
        and all(word in f"{run.name} {run.data_set} {run.id}".lower() for word in words)
    ]


def _compare_bar(found: list[RunView]) -> None:
    chosen = [number for number in _picked() if any(run.id == number for run in found)]
    with st.container(horizontal=True, vertical_alignment="center", key="runs-compare"):
        st.caption(counted("studio.runs.count", len(found)), width="content")
        st.space("stretch")
        if chosen:
            st.button(tr("studio.runs.unpick"), key="runs-unpick", type="tertiary", on_click=_unpick, args=(chosen,))
        st.button(
            tr("studio.runs.compare", n=len(chosen)) if chosen else tr("studio.runs.compare_none"),
            key="runs-compare-go",
            icon=":material/compare_arrows:",
            disabled=not 2 <= len(chosen) <= runs.MOST_COMPARED,
            help=tr("studio.runs.compare_help", limit=runs.MOST_COMPARED),
            on_click=go,
            kwargs={"compare": ".".join(map(str, chosen)), "run": None},
        )


def _picked() -> list[int]:
    return list(st.session_state.get("runs-picked", []))


def _pick(number: int) -> None:
    chosen = [one for one in _picked() if one != number]
    st.session_state["runs-picked"] = [*chosen, number] if st.session_state[f"pick-run-{number}"] else chosen


def _unpick(chosen: list[int]) -> None:
    st.session_state["runs-picked"] = []
    for number in chosen:
        st.session_state[f"pick-run-{number}"] = False


def _row(app: Application, actor: Actor, run: RunView) -> None:
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key=f"row-run-{run.id}"):
        st.checkbox(
            tr("studio.runs.pick", name=run.name),
            key=f"pick-run-{run.id}",
            value=run.id in _picked(),
            label_visibility="collapsed",
            on_change=_pick,
            args=(run.id,),
            width="content",
        )
        with st.container(width="stretch", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    f"**{plain(run.name)}**",
                    key=f"open-run-{run.id}",
                    type="tertiary",
                    wrap=True,
                    on_click=go,
                    kwargs={"run": run.id, "compare": None},
                )
                polled(app, actor, lambda: _now(app, actor, run), _state, moves, key=f"run-{run.id}-{run.state}")
            facts = [f"#{run.id}", recipe_name(run.recipe), plain(run.data_set), plain(main_figure(run.metrics))]
            facts += [ran_for(run), when(run.created_at)]
            st.caption(" · ".join(fact for fact in facts if fact))


def _now(app: Application, actor: Actor, run: RunView) -> RunView:
    """The run as it stands; one that is over does not change, one that was deleted is over."""
    if not moves(run):
        return run
    try:
        return runs.get_run(app, actor, run.id)
    except NotFound:
        return replace(run, state="cancelled")


def _state(run: RunView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        state_badge(run.state)
        if run.state == "running" and run.total:
            st.caption(percent(run.done / run.total), width="content")
