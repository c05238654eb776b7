"""The reader as the assistant wants it, where there is one."""

from __future__ import annotations

import structlog

from core.assistant.ranking import Read
from core.errors import Unavailable
from core.services.application import Application

log = structlog.get_logger(__name__)


def reading(app: Application) -> Read | None:
    """Reads pages for a question; None when no reader is named, or the one that is named cannot be had.

    Answers are then chosen by words (and, in English, by the encoder), which Home says.
    """
    if app.caches.get("reader_missing"):
        return None
    try:
        reader = app.models.reader()
    except Unavailable as error:
        # Said once: every question would say it again. A restart looks anew.
        app.caches["reader_missing"] = True
        log.warning("answers are chosen without a reader", code=error.code, **error.values)
        return None
    return reader.read if reader is not None else None
