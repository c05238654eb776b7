"""The report itself: figures, plots, questions without an answer, and the files to send."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd
import streamlit as st

from core.access.actor import Actor
from core.services.application import Application
from core.services.report.exporting import export_report
from core.services.report.views import PilotReport
from core.services.report.words import COLOURS, Words
from pages.shared.language import language, tr
from pages.shared.parts import empty_state
from pages.shared.wording import plain

FILES = (("pdf", "application/pdf", "picture_as_pdf"), ("html", "text/html", "code"))


def draw(app: Application, actor: Actor, report: PilotReport) -> None:
    words = Words(report, language())
    if not report.questions:
        empty_state("pilot.empty", icon=":material/summarize:")
        return
    _files(app, actor, report)
    st.subheader(plain(words.title()), anchor=False)
    st.caption(plain(words.period()))
    with st.grid(min_column_width=150, key="report-figures", gap="small"):
        for number, (name, value, note) in enumerate(words.figures()):
            with st.container(border=True, height="stretch", key=f"figure-{number}", gap="xxsmall"):
                st.metric(name, value)
                st.caption(note)
    left, right = st.columns(2)
    with left:
        _bars(words.who(), tr("pilot.sheet.who"), "who")
    with right:
        if words.moods():
            _bars(words.moods(), tr("pilot.sheet.moods"), "moods")
    _days(report)
    st.markdown(f"##### {tr('pilot.sheet.unanswered')}")
    if report.unanswered:
        rows = [{"text": one.text, "times": one.times, "last": one.last.isoformat()} for one in report.unanswered]
        heads = {name: tr(f"pilot.open.{name}") for name in ("text", "times", "last")}
        st.dataframe(pd.DataFrame(rows).rename(columns=heads), hide_index=True, width="stretch", key="report-open")
    else:
        st.caption(tr("pilot.sheet.none_unanswered"))
    st.caption(plain(words.assumption()))


def _files(app: Application, actor: Actor, report: PilotReport) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="report-files"):
        for kind, mime, icon in FILES:
            st.download_button(
                tr(f"pilot.export.{kind}"), partial(export_report, app, actor, report, kind, language()),
                f"pilot-report-{report.since}-{report.until}.{kind}", mime, key=f"report-{kind}", on_click="ignore",
                icon=f":material/{icon}:",
            )  # fmt: skip
        st.caption(tr("pilot.export.lead"), width="content")


def _bars(rows: list[tuple[str, int, str]], title: str, key: str) -> None:
    st.markdown(f"##### {title}")
    frame = pd.DataFrame([{"name": name, "value": value} for name, value, _ in rows])
    scale = alt.Scale(domain=[name for name, _, _ in rows], range=[colour for _, _, colour in rows])
    axis = alt.Axis(format=",.0f", tickMinStep=1)
    chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=150)),
            x=alt.X("value:Q", title=None, axis=axis),
            color=alt.Color("name:N", scale=scale, legend=None),
            tooltip=[alt.Tooltip("name:N", title=title), alt.Tooltip("value:Q", title=tr("pilot.figure.questions"))],
        )
        .properties(height=34 * len(rows) + 40)
    )
    st.altair_chart(chart, width="stretch", key=f"report-{key}", alt=title)


def _days(report: PilotReport) -> None:
    st.markdown(f"##### {tr('pilot.sheet.days')}")
    parts = ("answered", "refused", "person")
    names = {part: tr(f"pilot.day.{part}") for part in parts}
    frame = pd.DataFrame(
        [
            {"day": one.day.isoformat(), "part": names[part], "n": getattr(one, part)}
            for one in report.days
            for part in parts
        ]
    )
    scale = alt.Scale(domain=list(names.values()), range=[COLOURS[part] for part in parts])
    ticks = [one.day.isoformat() for one in report.days[:: max(1, len(report.days) // 7)]]
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(values=ticks, labelAngle=0, labelOverlap=True)),
            y=alt.Y("sum(n):Q", title=None, axis=alt.Axis(format=",.0f", tickMinStep=1)),
            color=alt.Color("part:N", title=None, scale=scale, legend=alt.Legend(orient="top")),
            tooltip=[
                alt.Tooltip("day:O", title=tr("pilot.days")), alt.Tooltip("part:N", title=tr("pilot.sheet.who")),
                alt.Tooltip("sum(n):Q", title=tr("pilot.figure.questions")),
            ],
        )
        .properties(height=220)
    )  # fmt: skip
    st.altair_chart(chart, width="stretch", key="report-per-day", alt=tr("pilot.sheet.days"))
