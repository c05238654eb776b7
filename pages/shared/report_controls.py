"""What a pilot report is about: its days, whose questions, and what is assumed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import streamlit as st

from core.access.actor import Actor, Permission
from core.services.application import Application
from core.services.links.making import list_links
from core.services.report.figures import keep_assumptions, kept_assumptions
from core.services.report.views import Assumptions
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import notice

PERIODS = ("7", "30", "90", "own")


def period_and_source(app: Application, actor: Actor) -> tuple[tuple[date, date] | None, int | None]:
    """The days, None while only one of two is chosen; and the link whose guests are meant, None for everybody."""
    today = datetime.now(UTC).date()
    with st.container(horizontal=True, vertical_alignment="bottom", key="report-controls"):
        chosen = st.segmented_control(
            tr("pilot.period.label"), PERIODS, key="report-period", default="30", required=True,
            format_func=lambda name: tr(f"pilot.period.{name}"), persist_state="session",
        )  # fmt: skip
        link_id = _source(app, actor)
    if chosen != "own":
        return (today - timedelta(days=int(chosen or 30) - 1), today), link_id
    days = st.date_input(
        tr("pilot.days"), value=(today - timedelta(days=13), today), max_value=today, key="report-days",
        format="YYYY-MM-DD",
    )  # fmt: skip
    return ((days[0], days[1]) if isinstance(days, tuple) and len(days) == 2 else None), link_id


def _source(app: Application, actor: Actor) -> int | None:
    """Who may not see links sees the report of everybody."""
    links = {link.id: link.name for link in list_links(app, actor)} if actor.may(Permission.LINKS) else {}
    if not links:
        return None
    return st.selectbox(
        tr("pilot.source"), [None, *links], key="report-source", width=320,
        format_func=lambda number: tr("pilot.only", name=links[number]) if number else tr("pilot.everybody"),
    )  # fmt: skip


def assumptions(app: Application, actor: Actor) -> Assumptions:
    kept = kept_assumptions(app, actor)
    endpoint = app.settings.llm == "endpoint"
    with st.expander(tr("pilot.assumptions"), icon=":material/tune:", key="report-assumptions"):
        st.caption(tr("pilot.assume.help"))
        minutes = st.number_input(
            tr("pilot.assume.minutes"), 0.0, 240.0, kept.minutes, 0.5, key="report-minutes", format="%.1f"
        )
        tokens, price, currency = kept.tokens, kept.price, kept.currency
        if endpoint:
            tokens = st.number_input(tr("pilot.assume.tokens"), 0, 1_000_000, kept.tokens, 100, key="report-tokens")
            price = st.number_input(tr("pilot.assume.price"), 0.0, 10_000.0, kept.price, 0.1, key="report-price")
            currency = st.text_input(tr("pilot.assume.currency"), kept.currency, key="report-currency", max_chars=8)
        given = Assumptions(minutes=minutes, tokens=tokens, price=price, currency=currency or kept.currency)
        keep = actor.may(Permission.WORKSPACE) and given != kept
        if keep and st.button(tr("pilot.assume.keep"), key="report-keep", icon=":material/save:"):
            with errors_shown():
                keep_assumptions(app, actor, given)
                notice(tr("pilot.assume.kept"))
                st.rerun()
    return given
