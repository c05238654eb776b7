"""A choice whose options may change while it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st


def keep_among(key: str, options: Iterable[Any]) -> None:
    """The choice ``key``, drawn next, is one of ``options``: the first where it was none of them.

    It is set and not only forgotten: a browser goes on showing what it last had, until it is told another value.
    """
    known = list(options)
    if known and st.session_state.get(key) not in known:
        st.session_state[key] = known[0]
