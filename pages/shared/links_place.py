"""Where on the Demo links page one is, and the address that was made last, which nothing but this session holds."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from core.services.links.views import Made
from pages.shared.place import Place

PLACE = Place("links", ("list", "make"), ("edit",))
_MADE = "links.made"


def origin() -> str:
    """Scheme, host and port by which this browser reaches the app, so that an address works where it is sent from."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://127.0.0.1:8501"


def keep_made(made: Made) -> None:
    st.session_state[_MADE] = made


def last_made() -> Made | None:
    found = st.session_state.get(_MADE)
    return found if isinstance(found, Made) else None


def forget_made() -> None:
    st.session_state.pop(_MADE, None)
