"""Runs side by side: figures, the arguments that differ, and their curves in one picture each."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.errors import PilotlightError
from core.services.application import Application
from core.services.studio import runs
from core.services.studio.recipes import NEVER_SHOWN
from core.services.studio.views import RunComparison
from pages.shared.errors import show_error
from pages.shared.language import tr
from pages.shared.studio_charts import plot_curves
from pages.shared.studio_place import go
from pages.shared.studio_tables import table
from pages.shared.studio_words import (
    argument_label,
    fewer_is_better,
    metric_name,
    metric_value,
    named,
    ran_for,
    recipe_name,
    value_text,
)
from pages.shared.wording import plain

CURVES_OPEN = 4


def draw(app: Application, actor: Actor, chosen: list[int]) -> None:
    st.button(
        tr("studio.runs.back"),
        key="compare-back",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=go,
        kwargs={"compare": None},
    )
    try:
        found = runs.compare_runs(app, actor, chosen)
    except PilotlightError as error:
        show_error(error)
        return
    st.subheader(tr("studio.compare.title", n=len(found.runs)), anchor=False)
    names = [f"{run.name} #{run.id}" for run in found.runs]
    _figures(found, names)
    _arguments(found, names)
    _curves(found, names)


def _figures(found: RunComparison, names: list[str]) -> None:
    st.markdown(f"**{tr('studio.compare.metrics')}**")
    rows: list[list[str]] = [
        [tr("studio.compare.state"), *(named("common.job", run.state) for run in found.runs)],
        [tr("studio.recipe"), *(recipe_name(run.recipe) for run in found.runs)],
        [tr("studio.data_set"), *(run.data_set for run in found.runs)],
        [tr("studio.runs.took"), *(ran_for(run) for run in found.runs)],
    ]
    for name, values in _by_rows(found).items():
        known = [value for value in values if value is not None]
        best = (min if fewer_is_better(name) else max)(known)
        differ = len(set(known)) > 1
        rows.append(
            [metric_name(name)]
            + [metric_value(name, value) + (" ★" if differ and value == best else "") for value in values]
        )
    table(rows, [" ", *names], key="compare-metrics")
    if found.metrics:
        st.caption(tr("studio.compare.best"))


def _by_rows(found: RunComparison) -> dict[str, list[float | None]]:
    """Figures under the rows they are of: some trainers name the validation rows, some do not."""
    merged: dict[str, list[float | None]] = {}
    for name, values in found.metrics.items():
        told = f"validation_{name}" if f"test_{name}" in found.metrics else name
        before = merged.get(told, [None] * len(values))
        merged[told] = [old if new is None else new for old, new in zip(before, values, strict=True)]
    return merged


def _arguments(found: RunComparison, names: list[str]) -> None:
    st.markdown(f"**{tr('studio.compare.arguments')}**")
    arguments = {name: values for name, values in found.arguments.items() if name not in NEVER_SHOWN}
    if not arguments:
        st.caption(tr("studio.compare.same_arguments"))
        return
    rows = [[argument_label(name), *map(value_text, values)] for name, values in arguments.items()]
    table(rows, [" ", *names], key="compare-arguments")


def _curves(found: RunComparison, names: list[str]) -> None:
    if not found.curves:
        return
    st.markdown(f"**{tr('studio.compare.curves')}**")
    both = {name: curves for name, curves in found.curves.items() if sum(map(bool, curves)) > 1}
    alone = [name for name in found.curves if name not in both]
    order = sorted(both, key=lambda name: (not name.startswith("validation"), name == "learning_rate", name))
    for place, name in enumerate(order):
        with st.expander(metric_name(name), expanded=place < CURVES_OPEN, key=f"compare-curve-{name}"):
            lines = {str(number): curve for number, curve in enumerate(both[name]) if curve}
            plot_curves(lines, key=f"compare-{name}", names={str(number): label for number, label in enumerate(names)})
    if alone:
        st.caption(tr("studio.compare.alone", names=plain(", ".join(map(metric_name, alone)))))
