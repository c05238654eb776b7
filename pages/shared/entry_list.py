"""A long list that people search, add to, import into and edit: FAQ entries and golden questions are drawn by this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import streamlit as st

from core.services.rows_file import ImportReport
from core.services.views import PageOf, Upload
from pages.shared.dialogs import close_dialog, draw_dialog, open_dialog
from pages.shared.errors import errors_shown
from pages.shared.importing import import_popover
from pages.shared.language import tr
from pages.shared.parts import empty_state, notice, pager
from pages.shared.wording import counted

PER_PAGE = 25


class Entry(Protocol):
    @property
    def id(self) -> int: ...


E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class EntryList(Generic[E]):
    """What is particular to one list.

    ``name`` begins its widgets' keys, ``words`` the keys of its sentences: search, add, edit, deleted, import_help,
    empty. ``fields`` draws the inputs for an entry (None: a new one) and returns what stores them.
    """

    name: str
    words: str
    icon: str
    find: Callable[[str, int, int], PageOf]  # search, limit, offset
    take: Callable[[Upload], ImportReport]
    row: Callable[[E], None]
    fields: Callable[[E | None], Callable[[], object]]
    remove: Callable[[int], None]
    count: str = ""  # the key of "{n} entries", where the page does not say it elsewhere
    changes: bool = True  # whether this person may add, import and edit


def draw_entries(of: EntryList[E]) -> None:
    search = _tools(of)
    _editor(of, None)
    offset = (st.session_state.get(f"{of.name}-page", 1) - 1) * PER_PAGE
    page = of.find(search, PER_PAGE, offset)
    if not page.total:
        if search:
            st.caption(tr("knowledge.nothing_found"))
        else:
            empty_state(f"{of.words}empty", icon=of.icon)
        return
    if of.count:
        st.caption(counted(of.count, page.total))
    with st.container(key=f"{of.name}-list", gap="xxsmall"):
        for entry in page.rows:
            _row(of, entry)
    pager(page.total, PER_PAGE, key=f"{of.name}-page")


def _tools(of: EntryList[E]) -> str:
    """Search, add, import; returns what is searched for."""
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{of.name}-tools"):
        search = st.text_input(
            tr(f"{of.words}search"),
            key=f"{of.name}-search",
            type="search",
            icon=":material/search:",
            placeholder=tr(f"{of.words}search"),
            label_visibility="collapsed",
        )
        if of.changes:
            st.button(
                tr(f"{of.words}add"),
                key=f"{of.name}-add",
                type="primary",
                icon=":material/add:",
                on_click=open_dialog,
                args=(f"{of.name}-0",),
            )
            import_popover(tr("common.import"), tr(f"{of.words}import_help"), of.take, key=f"{of.name}-import")
    return search or ""


def _row(of: EntryList[E], entry: E) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-{of.name}-{entry.id}"):
        of.row(entry)
        if of.changes:
            st.button(
                "",
                key=f"edit-{of.name}-{entry.id}",
                icon=":material/edit:",
                type="tertiary",
                help=tr("common.edit"),
                on_click=open_dialog,
                args=(f"{of.name}-{entry.id}",),
            )
    _editor(of, entry)


def _editor(of: EntryList[E], entry: E | None) -> None:
    """The dialog that adds or changes an entry, if it is open."""
    draw_dialog(
        f"{of.name}-{entry.id if entry else 0}",
        tr(f"{of.words}{'edit' if entry else 'add'}"),
        lambda: _edit(of, entry),
        icon=of.icon,
        width="medium",
    )


def _edit(of: EntryList[E], entry: E | None) -> None:
    number = entry.id if entry else 0
    store = of.fields(entry)
    with st.container(horizontal=True):
        if st.button(tr("common.save"), key=f"{of.name}-save-{number}", type="primary"):
            with errors_shown():
                store()
                _done(tr("common.saved"))
        if entry and st.button(
            tr("common.delete"), key=f"{of.name}-delete-{number}", icon=":material/delete:", type="tertiary"
        ):
            with errors_shown():
                of.remove(entry.id)
                _done(tr(f"{of.words}deleted"))


def _done(said: str) -> None:
    notice(said)
    close_dialog()
    st.rerun()
