"""The one Application of this process, shared by the pages and the HTTP routes."""

from __future__ import annotations

import gc
import logging
import threading
from typing import Any

from core.api.sockets import send_at_once
from core.errors import PilotlightError
from core.services.application import Application

_lock = threading.Lock()
_built: list[Application] = []


def application() -> Application:
    """Built on the first call. Raises BadInput when a setting does not fit."""
    with _lock:
        if not _built:
            from core.bootstrap import build, start_logs
            from core.settings import load_settings

            settings = load_settings()
            start_logs(settings)
            _built.append(build(settings))
        return _built[0]


def company_secrets() -> dict[str, Any] | None:
    """What Streamlit's ``st.login`` needs. A setting that does not fit is reported by the page, not here."""
    from core.services.people.company import streamlit_secrets
    from core.settings import load_settings

    try:
        return streamlit_secrets(load_settings())
    except PilotlightError:
        return None


def warm_up() -> None:
    """Builds the application and imports what pages need. What goes wrong is logged, and shown by the page."""
    import importlib

    from core.services.people.accounts import announce_set_up

    try:
        announce_set_up(application())
        for name in (
            "altair",
            "pandas",
            "core.services.ask",
            "core.services.handoff",
            "core.services.publish",
            "core.recommend.build",
        ):
            importlib.import_module(name)
        application().encoder()  # the first question would otherwise wait for it
        send_at_once()  # the server listens by now
        gc.collect()
        gc.freeze()  # what is there now stays: collections need not walk it again
    except PilotlightError as error:
        logging.getLogger(__name__).error("the application cannot start: %s", error)


def use_application(app: Application | None) -> None:
    """Tests put their own Application here (None: build anew on the next call)."""
    with _lock:
        _built[:] = [app] if app is not None else []
