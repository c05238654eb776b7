"""Small pieces every page draws alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared.language import tr

PAGES = Path(__file__).resolve().parent.parent


def title(name: str) -> None:
    """The page's title and the line under it: keys ``<name>.title`` and ``<name>.lead``."""
    st.title(tr(f"{name}.title"), anchor=False)
    st.caption(tr(f"{name}.lead"))


def empty_state(key: str, *, icon: str, link: str = "", action: Callable[[], None] | None = None) -> None:
    """What is missing and what to do: keys ``<key>.title``, ``<key>.text`` and, with ``link``, ``<key>.link``."""
    with st.container(border=True, key=f"empty-{key.replace('.', '-')}", horizontal_alignment="center"):
        st.markdown(f"#### {icon} {tr(f'{key}.title')}", text_alignment="center", width="content")
        st.markdown(tr(f"{key}.text"), text_alignment="center")
        if link:
            page_link(link, label=tr(f"{key}.link"), icon=":material/arrow_forward:")
        if action:
            action()


def page_link(name: str, **looks: Any) -> None:
    """A link to the page ``name``; nothing for who may not open it."""
    if name in st.session_state.get("pages.open", (name,)):
        st.page_link(PAGES / f"{name}.py", **looks)


def notice(text: str) -> None:
    """Shown after the next rerun, so that an action that reruns the page still says what it did."""
    st.session_state.setdefault("notices", []).append(text)


def show_notices() -> None:
    for text in st.session_state.pop("notices", []):
        st.toast(text, icon=":material/check_circle:")


def pager(total: int, per_page: int, *, key: str) -> int:
    """A row of page numbers under a long list; returns the offset of the page chosen."""
    pages = max(1, -(-total // per_page))
    if pages == 1:
        return 0
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    return (int(st.pagination(pages, key=key, persist_state="page")) - 1) * per_page


def confirm(text: str, label: str, act: Callable[[], None], *, key: str) -> None:
    """Inside a dialog or popover: the question, and the button that does it."""
    st.markdown(text)
    if st.button(label, key=key, type="primary", icon=":material/delete:"):
        act()
