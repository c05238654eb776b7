"""Where in the studio one is: the section and what is open in it, kept in the session and in the address.

The address wins, so that a reload, a bookmark or a link from elsewhere opens the same place.
"""

from __future__ import annotations

import streamlit as st

SECTION = "studio.section"
SECTIONS = ("data", "train", "runs", "models", "serving")
OPEN = "studio.open"
NAMES = ("data", "file", "learn", "recipe", "run", "compare", "model")


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


def go(section: str = "", **what: object) -> None:
    """Opens, with the next run, ``section`` (the same one when "") and in it what is named; None or 0 closes it."""
    if section:
        st.query_params["show"] = section
    opened = st.session_state.setdefault(OPEN, {})
    for name, value in what.items():
        if value:
            opened[name] = st.query_params[name] = str(value)
        else:
            opened.pop(name, None)
            st.query_params.pop(name, None)


def opened(name: str) -> int:
    """The id of what is open under ``name``, 0 for nothing."""
    value = opened_text(name)
    return int(value) if value.isdecimal() and len(value) < 18 else 0


def opened_text(name: str) -> str:
    return str(st.session_state.get(OPEN, {}).get(name, ""))


def opened_many(name: str) -> list[int]:
    """Ids written as "3.5.8"."""
    return [int(part) for part in opened_text(name).split(".") if part.isdecimal() and len(part) < 18]
