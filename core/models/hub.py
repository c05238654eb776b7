"""Models loaded once a process, under a lock, and shared by every thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from core.settings import Settings

if TYPE_CHECKING:
    from core.models.cross_encoder import CrossEncoder
    from core.models.encoder import Encoder

T = TypeVar("T")


class ModelHub:
    """Loads on first use; the second thread that asks waits for the first instead of loading again.

    A failed load is not remembered: the next call tries again, since the owner may have put the files there meanwhile.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._loaded: dict[str, Any] = {}

    def encoder(self) -> Encoder:
        """The sentence encoder that settings name. Raises Unavailable."""
        from core.models.encoder import load_encoder

        return self.once("encoder", lambda: load_encoder(self._settings))

    def cross_encoder(self) -> CrossEncoder | None:
        """The configured reranker, or None when none is configured. Raises Unavailable when it cannot be had."""
        if not self._settings.reranker:
            return None
        from core.models.cross_encoder import load_cross_encoder

        return self.once("cross_encoder", lambda: load_cross_encoder(self._settings))

    def once(self, key: str, load: Callable[[], T]) -> T:
        """``load()`` the first time ``key`` is asked for, the same object ever after."""
        if key not in self._loaded:
            with self._guard:
                lock = self._locks.setdefault(key, threading.Lock())
            with lock:
                if key not in self._loaded:
                    self._loaded[key] = load()
        return cast(T, self._loaded[key])

    def evict(self, key: str) -> None:
        """Forgets what was loaded; whoever still holds it keeps it until they let go."""
        with self._guard:
            self._loaded.pop(key, None)
