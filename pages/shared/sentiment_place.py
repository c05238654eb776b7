"""Where on the sentiment page one is, kept in the address so that a reload or a link opens the same place."""

from __future__ import annotations

import streamlit as st

SECTION = "sentiment.section"
SECTIONS = ("one", "files", "lane", "customers", "watches")
NAMES = ("batch", "file", "text")
OPEN = "sentiment.open"


def read_address() -> None:
    """Takes over what the address says. Called once, before anything is drawn."""
    opened = st.session_state.setdefault(OPEN, {})
    for name in NAMES:
        if value := st.query_params.get(name):
            opened[name] = value
    if (asked := st.query_params.get("show")) in SECTIONS:
        st.session_state[SECTION] = asked


def write_address() -> None:
    """Writes where one is into the address; also after another page has emptied it."""
    for name, value in st.session_state.get(OPEN, {}).items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    if (section := st.session_state.get(SECTION)) and st.query_params.get("show") != section:
        st.query_params["show"] = section


def section_chosen() -> None:
    """The section control was used: a callback, so that the address does not take the choice back."""
    st.query_params["show"] = st.session_state[SECTION]


def go(section: str = "", **what: str) -> None:
    """Opens, with the next run, ``section`` (the same one when "") and in it what is named; "" closes it."""
    if section:
        st.query_params["show"] = section
    opened = st.session_state.setdefault(OPEN, {})
    for name, value in what.items():
        if value:
            opened[name] = st.query_params[name] = value
        else:
            opened.pop(name, None)
            st.query_params.pop(name, None)


def opened(name: str) -> str:
    """What is open under ``name``, "" for nothing."""
    return str(st.session_state.get(OPEN, {}).get(name, ""))
