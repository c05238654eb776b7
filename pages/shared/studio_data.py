"""Data sets: the list, one of them, and the way to a new one."""

from __future__ import annotations

import streamlit as st

from core.access.actor import Actor, Permission
from core.errors import NotFound
from core.services.application import Application
from core.services.studio import data_sets
from core.services.studio.views import DataSetView
from pages.shared import studio_data_set, studio_example, studio_upload
from pages.shared.job_progress import job_panel
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.studio_place import go, opened, opened_text
from pages.shared.studio_words import named
from pages.shared.wording import counted, plain, when

PER_PAGE = 20
NEW = "new"


def draw(app: Application, actor: Actor) -> None:
    if opened_text("file"):
        studio_upload.draw(app, actor)
    elif number := opened("data"):
        try:
            studio_data_set.draw(app, actor, data_sets.get_data_set(app, actor, number))
        except NotFound:
            go(data=None)
            notice(tr("studio.data.gone"))
            st.rerun()
    else:
        _list(app, actor)


def _list(app: Application, actor: Actor) -> None:
    found = data_sets.list_data_sets(app, actor)
    job_panel(app, actor, None, (data_sets.KIND,), key="data-sets")  # type: ignore[arg-type]
    if not found:
        empty_state(
            "studio.data.none",
            icon=":material/table_rows:",
            action=(lambda: _begin(app, actor)) if actor.may(Permission.STUDIO) else None,
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="data-filter"):
        search = st.text_input(
            tr("studio.data.search"),
            key="data-search",
            type="search",
            icon=":material/search:",
            placeholder=tr("studio.data.search"),
            label_visibility="collapsed",
        )
        if actor.may(Permission.STUDIO):
            _new_button("data-new")
    words = (search or "").lower().split()
    shown = [one for one in found if all(word in f"{one.name} {one.note} {one.task}".lower() for word in words)]
    st.caption(counted("studio.data.count", len(found)))
    if not shown:
        st.caption(tr("studio.none_such"))
    offset = (st.session_state.get("data-page", 1) - 1) * PER_PAGE
    with st.container(key="data-list", gap="xxsmall"):
        for one in shown[offset if offset < len(shown) else 0 :][:PER_PAGE]:
            _row(one)
    pager(len(shown), PER_PAGE, key="data-page")


def _new_button(key: str) -> None:
    st.button(
        tr("studio.data.new"),
        key=key,
        type="primary",
        icon=":material/upload_file:",
        on_click=go,
        kwargs={"file": NEW, "data": None},
    )


def _begin(app: Application, actor: Actor) -> None:
    with st.container(horizontal=True, horizontal_alignment="center", key="data-begin"):
        _new_button("data-first")
        studio_example.button(app, actor)


def _row(one: DataSetView) -> None:
    with st.container(key=f"row-data-{one.id}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                f"**{plain(one.name)}**",
                key=f"open-data-{one.id}",
                type="tertiary",
                wrap=True,
                on_click=go,
                kwargs={"data": one.id},
            )
            st.badge(named("studio.tasks", one.task), color="gray")
            if one.latest is None:
                st.badge(tr("studio.data.no_version"), color="orange", icon=":material/hourglass_empty:")
        facts = []
        if one.latest:
            rows = studio_data_set.splits(one.latest)
            facts = [
                tr("studio.data.version", n=one.latest.number),
                counted("studio.data.rows", sum(rows.values())),
                when(one.latest.created_at),
            ]
        st.caption(" · ".join([*facts, plain(one.note)] if one.note else facts))
