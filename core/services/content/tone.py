"""The tone of a draft as the workspace's sentiment model hears it, without holding the page while the model loads."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillLoading

from core.content.checks import Tone
from core.errors import Unavailable
from core.sentiment.polarity import judge
from core.services.application import Application
from core.services.sentiment.model import Judge, open_judge, own_settings

WAIT = 1.0  # seconds that a page waits for a model that is being loaded; it is there the next time
_loading = ThreadPoolExecutor(1, thread_name_prefix="tone")
_lock = threading.Lock()


def open_tone(app: Application, workspace_id: int) -> Tone | None:
    """None while the model loads for the first time (which begins here), and where there is no model."""
    key = f"content.tone:{workspace_id}"
    with _lock:
        begun: Future[Judge] = app.caches.get(key) or _loading.submit(open_judge, app, workspace_id)
        app.caches[key] = begun
    try:
        begun.result(WAIT)
        judging = open_judge(app, workspace_id)  # what serves most requests: loaded once, then at hand
    except StillLoading:
        return None
    except Unavailable:
        with _lock:
            app.caches.pop(key, None)  # asked again the next time
        return None
    with app.database.read(workspace_id) as rows:
        confident = own_settings(rows).confident

    def tone(text: str) -> tuple[str, float]:
        (found,) = judge(judging.classifier, [text], confident=confident)
        return found.label, found.confidence

    return tone
