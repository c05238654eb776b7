"""The trials of a search: a picture of what each reached, the best one, and training with its arguments."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.studio import tuning
from core.services.studio.views import RunView, TuningView
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.studio_charts import plot_bars
from pages.shared.studio_place import go
from pages.shared.studio_words import FINISHED, argument_label, metric_name, metric_value, named, value_text

COLOURS = {"complete": "#1E958E", "pruned": "#E09F3E", "failed": "#C2574E", "running": "#5B7DB1"}


def trials(app: Application, actor: Actor, run: RunView) -> None:
    with errors_shown():
        found = tuning.tuning_result(app, actor, run.id)
        if not found.trials:
            st.caption(tr("studio.tuning.none_yet"))
            return
        _picture(found)
        _best(run, found, may_train=actor.may(Permission.STUDIO))
        if found.importance:
            st.markdown(f"**{tr('studio.tuning.importance')}**")
            rows = [{"name": argument_label(name), "value": float(part)} for name, part in found.importance.items()]
            plot_bars(rows, key=f"importance-{run.id}", title=tr("studio.tuning.importance_share"), percent=True)
        _table(found)


def _picture(found: TuningView) -> None:
    rows = [
        {
            "number": one.number,
            "value": one.value,
            "state": named("studio.tuning.states", one.state),
            "tried": ", ".join(f"{argument_label(name)} {value_text(value)}" for name, value in one.arguments.items()),
        }
        for one in found.trials
        if one.value is not None
    ]
    if not rows:
        return
    names = [named("studio.tuning.states", state) for state in COLOURS]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_circle(size=90, opacity=0.9)
        .encode(
            x=alt.X("number:Q", title=tr("studio.tuning.trial"), axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title=metric_name(found.metric), scale=alt.Scale(zero=False)),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=names, range=list(COLOURS.values())),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["number:Q", alt.Tooltip("value:Q", format=".4~g"), "state:N", "tried:N"],
        )
        .properties(height=260)
    )
    st.altair_chart(chart, width="stretch", key=f"trials-{found.run_id}", alt=tr("studio.tuning.title"))


def _best(run: RunView, found: TuningView, *, may_train: bool) -> None:
    best = next((one for one in found.trials if one.number == found.best), None)
    if best is None or best.value is None:
        return
    tried = ", ".join(f"{argument_label(name)} {value_text(value)}" for name, value in best.arguments.items())
    with st.container(horizontal=True, vertical_alignment="center", key=f"tuning-best-{run.id}"):
        text = tr("studio.tuning.best", n=best.number, value=metric_value(found.metric, best.value), arguments=tried)
        st.markdown(text, width="stretch")
        if run.state in FINISHED and may_train:
            st.button(
                tr("studio.tuning.use"),
                key=f"tuning-use-{run.id}",
                icon=":material/model_training:",
                type="primary",
                on_click=_train_so,
                args=(run, dict(found.arguments)),
            )


def _train_so(run: RunView, arguments: dict[str, object]) -> None:
    recipe = str(run.args.get("recipe", ""))
    st.session_state["train-from"] = (recipe, arguments)
    go("train", learn=run.data_set_version_id, recipe=recipe)


def _table(found: TuningView) -> None:
    names = list(dict.fromkeys(name for one in found.trials for name in one.arguments))
    frame = pd.DataFrame(
        [
            [
                one.number,
                named("studio.tuning.states", one.state),
                one.value,
                *(value_text(one.arguments.get(n)) for n in names),
                round(one.seconds, 1),
            ]
            for one in found.trials
        ],
        columns=[
            tr("studio.tuning.trial"),
            tr("studio.tuning.state"),
            metric_name(found.metric),
            *map(argument_label, names),
            tr("studio.tuning.seconds"),
        ],
    )
    st.dataframe(frame, hide_index=True, key=f"trials-table-{found.run_id}", width="stretch")
