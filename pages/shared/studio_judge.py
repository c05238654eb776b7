"""A model judged on a file that somebody brings: the figures with their bounds, and the rows that could not be used."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.studio import evaluating
from core.services.studio.views import Evaluation, Figure, ModelVersionView
from core.services.views import Upload
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.studio_findings import reason
from pages.shared.studio_tables import table
from pages.shared.studio_words import metric_name, metric_value
from pages.shared.wording import counted, plain

MOST_ROWS = 5000  # in the page; `python -m core evaluate` takes larger files
TYPES = ["csv", "tsv", "jsonl", "ndjson", "json", "xlsx"]


def draw(app: Application, actor: Actor, version: ModelVersionView) -> None:
    if version.kind not in evaluating.TASK_OF:
        return
    kept = f"judged-{version.id}"
    with st.expander(
        tr("studio.judge.title"),
        icon=":material/fact_check:",
        key=f"judge-{version.id}",
        expanded=kept in st.session_state,
    ):
        st.caption(tr("studio.judge.lead", most=f"{MOST_ROWS:,}"))
        with st.form(f"judge-form-{version.id}", border=False):
            file = st.file_uploader(
                tr("studio.judge.file"), key=f"judge-file-{version.id}", type=TYPES, label_visibility="collapsed"
            )
            asked = st.form_submit_button(
                tr("studio.judge.go"), key=f"judge-go-{version.id}", icon=":material/fact_check:"
            )
        if asked and file is None:
            st.warning(tr("studio.judge.no_file"), icon=":material/upload_file:")
        elif asked and file is not None:
            st.session_state.pop(kept, None)
            with errors_shown(), st.spinner(tr("studio.try.working")):
                upload = Upload(file.name, data=file.getvalue())
                found = evaluating.evaluate_file(app, actor, version.id, upload, most=MOST_ROWS)
                st.session_state[kept] = (file.name, found)
        if kept in st.session_state:
            _figures(*st.session_state[kept], key=kept)


def _figures(name: str, found: Evaluation, *, key: str) -> None:
    st.markdown(f"**{plain(name)}** · {counted('studio.data.rows', found.rows)}")
    heads = [tr("report.column.measure"), tr("studio.value"), tr("studio.judge.bounds")]
    rows = [
        [metric_name(one), metric_value(one, figure.value), _bounds(one, figure)]
        for one, figure in found.figures.items()
    ]
    table(rows, heads, key=f"table-{key}")
    for code, count in found.dropped.items():
        st.caption(f":orange[:material/warning: {counted('studio.data.rows', count)}: {plain(reason(code))}]")


def _bounds(name: str, figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{metric_value(name, figure.low)} – {metric_value(name, figure.high)}"
