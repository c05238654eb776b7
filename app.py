"""The web app: one ASGI process with the Streamlit frame, health and metrics. Start it with ``streamlit run app.py``.

The frame lives in pages/shared/ so that no pages/ folder stands beside the main script: Streamlit would otherwise serve
a page by its address without running the frame first.
"""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from core.api.health import routes
from pages.shared.application import application
from pages.shared.errors import on_script_error
from pages.shared.visitor import VisitorCookies

app = st.App(
    "pages/shared/frame.py",
    routes=routes(application),
    middleware=[Middleware(VisitorCookies)],
    on_script_error=on_script_error,
)
