"""What a person sees when something goes wrong: the sentence of our own errors, or a plain one with a request id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st
import structlog

from core.errors import PilotlightError, limit_sentence
from core.logs import request_context
from core.text.catalogue import catalogue
from pages.shared.language import language, tr

log = structlog.get_logger(__name__)


def show_error(error: Exception) -> None:
    """Our errors speak for themselves. Anything else is logged with its trace and shown as a number to quote."""
    if isinstance(error, PilotlightError):
        st.error(error.sentence(language()), icon=":material/error:")
        return
    with request_context() as request_id:
        log.error("page_failed", exc_info=error)
    st.error(tr("common.unexpected", request_id=request_id), icon=":material/error:")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Around an action: the rest of the page is still drawn, and nothing a person typed is lost."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - show_error logs it with its trace
        show_error(error)


def on_script_error(error: Exception) -> bool:
    """The last net, for whatever a page did not catch (also in callbacks). True: Streamlit shows nothing of its own."""
    show_error(error)
    return True


def stored_error(error: Mapping[str, Any]) -> str:
    """The sentence of an error that a job wrote into the database as ``{"code", "values"}``."""
    if not error:
        return ""
    key = f"errors.{error.get('code', '')}"
    if key not in catalogue(language()):
        return tr("common.failed_without_reason")
    try:
        if key.startswith("errors.quota."):
            return limit_sentence(str(error["code"]), error.get("values", {}), language())
        return tr(key, **error.get("values", {}))
    except (KeyError, IndexError, ValueError):
        log.warning("stored_error_lacks_values", code=error.get("code"))
        return tr("common.failed_without_reason")
