"""The confusion matrix of a report, and the examples behind the cell that was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.shared.choice_kept import keep_among
from pages.shared.language import tr
from pages.shared.studio_charts import confusion_chart
from pages.shared.wording import plain

MATRIX = 15  # labels up to which the whole matrix is drawn

Cell = Mapping[str, Any]


def draw(report: Mapping[str, Any], key: str) -> None:
    labels: Sequence[str] = report["labels"]
    wrong = sorted(
        (cell for cell in report["cells"] if cell["gold"] != cell["predicted"]), key=lambda cell: -cell["rows"]
    )
    right = [cell for cell in report["cells"] if cell["gold"] == cell["predicted"]]
    cells = {_id(cell): cell for cell in (*wrong, *right)}
    box = f"cell-{key}"
    if len(labels) <= MATRIX:
        st.caption(tr("studio.report.confusion_lead"))
        totals = [scores["rows"] for scores in report["after"]["scores"]["classes"]]
        chart = f"confusion-{key}"
        st.altair_chart(
            confusion_chart(labels, report["cells"], totals),
            width="stretch",
            key=chart,
            selection_mode="cell",
            on_select=lambda: _clicked(chart, box, cells),
            alt=tr("report.section.confusion"),
        )
    else:
        st.caption(tr("studio.report.confusion_many"))
    keep_among(box, cells)
    chosen = st.selectbox(
        tr("studio.report.cell"),
        list(cells),
        key=box,
        format_func=lambda name: _named(cells[name], labels),
    )
    if chosen:
        _examples(cells[chosen])


def _id(cell: Cell) -> str:
    return f"{cell['gold']}-{cell['predicted']}"


def _clicked(chart: str, box: str, cells: Mapping[str, Cell]) -> None:
    """A click on a cell of the picture chooses it in the box below."""
    state = st.session_state.get(chart)
    points = state["selection"].get("cell", []) if state else []
    if points and (name := f"{points[0]['gold']}-{points[0]['predicted']}") in cells:
        st.session_state[box] = name


def _named(cell: Cell, labels: Sequence[str]) -> str:
    key = "cell_right" if cell["gold"] == cell["predicted"] else "cell"
    return tr(f"report.{key}", gold=labels[cell["gold"]], predicted=labels[cell["predicted"]], rows=cell["rows"])


def _examples(cell: Cell) -> None:
    with st.container(border=True, key="quote-cell", gap="xsmall"):
        for one in cell["examples"]:
            row = tr("report.example_row", row=one["row"] + 1)
            st.markdown(plain(one["text"]))
            sure = tr("report.percent", value=f"{100 * one['probability']:.0f}")
            st.caption(f"{sure} · {row}")
        if cell["rows"] > len(cell["examples"]):
            st.caption(tr("common.and_more", n=cell["rows"] - len(cell["examples"])))
