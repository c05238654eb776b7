"""Admin › Usage: what is used by whom, and limits on it."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from core.access.actor import Actor, Permission
from core.services import quota
from core.services.application import Application
from core.services.quota import EACH, METRICS, PERIODS, Left, Metric
from core.text.amounts import UNITS, in_units, in_words
from pages.shared.errors import errors_shown
from pages.shared.language import language, tr
from pages.shared.parts import notice
from pages.shared.wording import plain


def draw(app: Application, actor: Actor) -> None:
    st.markdown(tr("quota.lead"))
    names = quota.names(app, actor)
    _chart(app, actor)
    _table(app, actor, names)
    st.subheader(tr("quota.limits"), anchor=False)
    found = quota.list_quotas(app, actor)
    with st.container(key="quota-list", gap="xxsmall"):
        for one in found:
            _row(app, actor, one, names)
    if not found:
        st.caption(tr("quota.no_limits"))
    if actor.may(Permission.KEYS):
        _form(app, actor, names)


def _called(subject: str, number: int, names: dict[quota.Subject, str]) -> str:
    if subject == "workspace":
        return tr("quota.subject.workspace")
    if number == EACH:
        return tr(f"quota.subject.each_{subject}")
    return f"{tr(f'quota.subject.{subject}')} {names.get((subject, number), f'#{number}')}"


def _chart(app: Application, actor: Actor) -> None:
    metric: Metric = st.segmented_control(
        tr("quota.metric_label"), METRICS, key="usage-metric", default="messages", required=True,
        format_func=lambda name: tr(f"quota.metric.{name}"), label_visibility="collapsed",
    )  # fmt: skip
    days = quota.per_day(app, actor, metric)
    if not any(amount for _, amount in days):
        st.caption(tr("quota.nothing_used"))
        return
    unit = tr(f"quota.metric.{metric}")
    frame = pd.DataFrame([(day, amount / UNITS.get(metric, 1)) for day, amount in days], columns=["day", "amount"])
    bars = alt.Chart(frame).mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2).encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%m-%d", tickCount=8)),
        y=alt.Y("amount:Q", title=unit),
        tooltip=[
            alt.Tooltip("day:T", format="%Y-%m-%d", title=tr("quota.day")),
            alt.Tooltip("amount:Q", format=",.4~g", title=unit),
        ],
    )  # fmt: skip
    st.altair_chart(bars.properties(height=190), width="stretch")


def _table(app: Application, actor: Actor, names: dict[quota.Subject, str]) -> None:
    lines = quota.usage(app, actor)
    if not lines:
        return
    rows = [
        {
            tr("quota.who"): _called(one.subject, one.subject_id, names),
            tr("quota.what"): tr(f"quota.metric.{one.metric}"),
            tr("quota.period.day"): in_units(one.metric, one.day),
            tr("quota.period.month"): in_units(one.metric, one.month),
            tr("quota.period.all"): in_units(one.metric, one.all),
        }
        for one in lines
    ]
    st.dataframe(rows, hide_index=True, width="stretch", key="usage-table")


def _row(app: Application, actor: Actor, one: Left, names: dict[quota.Subject, str]) -> None:
    with (
        st.container(key=f"row-quota-{one.id}"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        most = in_words(language(), one.metric, one.most)
        said = tr(f"quota.said.{one.period}", who=plain(_called(one.subject, one.subject_id, names)), most=plain(most))
        st.markdown(said, width="content")
        if one.subject_id != EACH:
            share = min(1.0, one.used / one.most) if one.most else 1.0
            color = "red" if share >= 1 else "orange" if share >= 0.8 else "green"
            st.badge(tr("quota.used", used=f"{in_units(one.metric, one.used):,}"), color=color)
        if one.opens_at and one.left == 0:
            st.caption(tr("quota.opens", at=f"{one.opens_at:%Y-%m-%d %H:%M}"), width="content")
        st.space("stretch")
        if actor.may(Permission.KEYS) and st.button(
            "", key=f"quota-delete-{one.id}", icon=":material/delete:", type="tertiary", help=tr("quota.remove")
        ):
            with errors_shown():
                quota.set_quota(app, actor, one.subject, one.subject_id, one.metric, one.period, None)
                st.rerun()


def _form(app: Application, actor: Actor, names: dict[quota.Subject, str]) -> None:
    each = [("workspace", 0), *((kind, EACH) for kind in ("account", "key", "link"))]
    with st.container(border=True, key="quota-new"):
        st.markdown(f"**{tr('quota.new')}**")
        who, what, often, many = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
        subject = who.selectbox(
            tr("quota.who"), [*each, *names], key="quota-who", format_func=lambda one: _called(one[0], one[1], names)
        )
        metric = what.selectbox(
            tr("quota.what"), METRICS, key="quota-what", format_func=lambda name: tr(f"quota.metric.{name}")
        )
        period = often.selectbox(
            tr("quota.often"), PERIODS, key="quota-often", index=1, format_func=lambda name: tr(f"quota.every.{name}")
        )
        most = many.number_input(tr("quota.most"), min_value=0, value=1000, step=1, key="quota-most")
        if st.button(tr("quota.set"), key="quota-set", type="primary", icon=":material/speed:"):
            with errors_shown():
                quota.set_quota(app, actor, *subject, metric, period, int(most) * UNITS.get(metric, 1))
                notice(tr("quota.was_set"))
                st.rerun()
