"""The rows of a data set version, part by part and page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.access.actor import Actor
from core.errors import PilotlightError
from core.services.application import Application
from core.services.studio import data_sets
from core.services.studio.views import DataSetVersionView, RowsPage
from pages.shared.errors import show_error
from pages.shared.language import tr
from pages.shared.studio_words import named, split_name
from pages.shared.wording import plain

ROWS = 25
LONG = {"text", "first", "second", "prompt", "response"}
LAST = ("line", "augmented")


def draw(app: Application, actor: Actor, version: DataSetVersionView, counts: Mapping[str, int]) -> None:
    there = [name for name, count in counts.items() if count]
    if not there:
        return
    st.markdown(f"**{tr('studio.data.look')}**")
    key = f"data-split-{version.id}"
    split = st.segmented_control(
        tr("studio.data.split"),
        there,
        key=key,
        required=True,
        label_visibility="collapsed",
        default=None if key in st.session_state else there[0],
        format_func=lambda name: f"{split_name(name)} ({counts[name]:,})",
    )
    split = split or there[0]
    pages = -(-counts[split] // ROWS)
    turn = f"data-rows-{version.id}-{split}"
    place = min(int(st.session_state.get(turn, 1)), pages) - 1
    try:
        page = data_sets.sample_rows(app, actor, version.id, split, place, ROWS)
    except PilotlightError as error:
        show_error(error)
        return
    if "image" in page.columns:
        _pictures(page)
    else:
        _table(page, key=f"rows-{version.id}-{split}-{place}")
    if pages > 1:
        st.pagination(pages, key=turn, persist_state="page")


def _table(page: RowsPage, *, key: str) -> None:
    order = [*(name for name in page.columns if name not in LAST), *(name for name in LAST if name in page.columns)]
    config: dict[str, Any] = {}
    for name in order:
        label = named("studio.data.columns", name) if name in LONG or name in LAST or name.startswith("label") else name
        config[name] = (
            st.column_config.TextColumn(label, width="large") if name in LONG else st.column_config.Column(label)
        )
    rows = [{name: row.get(name) for name in order} for row in page.rows]
    st.dataframe(rows, hide_index=True, width="stretch", key=key, column_config=config)


def _pictures(page: RowsPage) -> None:
    with st.grid(min_column_width=90, gap="small", key="data-pictures"):
        for row in page.rows:
            with st.container(gap="xxsmall"):
                picture = row["image"]
                st.image(picture[:, :, 0] if picture.shape[-1] == 1 else picture, width=72)
                st.caption(plain(str(row["label"])))
