"""Which part of the Recommendations page is open, and about what; kept in the session and in the address.

The address wins, so that a reload, a bookmark or a link opens the same place.
"""

from __future__ import annotations

import streamlit as st

SECTION = "recommend.section"
SECTIONS = ("people", "data", "wizard", "rules", "experiment", "fresh")
CATALOGUE = "recommend.catalogue"


def read_address() -> None:
    """Takes over what the address says. Called once, before anything is drawn."""
    if (asked := st.query_params.get("show")) in SECTIONS:
        st.session_state[SECTION] = asked


def write_address() -> None:
    if (section := st.session_state.get(SECTION)) and st.query_params.get("show") != section:
        st.query_params["show"] = section


def section_chosen() -> None:
    """The section control was used: a callback, so that the address does not take the choice back."""
    st.query_params["show"] = st.session_state[SECTION]


def go(section: str) -> None:
    """Opens a section with the next run."""
    st.query_params["show"] = section
