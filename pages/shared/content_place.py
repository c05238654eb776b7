"""Where on the content page one is: the section and the open draft, in the session and in the address."""

from __future__ import annotations

import streamlit as st

SECTION = "content.section"
SECTIONS = ("write", "history", "voices", "batch", "templates", "brand")
DRAFT = "content.draft"


def read_address() -> None:
    """Takes over what the address says, so that a reload or a bookmark opens the same place."""
    if (asked := st.query_params.get("show")) in SECTIONS and SECTION not in st.session_state:
        st.session_state[SECTION] = asked
    number = st.query_params.get("draft", "")
    if number.isdecimal() and len(number) < 18 and DRAFT not in st.session_state:
        st.session_state[DRAFT] = int(number)


def section_chosen() -> None:
    st.query_params["show"] = st.session_state[SECTION]


def go(section: str) -> None:
    """Opens ``section`` with the next run. For callbacks: the section's widget must not stand there yet."""
    st.session_state[SECTION] = section
    st.query_params["show"] = section


def opened_draft() -> int | None:
    return st.session_state.get(DRAFT)


def open_draft(draft_id: int | None) -> None:
    """Shows this draft under the form; None for an empty one."""
    st.session_state[DRAFT] = draft_id or 0
    if draft_id:
        st.query_params["draft"] = str(draft_id)
    else:
        st.query_params.pop("draft", None)
