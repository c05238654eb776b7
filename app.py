"""The web app: one ASGI process with the Streamlit frame, health and metrics. Start it with ``streamlit run app.py``.

The frame lives in pages/shared/ so that no pages/ folder stands beside the main script: Streamlit would otherwise serve
a page by its address without running the frame first.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from core.api import health, links
from core.api.links import GuestFrames
from core.api.security import AllowedHosts, SecurityHeaders
from core.api.signing_in import session_routes
from core.api.v1 import mounted
from pages.shared.application import application, company_secrets, warm_up
from pages.shared.errors import on_script_error
from pages.shared.visitor import VisitorCookies


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Builds the product while the server starts to answer, so that the first visitor does not wait for it."""
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    yield


app = st.App(
    "pages/shared/frame.py",
    secrets=company_secrets(),
    routes=[
        *health.routes(application),
        *session_routes(application),
        *links.routes(application),
        mounted(application),
    ],
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(AllowedHosts, hosts=lambda: application().settings.hosts),
        Middleware(VisitorCookies),
        Middleware(GuestFrames, application=application),
    ],
    lifespan=lifespan,
    on_script_error=on_script_error,
)
