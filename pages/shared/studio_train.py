"""Train: data and recipe, arguments, what it will take, and the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio import data_sets, recipes, runs, tuning
from core.services.studio.views import DataSetVersionView, DataSetView, EstimateView, RecipeView
from core.text.catalogue import catalogue
from pages.shared import studio_data_set, studio_example, studio_form
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import language, tr
from pages.shared.parts import empty_state, notice
from pages.shared.quota_left import left_note
from pages.shared.studio_place import go, opened, opened_text
from pages.shared.studio_words import lasting, named, recipe_name
from pages.shared.wording import counted, plain, size

SAMPLERS = ("tpe", "random", "grid")


def draw(app: Application, actor: Actor) -> None:
    found = [one for one in data_sets.list_data_sets(app, actor) if one.latest]
    if not found:
        empty_state("studio.train.none", icon=":material/table_rows:", action=lambda: _to_data(app, actor))
        return
    version = _data(app, actor, found)
    recipe = _recipe(version)
    if recipe is None:
        st.info(tr("studio.train.no_recipe", task=named("studio.tasks", version.task)), icon=":material/info:")
        return
    earlier = st.session_state.pop("train-from", None)
    if earlier and earlier[0] == recipe.name:
        studio_form.fill(recipe, earlier[1])
        st.toast(tr("studio.train.filled"), icon=":material/replay:")
    _form(app, actor, version, recipe)
    _estimated(version, recipe)


def _to_data(app: Application, actor: Actor) -> None:
    with st.container(horizontal=True, horizontal_alignment="center", key="train-begin"):
        st.button(
            tr("studio.train.to_data"),
            key="train-to-data",
            type="primary",
            icon=":material/upload_file:",
            on_click=go,
            args=("data",),
            kwargs={"file": "new", "data": None},
        )
        studio_example.button(app, actor)


def _data(app: Application, actor: Actor, found: list[DataSetView]) -> DataSetVersionView:
    """The data set and, where there are several, its version. Kept in the address."""
    sets = {one.id: one for one in found}
    wanted = _wanted(app, actor, opened("learn"))
    if (
        "train-data" not in st.session_state
        or st.session_state["train-data"] not in sets
        or (wanted and st.session_state.get("train-learn") != wanted.id)
    ):
        st.session_state["train-data"] = wanted.data_set_id if wanted and wanted.data_set_id in sets else found[0].id
    with st.container(horizontal=True, vertical_alignment="bottom", key="train-what"):
        chosen = st.selectbox(
            tr("studio.data_set"),
            list(sets),
            key="train-data",
            format_func=lambda n: _named(sets[n]),
            persist_state="session",
        )
        versions = {v.id: v for v in data_sets.list_versions(app, actor, chosen) if v.state == "ready"}
        number = wanted.id if wanted and wanted.id in versions else next(iter(versions))
        if len(versions) > 1:
            key = f"train-version-{chosen}"
            if st.session_state.get(key) not in versions or st.session_state.get("train-learn") != opened("learn"):
                st.session_state[key] = number
            number = st.selectbox(
                tr("studio.data.version_label"),
                list(versions),
                key=key,
                width=220,
                format_func=lambda n: tr("studio.data.version", n=versions[n].number),
            )
    go(learn=number)
    st.session_state["train-learn"] = number
    return versions[number]


def _wanted(app: Application, actor: Actor, number: int) -> DataSetVersionView | None:
    from core.errors import NotFound

    try:
        return data_sets.get_data_set_version(app, actor, number) if number else None
    except NotFound:
        return None


def _named(one: DataSetView) -> str:
    rows = sum(studio_data_set.splits(one.latest).values()) if one.latest else 0
    return f"{one.name} · {named('studio.tasks', one.task)} · {counted('studio.data.rows', rows)}"


def _recipe(version: DataSetVersionView) -> RecipeView | None:
    known = {recipe.name: recipe for recipe in recipes.list_recipes(version.task)}
    if not known:
        return None
    key = f"train-recipe-{version.task}"
    asked = opened_text("recipe")
    if st.session_state.get(key) not in known:
        st.session_state[key] = asked if asked in known else next(iter(known))
    elif asked in known and asked != st.session_state[key] and "train-from" in st.session_state:
        st.session_state[key] = asked
    chosen = st.pills(
        tr("studio.recipe"), list(known), key=key, required=True, format_func=recipe_name, persist_state="session"
    ) or next(iter(known))
    go(recipe=chosen)
    about = catalogue(language()).get(f"recipes.names.{chosen}.help", "")
    if about:
        st.caption(about)
    return known[chosen]


def _form(app: Application, actor: Actor, version: DataSetVersionView, recipe: RecipeView) -> None:
    bases = recipes.base_models(app, actor, recipe.name) if recipe.base else []
    with st.form(f"train-{recipe.name}", enter_to_submit=False):
        args = studio_form.draw(recipe, bases, version, recipes.suggested_base(app, recipe.name, version.counts))
        name = st.text_input(
            tr("studio.train.name"),
            value=version.data_set,
            key=f"train-name-{version.data_set_id}",
            max_chars=runs.LONGEST_NAME,
            help=tr("studio.train.name_help"),
        )
        left_note(app, actor, "training_seconds")
        with st.container(horizontal=True, key="train-go"):
            start = st.form_submit_button(
                tr("studio.train.start"), key="train-start", type="primary", icon=":material/play_arrow:"
            )
            check = st.form_submit_button(
                tr("studio.train.check"), key="train-check", icon=":material/speed:", help=tr("studio.train.check_help")
            )
        search = _search(recipe)
    if start:
        _start(app, actor, version, recipe, args, name or "")
    elif check:
        _check(app, actor, version, recipe, args)
    elif search:
        with errors_shown():
            number = tuning.start_tuning(app, actor, recipe.name, version.id, args, name=name or "", **search)
            go("runs", run=number, compare=None)
            st.rerun()


def _search(recipe: RecipeView) -> dict[str, Any] | None:
    """Many short trainings instead of one; what was asked for, once the button is pressed."""
    if not recipe.tunable:
        return None
    with st.expander(tr("studio.tuning.title"), icon=":material/search_insights:", key=f"tune-{recipe.name}"):
        from pages.shared.studio_words import argument_label

        st.caption(tr("studio.tuning.lead", arguments=tr("studio.why.comma").join(map(argument_label, recipe.tunable))))
        with st.grid(min_column_width=180, gap="small", key="tune-grid"):
            sampler = st.selectbox(
                tr("studio.tuning.sampler"),
                SAMPLERS,
                key="tune-sampler",
                format_func=lambda one: tr(f"studio.tuning.samplers.{one}"),
            )
            trials = st.number_input(tr("studio.tuning.trials"), 1, 1000, 20, 1, key="tune-trials")
            minutes = st.number_input(
                tr("studio.tuning.minutes"),
                1,
                7 * 24 * 60,
                30,
                5,
                key="tune-minutes",
                help=tr("studio.tuning.minutes_help"),
            )
        if st.form_submit_button(tr("studio.tuning.start"), key="tune-start", icon=":material/search_insights:"):
            return {"sampler": sampler, "trials": int(trials or 20), "seconds": 60.0 * float(minutes or 30)}
    return None


def _about(version: DataSetVersionView, recipe: RecipeView, args: Mapping[str, Any]) -> tuple[int, str, str]:
    return version.id, recipe.name, repr(sorted((name, str(value)) for name, value in args.items()))


def _check(
    app: Application, actor: Actor, version: DataSetVersionView, recipe: RecipeView, args: Mapping[str, Any]
) -> None:
    """The pre-flight: a few real steps in a process of its own."""
    with errors_shown(), st.spinner(tr("studio.train.checking")):
        found = runs.estimate(app, actor, recipe.name, version.id, args)
        st.session_state["train-estimate"] = (_about(version, recipe, args), found)


def _start(
    app: Application, actor: Actor, version: DataSetVersionView, recipe: RecipeView, args: Mapping[str, Any], name: str
) -> None:
    """Queues the run. What was seen not to fit is not started; what was not checked is refused by the run itself."""
    held = st.session_state.get("train-estimate")
    estimate: EstimateView | None = held[1] if held and held[0] == _about(version, recipe, args) else None
    if estimate is not None and not estimate.fits:
        return  # why, and what would fit, stands below
    with errors_shown():
        number = runs.start_run(app, actor, recipe.name, version.id, args, name=name, estimated=estimate)
        notice(tr("studio.train.started"))
        go("runs", run=number, compare=None)
        st.rerun()


def _estimated(version: DataSetVersionView, recipe: RecipeView) -> None:
    held = st.session_state.get("train-estimate")
    if not held or held[0][:2] != (version.id, recipe.name):
        return
    estimate: EstimateView = held[1]
    with st.container(border=True, key="train-estimated"):
        if estimate.fits:
            st.markdown(f":green[:material/check_circle:] **{tr('studio.train.fits')}**")
        else:
            st.markdown(f":red[:material/block:] **{tr('studio.train.does_not_fit')}**")
            if estimate.advice:
                st.markdown(plain(stored_error(estimate.advice)))
        with st.grid(min_column_width=150, gap="small", key="train-estimate-grid"):
            st.metric(tr("studio.train.time"), lasting(estimate.seconds))
            st.metric(
                tr("studio.train.memory"),
                size(estimate.memory_bytes),
                help=tr("studio.train.free", size=size(estimate.free_memory_bytes)),
            )
            st.metric(
                tr("studio.train.disk"),
                size(estimate.disk_bytes),
                help=tr("studio.train.free", size=size(estimate.free_disk_bytes)),
            )
            st.metric(tr("studio.train.steps"), f"{estimate.steps:,}", help=counted("studio.data.rows", estimate.rows))
        st.caption(tr("studio.train.about"))
