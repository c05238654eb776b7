"""Where on a page one is: its section and what is open in it, kept in the session and in the address.

The address wins, so that a reload, a bookmark or a link from elsewhere opens the same place.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True, slots=True)
class Place:
    """A page's places. ``names``: what may be open beside the section, each a parameter of the address."""

    page: str
    sections: tuple[str, ...]
    names: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """The session's key of the section control."""
        return f"{self.page}.section"

    @property
    def _open(self) -> str:
        return f"{self.page}.open"

    def read_address(self) -> None:
        """Takes over what the address says. Called once, before anything is drawn."""
        opened = st.session_state.setdefault(self._open, {})
        for name in self.names:
            if value := st.query_params.get(name):
                opened[name] = value
        if (asked := st.query_params.get("show")) in self.sections:
            st.session_state[self.section] = asked

    def write_address(self) -> None:
        """Writes where one is into the address; also after another page has emptied it."""
        for name, value in st.session_state.get(self._open, {}).items():
            if st.query_params.get(name) != value:
                st.query_params[name] = value
        if (section := st.session_state.get(self.section)) and st.query_params.get("show") != section:
            st.query_params["show"] = section

    def section_chosen(self) -> None:
        """The section control was used: a callback, so that the address does not take the choice back."""
        st.query_params["show"] = st.session_state[self.section]

    def go(self, section: str = "", **what: object) -> None:
        """Opens, with the next run, ``section`` (the same one when "") and what is named; an empty value closes it."""
        if section:
            st.query_params["show"] = section
        opened = st.session_state.setdefault(self._open, {})
        for name, value in what.items():
            if value:
                opened[name] = st.query_params[name] = str(value)
            else:
                opened.pop(name, None)
                st.query_params.pop(name, None)

    def opened(self, name: str) -> str:
        """What is open under ``name``, "" for nothing."""
        return str(st.session_state.get(self._open, {}).get(name, ""))
