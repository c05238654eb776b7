"""A run of the golden questions beside the run before it: what broke first, and what the threshold costs."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from core.access.actor import Actor, Permission
from core.services import golden
from core.services.application import Application
from core.services.views import GoldenLine, GoldenRunView, KnowledgeBaseView
from pages.shared.errors import errors_shown
from pages.shared.job_progress import job_panel
from pages.shared.language import tr
from pages.shared.parts import empty_state, pager
from pages.shared.publish_bar import why
from pages.shared.wording import counted, percent, plain, when

PER_PAGE = 25
FILTERS = ("all", "broken", "fixed", "failed", "passed")
ORDER = {"broken": 0, "fixed": 1, "new": 2, "same": 3}


def draw(app: Application, actor: Actor, base: KnowledgeBaseView) -> None:
    if not base.golden_questions:
        empty_state("quality.empty", icon=":material/fact_check:")
        return
    with st.container(horizontal=True, vertical_alignment="center", key="run-tools"):
        label = counted("quality.run_draft" if base.draft_version is not None else "quality.run", base.golden_questions)
        if actor.may(Permission.QUALITY) and st.button(
            label, key="golden-run", type="primary", icon=":material/play_arrow:"
        ):
            with errors_shown():
                golden.start_golden_run(app, actor, base.id)
                st.rerun()
    job_panel(app, actor, base.id, ("golden",), key="golden")
    run = golden.latest_run(app, actor, base.id)
    if run is None:
        empty_state("quality.no_run", icon=":material/play_circle:")
        return
    _totals(run)
    _curve(app, base, run)
    _lines(run)


def _totals(run: GoldenRunView) -> None:
    changes = [line.change for line in run.lines]
    st.caption(tr("quality.run_at", when=when(run.created_at)))
    with st.grid(4, min_column_width=150, key="run-totals", gap="small"):
        st.metric(tr("quality.passed"), run.passed, border=True)
        st.metric(tr("quality.failed"), run.failed, border=True)
        st.metric(tr("quality.broken"), changes.count("broken"), border=True)
        st.metric(tr("quality.fixed"), changes.count("fixed"), border=True)


def _curve(app: Application, base: KnowledgeBaseView, run: GoldenRunView) -> None:
    """Coverage against the share of wrong answers, threshold by threshold, with the chosen point."""
    curve = run.calibration.get("curve") or []
    if not curve:
        return
    allowed = float(base.settings.get("max_wrong_percent", app.settings.max_wrong_percent)) / 100
    coverage, wrong = tr("quality.coverage"), tr("quality.wrong_share")
    points = pd.DataFrame(
        [
            {"threshold": t, "share": value, "kind": kind}
            for t, c, w in curve
            for kind, value in ((coverage, c), (wrong, w))
        ]
    )
    chosen = run.calibration.get("threshold")
    lines = (
        alt.Chart(points)
        .mark_line(interpolate="step-before", strokeWidth=2.5)
        .encode(
            x=alt.X("threshold:Q", title=tr("quality.threshold"), scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[coverage, wrong], range=["#1E958E", "#C2574E"]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[alt.Tooltip("threshold:Q", format=".2f"), "kind:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    limit = alt.Chart(pd.DataFrame([{"y": allowed}])).mark_rule(strokeDash=[4, 4], color="#C2574E").encode(y="y:Q")
    chart = lines + limit
    if chosen is not None:
        chart += alt.Chart(pd.DataFrame([{"x": chosen}])).mark_rule(color="#8A938F", strokeWidth=2).encode(x="x:Q")
    with st.container(border=True, key="calibration"):
        st.markdown(f"**{tr('quality.calibration')}**", help=tr("quality.calibration_help"))
        if chosen is not None:
            st.caption(
                tr(
                    "quality.calibrated",
                    threshold=f"{chosen:.2f}",
                    coverage=percent(float(run.calibration.get("coverage", 0.0))),
                    wrong=percent(float(run.calibration.get("wrong", 0.0))),
                    allowed=f"{allowed * 100:g}",
                )
            )
        if not run.calibration.get("calibrated"):
            st.caption(tr("quality.not_calibrated", n=run.calibration.get("questions", 0)))
        st.altair_chart(
            chart.properties(height=260), width="stretch", key="calibration-chart", alt=tr("quality.calibration")
        )


def _lines(run: GoldenRunView) -> None:
    shown = st.segmented_control(
        tr("quality.filter"),
        FILTERS,
        key="run-filter",
        default=None if "run-filter" in st.session_state else "all",
        required=True,
        format_func=lambda name: f"{tr(f'quality.filters.{name}')} ({sum(_fits(line, name) for line in run.lines)})",
        label_visibility="collapsed",
        persist_state="session",
    )
    lines = [line for line in run.lines if _fits(line, shown or "all")]
    lines.sort(key=lambda line: (ORDER.get(line.change, 9), line.passed, line.question_id))
    if not lines:
        st.caption(tr("quality.none_such"))
        return
    offset = (st.session_state.get("run-page", 1) - 1) * PER_PAGE
    offset = offset if offset < len(lines) else 0
    with st.container(key="run-lines", gap="xxsmall"):
        for line in lines[offset : offset + PER_PAGE]:
            _line(line)
    pager(len(lines), PER_PAGE, key="run-page")


def _fits(line: GoldenLine, name: str) -> bool:
    if name in {"broken", "fixed"}:
        return line.change == name
    return name == "all" or line.passed == (name == "passed")


def _line(line: GoldenLine) -> None:
    with st.container(key=f"row-line-{line.question_id}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            colour, icon = ("green", ":material/check:") if line.passed else ("red", ":material/close:")
            st.badge(tr("quality.passed" if line.passed else "quality.failed"), color=colour, icon=icon)  # type: ignore[arg-type]
            if line.change in {"broken", "fixed", "new"}:
                colour = {"broken": "red", "fixed": "green", "new": "gray"}[line.change]
                st.badge(tr(f"quality.change.{line.change}"), color=colour)  # type: ignore[arg-type]
            st.markdown(f"**{plain(line.question)}**", width="content")
        expected = plain(line.expected) if line.expected else tr("quality.must_refuse")
        st.caption(tr("quality.expected", what=expected))
        got = plain(line.answer[:240]) if line.answer else tr("quality.got_nothing")
        place = f" · {plain(line.document)}" if line.document else ""
        reason = f" · :red[{plain(why(line.why))}]" if line.why and not line.passed else ""
        st.caption(tr("quality.got", what=got) + place + reason)
