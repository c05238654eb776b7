"""What a judged file shows: figures, plots, aspects, rows, failures, the CSV, and the way to people who label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.sentiment import lane, results
from core.services.sentiment.batches import BatchView
from pages.shared.errors import errors_shown, stored_error
from pages.shared.language import tr
from pages.shared.parts import notice
from pages.shared.sentiment_charts import MOST_BARS, plot_aspects, plot_days, plot_groups, plot_share
from pages.shared.sentiment_words import LABELS, aspect_name, label_name
from pages.shared.wording import percent, plain

PER_PAGE = 50
SHOWN_FAILURES = 50
SHOWN_SENTENCES = 6


def draw(app: Application, actor: Actor, view: BatchView) -> None:
    said = view.summary
    judged = int(said.get("rows", 0)) - int(said.get("failed", 0))
    if not said or not said.get("rows"):
        return
    if not said.get("complete"):
        st.info(tr("sentiment.files.partial"), icon=":material/info:")
    labels: Mapping[str, int] = said["labels"]
    with st.grid(5, min_column_width=130, key="sentiment-numbers", gap="small"):
        st.metric(tr("sentiment.files.judged"), f"{judged:,}", border=True)
        for label in ("positive", "neutral", "negative", "uncertain"):
            share = labels.get(label, 0) / judged if judged else 0.0
            st.metric(label_name(label), percent(share), border=True)
    _plots(said)
    _aspects(app, actor, view)
    _rows(app, actor, view)
    _failures(said)
    _take_away(app, actor, view)


def _plots(said: Mapping[str, Any]) -> None:
    st.subheader(tr("sentiment.files.by_label"), anchor=False)
    plot_share(said["labels"], key="plot-share")
    if said["days"]:
        st.subheader(tr("sentiment.files.trend"), anchor=False)
        plot_days(said["days"], key="plot-days", title=tr("sentiment.files.count"))
    if said["groups"]:
        st.subheader(tr("sentiment.files.by_group"), anchor=False)
        plot_groups(said["groups"], key="plot-groups")
        if len(said["groups"]) > MOST_BARS:
            st.caption(tr("sentiment.files.most_groups", n=MOST_BARS))


def _aspects(app: Application, actor: Actor, view: BatchView) -> None:
    if not view.summary.get("has_aspects"):
        return
    st.subheader(tr("sentiment.one.aspects"), anchor=False)
    found: Sequence[Mapping[str, Any]] = view.summary["aspects"]
    if groups := sorted(view.summary["groups"]):
        every = tr("sentiment.files.every_group")
        chosen = st.selectbox(tr("sentiment.files.of_group"), [every, *groups], key="aspects-of", width=320)
        if chosen != every:
            with errors_shown():
                found = results.result_aspects(app, actor, view.id, group=str(chosen))
    if not found:
        st.caption(tr("sentiment.files.no_aspects"))
        return
    plot_aspects(found, key="plot-aspects")
    names = {str(row["aspect"]): aspect_name(str(row["aspect"])) for row in found}
    aspect = st.selectbox(
        tr("sentiment.files.sentences"), list(names), key="aspect-sentences", format_func=lambda n: names[n], width=320
    )
    row = next(row for row in found if row["aspect"] == aspect)
    left, right = st.columns(2)
    for place, side, colour in ((left, "praise", "green"), (right, "blame", "red")):
        with place:
            counted = row["praised" if side == "praise" else "blamed"]
            st.markdown(f":{colour}[**{tr(f'sentiment.files.{side}')}** · {counted}]")
            for _, clause, where in row[side][:SHOWN_SENTENCES]:
                st.markdown(f"- {plain(clause)} :gray[({tr('sentiment.files.row')} {where})]")
            if counted > SHOWN_SENTENCES:
                st.caption(tr("common.and_more", n=f"{counted - min(SHOWN_SENTENCES, len(row[side])):,}"))
    st.download_button(
        tr("sentiment.files.aspects_csv"), lambda: results.export_aspects(app, actor, view.id),
        file_name=f"{PurePath(view.name).stem}-aspects.csv", mime="text/csv", key="aspects-download",
        icon=":material/download:", type="tertiary", on_click="ignore", help=tr("sentiment.files.aspects_csv_help"),
    )  # fmt: skip


def _rows(app: Application, actor: Actor, view: BatchView) -> None:
    st.subheader(tr("sentiment.files.table"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        label = st.selectbox(
            tr("sentiment.files.filter"),
            ["", *LABELS],
            key="rows-label",
            format_func=lambda name: label_name(name) if name else tr("sentiment.files.all"),
            width=220,
        )
        groups = sorted(view.summary["groups"])
        group = (
            st.selectbox(
                tr("sentiment.files.group"),
                ["", *groups],
                key="rows-group",
                format_func=lambda name: name or tr("sentiment.files.all"),
                width=260,
            )
            if groups
            else ""
        )
    about = (view.id, label, group)
    if st.session_state.get("rows-about") != about:
        st.session_state["rows-about"], st.session_state["rows-after"] = about, 0
    with errors_shown():
        page = results.result_rows(
            app, actor, view.id, label=label or "", group=group or "", limit=PER_PAGE,
            after=st.session_state["rows-after"],
        )  # fmt: skip
        if not page.rows:
            st.caption(tr("sentiment.files.no_rows"))
        else:
            st.dataframe([_cells(row) for row in page.rows], width="stretch", hide_index=True)
        with st.container(horizontal=True, gap="small"):
            if page.more and st.button(tr("sentiment.files.more"), key="rows-more", icon=":material/expand_more:"):
                st.session_state["rows-after"] = page.after
                st.rerun()
            if st.session_state["rows-after"] and st.button(tr("sentiment.files.first"), key="rows-first"):
                st.session_state["rows-after"] = 0
                st.rerun()


def _cells(row: results.ResultRow) -> dict[str, Any]:
    cells: dict[str, Any] = {
        tr("sentiment.files.row"): row.number,
        tr("sentiment.files.text"): row.text,
        tr("sentiment.files.labelled"): label_name(row.label) if row.label else "–",
        tr("sentiment.files.sure"): percent(row.confidence) if row.label else "–",
    }
    chances = row.probabilities if row.label else (None, None, None)
    cells |= {
        label_name(name): None if value is None else round(value, 3)
        for name, value in zip(LABELS[:3], chances, strict=True)
    }
    if row.date:
        cells[tr("sentiment.files.day")] = row.date
    if row.group:
        cells[tr("sentiment.files.group")] = row.group
    return cells


def _failures(said: Mapping[str, Any]) -> None:
    count = int(said["failed"]) + int(said.get("unread", 0))
    if not count:
        return
    with st.expander(tr("sentiment.files.failures", n=count), key="sentiment-failures"):
        for line, code in said["failures"][:SHOWN_FAILURES]:
            reason = stored_error({"code": code, "values": {"line": line}})
            st.caption(tr("sentiment.files.failure_line", line=line, reason=plain(reason)))


def _take_away(app: Application, actor: Actor, view: BatchView) -> None:
    left, right = st.columns(2)
    with left, st.container(border=True, key="card-export", height="stretch"):
        st.download_button(
            tr("sentiment.files.download"),
            data=lambda: results.export(app, actor, view.id),
            file_name=f"{PurePath(view.name).stem}-sentiment.csv",
            mime="text/csv",
            key="sentiment-download",
            icon=":material/table_view:",
            on_click="ignore",
        )
    if not actor.may(Permission.SENTIMENT):
        return
    with right, st.container(border=True, key="card-lane", height="stretch"):
        st.caption(tr("sentiment.files.to_lane_help"))
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            why = st.selectbox(
                tr("sentiment.files.to_lane"),
                ["uncertain", "sampled"],
                key="lane-why",
                format_func=lambda name: tr(f"sentiment.files.{'doubtful' if name == 'uncertain' else 'sampled'}"),
                width=190,
            )
            most = st.number_input(tr("sentiment.files.most"), 1, lane.MOST_ADDED, 50, key="lane-most", width=130)
            if st.button(tr("sentiment.files.put"), key="lane-put", icon=":material/label:"):
                with errors_shown():
                    added = lane.add_from_batch(app, actor, view.id, why=why or "uncertain", most=int(most))
                    notice(tr("sentiment.files.put_done", n=added))
                    st.rerun()
