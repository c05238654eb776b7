"""Admin, audit: who did what and when, filtered, exported, and whether the chain holds."""

from __future__ import annotations

from datetime import date
from functools import partial

import pandas as pd
import streamlit as st

from core.access.actor import Actor
from core.services import audit
from core.services.application import Application
from core.text.cells import harmless
from pages.shared.audit_words import said_action, said_details, said_target
from pages.shared.errors import errors_shown
from pages.shared.language import tr
from pages.shared.parts import empty_state, pager

PER_PAGE = 25
FORMS = {"csv": "text/csv", "json": "application/json"}


def draw(app: Application, actor: Actor) -> None:
    """The whole section. The actor must be allowed to read the log."""
    known = audit.actions(app, actor)
    if not known:
        empty_state("audit_page.empty", icon=":material/receipt_long:")
        return
    st.caption(tr("audit_page.lead"))
    chosen = _filter(known)
    page = int(st.session_state.get("audit-page", 1)) - 1
    found = audit.list_entries(app, actor, chosen, limit=PER_PAGE, offset=page * PER_PAGE)
    if found.entries:
        _table(found.entries)
        _under(found.total)
    else:
        st.info(tr("audit_page.none"), icon=":material/search_off:")
    _actions(app, actor, chosen)


def _filter(known: list[str]) -> audit.AuditFilter:
    who, what, when = st.columns([2, 2, 2])
    name = who.text_input(tr("audit_page.who"), key="audit-who", max_chars=200, on_change=_first_page)
    action = what.selectbox(
        tr("audit_page.what"), known, index=None, key="audit-what", format_func=said_action,
        placeholder=tr("audit_page.all"), on_change=_first_page,
    )  # fmt: skip
    period = when.date_input(
        tr("audit_page.when"), value=(), key="audit-when", format="YYYY-MM-DD", on_change=_first_page
    )
    since, until = _period(period)
    return audit.AuditFilter(actor=name, action=action or "", since=since, until=until)


def _period(chosen: object) -> tuple[date | None, date | None]:
    days = [one for one in chosen if isinstance(one, date)] if isinstance(chosen, tuple | list) else []
    return (days[0], days[-1] if len(days) > 1 else None) if days else (None, None)


def _first_page() -> None:
    st.session_state.pop("audit-page", None)


def _table(entries: tuple[audit.AuditView, ...]) -> None:
    # The table has a button of its own that saves it as CSV, hence harmless().
    rows = pd.DataFrame(
        {
            "number": [one.number for one in entries],
            "at": [one.at for one in entries],
            "actor": [harmless(one.actor) for one in entries],
            "action": [said_action(one.action) for one in entries],
            "target": [harmless(said_target(one.action, one.target)) for one in entries],
            "details": [harmless(said_details(one.details)) for one in entries],
        }
    )
    names = {name: tr(f"audit_page.columns.{name}") for name in rows.columns}
    st.dataframe(
        rows,
        hide_index=True,
        height="content",
        key="audit-table",
        column_config={
            "number": st.column_config.NumberColumn(names["number"], width=60),
            "at": st.column_config.DatetimeColumn(
                names["at"], format="YYYY-MM-DD HH:mm:ss", timezone=st.context.timezone or "UTC", width=150
            ),
            "actor": st.column_config.TextColumn(names["actor"], width=170),
            "action": st.column_config.TextColumn(names["action"], width=190),
            "target": st.column_config.TextColumn(names["target"], width=170),
            "details": st.column_config.TextColumn(names["details"], width="medium"),
        },
    )


def _under(total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(tr("audit_page.total", total=f"{total:,}"))
        pager(total, PER_PAGE, key="audit-page")


def _actions(app: Application, actor: Actor, chosen: audit.AuditFilter) -> None:
    with st.container(horizontal=True):
        for form, mime in FORMS.items():
            st.download_button(
                tr(f"audit_page.{form}"), partial(audit.export_entries, app, actor, form, chosen),
                file_name=f"audit.{form}", mime=mime,
                key=f"audit-{form}", on_click="ignore", icon=":material/download:",
            )  # fmt: skip
        asked = st.button(tr("audit_page.verify"), icon=":material/verified:", key="audit-verify")
    if asked:
        with errors_shown():
            _verdict(audit.verify(app, actor))


def _verdict(checked: audit.Verified) -> None:
    if checked.broken is not None:
        st.error(tr("audit_page.broken", number=checked.broken), icon=":material/gpp_bad:")
        return
    st.success(tr("audit_page.sound", entries=f"{checked.entries:,}"), icon=":material/verified:")
    st.caption(tr("audit_page.keep"))
    st.code(checked.last, language=None)
