"""Models loaded once a process, under a lock, shared by every thread, and let go when memory is needed for others."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog

from core.settings import Settings

if TYPE_CHECKING:
    from core.models.cross_encoder import CrossEncoder
    from core.models.encoder import Encoder

log = structlog.get_logger(__name__)

T = TypeVar("T")
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Held:
    model: Any
    size: int  # bytes; 0 is never let go


class ModelHub:
    """Loads on first use; the second thread that asks waits for the first instead of loading again.

    A failed load is not remembered: the next call tries again, since the owner may have put the files there meanwhile.
    Models that are loaded with a size are let go, the longest unused first, when together they pass
    ``models_memory_mb``; whoever still holds one keeps it until they are done.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._loaded: OrderedDict[str, _Held] = OrderedDict()

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

    def once(self, key: str, load: Callable[[], T], *, size: int = 0) -> T:
        """``load()`` the first time ``key`` is asked for, the same object until it is let go.

        ``size`` bytes count against the budget; without one the model stays as long as the process.
        """
        with self._guard:
            held = self._found(key)
            lock = self._locks.setdefault(key, threading.Lock())
        if held is not None:
            return cast(T, held.model)
        with lock:
            with self._guard:
                held = self._found(key)
            if held is None:
                held = _Held(load(), size)
                with self._guard:
                    self._loaded[key] = held
                    self._make_room(key)
        return cast(T, held.model)

    def from_folder(self, folder: Path, load: Callable[[Path], T], *, factor: float = 1.5) -> T:
        """A model of a version's folder, loaded once; ``factor`` is its size in memory beside that of its weights."""
        size = sum(
            path.stat().st_size for path in folder.rglob("*") if path.suffix in (".safetensors", ".onnx", ".bin")
        )
        return self.once(f"folder:{folder.resolve()}", lambda: load(folder), size=max(1, round(factor * size)))

    def whole_classifier(self, folder: Path) -> Path:
        """``folder``, or the whole classifier that it makes with its encoder (about 20 seconds the first time)."""
        from core.models.classifiers.packed import whole

        return self.once(f"whole:{folder.resolve()}", lambda: whole(folder, self._settings))

    def _found(self, key: str) -> _Held | None:
        held = self._loaded.get(key)
        if held is not None:
            self._loaded.move_to_end(key)
        return held

    def _make_room(self, newest: str) -> None:
        """Lets go what was unused longest. The newest stays, however large: somebody is waiting for it."""
        budget = self._settings.models_memory_mb * MIB
        used = sum(held.size for held in self._loaded.values())
        for key, held in list(self._loaded.items()):
            if used <= budget:
                return
            if held.size and key != newest:
                del self._loaded[key]
                used -= held.size
                log.info("model let go", model=key.rpartition("/")[2], mib=round(held.size / MIB))

    def evict(self, key: str) -> None:
        """Forgets what was loaded; whoever still holds it keeps it until they let go."""
        with self._guard:
            self._loaded.pop(key, None)

    def loaded(self) -> dict[str, int]:
        """Keys of what is loaded with their sizes in bytes, the longest unused first."""
        with self._guard:
            return {key: held.size for key, held in self._loaded.items()}
